// The queue driver of a site's own sender: commands that the configuration names, run as they are, never through a
// shell. One lists, the others get ids on stdin, a line each, and may say in JSON what became of them; what they do
// not say is not taken for done. Before an act the queue is listed again: ids may have been used for other messages.
import { CommandError, ConfigError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import { fillPlaceholders } from '../../lib/placeholders.js';
import { GUARD_FD, guarded, mustBeOurs } from '../../queue/act-words.js';
import type {
  ActAnswer,
  ActWishes,
  QueueAct,
  QueueDriver,
  QueueListing,
  QueueOptions,
  SaveWish,
} from '../../queue/driver.js';
import type { MessageKey, QueueMessage } from '../../queue/message.js';
import { isLine } from './id-line.js';
import { type ParsedLine, parseExecLine } from './parse-ndjson.js';

const LIST_MS = 300_000;
const ACT_MS = 300_000;

// The words are the site's; nothing of ours is between them and execve.
const SCRIPT = 'exec "$@"';
// Behind a guard the shell stays, and keeps its lock: the site's command may leave anything behind.
const GUARDED_SCRIPT = `"$@" ${GUARD_FD}>&-`;

/** Opens the driver of one queue. @throws ConfigError when the configuration names no command */
export function execQueue(options: QueueOptions): QueueDriver {
  const { transport, host, name, within, commands } = options;
  const { list: listing } = commands ?? {};
  if (commands === undefined || listing === undefined) {
    throw new ConfigError(`${name}: the configuration does not say what lists this queue`, {
      hint: 'queues: [{ driver: exec, list: [sender, list, --json] }]',
    });
  }
  const common = { privileged: true, within, script: SCRIPT };

  const read = async (onLine: (line: ParsedLine) => void, signal?: AbortSignal): Promise<void> => {
    const { status, stderr } = await transport.run(
      host,
      { ...common, name: 'exec.list', args: listing, readOnly: true, timeoutMs: LIST_MS },
      { signal, onLine: (line) => onLine(parseExecLine(name, host.name, line)) },
    );
    if (status !== 0) throw new CommandError(host.name, formatCommand(listing), status, stderr);
  };

  /** Messages of these ids as they are now. */
  const now = async (
    ids: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, QueueMessage>> => {
    const found = new Map<string, QueueMessage>();
    await read((line) => {
      if (line.kind === 'message' && ids.has(line.message.id)) found.set(line.message.id, line.message);
    }, signal);
    return found;
  };

  const tell = async (
    what: QueueAct,
    ids: readonly string[],
    { save, guard, signal }: ActWishes,
  ): Promise<ActAnswer> => {
    const command = commands[what];
    if (command === undefined) throw missing(name, what);
    const args = command.map((word) => fillPlaceholders(word, savedAs(save)));
    const { status, stdout, stderr } = await transport.run(
      host,
      {
        ...common,
        script: guarded(guard === undefined || within !== undefined ? SCRIPT : GUARDED_SCRIPT, guard, within),
        name: `exec.${what}`,
        args,
        stdin: ids.map((id) => `${id}\n`).join(''),
        readOnly: false,
        timeoutMs: ACT_MS,
      },
      { signal },
    );
    if (guard !== undefined) mustBeOurs(host.name, { stderr });
    if (status !== 0) throw new CommandError(host.name, formatCommand(args), status, stderr);
    return parseActAnswer(stdout, new Set(ids));
  };

  const driver: QueueDriver = {
    software: 'exec',
    async list(onMessage, { signal } = {}) {
      let lines = 0;
      let malformed = 0;
      let first: QueueListing['malformed']['first'] = null;
      await read((parsed) => {
        lines += 1;
        if (parsed.kind === 'message') onMessage(parsed.message);
        if (parsed.kind !== 'malformed') return;
        malformed += 1;
        first ??= { line: lines, what: parsed.what };
      }, signal);
      return { malformed: { lines: malformed, first }, keptBack: [], warning: null };
    },
    async show(id, signal) {
      const message = (await now(new Set([id]), signal)).get(id);
      return message === undefined ? null : { message, headers: [], nextTryAt: null, log: [], facts: [] };
    },
    cannot: (act) =>
      commands[act] === undefined ? `the configuration names no ${act} command for ${name}` : null,
    async act(what, keys, wishes = {}) {
      const { signal } = wishes;
      const sendable = keys.filter(({ id }) => isLine(id));
      const unfit = keys
        .filter(({ id }) => !isLine(id))
        .map(({ id }) => ({ id, why: 'its id is not one line of text' }));
      // What was deleted is in no listing.
      const seen = what === 'restore' ? null : await now(new Set(sendable.map(({ id }) => id)), signal);
      const isSame = (key: MessageKey) => seen === null || same(key, seen.get(key.id));
      const gone = sendable.filter((key) => !isSame(key)).map(({ id }) => id);
      const ids = sendable.filter(isSame).map(({ id }) => id);
      if (ids.length === 0) return { changed: 0, gone, failed: unfit };
      const answer = await tell(what, ids, wishes);
      return {
        changed: answer.changed,
        gone: [...gone, ...answer.gone],
        failed: [...unfit, ...answer.failed],
      };
    },
    preview: (what) => {
      const command = commands[what === 'retry' ? 'flush' : what];
      return command === undefined ? [] : [formatCommand(command)];
    },
    async retry(ids, signal) {
      await tell('flush', ids.filter(isLine), { signal });
      return { inFlight: null };
    },
    async believed(signal) {
      const open = new Map<string, number>();
      await read((line) => {
        if (line.kind === 'believed') for (const [where, count] of line.open) open.set(where, count);
      }, signal);
      return open;
    },
    async drain() {
      const { execDrain } = await import('./drain.js');
      const { act } = driver;
      if (act === undefined) throw new TypeError('a sender is acted on');
      return execDrain(options, (what, keys, signal) => act(what, keys, { signal }));
    },
  };
  return driver;
}

function same(key: MessageKey, message: QueueMessage | undefined): boolean {
  return message !== undefined && message.arrivedAt === key.arrivedAt && message.sender === key.sender;
}

function savedAs(save: SaveWish | undefined): Readonly<Record<string, string>> {
  return save === undefined
    ? { run: '', expires: '', max_bytes: '' }
    : { run: save.run, expires: String(Math.floor(save.expiresAt)), max_bytes: String(save.maxBytes) };
}

function missing(queue: string, act: QueueAct): ConfigError {
  return new ConfigError(`${queue}: the configuration names no command for ${act}`, {
    hint: `queues: [{ driver: exec, list: [...], ${act}: [sender, ${act}] }]`,
  });
}

/**
 * Reads what an acting command printed: `{"changed": 12}`, `{"id": "...", "gone": true}`,
 * `{"id": "...", "failed": "why"}`, a line each; other lines are the sender's own chatter.
 */
export function parseActAnswer(stdout: string, asked: ReadonlySet<string>): ActAnswer {
  const gone = new Set<string>();
  const failed = new Map<string, string>();
  let changed: number | null = null;
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    let value: {
      readonly id?: unknown;
      readonly gone?: unknown;
      readonly failed?: unknown;
      readonly changed?: unknown;
    };
    try {
      value = JSON.parse(line);
    } catch {
      continue;
    }
    const { id } = value;
    if (typeof value.changed === 'number' && Number.isSafeInteger(value.changed) && value.changed >= 0)
      changed = value.changed;
    if (typeof id !== 'string' || !asked.has(id)) continue;
    if (value.gone === true) gone.add(id);
    else if (typeof value.failed === 'string') failed.set(id, value.failed);
  }
  return { changed, gone: [...gone], failed: [...failed].map(([id, why]) => ({ id, why })) };
}
