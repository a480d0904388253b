// The same with an operator at another bastion, who waits for the lease or takes the run over, at any moment.
import { STEPS } from './length.js';
import { testRandom } from './random.js';

testRandom('two operators at once break no promise', 'random-operators', STEPS.operators, {
  third: false,
  second: true,
  hosts: true,
});
