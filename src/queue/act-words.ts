// The words that an acting script takes and answers, of every server whose script speaks them: a key a line in, what
// became of each id out, and the count at the end. A script that did not come to its count is no success. Pure.
import { BusyError, CommandError, EXIT, MailctlError } from '../errors.js';
import type { ActAnswer, ActWishes, QueueAct, SaveWish } from './driver.js';
import type { MessageKey } from './message.js';

/** What the chunks of an act have come to so far. */
export interface ActTotal {
  changed: number;
  already: number;
  readonly gone: string[];
  readonly failed: { readonly id: string; readonly why: string }[];
}

/** Names of a run that may be a folder's. */
const RUN = /^[A-Za-z0-9][\w.+-]{0,99}$/;

/** The descriptor that an act keeps its queue locked by; what it leaves behind in the background closes it. */
export const GUARD_FD = 8;

/** What a guard says when it ends a script before its first act. */
export const GUARD_WORDS = {
  works: 'mailctl-guard: an act that was begun before still works on this queue',
  lost: 'mailctl-guard: the lease of this queue is not that of this run any more',
} as const;

/** The script behind its guard. In a container the host's own files cannot be seen: there it goes without. */
export function guarded(
  script: string,
  guard: string | undefined,
  within: readonly string[] | undefined,
): string {
  return guard === undefined || within !== undefined ? script : `${guard}${script}`;
}

/** @throws BusyError when the guard has ended the script: nothing was done */
export function mustBeOurs(host: string, { stderr }: { readonly stderr: string }): void {
  const word = Object.values(GUARD_WORDS).find((one) => stderr.includes(one));
  if (word === undefined) return;
  throw new BusyError(`${host}: ${word.slice(word.indexOf(' ') + 1)}`, {
    detail: 'nothing was done by this act',
    hint: 'mailctl runs list   here and on the other bastions; then mailctl runs resume RUN',
  });
}

/** Nothing was done yet. */
export const emptyTotal = (): ActTotal => ({ changed: 0, already: 0, gone: [], failed: [] });

/** Is it a wish that a script can be given: with a run whose name may be a folder's? */
export const canSave = (save: SaveWish | undefined): boolean => save !== undefined && RUN.test(save.run);

/** The script's last arguments: run, epoch seconds of its expiry, bytes that all saved messages may take. */
export const saveArguments = (save: SaveWish | undefined): readonly string[] =>
  save === undefined ? [] : [save.run, whole(save.expiresAt), whole(save.maxBytes)];

const whole = (value: number): string => String(Math.max(0, Math.floor(value)));

/** `ID ARRIVAL|- =SENDER|*` and a newline; `comparable` gives the sender as the host compares it. */
export function keyLine(
  { id, arrivedAt, sender }: MessageKey,
  comparable: (sender: string) => string,
): string {
  const arrival = arrivedAt !== null && Number.isSafeInteger(arrivedAt) ? String(arrivedAt) : '-';
  return `${id} ${arrival} ${sender === null ? '*' : `=${comparable(sender)}`}\n`;
}

/** @throws MailctlError `queue.save-full` when the script says that the messages cannot all be saved */
export function mustFit(host: string, stdout: string): void {
  const full = /^full (\d+) (\d+) (\d+)$/m.exec(stdout);
  if (full === null) return;
  const [, have, more, most] = full;
  throw new MailctlError(`${host}: ${more} bytes to save, ${have} are saved already, ${most} are allowed`, {
    code: 'queue.save-full',
    exitCode: EXIT.partial,
    detail: 'nothing of it was deleted',
    hint: 'delete fewer messages, allow more (queue.keep_at_most), or have what is over removed: mailctl queue tend',
  });
}

/** Adds what a chunk's script answered. @throws CommandError when it has no count at its end */
export function addAnswer(total: ActTotal, host: string, software: string, stdout: string): void {
  let changed: number | null = null;
  for (const line of stdout.split('\n')) {
    const [word = '', id = '', ...why] = line.split(' ');
    if (word === 'already') total.already += 1;
    else if (word === 'gone') total.gone.push(id);
    else if (word === 'failed') total.failed.push({ id, why: why.join(' ').trim() });
    else if (word === 'changed' && /^\d{1,9}$/.test(id)) changed = Number(id);
  }
  if (changed === null)
    throw new CommandError(host, `${software} act`, 0, stdout.slice(-300), {
      hint: 'what it did is not known: look at the queue',
    });
  total.changed += changed;
}

/** A server whose script acts on a chunk of messages in one call. */
export interface ChunkedActs<Act extends string> {
  readonly host: string;
  readonly software: string;
  /** Messages of one call. */
  readonly chunk: number;
  readonly isId: (id: string) => boolean;
  /** What is said of an id that the server cannot have made. */
  readonly noId: string;
  /** One call; its stdout. */
  ask(act: Act, keys: readonly MessageKey[], wishes: ActWishes): Promise<string>;
}

/** Acts in chunks, and adds up. @throws MailctlError `queue.save-full` before anything of a chunk is deleted */
export async function actInChunks(
  server: ChunkedActs<QueueAct>,
  act: QueueAct,
  keys: readonly MessageKey[],
  wishes: ActWishes,
): Promise<ActAnswer> {
  const { host, software, chunk, isId, noId } = server;
  if ((act === 'delete' || act === 'restore') && !canSave(wishes.save))
    throw new TypeError(`${act} needs the run that saves the messages`);
  const total = emptyTotal();
  const fit: MessageKey[] = [];
  for (const key of keys)
    if (isId(key.id)) fit.push(key);
    else total.failed.push({ id: key.id, why: noId });
  for (let at = 0; at < fit.length; at += chunk)
    addAnswer(total, host, software, await server.ask(act, fit.slice(at, at + chunk), wishes));
  // A try that was begun says nothing of how it ended.
  return { ...total, changed: act === 'flush' ? null : total.changed };
}

/** Removes what was saved and has expired; how many messages that were. */
export async function forgetSaved(
  server: ChunkedActs<'expire'>,
  wishes: Pick<ActWishes, 'guard' | 'signal'>,
): Promise<number> {
  const total = emptyTotal();
  addAnswer(total, server.host, server.software, await server.ask('expire', [], wishes));
  return total.changed;
}
