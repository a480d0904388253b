// The Postfix queue driver (3.1 and later; verified on 3.7.11): `postqueue -j` line by line, `postqueue -i` for a
// new try, acts by act.ts. Every path comes from `postconf`. Ids go over stdin and are checked there again: nothing
// that a queue holds becomes a word of a shell.
import { CommandError } from '../../errors.js';
import type { QueueDriver, QueueListing, QueueOptions } from '../../queue/driver.js';
import type { QueueMessage } from '../../queue/message.js';
import { CHOOSE_INSTANCE, instanceArgument, type PostfixPlace } from './instance.js';
import { GLANCE_SCRIPT, LIST_SCRIPT } from './list-script.js';
import { glancePostqueueLine, type ParsedLine, parsePostqueueLine } from './parse-postqueue.js';
import { previewOf } from './preview.js';
import { QUEUE_ID } from './queue-id.js';

/** A cold spool of 900,000 messages takes minutes to list. */
const LIST_MS = 300_000;
/** 6 ms a message, and a server that is short of breath. */
const RETRY_MS = 60_000;

// -i puts one deferred message in front of the queue manager, and does nothing for any other id: a short id that
// was used again meanwhile gets one try too many, no more.
const RETRY_SCRIPT = `${CHOOSE_INSTANCE}
while IFS= read -r id; do
  case $id in ''|*[!A-Za-z0-9]*) continue ;; esac
  postqueue -i "$id" < /dev/null || exit
done
spool=$(postconf -h queue_directory) && cd "$spool" 2> /dev/null || exit 0
[ -r incoming ] && [ -r active ] || exit 0
printf 'in-flight %s\\n' "$(find incoming active -type f 2> /dev/null | wc -l)"
`;

/** Opens the driver of one queue. It holds no connection of its own. */
export function postfixQueue(options: QueueOptions): QueueDriver {
  const { transport, host, name, within } = options;
  const instance = instanceArgument(options.instance, host.name);
  const place: PostfixPlace = { transport, host, within, instance };
  const common = { args: [instance], privileged: true, within };
  return {
    software: 'postfix',
    async list(onMessage, { submitter, glance, messagesOnly, signal } = {}) {
      const parse = glance === true ? glancePostqueueLine : parsePostqueueLine;
      const listing = new Listing((line) => parse(name, host.name, line), onMessage);
      const script = submitter
        ? (await import('./submitters-script.js')).LIST_WITH_SUBMITTERS_SCRIPT
        : glance === true || messagesOnly === true
          ? GLANCE_SCRIPT
          : LIST_SCRIPT;
      const { status, stderr } = await transport.run(
        host,
        { ...common, name: 'postfix.list', script, readOnly: true, timeoutMs: LIST_MS },
        { signal, onLine: (line) => listing.take(line) },
      );
      if (status !== 0) throw new CommandError(host.name, 'postqueue -j', status, stderr);
      return listing.result(stderr);
    },
    cannot: () => null,
    async act(act, keys, wishes = {}) {
      const { actOn } = await import('./act.js');
      return actOn(place, act, keys, wishes);
    },
    async forget(wishes = {}) {
      const { forgetExpired } = await import('./act.js');
      return forgetExpired(place, wishes);
    },
    async show(id, signal) {
      const { showMessage } = await import('./show.js');
      return showMessage(place, name, id, signal);
    },
    async retry(ids, signal) {
      const known = ids.filter((id) => QUEUE_ID.test(id));
      const { status, stdout, stderr } = await transport.run(
        host,
        {
          ...common,
          name: 'postfix.retry',
          script: RETRY_SCRIPT,
          stdin: known.map((id) => `${id}\n`).join(''),
          readOnly: false,
          timeoutMs: RETRY_MS,
        },
        { signal },
      );
      if (status !== 0) throw new CommandError(host.name, 'postqueue -i', status, stderr);
      const found = /^in-flight +(\d{1,9})$/m.exec(stdout)?.[1];
      return { inFlight: found === undefined ? null : Number(found) };
    },
    preview: previewOf,
    async limits(signal) {
      const { readLimits } = await import('./limits.js');
      return readLimits(place, signal);
    },
    async readLog(from, onEvent, signal) {
      const { readPostfixLog } = await import('./log.js');
      return readPostfixLog(place, from, onEvent, signal);
    },
    async drain() {
      const { postfixDrain } = await import('./drain.js');
      return postfixDrain(place);
    },
  };
}

/** Reads what LIST_FIRST prints, of messages that are looked at and not kept. */
export function glanceReader(
  { name, host }: Pick<QueueOptions, 'name' | 'host'>,
  onMessage: (message: QueueMessage) => void,
): { line(line: string): void; end(stderr: string): QueueListing } {
  const listing = new Listing((line) => glancePostqueueLine(name, host.name, line), onMessage);
  return { line: (line) => listing.take(line), end: (stderr) => listing.result(stderr) };
}

/** Reads the answer of LIST_SCRIPT line by line. */
class Listing {
  readonly #parse: (line: string) => ParsedLine;
  readonly #onMessage: (message: QueueMessage) => void;
  #keptBack: readonly string[] = [];
  /** Of the next line's message. */
  #submitter: string | null = null;
  #lines = 0;
  #malformed = 0;
  #first: QueueListing['malformed']['first'] = null;

  constructor(parse: (line: string) => ParsedLine, onMessage: (message: QueueMessage) => void) {
    this.#parse = parse;
    this.#onMessage = onMessage;
  }

  take(line: string): void {
    if (this.#lines === 0 && line.startsWith('kept-back ')) {
      this.#keptBack = line.slice('kept-back '.length).split(' ').filter(Boolean);
      return;
    }
    const login =
      line.charCodeAt(0) === 0x7b ? undefined : /^submitter ((?:[0-9a-f]{2}){1,4096})$/.exec(line)?.[1];
    if (login !== undefined) {
      this.#submitter = Buffer.from(login, 'hex').toString('utf8');
      return;
    }
    this.#lines += 1;
    const parsed = this.#parse(line);
    const submitter = this.#submitter;
    this.#submitter = null;
    if (parsed.kind === 'message')
      this.#onMessage(submitter === null ? parsed.message : { ...parsed.message, submitter });
    if (parsed.kind !== 'malformed') return;
    this.#malformed += 1;
    this.#first ??= { line: this.#lines, what: parsed.what };
  }

  result(stderr: string): QueueListing {
    const warning = stderr.trim().slice(0, 300);
    return {
      malformed: { lines: this.#malformed, first: this.#first },
      keptBack: this.#keptBack,
      warning: warning === '' ? null : warning,
      ...(stderr.includes('Mail system is down') ? { isDown: true } : {}),
    };
  }
}
