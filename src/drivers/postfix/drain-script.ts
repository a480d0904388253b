// The pump of a drain: for some seconds it keeps so many messages of each lot in flight, on the host itself, since a
// delivery takes less time than a question to the host. A message is released as Postfix's own flush server does it
// (flush_send_file, 2.x and 3.x): its file's time becomes now, the file moves to incoming, and the queue manager is
// told to look there: no back-off is overridden, no site's mark forgotten, no other message touched. What is deferred
// again has its own new back-off. Ids, senders and arrival are stdin and are compared with the file before.
import { quoteWord } from '../../transport/quote.js';
import { CHOOSE_INSTANCE } from './instance.js';
import { QUEUE_CONF, QUEUE_FILES_PERL } from './queue-files.js';

// Stdin: `lot WINDOW PER-SECOND|-`, then its `watch ID` and `ID ARRIVAL|- =SENDER|*` lines. Out: `fate ID F`,
// `failed ID WHY`, `in-flight N`, `other SECONDS`, `at SECONDS`, and `done` last.
const PUMP_PERL = String.raw`
use Time::HiRes qw(time sleep); use Socket;
$SIG{PIPE} = 'IGNORE';
my ($for_ms) = @ARGV;
my (@lots, $lot, %ours, %fate);
while (my $line = <STDIN>) {
  chomp $line;
  if ($line =~ /^lot (\d{1,9}) (-|\d{1,9}(?:\.\d{1,6})?)$/) { $lot = { window => $1, rate => $2 eq '-' ? undef : $2, todo => [], flying => {}, let => 0, ended => 0, deferred => 0 }; push @lots, $lot; next }
  next unless $lot;
  if ($line =~ /^watch ([A-Za-z0-9]{5,64})$/) { $lot->{flying}{$1} = 1; $ours{$1} = 1; next }
  my ($id, $arrival, $sender) = split / /, $line, 3;
  next unless defined $sender && $sender =~ /^[*=]/ && $id =~ /^[A-Za-z0-9]{5,64}$/ && $arrival =~ /^(?:-|\d{1,15})$/;
  push @{$lot->{todo}}, [$id, $arrival, $sender]; $ours{$id} = 1;
}
# Where it is: it moves from incoming to active and on while we look, so a miss is looked at once more.
sub where {
  my ($id) = @_;
  for (1, 2) { for my $queue (qw(active incoming deferred hold)) { return $queue if -e path($queue, $id) } }
  return 'gone';
}
sub release {
  my ($id, $arrival, $sender) = @_;
  my $path = path('hold', $id);
  sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW) or return;
  return unless -f $file;
  if (rindex($id, 'z') < 10) {
    my ($came, $from) = short_envelope($file);
    $came = (stat $file)[9] unless defined $came;
    if ($arrival ne '-' && $came != $arrival) { $fate{$id} = 'gone'; return 1 }
    unless ($sender eq '*' || defined $from && ($sender eq "=$from" || $sender eq '=' . comparable($from))) { $fate{$id} = 'gone'; return 1 }
  }
  my $to = path('incoming', $id);
  if (-e $to) { $fate{$id} = 'held'; print "failed $id incoming has another message of this id\n"; return 1 }
  my $now = int time;
  utime $now, $now, $path;
  if (!rename $path, $to) { $fate{$id} = 'held'; print "failed $id could not be moved: $!\n"; return 1 }
  return 2;
}
# One letter to the queue manager, as Postfix's own trigger protocol has it; its service is a socket or a FIFO.
my $postkick = 0;
sub kick {
  my $path = 'public/qmgr';
  if (!$postkick && -S $path && socket(my $to, PF_UNIX, SOCK_STREAM, 0)) {
    if (connect $to, pack_sockaddr_un($path)) { syswrite $to, 'I'; close $to; return 1 }
  }
  elsif (!$postkick && -p $path && sysopen(my $to, $path, O_WRONLY | O_NONBLOCK)) { syswrite $to, 'I'; close $to; return 1 }
  $postkick = 1;
  return system('postkick', 'public', 'qmgr', 'I') == 0;
}
my $down = 0;
my $began = time; my $end = $began + $for_ms / 1000;
my $last_kick = 0;
while (1) {
  my ($moved, $left, $room) = (0, 0, 0);
  my $now = time;
  for my $lot (@lots) {
    for my $id (keys %{$lot->{flying}}) {
      my $at = where($id);
      next if $at eq 'active' || $at eq 'incoming';
      delete $lot->{flying}{$id};
      $fate{$id} = $at eq 'hold' ? 'held' : $at;
      $lot->{ended}++; $lot->{deferred}++ if $at eq 'deferred';
    }
    # Most of it comes back: mailctl must judge that first.
    if ($lot->{deferred} > 2 && $lot->{deferred} * 2 > $lot->{ended}) { $fate{$_->[0]} = 'held' for @{$lot->{todo}}; $lot->{todo} = [] }
    my $free = $lot->{window} - keys %{$lot->{flying}};
    if (defined $lot->{rate}) {
      my $may = int($lot->{rate} * ($now - $began) + 1) - $lot->{let};
      $free = $may if $may < $free;
    }
    while ($free > 0 && @{$lot->{todo}}) {
      my $key = shift @{$lot->{todo}};
      my $did = release(@$key);
      if (!$did) { my $at = where($key->[0]); if ($at eq 'active' || $at eq 'incoming') { $lot->{flying}{$key->[0]} = 1; $free-- } else { $fate{$key->[0]} = $at eq 'hold' ? 'held' : $at } next }
      next if $did == 1;
      $lot->{flying}{$key->[0]} = 1; $lot->{let}++; $free--; $moved++;
    }
    $left += @{$lot->{todo}};
    $room += keys %{$lot->{flying}};
  }
  if ($moved || ($room && $now - $last_kick > 0.5)) { $down = 1 unless kick(); $last_kick = $now }
  last if $down || $now >= $end || !$left;
  sleep($room > 64 ? 0.02 : 0.005);
}
for my $lot (@lots) {
  for my $id (keys %{$lot->{flying}}) {
    my $at = where($id);
    $fate{$id} = $at eq 'incoming' ? 'waiting' : $at eq 'hold' ? 'held' : $at;
  }
  $fate{$_->[0]} = 'held' for @{$lot->{todo}};
}
# Everything that is in line, and since when what is not ours waits: a file's time is when it came, or became due.
my ($in_flight, $oldest) = (0, 0);
my $now = time;
sub count {
  my ($folder, $depth) = @_;
  opendir my $dir, $folder or return;
  for my $name (readdir $dir) {
    next if $name =~ /^\./;
    if (length $name < 5) { count("$folder/$name", $depth + 1) if $depth < 3; next }
    $in_flight++;
    next if $ours{$name};
    my $waited = $now - ((lstat "$folder/$name")[9] || $now);
    $oldest = $waited if $waited > $oldest;
  }
}
count($_, 0) for qw(incoming active);
print "fate $_ $fate{$_}\n" for keys %fate;
printf "in-flight %d\nother %.1f\nat %.3f\n", $in_flight, $oldest, $now;
print "down\n" if $down || !-e 'pid/master.pid';
print "done\n";
close STDOUT or die "mailctl: the answer could not be written\n";
`;

/** `$1` instance, `$2` ms that the windows are kept full. */
export const PUMP_SCRIPT = `${CHOOSE_INSTANCE}
command -v perl > /dev/null || { echo 'there is no perl, which keeps the windows full' >&2; exit 69; }
conf=$(${QUEUE_CONF})
exec perl -e ${quoteWord(QUEUE_FILES_PERL + PUMP_PERL)} -- "$conf" "$@"
`;

/** Prints the seconds after which a message is returned. */
export const LIFETIME_SCRIPT = `${CHOOSE_INSTANCE}
exec postconf -hx maximal_queue_lifetime
`;
