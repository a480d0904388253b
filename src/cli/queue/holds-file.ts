// What this machine knows of holds that end by themselves, as a file in the state directory, so that commands which ask
// no host for it can tell. The truth lies beside the queues: the file is written when a hold begins or ends here, and
// made anew by whatever reads the records of the hosts (queue holds, the timer). Without such holds there is no file.
import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DeskRecord, FoundRecord } from '../../queue/desk.js';

/** A hold with an end, on one queue. */
export interface KnownHold {
  readonly queue: string;
  readonly record: DeskRecord;
  readonly messages: number;
}

/** Holds of one run, on all queues that it is on. */
export interface KnownRun {
  readonly record: DeskRecord;
  readonly queues: readonly string[];
  readonly messages: number;
  /** Its end is behind us. */
  readonly hasPassed: boolean;
}

const fileOf = (stateDir: string) => join(stateDir, 'holds.json');

/** What is known; a file that is not there, or not as we write it, knows nothing. */
export function readHolds(stateDir: string): readonly KnownHold[] {
  let text: string;
  try {
    text = readFileSync(fileOf(stateDir), 'utf8');
  } catch {
    return [];
  }
  try {
    const { holds } = JSON.parse(text) as { holds?: unknown };
    return Array.isArray(holds) ? holds.filter(isHold) : [];
  } catch {
    return [];
  }
}

function isHold(value: unknown): value is KnownHold {
  if (value === null || typeof value !== 'object') return false;
  const { queue, record, messages } = value as { readonly [key in keyof KnownHold]?: unknown };
  if (typeof queue !== 'string' || typeof messages !== 'number') return false;
  if (record === null || typeof record !== 'object') return false;
  const { key, run, operator, bastion, reason, at, until, meanwhile } = record as {
    readonly [key in keyof DeskRecord]?: unknown;
  };
  return (
    [key, run, operator, bastion].every((one) => typeof one === 'string') &&
    (reason === null || typeof reason === 'string') &&
    typeof at === 'number' &&
    typeof until === 'number' &&
    (meanwhile === null || (Array.isArray(meanwhile) && meanwhile.every((word) => typeof word === 'string')))
  );
}

/** Runs that still keep new mail away, or whose end has passed; the latter first. `now`: epoch seconds. */
export function knownRuns(holds: readonly KnownHold[], now: number): readonly KnownRun[] {
  const byKey = new Map<string, { record: DeskRecord; queues: string[]; messages: number }>();
  for (const { queue, record, messages } of holds) {
    const run = byKey.get(record.key) ?? { record, queues: [], messages: 0 };
    byKey.set(record.key, run);
    run.queues.push(queue);
    run.messages += messages;
  }
  return [...byKey.values()]
    .map((run) => ({ ...run, hasPassed: (run.record.until ?? Number.POSITIVE_INFINITY) <= now }))
    .filter(({ record, hasPassed }) => hasPassed || record.meanwhile !== null)
    .sort((a, b) => (a.record.until ?? 0) - (b.record.until ?? 0));
}

/** Adds holds of a run that begins, or takes away those of one that is over. Never throws. */
export async function changeHolds(
  stateDir: string,
  change: (holds: readonly KnownHold[]) => readonly KnownHold[],
): Promise<void> {
  const before = readHolds(stateDir);
  const after = change(before);
  if (after.length === 0 && before.length === 0) return;
  const file = fileOf(stateDir);
  try {
    if (after.length === 0) return await rm(file, { force: true });
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, `${JSON.stringify({ holds: after })}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch {
    // It is a copy: what reads the hosts makes it anew.
  }
}

/** What the hosts said takes the place of what was known of these queues. */
export function refreshHolds(
  stateDir: string,
  answers: readonly {
    readonly queue: { readonly name: string };
    readonly value: readonly FoundRecord[];
  }[],
): Promise<void> {
  const seen = new Set(answers.map(({ queue }) => queue.name));
  const found = answers.flatMap(({ queue, value }) =>
    value
      .filter(({ record }) => record.act === 'hold' && record.until !== null)
      .map(({ record, messages }): KnownHold => ({ queue: queue.name, record, messages })),
  );
  return changeHolds(stateDir, (holds) => [...holds.filter(({ queue }) => !seen.has(queue)), ...found]);
}
