// Acts on named messages of a Postfix queue: asks act-script.ts in chunks, each with a deadline by its count, and adds
// up what it answers. What the server counted and what was looked at are told apart; nothing is guessed.
import { CommandError } from '../../errors.js';
import {
  actInChunks,
  type ChunkedActs,
  forgetSaved,
  guarded,
  keyLine,
  mustBeOurs,
  mustFit,
  saveArguments,
} from '../../queue/act-words.js';
import type { ActAnswer, ActWishes, QueueAct } from '../../queue/driver.js';
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

/** Does it. @throws MailctlError `queue.save-full` before anything of a chunk is deleted */
export async function actOn(
  place: PostfixPlace,
  act: QueueAct,
  keys: readonly MessageKey[],
  wishes: ActWishes,
): Promise<ActAnswer> {
  return actInChunks(chunked(place), act, keys, wishes);
}

/** Removes what was saved and has expired; how many messages that were. */
export function forgetExpired(
  place: PostfixPlace,
  wishes: Pick<ActWishes, 'guard' | 'signal'>,
): Promise<number> {
  return forgetSaved(chunked(place), wishes);
}

function chunked(place: PostfixPlace): ChunkedActs<QueueAct | 'expire'> {
  return {
    host: place.host.name,
    software: 'postfix',
    chunk: CHUNK,
    isId: (id) => QUEUE_ID.test(id),
    noId: 'is no queue id of Postfix',
    ask: (act, keys, wishes) => ask(place, act, keys, wishes),
  };
}

async function ask(
  { transport, host, within, instance }: PostfixPlace,
  act: QueueAct | 'expire',
  keys: readonly MessageKey[],
  { save, guard, signal }: ActWishes,
): Promise<string> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: `postfix.${act}`,
      script: guarded(ACT_SCRIPT, guard, within),
      args: [instance, act, ...saveArguments(save)],
      stdin: keys.map((key) => keyLine(key, comparableSender)).join(''),
      readOnly: false,
      privileged: true,
      within,
      timeoutMs: LEAST_MS + keys.length * (act === 'expire' ? 0 : EACH_MS[act]),
    },
    { signal },
  );
  mustFit(host.name, stdout);
  mustBeOurs(host.name, { stderr });
  if (status !== 0) throw new CommandError(host.name, `postfix ${act}`, status, stderr);
  return stdout;
}
