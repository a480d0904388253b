// Sends many users and mailboxes in chunks, so that progress is seen and a stop or an end of the time is met between
// two of them. Chunks grow while they are quick and shrink when they are not: what is equal already goes by the
// hundred, a user of many gigabytes alone. What is told to it about rate and number at once is kept.
import type { Clock } from '../lib/clock.js';
import type { SendResult } from './driver.js';

/** What is to be sent. */
export interface SendTargets {
  readonly users: readonly string[];
  /** Internal names of mailboxes that are no user's. */
  readonly mailboxes: readonly string[];
}

/** How far it is. */
export interface SendProgress {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly elapsedMs: number;
}

/** What is needed to send. */
export interface SendWork {
  readonly targets: SendTargets;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** By the monotonic clock; what is not sent by then is left. */
  readonly deadlineMs: number;
  /** Chunks at once; one without it. */
  readonly parallel?: number | undefined;
  /** Names a second at most. */
  readonly perSecond?: number | undefined;
  /** Seconds that one name alone may take at a time; its chunk's own without it. */
  readonly longestS?: number | undefined;
  /** How often one that took longer is gone on with: what has arrived of it stays. Never without it. */
  readonly again?: number | undefined;
  readonly send: (
    kind: 'users' | 'mailboxes',
    names: readonly string[],
    seconds: number,
  ) => Promise<SendResult>;
  readonly onProgress?: ((progress: SendProgress) => void) | undefined;
  /** Called with each name that has arrived. */
  readonly onSent?: ((kind: 'users' | 'mailboxes', names: readonly string[]) => void) | undefined;
}

/** What came of it. */
export interface SendOutcome {
  readonly total: number;
  readonly sent: number;
  readonly failed: SendResult['failed'];
  readonly left: readonly string[];
}

const FIRST_CHUNK = 8;
/** More names make a line that some shells do not take, and a chunk that nobody sees move. */
const LARGEST_CHUNK = 128;
/** A chunk should take between the two, in ms. */
const QUICK_MS = 1500;
const SLOW_MS = 6000;
/** Seconds for one chunk; whatever does not fit goes alone. */
const CHUNK_S = 20;

/** Sends everything once, users first. Throws what `send` throws. */
export async function sendInChunks(work: SendWork): Promise<SendOutcome> {
  const { clock, targets } = work;
  const startedMs = clock.monotonic();
  const total = targets.users.length + targets.mailboxes.length;
  const failed: SendResult['failed'][number][] = [];
  const left: string[] = [];
  let done = 0;
  let begun = 0;
  let size =
    work.perSecond === undefined
      ? FIRST_CHUNK
      : Math.max(1, Math.min(FIRST_CHUNK, Math.floor(work.perSecond)));
  const largest = work.perSecond === undefined ? LARGEST_CHUNK : Math.max(1, Math.floor(work.perSecond * 2));
  const queues = {
    /** Those that took too long in company. */
    alone: [] as { kind: 'users' | 'mailboxes'; name: string }[],
    users: [...targets.users],
    mailboxes: [...targets.mailboxes],
  };
  const tries = new Map<string, number>();
  const tried = new Set<string>();
  const isOver = () => clock.monotonic() >= work.deadlineMs || work.signal.aborted;

  const next = ():
    | { kind: 'users' | 'mailboxes'; names: readonly string[]; isAlone: boolean }
    | undefined => {
    for (const kind of ['users', 'mailboxes'] as const) {
      const names = queues[kind].splice(0, size);
      if (names.length > 0) return { kind, names, isAlone: names.length === 1 };
    }
    const one = queues.alone.shift();
    return one === undefined ? undefined : { kind: one.kind, names: [one.name], isAlone: true };
  };
  const keepRate = async (names: number): Promise<void> => {
    if (work.perSecond === undefined) return;
    const dueMs = startedMs + (begun / work.perSecond) * 1000;
    begun += names;
    const waitMs = dueMs - clock.monotonic();
    if (waitMs > 0) await clock.sleep(waitMs, work.signal).catch(() => {});
  };
  const worker = async (): Promise<void> => {
    while (!isOver()) {
      const chunk = next();
      if (chunk === undefined) return;
      const { kind, names } = chunk;
      await keepRate(names.length);
      const sentMs = clock.monotonic();
      const untilEndS = Math.max(1, Math.ceil((work.deadlineMs - sentMs) / 1000));
      // One that is gone on with begins with a short turn: it shows whether anybody takes it.
      const isFirst = work.again !== undefined && !tried.has(names[0] ?? '');
      for (const one of names) tried.add(one);
      const longS = chunk.isAlone && !isFirst ? (work.longestS ?? CHUNK_S) : CHUNK_S;
      const seconds = Math.min(untilEndS, longS);
      const result = await work.send(kind, names, seconds);
      const tookMs = clock.monotonic() - sentMs;
      failed.push(...result.failed);
      const name = names[0] ?? '';
      if (chunk.isAlone && result.left.length > 0 && (tries.get(name) ?? 0) < (work.again ?? 0)) {
        tries.set(name, (tries.get(name) ?? 0) + 1);
        queues.alone.push({ kind, name });
      } else if (chunk.isAlone) left.push(...result.left);
      else queues.alone.push(...result.left.map((name) => ({ kind, name })));
      const bad = new Set([...result.failed.map(({ name }) => name), ...result.left]);
      const sent = names.filter((name) => !bad.has(name));
      done += sent.length;
      if (sent.length > 0) work.onSent?.(kind, sent);
      if (tookMs < QUICK_MS && !chunk.isAlone) size = Math.min(largest, size * 2);
      else if (tookMs > SLOW_MS) size = Math.max(1, Math.floor(size / 2));
      work.onProgress?.({ done, total, failed: failed.length, elapsedMs: clock.monotonic() - startedMs });
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, work.parallel ?? 1) }, worker));
  left.push(...queues.alone.map(({ name }) => name), ...queues.users, ...queues.mailboxes);
  return { total, sent: done, failed, left };
}
