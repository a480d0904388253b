// Does the suite see what it is for? A rule of the runner is taken out in a copy of its source, and the stories that
// the other files play must then complain.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { tempDir } from '../support/temp-dir.js';
import type { StorySetup } from './story.js';

const timeout = 240_000;
const source = join(import.meta.dirname, '../../src/plan');

afterEach(() => {
  vi.doUnmock('../../src/plan/run-lane.js');
  vi.resetModules();
});

/** The suite over a copy of run-lane.ts in which each text is replaced by another. */
async function suiteWith(changes: readonly (readonly [string | RegExp, string])[]) {
  let text = readFileSync(join(source, 'run-lane.ts'), 'utf8');
  for (const [from, to] of changes) {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`run-lane.ts no longer has ${from}`);
    text = changed;
  }
  const absolute = text.replaceAll(/from '(\.[^']+)\.js'/g, (_, path) => `from '${join(source, path)}.ts'`);
  const file = join(await tempDir(), 'run-lane.ts');
  writeFileSync(file, absolute);
  vi.resetModules();
  vi.doMock('../../src/plan/run-lane.js', () => import(file));
  return import('./play.js');
}

/** The first complaint of single faults over these worlds. */
async function firstComplaint(
  play: typeof import('./play.js'),
  more: Partial<StorySetup> = {},
  nexts: readonly StorySetup['next'][] = ['undo', 'resume', 'other-takes-over'],
): Promise<string | undefined> {
  for (const next of nexts) {
    for (const [name, world] of Object.entries(play.WORLDS)) {
      try {
        const { failures } = await play.playAll(
          play.singles({ slots: 1, ...world, ...more, next }, name),
          20_000,
        );
        if (failures[0] !== undefined) return failures[0];
      } catch (error) {
        // Even the calm story complains.
        return String(error);
      }
    }
  }
  return undefined;
}

test('the copy without a change complains of nothing', { timeout }, async () => {
  const play = await suiteWith([['const on: StepEnd', 'const  on: StepEnd']]);
  const setup = { slots: 1, next: 'undo' } as const;
  const { failures } = await play.playAll(play.singles(setup, 'OLD alive'), 3000);
  expect(failures).toEqual([]);
});

const BEGAN = `    await session.record({ kind: 'began', lane, step: step.id });
    session.mayAct();`;
const ACT = `    const error = await this.#attempt(() => action.act(step, context));
`;

test('began is on disk before the act: without it a revert leaves changes behind', { timeout }, async () => {
  const play = await suiteWith([
    [BEGAN, '    session.mayAct();'],
    [ACT, `${ACT}    await session.record({ kind: 'began', lane, step: step.id });\n`],
  ]);
  expect(await firstComplaint(play)).toMatch(/was not started again|owes nothing|second master/);
});
