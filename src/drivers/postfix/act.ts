// Acts on named messages of a Postfix queue: asks act-script.ts in chunks, each with a deadline by its count, and adds
// up what it answers. What the server counted and what was looked at are told apart; nothing is guessed.
import { CommandError, EXIT, MailctlError } from '../../errors.js';
import type { ActAnswer, QueueAct, SaveWish } from '../../queue/driver.js';
import type { MessageKey } from '../../queue/message.js';
import { ACT_SCRIPT } from './act-script.js';
import type { PostfixPlace } from './instance.js';
import { comparableSender } from './queue-files.js';
import { QUEUE_ID } from './queue-id.js';

/** Messages of one command: half a second of postsuper. */
const CHUNK = 10_000;
/** What a command may take however few its messages are. */
const LEAST_MS = 60_000;
/** ms a message, many times what was measured: 0.04 for a rename, 6 for `postqueue -i`. */
const EACH_MS: Readonly<Record<QueueAct, number>> = {
  hold: 2,
  release: 2,
  requeue: 2,
  flush: 30,
  delete: 5,
  restore: 5,
};

/** Names of a folder below the queue directory. */
const RUN = /^[A-Za-z0-9][\w.+-]{0,99}$/;

/** Does it. @throws MailctlError `queue.save-full` before anything of a chunk is deleted */
export async function actOn(
  place: PostfixPlace,
  act: QueueAct,
  keys: readonly MessageKey[],
  wishes: { readonly save?: SaveWish | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ActAnswer> {
  const { save, signal } = wishes;
  if ((act === 'delete' || act === 'restore') && (save === undefined || !RUN.test(save.run)))
    throw new TypeError(`${act} needs the run that saves the messages`);
  const total = { changed: 0, already: 0, gone: [] as string[], failed: [] as { id: string; why: string }[] };
  const fit: MessageKey[] = [];
  for (const key of keys)
    if (QUEUE_ID.test(key.id)) fit.push(key);
    else total.failed.push({ id: key.id, why: 'is no queue id of Postfix' });
  for (let at = 0; at < fit.length; at += CHUNK) {
    const chunk = fit.slice(at, at + CHUNK);
    const stdout = await ask(place, act, chunk, save, signal);
    readAnswer(place.host.name, stdout, total);
  }
  // postqueue -i says nothing of what it knew.
  return { ...total, changed: act === 'flush' ? null : total.changed };
}

async function ask(
  { transport, host, within, instance }: PostfixPlace,
  act: QueueAct,
  keys: readonly MessageKey[],
  save: SaveWish | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const saving = save === undefined ? [] : [save.run, whole(save.expiresAt), whole(save.maxBytes)];
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: `postfix.${act}`,
      script: ACT_SCRIPT,
      args: [instance, act, ...saving],
      stdin: keys.map(keyLine).join(''),
      readOnly: false,
      privileged: true,
      within,
      timeoutMs: LEAST_MS + keys.length * EACH_MS[act],
    },
    { signal },
  );
  const full = /^full (\d+) (\d+) (\d+)$/m.exec(stdout);
  if (full !== null) {
    const [, have, more, most] = full;
    throw new MailctlError(`${host.name}: the messages would not fit beside those that are saved already`, {
      code: 'queue.save-full',
      exitCode: EXIT.partial,
      detail: `${have} bytes are saved, ${more} would come, ${most} are allowed; nothing more was deleted`,
      hint: 'delete fewer messages, allow more, or let older ones expire',
    });
  }
  if (status !== 0) throw new CommandError(host.name, `postfix ${act}`, status, stderr);
  return stdout;
}

const whole = (value: number): string => String(Math.max(0, Math.floor(value)));

function keyLine({ id, arrivedAt, sender }: MessageKey): string {
  const arrival = arrivedAt !== null && Number.isSafeInteger(arrivedAt) ? String(arrivedAt) : '-';
  return `${id} ${arrival} ${sender === null ? '*' : `=${comparableSender(sender)}`}\n`;
}

function readAnswer(
  host: string,
  stdout: string,
  total: { changed: number; already: number; gone: string[]; failed: { id: string; why: string }[] },
): void {
  let changed: number | null = null;
  for (const line of stdout.split('\n')) {
    const [word = '', id = '', ...why] = line.split(' ');
    if (word === 'already') total.already += 1;
    else if (word === 'gone') total.gone.push(id);
    else if (word === 'failed') total.failed.push({ id, why: why.join(' ').trim() });
    else if (word === 'changed' && /^\d{1,9}$/.test(id)) changed = Number(id);
  }
  if (changed === null)
    throw new CommandError(host, 'postfix act', 0, stdout.slice(-300), {
      hint: 'what it did is not known: look at the queue',
    });
  total.changed += changed;
}
