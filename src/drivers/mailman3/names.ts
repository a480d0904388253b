// What the name of a file in Mailman's queue directories says (3.3.8): `EPOCH.FRACTION+SHA1.pck`, the second in which
// the message came into THIS queue, so that neither count nor age needs a file to be opened. Pure. Names may be
// anybody's: one that Mailman cannot take apart ends the runner that lists its folder, and is called so.
import type { QueueMessage } from '../../queue/message.js';
import { HELD_DIR } from './queue-dir-script.js';

/** What a listed path is. */
export type ParsedName =
  | {
      readonly kind: 'message';
      readonly message: QueueMessage;
      /** Its name ends the runner that lists its folder: what is wrong with it. */
      readonly poison: string | null;
    }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'malformed'; readonly what: string };

/** A folder of Mailman: what its configuration allows as the name of a runner. */
export const FOLDER = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** The stem that Mailman makes. */
export const STEM = /^(\d{1,12})(?:\.\d{1,12})?\+[0-9a-f]{40}$/;

/** Folders that no runner lists: a name there ends nobody, except `mailman unshunt` itself. */
const WITHOUT_RUNNER: ReadonlySet<string> = new Set(['bad', 'shunt']);

/** Characters of a file's name, at most. */
const LONGEST = 255;

/** What Python's float() takes. */
const PYTHON_NUMBER =
  /^\s*[+-]?(?:(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:e[+-]?\d(?:_?\d)*)?|inf(?:inity)?|nan)\s*$/i;

/** The state in our words: where Mailman's queues say more, the queue's name tells it. */
const STATES: ReadonlyMap<string, string> = new Map([
  ['retry', 'deferred'],
  ['bad', 'corrupt'],
  // Nobody tries it again by itself, and it is not broken either.
  ['shunt', 'shunt'],
]);

/**
 * Reads one line of the listing: the type of the file (`f`, `d`, `?` not known) and its path below the spool.
 * `base` is the host's name, or the queue's where a host has several of Mailman.
 */
export function parseQueueFile(base: string, host: string, line: string): ParsedName {
  const type = line[0] ?? '';
  const parts = line.slice(2).split('/');
  const isHeld = parts[0] === HELD_DIR;
  const [folder = '', name = '', ...more] = isHeld ? parts.slice(1) : parts;
  if (line[1] !== ' ' || !/^[a-zA-Z?]$/.test(type) || !FOLDER.test(folder) || more.length > 0)
    return isHeld || folder.startsWith('.')
      ? { kind: 'ignored' }
      : malformed('no file of a queue, or a name with a newline in it');
  if (name === '') return { kind: 'ignored' };
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const ending = dot > 0 ? name.slice(dot) : '';
  const isTaken = ending === '.pck' || ending === '.bak' || (ending === '.psv' && folder === 'bad');
  if (!isTaken) return { kind: 'ignored' };
  const poison = isHeld || WITHOUT_RUNNER.has(folder) ? null : poisonIn(stem);
  if (type === 'd' && poison === null) return { kind: 'ignored' };
  const arrived = STEM.exec(stem)?.[1];
  const state = isHeld ? 'hold' : poison !== null ? 'corrupt' : stateOf(folder, ending);
  return {
    kind: 'message',
    poison,
    message: {
      queue: `${base}:${folder}`,
      host,
      // A good stem is one message, whichever ending it has at the moment; any other is named whole.
      id: `${folder}/${arrived === undefined ? name : stem}`,
      state,
      arrivedAt: arrived === undefined ? null : Number(arrived),
      sizeBytes: 0,
      sender: null,
      submitter: null,
      recipients: [],
    },
  };
}

/** Why the stem ends a runner; null: it does not. */
export function poisonIn(stem: string): string | null {
  const plus = stem.indexOf('+');
  if (plus < 0) return 'no + in it';
  const when = stem.slice(0, plus);
  const isNumber = when.length <= LONGEST && PYTHON_NUMBER.test(when);
  return isNumber ? null : 'no time before the +';
}

function stateOf(folder: string, ending: string): string {
  if (ending === '.bak') return 'active';
  return STATES.get(folder) ?? 'incoming';
}

const malformed = (what: string): ParsedName => ({ kind: 'malformed', what });
