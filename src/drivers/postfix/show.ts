// One message of a Postfix queue whole: its envelope and headers by postcat, the last reasons from the defer log, the
// next try from the queue file's time, and what the mail log says of it. Each line comes with a letter of ours in
// front, so that no header or address can pass for another part.
import { CommandError } from '../../errors.js';
import type { MessageDetail } from '../../queue/driver.js';
import type { QueueRecipient } from '../../queue/message.js';
import { quoteWord } from '../../transport/quote.js';
import { CHOOSE_INSTANCE, type PostfixPlace } from './instance.js';
import { LOG_END } from './log-script.js';
import { QUEUE_CONF, QUEUE_FILES_PERL } from './queue-files.js';
import { QUEUE_ID } from './queue-id.js';

const SHOW_MS = 60_000;
/** Bytes of the log's end, and lines of it that name the message. */
const LOG_BYTES = 64 * 1024 * 1024;
const LOG_LINES = 200;
/** Lines of envelope and headers: 50,000 recipients and whatever is sane in headers. */
const MOST_LINES = 200_000;

// `f QUEUE MTIME ARRIVAL SIZE`, and the defer log as `d ` lines.
const FIND_PERL = String.raw`
my ($id) = @ARGV;
for my $turn (1, 2) {
  for my $queue (qw(deferred hold incoming active maildrop corrupt)) {
    sysopen(my $file, path($queue, $id), O_RDONLY | O_NOFOLLOW) or next;
    my @stat = stat $file;
    my ($arrival, undef, $size) = envelope($file);
    print join(' ', 'f', $queue, $stat[9], defined $arrival ? $arrival : $stat[9], defined $size ? $size : $stat[7]), "\n";
    if (open my $log, '<', path('defer', $id)) { print "d $_" while <$log>; print "\n" }
    exit 0;
  }
}
exit 0;
`;

const SCRIPT = `${CHOOSE_INSTANCE}${LOG_END}
id=$1
case $id in ''|*[!0-9A-Za-z]*) exit 65 ;; esac
command -v perl > /dev/null || { echo 'there is no perl, which finds the file of a message' >&2; exit 69; }
conf=$(${QUEUE_CONF})
perl -e ${quoteWord(QUEUE_FILES_PERL + FIND_PERL)} -- "$conf" "$id" || exit
postcat -qe "$id" 2> /dev/null | head -n ${MOST_LINES} | sed 's/^/e /'
postcat -qh "$id" 2> /dev/null | head -n ${MOST_LINES} | sed 's/^/h /'
log_end ${LOG_BYTES} 2> /dev/null | grep -aF -- ": $id: " | tail -n ${LOG_LINES} | cut -c 1-4000 | sed 's/^/l /'
exit 0
`;

/** Reads it; null: the queue has no such message. @throws TransportError, CommandError */
export async function showMessage(
  { transport, host, within, instance }: PostfixPlace,
  queue: string,
  id: string,
  signal?: AbortSignal,
): Promise<MessageDetail | null> {
  if (!QUEUE_ID.test(id)) return null;
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'postfix.show',
      script: SCRIPT,
      args: [instance, id],
      readOnly: true,
      privileged: true,
      within,
      timeoutMs: SHOW_MS,
    },
    { signal },
  );
  if (status !== 0) throw new CommandError(host.name, 'postcat', status, stderr);
  return parseShown(stdout, { queue, host: host.name, id });
}

/** Reads the script's answer. */
export function parseShown(
  stdout: string,
  { queue, host, id }: { readonly queue: string; readonly host: string; readonly id: string },
): MessageDetail | null {
  const part = (letter: string) => parts.get(letter) ?? [];
  const parts = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const letter = line.slice(0, 2);
    const lines = parts.get(letter);
    if (lines === undefined) parts.set(letter, [line.slice(2)]);
    else lines.push(line.slice(2));
  }
  const [state = '', mtime, arrival, size] = part('f ')[0]?.split(' ') ?? [];
  if (state === '') return null;
  const envelope = readEnvelope(part('e '));
  const reasons = readReasons(part('d '));
  const recipients = new Map<string, QueueRecipient>();
  for (const bare of envelope.recipients) {
    const address = quoted(bare);
    recipients.set(address, { address, reason: reasons.get(address) ?? reasons.get(bare) ?? null });
  }
  return {
    message: {
      queue,
      host,
      id,
      state: state === 'maildrop' ? 'incoming' : state,
      arrivedAt: numberOf(arrival),
      sizeBytes: numberOf(size) ?? 0,
      sender: envelope.sender === null ? null : quoted(envelope.sender),
      submitter: envelope.facts.find(([name]) => name === 'sasl_username')?.[1] ?? null,
      recipients: [...recipients.values()],
    },
    headers: readHeaders(part('h ')),
    nextTryAt: state === 'deferred' ? numberOf(mtime) : null,
    log: part('l '),
    facts: envelope.facts,
  };
}

const numberOf = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;

// The file has addresses bare; a listing, the log and RFC 5321 quote a local part that is no dot-atom.
function quoted(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  if (local === '' || /^[^\x00-\x20\x7f"(),:;<>@[\\\].]+(?:\.[^\x00-\x20\x7f"(),:;<>@[\\\].]+)*$/.test(local))
    return address;
  return `"${local.replace(/["\\]/g, '\\$&')}"${at < 0 ? '' : address.slice(at)}`;
}

/** For Postfix's own use, or said elsewhere. */
const DULL = /^(?:log_.*|rewrite_context|client_address_type|dsn_orig_rcpt|create_time)$/;

function readEnvelope(lines: readonly string[]): {
  readonly sender: string | null;
  readonly recipients: readonly string[];
  readonly facts: readonly (readonly [string, string])[];
} {
  let sender: string | null = null;
  const recipients: string[] = [];
  const facts: (readonly [string, string])[] = [];
  for (const line of lines) {
    // What postcat says of places, between stars.
    if (line.startsWith('*** ')) continue;
    const [, word = '', value = ''] = /^([a-z_]+): ?(.*)$/s.exec(line) ?? [];
    if (word === 'sender') sender ??= value;
    else if (word === 'recipient') recipients.push(value);
    else if (word === 'named_attribute') {
      const at = value.indexOf('=');
      const name = value.slice(0, at);
      if (at > 0 && !DULL.test(name)) facts.push([name, value.slice(at + 1)]);
    }
  }
  return { sender, recipients, facts };
}

// Records of `name=value` lines, the last word of each recipient holds.
function readReasons(lines: readonly string[]): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  let recipient: string | null = null;
  for (const line of lines) {
    if (line.startsWith('recipient=')) recipient = line.slice('recipient='.length);
    else if (line.startsWith('reason=') && recipient !== null)
      reasons.set(recipient, line.slice('reason='.length));
    else if (line === '') recipient = null;
  }
  return reasons;
}

function readHeaders(lines: readonly string[]): readonly (readonly [string, string])[] {
  const headers: [string, string][] = [];
  for (const line of lines) {
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) {
      last[1] += ` ${line.trim()}`;
      continue;
    }
    const [, name, value = ''] = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/s.exec(line) ?? [];
    if (name !== undefined) headers.push([name, value.trimEnd()]);
  }
  return headers;
}
