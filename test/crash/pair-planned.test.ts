// Two faults on the way of a planned move: all pairs of boundaries, with one replica and with two.
import { STEPS } from './length.js';
import { failoverStage, testPairs } from './stages.js';

const file = 'pair-planned';
testPairs(failoverStage('OLD alive', false), file, STEPS.planned, { every: 97, first: 3 });
testPairs(failoverStage('OLD alive', true), file, STEPS.plannedThird, { every: 151, first: 5 });
