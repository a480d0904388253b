// The screen of `queue show`: what the message is and why it waits come first, its headers and the log below. A reason
// that many recipients share is told once. Everything is bounded: a message may have thousands of recipients and
// headers of megabytes.
import { isoOf } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import { formatSize } from '../../lib/size.js';
import type { MessageDetail } from '../../queue/driver.js';
import type { QueueRecipient } from '../../queue/message.js';
import { describeStatus, parseStatusCode, type StatusClass } from '../../queue/status-code.js';
import { foldText } from '../fold.js';
import type { Line, Tone } from '../line.js';
import type { Canvas } from '../output.js';

const MOST_REASONS = 12;
const MOST_ADDRESSES = 5;
const MOST_HEADERS = 40;
const MOST_LOG = 20;
/** Lines of one header, and of one reason. */
const MOST_LINES = 6;
const INDENT = '        ';

const TONES: { readonly [kind in StatusClass]: Tone } = {
  success: 'good',
  transient: 'warn',
  permanent: 'bad',
};

/** One message; `now` in epoch seconds. */
export function queueShowScreen(detail: MessageDetail, now: number, { width }: Canvas): readonly Line[] {
  const { message, headers, log, facts } = detail;
  const { host, queue, id, state, arrivedAt, sizeBytes, sender, submitter, recipients } = message;
  const age =
    arrivedAt === null ? 'arrival not known' : `${ago(now - arrivedAt)}  since ${isoOf(arrivedAt) ?? '?'}`;
  const login = submitter === null ? '' : `   login ${submitter}`;
  return [
    [
      `MESSAGE ${queue === host || queue.startsWith(`${host}:`) ? queue : `${host} ${queue}`}/${id}  `,
      { text: state, tone: state === 'corrupt' ? 'bad' : state === 'active' ? 'good' : 'warn' },
      `  ${age}  ${formatSize(sizeBytes)}`,
    ],
    `from    ${sender === null ? '? (not known)' : sender === '' ? '<> (the null sender)' : sender}${login}`,
    ...nextLines(detail, now),
    ...recipientLines(recipients, width),
    ...facts.slice(0, MOST_HEADERS).flatMap(([name, value]) => labelled(name, value, width)),
    ...(headers.length > 0 ? ['headers'] : []),
    ...headers
      .slice(0, MOST_HEADERS)
      .flatMap(([name, value]) =>
        bounded(`${name}: ${value}`, width - INDENT.length).map((line) => INDENT + line),
      ),
    ...more(headers.length - MOST_HEADERS, 'headers'),
    ...(log.length > 0 ? ['log'] : []),
    ...log
      .slice(-MOST_LOG)
      .flatMap((line) => bounded(line, width - INDENT.length).map((piece) => INDENT + piece)),
    ...more(log.length - MOST_LOG, 'earlier lines'),
  ];
}

function nextLines({ nextTryAt, message }: MessageDetail, now: number): readonly Line[] {
  if (nextTryAt === null) {
    if (message.state !== 'hold') return [];
    const release = formatCommand(['mailctl', 'queue', 'release', '-H', message.host, '--id', message.id]);
    return ['next    none: it is held until it is released', `${INDENT}${release}`];
  }
  const wait = nextTryAt - now;
  const when = wait > 0 ? `in ${ago(wait)}` : 'due now';
  return [`next    try ${when}, at ${isoOf(nextTryAt) ?? '?'}`];
}

/** Recipients by reason, the reason of most first. */
function recipientLines(recipients: readonly QueueRecipient[], width: number): readonly Line[] {
  if (recipients.length === 0) return ['to      ? (no recipient is known)'];
  const byReason = new Map<string | null, string[]>();
  for (const { address, reason } of recipients) {
    const known = byReason.get(reason);
    if (known === undefined) byReason.set(reason, [address]);
    else known.push(address);
  }
  const reasons = [...byReason].sort(([, a], [, b]) => b.length - a.length);
  return [
    ...reasons.slice(0, MOST_REASONS).flatMap(([reason, addresses]) => reasonLines(reason, addresses, width)),
    ...more(reasons.length - MOST_REASONS, 'reasons'),
  ];
}

function reasonLines(reason: string | null, addresses: readonly string[], width: number): readonly Line[] {
  const others = addresses.length - MOST_ADDRESSES;
  const shown = addresses.slice(0, MOST_ADDRESSES).join(' ') + (others > 0 ? ` + ${others} more` : '');
  const to = foldText(shown, width - INDENT.length).map(
    (line, index) => (index === 0 ? 'to      ' : INDENT) + line,
  );
  if (reason === null) return [...to, `${INDENT}not tried yet, or no reason is known`];
  const status = parseStatusCode(reason);
  const code = [status.reply ?? '', status.enhanced ?? ''].filter((one) => one !== '').join(' ');
  const words = foldText(
    describeStatus(status),
    width - INDENT.length - code.length - 2,
    width - INDENT.length,
  );
  const head =
    status.class === null
      ? []
      : words.map(
          (line, index): Line =>
            index > 0
              ? INDENT + line
              : [INDENT, { text: code, tone: TONES[status.class ?? 'transient'] }, `  ${line}`],
        );
  return [...to, ...head, ...bounded(reason, width - INDENT.length).map((line) => INDENT + line)];
}

function labelled(name: string, value: string, width: number): readonly Line[] {
  const label = name.length < INDENT.length ? name.padEnd(INDENT.length) : `${name} `;
  return bounded(value, width - label.length).map((line, index) =>
    index === 0 ? label + line : ' '.repeat(label.length) + line,
  );
}

/** A text in few lines; what has no blank to fold at is cut, and what is cut says so. */
function bounded(text: string, width: number): readonly string[] {
  const room = Math.max(20, width);
  const words = text
    .slice(0, room * MOST_LINES * 2)
    .split(' ')
    .map((word) => (word.length > room * 2 ? `${word.slice(0, room)}...` : word))
    .join(' ');
  const lines = foldText(words, room);
  return lines.length > MOST_LINES || text.length > room * MOST_LINES * 2
    ? [...lines.slice(0, MOST_LINES), '...']
    : lines;
}

function more(count: number, what: string): readonly Line[] {
  return count > 0 ? [`${INDENT}+ ${count} ${what}: -o json`] : [];
}

const ago = (seconds: number): string => formatDuration(Math.max(0, seconds) * 1000);

/** The lines above the messages when an id is on several queues. */
export function ambiguousLines(ids: readonly string[]): readonly Line[] {
  return ids.map((id): Line => [{ text: id, tone: 'warn' }, ' is on more than one queue: HOST/ID names one']);
}
