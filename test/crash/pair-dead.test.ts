// Two faults on the way of a failover from a master without power: all pairs of boundaries, with one replica and two.
import { STEPS } from './length.js';
import { failoverStage, testPairs } from './stages.js';

const file = 'pair-dead';
testPairs(failoverStage('OLD without power', false), file, STEPS.dead, { every: 37, first: 3 });
testPairs(failoverStage('OLD without power', true), file, STEPS.deadThird, { every: 97, first: 5 });
