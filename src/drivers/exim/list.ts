// Lists an Exim spool by one process on the host, which reads every header file: exact sizes and arrivals, and the
// state, which `exim -bp` leaves out. `hold` is frozen, `active` has its body locked by a delivery, `incoming` was
// never tried, `corrupt` has a header file that cannot be read; all else is `deferred`.
import type { QueueMessage, QueueRecipient } from '../../queue/message.js';
import { arrivalOfId, MESSAGE_ID } from './message-id.js';
import { spoolScript } from './spool-files.js';

const FIELD = '\x1f';

/**
 * Perl: one message as a line, fields by US, what is no text as \xHH: `m ID STATE ARRIVAL SIZE SENDER SUBMITTER
 * [RECIPIENT REASON]...`, and `c ID SIZE` where the header file cannot be read. Nothing where it is gone.
 */
export const MESSAGE_PERL = String.raw`
my $US = "\x1f";
sub message_line {
  my ($id, $folder, $locked, $journaled) = @_;
  my $path = "input/$folder$id";
  my $text = slurp("$path-H");
  return '' unless defined $text || -e "$path-H";
  my @data = stat "$path-D";
  my $message = defined $text ? parse_header($text, $id) : undef;
  return join($US, 'c', $id, (defined $text ? length $text : 0) + (@data ? $data[7] : 0)) . "\n" unless $message;
  journal("$path-J", $message->{done}) if $journaled;
  my @waiting = waiting($message);
  my $options = $message->{options};
  my %why = reasons($id, $folder, @waiting);
  my $state = exists $options->{frozen} ? 'hold' : @data && $locked->{$data[1]} ? 'active'
    : !%why && exists $options->{deliver_firsttime} ? 'incoming' : 'deferred';
  return (join($US, 'm', $id, $state, $message->{arrival}, size_of($message, $id, @data ? $data[7] : 0), escaped($message->{sender}),
    exists $options->{auth_id} ? '=' . escaped($options->{auth_id}) : '',
    map { (escaped($_), exists $why{$_} ? escaped($why{$_}) : '') } @waiting) . "\n", $message, $text);
}
`;

export const LIST_SCRIPT = spoolScript(
  `${MESSAGE_PERL}${String.raw`
my $locked = locked();
for my $sub (folders()) {
  my $folder = $sub eq '' ? '' : "$sub/";
  opendir my $dir, "input/$folder" or next;
  my (@ids, %journal);
  while (defined(my $name = readdir $dir)) {
    if ($name =~ /^($ID)-H$/) { push @ids, $1 } elsif ($name =~ /^($ID)-J$/) { $journal{$1} = 1 }
  }
  for my $id (@ids) { my ($line) = message_line($id, $folder, $locked, $journal{$id}); print $line }
}
close STDOUT or die "mailctl: the list could not be written\n";
`}`,
);

/** What a line of the list is. */
export type ParsedLine =
  | { readonly kind: 'message'; readonly message: QueueMessage }
  | { readonly kind: 'malformed'; readonly what: string };

/** Reads one line of LIST_SCRIPT's answer. */
export function parseListLine(queue: string, host: string, line: string): ParsedLine {
  const [kind = '', id = '', ...fields] = line.split(FIELD);
  if (!MESSAGE_ID.test(id)) return { kind: 'malformed', what: 'no message id' };
  const common = { queue, host, id };
  if (kind === 'c' && fields.length === 1) {
    const [size = ''] = fields;
    return {
      kind: 'message',
      message: {
        ...common,
        state: 'corrupt',
        arrivedAt: arrivalOfId(id),
        sizeBytes: wholeNumber(size) ?? 0,
        sender: null,
        submitter: null,
        recipients: [],
      },
    };
  }
  const [state = '', arrival = '', size = '', sender, submitter = '', ...rest] = fields;
  if (kind !== 'm' || sender === undefined || rest.length % 2 !== 0)
    return { kind: 'malformed', what: 'a line that is cut or no message' };
  const byAddress = new Map<string, QueueRecipient>();
  for (let at = 0; at < rest.length; at += 2) {
    const address = unescaped(rest[at] ?? '');
    const reason = unescaped(rest[at + 1] ?? '') || null;
    if (byAddress.get(address)?.reason == null) byAddress.set(address, { address, reason });
  }
  return {
    kind: 'message',
    message: {
      ...common,
      state: state || 'unknown',
      arrivedAt: wholeNumber(arrival),
      sizeBytes: wholeNumber(size) ?? 0,
      sender: unescaped(sender),
      submitter: submitter.startsWith('=') ? unescaped(submitter.slice(1)) : null,
      recipients: [...byAddress.values()],
    },
  };
}

/** Undoes the perl's `escaped`. */
export function unescaped(text: string): string {
  return text.includes('\\')
    ? text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
}

function wholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}
