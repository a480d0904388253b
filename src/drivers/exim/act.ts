// Acts on named messages of an Exim spool: asks act-script.ts in chunks, each with a deadline by its count, and adds
// up what it answers.
import { CommandError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
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
import type { ActAnswer, ActWishes, QueueAct, RetryAnswer } from '../../queue/driver.js';
import type { MessageKey } from '../../queue/message.js';
import { SAVED_FOLDER } from '../../queue/saved-folder.js';
import type { Transport } from '../../transport/transport.js';
import { ACT_SCRIPT, FLUSH_AT_ONCE, FLUSH_SECONDS } from './act-script.js';
import { MESSAGE_ID } from './message-id.js';
import { comparableSender } from './spool-files.js';

/** Messages of one command: ten seconds of freezing. */
const CHUNK = 5000;
/** What a command may take however few its messages are. */
const LEAST_MS = 60_000;
/** ms a message, many times what was measured: 1.1 to freeze, 1.5 to thaw, 0.4 to remove. */
const EACH_MS = 20;

/** Where to act. */
export interface ActPlace {
  readonly transport: Transport;
  readonly host: Host;
  readonly within?: readonly string[] | undefined;
}

/** Why Exim cannot do it; null: it can. */
export function cannot(act: QueueAct): string | null {
  return act === 'requeue'
    ? 'Exim keeps a message where it is, there is nothing to put it back into: flush tries it again'
    : null;
}

/** Does it. @throws MailctlError `queue.save-full` before anything of a chunk is deleted */
export async function actOn(
  place: ActPlace,
  act: QueueAct,
  keys: readonly MessageKey[],
  wishes: ActWishes,
): Promise<ActAnswer> {
  const why = cannot(act);
  if (why !== null) throw new TypeError(why);
  return actInChunks(chunked(place), act, keys, wishes);
}

/** Has these tried now; frozen ones are left alone. */
export async function retryNow(
  place: ActPlace,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RetryAnswer> {
  const known = ids.filter((id) => MESSAGE_ID.test(id));
  const keys = known.map((id) => ({ id, arrivedAt: null, sender: null }));
  const stdout = await ask(place, 'retry', keys, { signal });
  const found = /^in-flight (\d{1,9})$/m.exec(stdout)?.[1];
  return { inFlight: found === undefined ? null : Number(found) };
}

/** Removes what was saved and has expired; how many messages that were. */
export function forgetExpired(place: ActPlace, wishes: Pick<ActWishes, 'guard' | 'signal'>): Promise<number> {
  return forgetSaved(chunked(place), wishes);
}

function chunked(place: ActPlace): ChunkedActs<QueueAct | 'expire'> {
  return {
    host: place.host.name,
    software: 'exim',
    chunk: CHUNK,
    isId: (id) => MESSAGE_ID.test(id),
    noId: 'is no message id of Exim',
    ask: (act, keys, wishes) => ask(place, act, keys, wishes),
  };
}

async function ask(
  { transport, host, within }: ActPlace,
  act: QueueAct | 'retry' | 'expire',
  keys: readonly MessageKey[],
  { save, guard, signal }: ActWishes,
): Promise<string> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: `exim.${act}`,
      script: guarded(ACT_SCRIPT, guard, within),
      args: [act, ...saveArguments(save)],
      stdin: keys.map((key) => keyLine(key, comparableSender)).join(''),
      readOnly: false,
      privileged: true,
      within,
      timeoutMs: LEAST_MS + keys.length * EACH_MS,
    },
    { signal },
  );
  mustFit(host.name, stdout);
  mustBeOurs(host.name, { stderr });
  if (status !== 0) throw new CommandError(host.name, `exim ${act}`, status, stderr);
  return stdout;
}

/** The commands of an act, for people. */
export function previewOf(act: QueueAct | 'retry'): readonly string[] {
  switch (act) {
    case 'hold':
      return ['exim -Mf ID...'];
    case 'release':
      return ['exim -Mt ID...'];
    case 'requeue':
      return [];
    case 'flush':
    case 'retry':
      return [`exim -M ID  (${FLUSH_AT_ONCE} at once, begun for ${FLUSH_SECONDS / 60} minutes at the most)`];
    case 'delete':
      return [
        `mv SPOOL-DIRECTORY/input/ID-[HD] SPOOL-DIRECTORY/${SAVED_FOLDER}/RUN/  (each under Exim's own lock)`,
      ];
    case 'restore':
      return [`ln SPOOL-DIRECTORY/${SAVED_FOLDER}/RUN/ID-[HD] SPOOL-DIRECTORY/input/`];
  }
}
