// Journals on disk for tests of the run commands: a plan of lanes, records as a few words, and a lock that is held
// or not.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Journal } from '../../src/journal/journal.js';
import type { NewRecord } from '../../src/journal/record.js';
import { createRun } from '../../src/journal/store.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import type { Json, Plan } from '../../src/plan/plan.js';
import { makePlan } from './fake-run.js';

/** A clock that says this wall time and keeps the real timers. */
export function at(time: string): Clock {
  return { ...systemClock, now: () => Date.parse(time) };
}

/** A plan of lanes `lease stop | start | hook`, from imap21 to imap22. */
export function planOf(lanes: readonly string[], more: Partial<Plan> = {}): Plan {
  const plan = makePlan(lanes, 'lease stop? | start | hook', '');
  const facts: Json = {
    kind: 'dead',
    from: 'imap21',
    to: 'imap22',
    possibleLossS: 41,
    evidence: [{ kind: 'sample', at: '2026-03-12T04:27:26Z', value: 'log empty' }],
    words: [{ gate: 'not-proven-dead', word: '--fenced console', reason: 'imap21 hangs' }],
  };
  return { ...plan, lanes: plan.lanes.map((lane) => ({ ...lane, facts })), ...more };
}

/** A run whose lock this process holds until its journal is closed. */
export async function beginRun(
  stateDir: string,
  {
    id = '7f3a',
    time = '2026-03-12T04:28:00Z',
    plan = planOf(['store1']),
  }: { id?: string; time?: string; plan?: Plan } = {},
): Promise<Journal> {
  const { journal } = await createRun({
    stateDir,
    plan: { ...plan, id },
    mailctl: '0.1.0',
    operator: 'ann',
    host: 'bastion1',
    bootId: 'b',
    clock: at(time),
  });
  return journal;
}

/** A run that nobody holds any more. */
export async function leaveRun(
  stateDir: string,
  options: Parameters<typeof beginRun>[1] & { readonly records?: readonly NewRecord[] } = {},
): Promise<string> {
  const journal = await beginRun(stateDir, options);
  for (const record of options.records ?? []) await journal.append(record);
  await journal.close();
  return journal.file;
}

/** Records of a lane that is done, one of its steps owed. */
export function doneLane(lane: string): readonly NewRecord[] {
  return [
    { kind: 'began', lane, step: 'lease' },
    { kind: 'did', lane, step: 'lease' },
    { kind: 'owed', lane, step: 'stop', reason: 'imap21 is away' },
    { kind: 'began', lane, step: 'start' },
    { kind: 'did', lane, step: 'start' },
    { kind: 'skipped', lane, step: 'hook', note: 'none' },
    { kind: 'lane-closed', lane, state: 'done' },
  ];
}

/** A journal of these bytes, as no mailctl writes it. */
export async function damagedRun(stateDir: string, id: string, text: string | Buffer): Promise<string> {
  await mkdir(join(stateDir, 'runs'), { recursive: true, mode: 0o700 });
  const file = join(stateDir, 'runs', `${id}.ndjson`);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
