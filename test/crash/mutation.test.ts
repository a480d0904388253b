// Does the suite see what it is for? Each of the rules of the runner, and each place in the order of a failover's steps,
// is taken out in a copy of the source or of the plan, and the stories that the other files play must then complain.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Lane } from '../../src/plan/plan.js';
import type { Step } from '../../src/plan/step.js';
import { tempDir } from '../support/temp-dir.js';
import type { Mode } from './boundaries.js';
import type { StorySetup } from './story.js';

const timeout = 600_000;
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

const LOOK =
  /const seen = await session\.orAbort\(\s+lookUntilDone\(\(\) => action\.check[\s\S]*?\n {4}\);\n/;
const NEVER = /if \(!began\) return true;\n/;
const UNDONE = "await this.#session.record({ kind: 'undone', lane: this.#id, step: step.id });";

/** What the stories complain of in which an answer is lost, or NEW cannot be asked for a while, at any act. */
async function complaintsOf(
  play: typeof import('./play.js'),
  mode: Mode,
  more: Partial<StorySetup> = {},
): Promise<string> {
  const found: string[] = [];
  for await (const { name, setup } of play.singles({ slots: 1, next: 'resume', ...more }, mode)) {
    if (![...(setup.schedule ?? [])].every(([, each]) => each === mode)) continue;
    found.push(...(await play.playAll([{ name, setup }], 1)).failures);
  }
  return found.join('\n');
}

test('looking decides, not the error: without it a master is gone back over, or the directory leads to nobody', {
  timeout,
}, async () => {
  const play = await suiteWith([
    [LOOK, "const seen: Look = error === undefined ? { state: 'done' } : { state: 'todo' };\n"],
    [NEVER, `if (!began) return true;\n    ${UNDONE}\n    if (last === 'todo') return true;\n`],
  ]);
  expect(await complaintsOf(play, 'timeout-done')).toMatch(/goes back, although it has started imap22/);
  const cutOff = { ...play.WORLDS['OLD cut off'], third: true };
  expect(await complaintsOf(play, 'lost-late', cutOff)).toMatch(
    /imap22 is the master of the directory and does not run as one/,
  );
});

test('a commit that may have happened is not gone back over', { timeout }, async () => {
  const play = await suiteWith([[NEVER, `if (!began) return true;\n    ${UNDONE}\n    return true;\n`]]);
  expect(await complaintsOf(play, 'blind')).toMatch(/goes back, although it has started imap22/);
});

test('settle does not go back', { timeout }, async () => {
  const play = await suiteWith([
    ["if (step.phase === 'settle' || isCommitted(this.#lane)) return stopped;", ''],
  ]);
  expect(await complaintsOf(play, 'refuse')).toMatch(/goes back, although it has started imap22/);
});

/** A lane with a step moved to stand after, or before, another. */
function moved(lane: Lane, id: string, where: 'after' | 'before', other: string): Lane {
  const step = lane.steps.find((one) => one.id === id);
  if (step === undefined || !lane.steps.some((one) => one.id === other)) return lane;
  const rest = lane.steps.filter((one) => one !== step);
  const at = rest.findIndex((one) => one.id === other) + (where === 'after' ? 1 : 0);
  const phase = (rest[where === 'after' ? at - 1 : at] as Step).phase;
  const fitting: Step = { ...step, phase: phase === 'commit' ? 'settle' : phase };
  return { ...lane, steps: [...rest.slice(0, at), fitting, ...rest.slice(at)] };
}

for (const [what, id, where, other, third] of [
  ['4, the swap of OLD, before it is drained', 'role-old', 'before', 'drain', false],
  ['4, the swap of OLD, after the start of NEW', 'role-old', 'after', 'start-new', false],
  ['5, the stop of THIRD, after the start of NEW', 'stop-imap23', 'after', 'start-new', true],
  ['7, the directory, after the start of NEW', 'directory', 'after', 'start-new', false],
  ['7, the directory, before OLD is stopped', 'directory', 'before', 'stop-old', false],
] as const) {
  test(`the order of step ${what}, is noticed`, { timeout }, async () => {
    vi.resetModules();
    const play = await import('./play.js');
    const more = { third, alter: (lane: Lane) => moved(lane, id, where, other) };
    expect(await firstComplaint(play, more, ['resume'])).toMatch(/store1: |is not done/);
  });
}
