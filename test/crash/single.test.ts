// The real lanes over a model world: every boundary broken in every way, and whoever goes on: the bastion with the
// journal, forward or back, or another one with an empty journal that has only what the hosts show. A master that
// answers and one without power are played so by the pairs; here are the other worlds.
import { STEPS } from './length.js';
import { failoverStage, testPairs } from './stages.js';

const SILENT = 'OLD alive, and its files say nothing of the other role';
const least = STEPS.singles / 4;
const singly = true;
testPairs(failoverStage(SILENT, false), 'single', least, { singly, every: 4, first: 1 });
testPairs(failoverStage(SILENT, true), 'single', least, { singly, every: 7, first: 3 });
testPairs(failoverStage('OLD cut off', false), 'single', Math.min(least, 15_000), {
  singly,
  every: 2,
  first: 1,
});
testPairs(failoverStage('OLD cut off', true), 'single', least, { singly, every: 4, first: 2 });
