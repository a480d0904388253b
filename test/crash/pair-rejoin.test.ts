// Two faults on the way of a rejoin, with one replica: all pairs of boundaries.
import { STEPS } from './length.js';
import { rejoinStage, testPairs } from './stages.js';

testPairs(rejoinStage(false), 'pair-rejoin', STEPS.rejoin, { every: 211, first: 7 });
