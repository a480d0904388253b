// The stories beside the main ones, broken at every boundary in every way, and by random schedules.

import { SEEDS, TENDINGS } from './lane-scenes.js';
import { byLength } from './length.js';
import { FENCES, LATERS, MOVES_BACK, TIMERS } from './scenes.js';
import { testPairs, testStageAtRandom } from './stages.js';

const stages = [...FENCES, ...LATERS, ...MOVES_BACK, ...TIMERS];
for (const [index, stage] of stages.entries()) {
  testPairs(stage, 'scenes', byLength(500, 10_000), { singly: true, every: 23, first: index });
  testStageAtRandom(stage, 'scenes', byLength(500, 15_000));
}
for (const [index, stage] of [...SEEDS, ...TENDINGS].entries()) {
  testPairs(stage, 'scenes', byLength(500, 5000), { singly: true, every: 23, first: index });
  testStageAtRandom(stage, 'scenes', byLength(500, 15_000));
}
