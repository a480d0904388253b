// The queue driver of Mailman 3 (verified on 3.3.8): every queue directory, counted from names alone; acts are renames
// below its spool. Mailman has queues where Postfix has states, so each is named: `lists1001:out`. A message's id is
// its folder and the stem of its file. Sender, recipients and size are not in a name, and nothing is made up for them.
import { CommandError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import { guarded, mustBeOurs, mustFit } from '../../queue/act-words.js';
import type {
  ActAnswer,
  ActWishes,
  MessageDetail,
  QueueAct,
  QueueDriver,
  QueueListing,
  QueueOptions,
} from '../../queue/driver.js';
import type { MessageKey, QueueMessage } from '../../queue/message.js';
import { ACT_SCRIPT, REQUEUE_SCRIPT } from './act-script.js';
import { FOLDER, parseQueueFile } from './names.js';
import { HELD_DIR, MAILMAN_PLACES, SAVED_DIR } from './queue-dir-script.js';
import { parseShown, SHOW_SCRIPT } from './show.js';

const LIST_MS = 60_000;
const SHOW_MS = 30_000;
/** A rename takes 30 us; Mailman's own code, for `requeue`, a second and then 1 ms a message. */
const ACT_MS = 300_000;

/** The queues that it comes with; a plugin may add its own. */
const FOLDERS = [
  'archive',
  'bad',
  'bounces',
  'command',
  'digest',
  'in',
  'nntp',
  'out',
  'pipeline',
  'retry',
  'shunt',
  'virgin',
];

// GNU find tells the type of a file from the directory itself, without looking at the file; busybox has none of it.
const LIST_SCRIPT = `${MAILMAN_PLACES}
enter_queues
if find . -prune -printf '' 2> /dev/null; then
  find . -path './${SAVED_DIR}' -prune -o -mindepth 2 -maxdepth 3 -printf '%y %P\\n'
else
  for dir in */ ${HELD_DIR}/*/; do
    [ -d "$dir" ] && ls -1A "$dir" | while IFS= read -r name; do printf '? %s%s\\n' "$dir" "$name"; done
  done
fi
`;

/** Opens the driver of a host's Mailman. It holds no connection of its own. */
export function mailman3Queue({ transport, host, name, within }: QueueOptions): QueueDriver {
  const common = { privileged: true, within };
  // `lists1001:mailman3` is the one Mailman of lists1001; any other name was given by the site to tell several apart.
  const base = name === `${host.name}:mailman3` ? host.name : name;

  const act = async (
    what: QueueAct | 'expire',
    keys: readonly MessageKey[],
    more: readonly string[],
    { guard, signal }: Pick<ActWishes, 'guard' | 'signal'> = {},
  ): Promise<Answer> => {
    const known = keys.filter(({ id }) => isId(id));
    const result = await transport.run(
      host,
      {
        ...common,
        name: `mailman3.${what}`,
        script: guarded(what === 'requeue' ? REQUEUE_SCRIPT : ACT_SCRIPT, guard, within),
        args: what === 'requeue' ? [] : [what, ...more],
        stdin: known.map(({ id }) => `${JSON.stringify(id)}\n`).join(''),
        readOnly: false,
        timeoutMs: ACT_MS,
      },
      { signal },
    );
    mustFit(host.name, result.stdout);
    mustBeOurs(host.name, result);
    if (result.status !== 0)
      throw new CommandError(host.name, `mailman3 ${what}`, result.status, result.stderr);
    const answer = parseActed(result.stdout);
    const unknown = keys.filter(({ id }) => !isId(id)).map(({ id }) => ({ id, why: 'no id of Mailman 3' }));
    return { ...answer, failed: [...unknown, ...answer.failed] };
  };

  return {
    software: 'mailman3',
    queuesWithin: FOLDERS.map((folder) => `${base}:${folder}`),
    async list(onMessage, { signal } = {}) {
      const listing = new Listing(base, host.name, onMessage);
      const { status, stderr } = await transport.run(
        host,
        {
          ...common,
          name: 'mailman3.list',
          script: LIST_SCRIPT,
          args: [],
          readOnly: true,
          timeoutMs: LIST_MS,
        },
        { signal, onLine: (line) => listing.take(line) },
      );
      if (status !== 0) throw new CommandError(host.name, 'listing the queues of Mailman 3', status, stderr);
      return listing.result();
    },
    async show(id, signal): Promise<MessageDetail | null> {
      if (!isId(id)) return null;
      const { status, stdout, stderr } = await transport.run(
        host,
        {
          ...common,
          name: 'mailman3.show',
          script: SHOW_SCRIPT,
          args: splitId(id),
          readOnly: true,
          timeoutMs: SHOW_MS,
        },
        { signal },
      );
      if (status === 3) return null;
      if (status !== 0) throw new CommandError(host.name, 'mailman qfile', status, stderr);
      return parseShown(base, host.name, stdout);
    },
    cannot: () => null,
    async act(what, keys, { save, ...rest } = {}) {
      const more =
        save === undefined
          ? []
          : [safeRun(save.run), String(Math.floor(save.expiresAt)), String(save.maxBytes)];
      if (what === 'delete' && more.length === 0) throw new TypeError('a deletion says where it saves');
      const { waiting: _, ...answer } = await act(what, keys, more, rest);
      return answer;
    },
    forget: async (wishes = {}) => (await act('expire', [], [], wishes)).changed,
    preview: (what) => PREVIEWS[what],
    async drain() {
      const { mailman3Drain } = await import('./drain.js');
      const actOn = async (what: 'hold' | 'release', keys: readonly MessageKey[], signal?: AbortSignal) => {
        const { waiting: _, ...answer } = await act(what, keys, [], { signal });
        return answer;
      };
      return mailman3Drain({ transport, host, within, act: actOn, isId });
    },
    async retry(ids, signal) {
      const keys = ids
        .filter((id) => id.startsWith('retry/'))
        .map((id) => ({ id, arrivedAt: null, sender: null }));
      const { waiting } = await act('flush', keys, [], { signal });
      return { inFlight: waiting };
    },
  };
}

const PREVIEWS: { readonly [what in QueueAct | 'retry']: readonly string[] } = {
  hold: [`mv QUEUE_DIR/out/FILE QUEUE_DIR/${HELD_DIR}/out/`],
  release: [`mv QUEUE_DIR/${HELD_DIR}/out/FILE QUEUE_DIR/out/`],
  requeue: ['mailman unshunt (the messages named, with the code of Mailman and as its user)'],
  flush: ['mv QUEUE_DIR/retry/FILE QUEUE_DIR/out/'],
  retry: ['mv QUEUE_DIR/retry/FILE QUEUE_DIR/out/'],
  delete: [`mv QUEUE_DIR/out/FILE QUEUE_DIR/${SAVED_DIR}/RUN/out/`],
  restore: [`mv QUEUE_DIR/${SAVED_DIR}/RUN/out/FILE QUEUE_DIR/out/`],
};

/** Folder and file of an id; the host looks at both again. */
function splitId(id: string): readonly [folder: string, name: string] {
  const at = id.indexOf('/');
  return [id.slice(0, Math.max(0, at)), id.slice(at + 1)];
}

/** `out/1795289292.6499434+98ef...`, or the whole name of a file that Mailman did not make. */
export function isId(id: string): boolean {
  const [folder, name] = splitId(id);
  if (!FOLDER.test(folder) || name === '' || name === '.' || name === '..' || name.length > 255) return false;
  return !/[\p{Cc}\p{Cs}/]/u.test(name);
}

function safeRun(run: string): string {
  if (!/^[A-Za-z0-9][\w.-]{0,99}$/.test(run)) throw new TypeError(`no name of a run: ${run}`);
  return run;
}

interface Answer extends ActAnswer {
  /** Messages in `out`; null: not told. */
  readonly waiting: number | null;
}

/** Reads what the act script printed; a line that is none is skipped: the count of what was changed decides. */
export function parseActed(stdout: string): Answer {
  const gone: string[] = [];
  const failed: { id: string; why: string }[] = [];
  let changed: number | null = null;
  let waiting: number | null = null;
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    let value: Readonly<Record<string, unknown>>;
    try {
      value = Object(JSON.parse(line));
    } catch {
      continue;
    }
    const { id, failed: why } = value;
    if (typeof id === 'string' && value.gone === true) gone.push(id);
    else if (typeof id === 'string' && typeof why === 'string') failed.push({ id, why });
    changed = countOf(value.changed) ?? changed;
    waiting = countOf(value.waiting) ?? waiting;
  }
  return { changed, waiting, gone, failed };
}

const countOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** Reads the listing line by line. */
class Listing {
  readonly #base: string;
  readonly #host: string;
  readonly #onMessage: (message: QueueMessage) => void;
  readonly #poison: string[] = [];
  #lines = 0;
  #malformed = 0;
  #first: QueueListing['malformed']['first'] = null;

  constructor(base: string, host: string, onMessage: (message: QueueMessage) => void) {
    this.#base = base;
    this.#host = host;
    this.#onMessage = onMessage;
  }

  take(line: string): void {
    this.#lines += 1;
    const parsed = parseQueueFile(this.#base, this.#host, line);
    if (parsed.kind === 'malformed') this.#count(parsed.what);
    if (parsed.kind !== 'message') return;
    this.#onMessage(parsed.message);
    if (parsed.poison === null) return;
    const { id } = parsed.message;
    this.#poison.push(id);
    this.#count(`${JSON.stringify(id)} ends the runner that lists it: ${parsed.poison}`);
  }

  #count(what: string): void {
    this.#malformed += 1;
    this.#first ??= { line: this.#lines, what };
  }

  result(): QueueListing {
    const [first] = this.#poison;
    return {
      malformed: { lines: this.#malformed, first: this.#first },
      keptBack: [],
      warning: first === undefined ? null : poisonWarning(this.#host, first, this.#poison.length),
    };
  }
}

function poisonWarning(host: string, id: string, count: number): string {
  const folder = splitId(id)[0];
  const others = count > 1 ? `, and ${count - 1} more` : '';
  return (
    `poison: the name of ${id} ends Mailman's ${folder} runner whenever it lists its queue, silently, also after a ` +
    `restart${others}. Take it out (${formatCommand(['mailctl', 'queue', 'hold', '-H', host, '--id', id])}), then start the runner again, on ${host}: systemctl restart mailman3`
  );
}
