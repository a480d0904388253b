// The same with two replicas, and another operator.
import { STEPS } from './length.js';
import { testRandom } from './random.js';

testRandom('two replicas, and hosts that come and go, break no promise', 'random-thirds', STEPS.thirds, {
  third: true,
  second: true,
  hosts: true,
});
