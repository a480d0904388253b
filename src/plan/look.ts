// Looking: a check that cannot throw, and looking again until it is so. What an error of an act is worth: it
// decides nothing by itself, but it may tell that nothing of the act is still on its way.
import { CommandError, MailctlError, TransportError, type TransportFailure } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import type { CheckResult } from './action.js';

/** What a look gave. `unseen`: the check itself failed, so that nothing is known. */
export type Look =
  | CheckResult
  | { readonly state: 'unseen'; readonly reason: string; readonly code?: string | undefined };

/** The host could not be asked. */
const awayKinds: readonly TransportFailure[] = [
  'unreachable',
  'refused',
  'hung',
  'silent',
  'timeout',
  'lost',
];

/** The script may have reached the host, and may run there until its own deadline. */
const openKinds: readonly TransportFailure[] = ['hung', 'silent', 'timeout', 'lost', 'interrupted'];

/** Does the error say that the host is away? */
export function isAway(error: unknown): boolean {
  return error instanceof TransportError && awayKinds.includes(error.kind);
}

/**
 * Is it certain that an act which ended with this error does nothing any more? An error of ours says so (the
 * command ran and said no, the host was never reached), unless the answer was lost on the way. Of an error that
 * is not ours we know nothing.
 */
export function hasEnded(error: unknown): boolean {
  return (
    error instanceof MailctlError && !(error instanceof TransportError && openKinds.includes(error.kind))
  );
}

/** The operator's words for whatever was thrown. */
export function reasonOf(error: unknown): string {
  // "ended with status 1" alone tells nobody what to repair.
  if (error instanceof CommandError) {
    const said = error.stderr.trim().slice(0, 300);
    if (said !== '' && !error.message.includes(said)) return `${error.message}: ${said}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Its stable code. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof MailctlError ? error.code : undefined;
}

/** Looks once. */
export async function lookOnce(check: () => Promise<CheckResult>): Promise<Look> {
  try {
    return await check();
  } catch (error) {
    return { state: isAway(error) ? 'away' : 'unseen', reason: reasonOf(error), code: codeOf(error) };
  }
}

/** How to wait between two looks; aborted, the looking ends by throwing the signal's reason. */
export interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Between the looks of `lookFirst`, in ms: a lost connection is not a dead host. */
const secondLooksMs = [200, 800];

/**
 * The look before an act. One that sees nothing is repeated twice. Where the step can be owed (`brief`) a host that is
 * known to be away must not cost more than it has cost already; one that was lost only now is asked again.
 */
export async function lookFirst(
  check: () => Promise<CheckResult>,
  brief: boolean,
  wait: Waiting,
): Promise<Look> {
  let seen = await lookOnce(check);
  for (const waitMs of secondLooksMs) {
    if (seen.state !== 'away' && seen.state !== 'unseen') return seen;
    if (brief && !(seen.state === 'away' && seen.lost === true)) return seen;
    await wait.clock.sleep(waitMs, wait.signal);
    seen = await lookOnce(check);
  }
  return seen;
}

/** How long to go on looking. */
export interface LookUntil extends Waiting {
  readonly deadlineMs: number;
  /**
   * The act is certain to have ended, with an error (`hasEnded`). Two looks in a row that say it is not so are
   * then believed without waiting for the deadline. After an act without error, or with one that leaves it open,
   * only the deadline ends the looking: a daemon takes its time, and a lost script may still land.
   */
  readonly ended: boolean;
  /** `away` is an answer as well (the step can be owed). */
  readonly awayCounts: boolean;
  /** It is an answer after so many ms without any other (its undo can be owed); absent: only at the deadline. */
  readonly awayMs?: number | undefined;
  /** `rewind` is an answer as well (not once the commit may have happened). */
  readonly rewindCounts: boolean;
}

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 500;

/** Looks until it is done or the deadline has passed, and gives what was seen last. Looks at least once. */
export async function lookUntilDone(check: () => Promise<CheckResult>, until: LookUntil): Promise<Look> {
  const { clock } = until;
  const deadline = clock.monotonic() + until.deadlineMs;
  let waitMs = FIRST_WAIT_MS;
  let before: Look['state'] | undefined;
  let awaySince: number | undefined;
  for (;;) {
    const seen = await lookOnce(check);
    if (seen.state === 'done' || (seen.state === 'rewind' && until.rewindCounts)) return seen;
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return seen;
    const isAnswer =
      seen.state === 'todo' || seen.state === 'blocked' || (seen.state === 'away' && until.awayCounts);
    awaySince = seen.state === 'away' ? (awaySince ?? clock.monotonic()) : undefined;
    const isGone = awaySince !== undefined && clock.monotonic() - awaySince >= (until.awayMs ?? Infinity);
    if (isGone) return seen;
    if (until.ended && isAnswer && seen.state === before) return seen;
    before = seen.state;
    await clock.sleep(Math.min(waitMs, leftMs), until.signal);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}
