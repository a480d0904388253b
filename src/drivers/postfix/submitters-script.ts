// A listing with the login of each message, which only the queue file has (`sasl_username`): one perl reads the list
// and looks into each file on the way, some 20 us a message. Loaded only when somebody asks for logins.
import { quoteWord } from '../../transport/quote.js';
import { CHOOSE_INSTANCE } from './instance.js';
import { QUEUE_CONF, QUEUE_FILES_PERL } from './queue-files.js';

// A line `submitter HEX` stands before that of its message; JSON never begins so. A message that moved while it was
// listed is looked for where it may have gone.
const LIST_PERL = String.raw`
open my $list, '-|', 'postqueue', '-j' or die "mailctl: postqueue does not start\n";
while (my $line = <$list>) {
  my ($queue) = $line =~ /"queue_name": *"([a-z]{1,20})"/;
  my ($id) = $line =~ /"queue_id": *"([0-9A-Za-z]{5,64})"/;
  if (defined $queue && defined $id) {
    my $file;
    for my $where ($queue, 'active', 'deferred', 'hold') {
      last if sysopen $file, path($where, $id), O_RDONLY | O_NOFOLLOW;
    }
    if ($file) {
      my (undef, undef, undef, $login) = envelope($file, 'sasl_username');
      print 'submitter ', unpack('H*', $login), "\n" if defined $login && $login ne '' && length $login <= 4096;
    }
  }
  print $line;
}
close $list;
exit($? & 127 ? 70 : $? >> 8);
`;

/** As the plain listing, with the logins. */
export const LIST_WITH_SUBMITTERS_SCRIPT = `${CHOOSE_INSTANCE}
command -v perl > /dev/null || { echo 'there is no perl, which reads the login of a message from its file' >&2; exit 69; }
printf 'kept-back %s\\n' "$(postconf -h defer_transports 2> /dev/null | tr -s ', \\n' ' ')"
conf=$(${QUEUE_CONF})
exec perl -e ${quoteWord(QUEUE_FILES_PERL + LIST_PERL)} -- "$conf"
`;
