// One or two slots on two hosts that die, hang, lose their ssh and boot whenever they like, under random faults.
import { STEPS } from './length.js';
import { testRandom, testSum } from './random.js';

testSum();
testRandom('random faults and hosts that come and go break no promise', 'random-hosts', STEPS.hosts, {
  third: false,
  second: false,
  hosts: true,
});
