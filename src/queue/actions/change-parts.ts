// What the actions on messages share: the queues and their desk, the run's lists and results, and the leases that
// this process holds. Parameters of steps come from a journal and are checked here.
import { BusyError, EXIT, MailctlError } from '../../errors.js';
import type { PartPlace, RunFiles } from '../../journal/run-files.js';
import type { Clock } from '../../lib/clock.js';
import type { Step } from '../../plan/step.js';
import type { ChangeResult, ChangeResults } from '../change-results.js';
import type { DeskHolder, DeskPlace, DeskRecord, QueueDesk } from '../desk.js';
import type { Queue } from '../driver.js';
import type { ChangeFacts } from '../plan-change.js';

/** Everything that the actions use. */
export interface ChangeActionParts {
  readonly facts: ChangeFacts;
  readonly holder: DeskHolder;
  readonly record: DeskRecord | null;
  readonly desk: QueueDesk;
  readonly files: Pick<RunFiles, 'readPart' | 'addResult' | 'readResults'>;
  readonly results: ChangeResults;
  readonly clock: Clock;
  /** @throws MailctlError when the configuration no longer has it */
  queueNamed(name: string): Queue;
  /** Is the run that holds a lease known to be dead? Only its own bastion can tell. */
  isDead(holder: DeskHolder): Promise<boolean>;
  /** Queue to the time, monotonic, at which its lease was last made sure of. */
  readonly held: Map<string, number>;
}

/** A lease lasts 90 s; before an act it must have been made sure of within this. */
const SURE_MS = 20_000;

export function placeOf({ host, params }: Step): DeskPlace {
  return { host, queue: textOf(params.queue), software: textOf(params.software) };
}

export function partOf({ params }: Step): PartPlace {
  const { offset, bytes, count, digest } = (params.part ?? {}) as Partial<PartPlace>;
  const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isNumber(offset) || !isNumber(bytes) || !isNumber(count) || typeof digest !== 'string')
    throw new TypeError('a step without its part');
  return { offset, bytes, count, digest };
}

/** Writes a result down, here and in the file. */
export async function addResult(parts: ChangeActionParts, result: ChangeResult): Promise<void> {
  await parts.files.addResult(result);
  parts.results.add(result);
}

/** Before an act: the queue is still ours. @throws BusyError */
export async function makeSure(parts: ChangeActionParts, step: Step, signal: AbortSignal): Promise<void> {
  const place = placeOf(step);
  const now = parts.clock.monotonic();
  const at = parts.held.get(place.queue);
  if (at !== undefined && now - at < SURE_MS) return;
  if (!(await parts.desk.renew(place, parts.holder.key, signal))) throw lost(place);
  parts.held.set(place.queue, parts.clock.monotonic());
}

export function lost({ queue }: DeskPlace): BusyError {
  return new BusyError(`another run has taken ${queue} meanwhile`, {
    hint: 'mailctl runs list   here and on the other bastions',
  });
}

export function heldBy(place: DeskPlace, held: DeskHolder, secondsLeft: number): BusyError {
  return new BusyError(
    `${place.queue} is held by run ${held.key.slice(0, 4)} of ${held.operator} on ${held.bastion}, lease for another ${secondsLeft} s`,
    { hint: 'wait for it; a run whose process is dead gives way when its lease has ended' },
  );
}

/** A driver that cannot act: its plan was made by another version. */
export function cannotAct(queue: Queue): MailctlError {
  return new MailctlError(`${queue.name}: its ${queue.driver.software} can do nothing to messages`, {
    code: 'queue.cannot',
    exitCode: EXIT.partial,
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
