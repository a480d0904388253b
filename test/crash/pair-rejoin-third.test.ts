// Two faults on the way of a rejoin, with two replicas: all pairs of boundaries.
import { STEPS } from './length.js';
import { rejoinStage, testPairs } from './stages.js';

testPairs(rejoinStage(true), 'pair-rejoin-third', STEPS.rejoinThird, { every: 211, first: 7 });
