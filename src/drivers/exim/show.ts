// One message of an Exim spool whole: envelope, headers and what else its header file keeps, and what the main log
// says of it. Each line comes with a letter of ours in front, so that no header or address can pass for another part.
// When it is tried next stands in a hints database that only Exim reads: it is not told.
import { CommandError } from '../../errors.js';
import type { MessageDetail } from '../../queue/driver.js';
import { quoteWord } from '../../transport/quote.js';
import type { ActPlace } from './act.js';
import { MESSAGE_PERL, parseListLine, unescaped } from './list.js';
import { LOCATE_LOG } from './locate-log.js';
import { MESSAGE_ID } from './message-id.js';
import { FIND_SPOOL, SPOOL_PERL } from './spool-files.js';

const SHOW_MS = 60_000;
/** Bytes of the log's end, and lines of it that name the message. */
const LOG_BYTES = 64 * 1024 * 1024;
const LOG_LINES = 200;
/** Bytes of headers. */
const HEADER_BYTES = 1024 * 1024;

// `m ` the message as in a list, `f NAME VALUE` what else is kept, `h ` a header, unfolded.
const SHOW_PERL = String.raw`
my ($id) = @ARGV;
exit 0 unless $id =~ /^$ID$/;
my $folder = folder_of($id);
exit 0 unless defined $folder;
my ($line, $message, $text) = message_line($id, $folder, locked(), 1);
exit 0 if $line eq '';
print "m $line";
exit 0 unless $message;
my $options = $message->{options};
print 'f login ', escaped($message->{login}), "\n";
print 'f warnings ', $message->{warned}, "\n" if $message->{warned};
print 'f ', $_, ' ', escaped($options->{$_}), "\n" for sort keys %$options;
my ($at, $most) = ($message->{headers_at}, $message->{headers_at} + ${HEADER_BYTES});
while ($at < length $text && $at < $most && substr($text, $at, 6) =~ /^(\d{3,5})(.)/) {
  my ($bytes, $skip, $kind) = ($1, length($1) + 2, $2);
  my $header = substr $text, $at + $skip, $bytes;
  $at += $skip + $bytes;
  next if $kind eq '*';
  $header =~ s/\n+$//; $header =~ s/\n[ \t]+/ /g;
  print 'h ', escaped($header), "\n";
}
`;

const SCRIPT = `${FIND_SPOOL}
id=$1
case $id in ''|*[!0-9A-Za-z-]*) exit 65 ;; esac
perl -e ${quoteWord(SPOOL_PERL + MESSAGE_PERL + SHOW_PERL)} -- "$spool" "$id" || exit
${LOCATE_LOG}
if [ -n "$log" ] && [ -r "$log" ]; then
  { [ -r "$log.1" ] && tail -c ${LOG_BYTES} -- "$log.1"; tail -c ${LOG_BYTES} -- "$log"; } 2> /dev/null |
    grep -aF -- "$id" | tail -n ${LOG_LINES} | cut -c 1-4000 | sed 's/^/l /'
fi
exit 0
`;

/** Reads it; null: the spool has no such message. @throws TransportError, CommandError */
export async function showMessage(
  { transport, host, within }: ActPlace,
  queue: string,
  id: string,
  signal?: AbortSignal,
): Promise<MessageDetail | null> {
  if (!MESSAGE_ID.test(id)) return null;
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'exim.show',
      script: SCRIPT,
      args: [id],
      readOnly: true,
      privileged: true,
      within,
      timeoutMs: SHOW_MS,
    },
    { signal },
  );
  if (status !== 0) throw new CommandError(host.name, 'reading the Exim spool', status, stderr);
  return parseShown(stdout, queue, host.name);
}

/** Exim's own business: what has to be allowed or undone, counts of lines. */
const DULL =
  /^(?:allow_unqualified_\w+|body_(?:linecount|zerocount)|max_received_linelength|received_time_(?:usec|complete)|tls_resumption|deliver_firsttime)$/;

/** Reads the script's answer. */
export function parseShown(stdout: string, queue: string, host: string): MessageDetail | null {
  const lines = stdout.split('\n');
  const part = (letter: string) =>
    lines.filter((line) => line.startsWith(`${letter} `)).map((line) => line.slice(2));
  const parsed = parseListLine(queue, host, part('m')[0] ?? '');
  if (parsed.kind !== 'message') return null;
  return {
    message: parsed.message,
    headers: part('h').flatMap((line): readonly (readonly [string, string])[] => {
      const [, name, value = ''] = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/s.exec(unescaped(line)) ?? [];
      return name === undefined ? [] : [[name, value.trimEnd()]];
    }),
    nextTryAt: null,
    log: part('l'),
    facts: part('f').flatMap((line): readonly (readonly [string, string])[] => {
      const [, name = '', value = ''] = /^(\w+) ?(.*)$/s.exec(line) ?? [];
      return name === '' || DULL.test(name) ? [] : [[name, unescaped(value)]];
    }),
  };
}
