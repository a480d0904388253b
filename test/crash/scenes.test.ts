// The stories beside the main ones, broken at every boundary in every way, and by random schedules.
import { byLength } from './length.js';
import { FENCES, LATERS, MOVES_BACK, TIMERS } from './scenes.js';
import { testPairs, testStageAtRandom } from './stages.js';

for (const [index, stage] of [...FENCES, ...LATERS, ...MOVES_BACK, ...TIMERS].entries()) {
  testPairs(stage, 'scenes', byLength(500, 10_000), { singly: true, every: 23, first: index });
  testStageAtRandom(stage, 'scenes', byLength(500, 15_000));
}
