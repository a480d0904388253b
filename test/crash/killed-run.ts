// A process for kill.test.ts: runs, or goes on with, a plan whose steps make files, on a real journal.
//   killed-run.ts STATE_DIR new|RUN
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openJournal } from '../../src/journal/journal.js';
import { createRun, findRun } from '../../src/journal/store.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Action } from '../../src/plan/action.js';
import { resumePlan, runPlan } from '../../src/plan/runner.js';
import { makePlan } from '../support/fake-run.js';

const [stateDir = '', run = ''] = process.argv.slice(2);
const clock = systemClock;
const plan = makePlan(['store1', 'store2'], 'lease stop drain swap | start | login back', 'hook');
await mkdir(join(stateDir, 'world'), { recursive: true });

const fileOf = (lane: unknown, step: string): string => join(stateDir, 'world', `${lane}-${step}`);
const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
const makeFile = (name: string): Action => ({
  name,
  check: async (step) => ({ state: (await isThere(fileOf(step.params.lane, name))) ? 'done' : 'todo' }),
  preview: () => [],
  async act(step) {
    await clock.sleep(30);
    // Not to be done twice: a second writer of the file fails.
    await writeFile(fileOf(step.params.lane, name), String(process.pid), { flag: 'wx' });
    await clock.sleep(30);
  },
  undo: (step) => rm(fileOf(step.params.lane, name), { force: true }),
  deadlineMs: () => 1000,
});
const steps = [...plan.lanes.flatMap((lane) => lane.steps), ...plan.after];
const never = new AbortController().signal;
const parts = {
  actions: new Map(steps.map(({ action }) => [action, makeFile(action)])),
  clock,
  signals: { finish: never, abort: never },
};
const by = { operator: 'ann', host: 'bastion1', bootId: 'b' };
if (run === 'new') {
  const { journal } = await createRun({ stateDir, plan, mailctl: '0', ...by, clock });
  await runPlan({ ...parts, journal });
} else {
  const { file } = await findRun(stateDir, run);
  const journal = await openJournal(file, { operator: 'ann', clock });
  await resumePlan({ ...parts, journal, by });
}
