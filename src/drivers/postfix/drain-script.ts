// The pump of a drain: for some seconds it keeps so many messages of each lot in flight, on the host itself, since a
// delivery takes less time than a question to the host. A message is released as Postfix's own flush server does it
// (flush_send_file, 2.x and 3.x): its file's time becomes now, the file moves to incoming, and the queue manager is
// told to look there: no back-off is overridden, no site's mark forgotten, no other message touched. What is deferred
// again has its own new back-off. Ids, senders and arrival are stdin and are compared with the file before.
import { quoteWord } from '../../transport/quote.js';
import { CHOOSE_INSTANCE } from './instance.js';
import { QUEUE_CONF, QUEUE_FILES_PERL } from './queue-files.js';

// Stdin: `lot WINDOW PER-SECOND|- CONNECTIONS|-`, then its `peer ADDRESS` (hexadecimal bytes) lines, then `hop N` and,
// of that hop, `watch ID` and `ID ARRIVAL|- =SENDER|*` lines. Out: `fate ID F`, `failed ID WHY`, `in-flight N`,
// `other SECONDS`, `at SECONDS`, and `done` last.
//
// Connections: the queue manager has finished ones kept for a second or two, each for its own next hop
// (smtp_connection_cache_on_demand), so that more are open than messages in flight. So a message that lands is
// replaced by one of the same hop, which takes its connection or opens one in its place: that never makes more of
// them. Only while fewer are open than allowed others are let go. The kernel is asked for connections to port 25 by
// netlink (sock_diag(7)), which leaves out the thousands in TIME_WAIT; as long as no peer is known, kept ones are
// counted as if all were kept. A hop that has nothing in flight any more is forgotten by the queue manager: what was
// kept for it is not taken again, so that it is not replaced either.
//
// After the answer the pump goes on in the background until the next one comes (they take locks on two folders of the
// queue; Postfix takes none there), at most a second and a half: else every hop would run dry between two questions.
const PUMP_PERL = String.raw`
use Time::HiRes qw(time sleep); use Socket;
$SIG{PIPE} = 'IGNORE';
my ($for_ms) = @ARGV;
my (@lots, $lot, %ours, %fate, %lot_of);
my $hop = 0;
while (my $line = <STDIN>) {
  chomp $line;
  if ($line =~ /^lot (\d{1,9}) (-|\d{1,9}(?:\.\d{1,6})?) (-|\d{1,9})$/) {
    $lot = { window => $1, rate => $2 eq '-' ? undef : $2, most => $3 eq '-' ? undef : $3, todo => {}, order => [], flying => {}, let => 0, ended => 0, deferred => 0, open => 0, seen => {}, peers => 0, recent => {}, kept => {}, settle => 1, spared => 0 };
    push @lots, $lot; next;
  }
  next unless $lot;
  if ($line =~ /^peer ([0-9a-f]{8}|[0-9a-f]{32})$/) { $lot_of{pack 'H*', $1} = $lot; $lot->{peers}++; next }
  if ($line =~ /^hop (\d{1,9})$/) { $hop = $1; next }
  if ($line =~ /^watch ([A-Za-z0-9]{5,64})$/) { $lot->{flying}{$1} = $hop; $lot->{recent}{$1} = time - 0.5; $ours{$1} = 1; next }
  my ($id, $arrival, $sender) = split / /, $line, 3;
  next unless defined $sender && $sender =~ /^[*=]/ && $id =~ /^[A-Za-z0-9]{5,64}$/ && $arrival =~ /^(?:-|\d{1,15})$/;
  my $key = [$id, $arrival, $sender, $hop];
  push @{$lot->{todo}{$hop}}, $key; push @{$lot->{order}}, $key; $ours{$id} = 1;
}
# One pump at a time: who comes says so by a lock on deferred, and waits for the one on hold.
sysopen(my $mine, 'hold', O_RDONLY) && sysopen(my $next, 'deferred', O_RDONLY) or die "mailctl: $spool: $!\n";
flock $next, 2 or die "mailctl: no lock: $!\n";
flock $mine, 2 or die "mailctl: no lock: $!\n";
flock $next, 8;
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
# Connections to port 25 that hold a place at the far side, by peer.
my ($diag, $six, $sampled, $sample_s) = (undef, 0, 0, 0);
my $now_s = time;
sub dump_family {
  my ($family) = @_;
  my $states = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8;
  my $request = pack('L S S L L', 72, 20, 0x301, 1, 0) . pack('C C C C L', $family, 6, 0, 0, $states) . pack('n n', 0, 25) . "\0" x 44;
  send($diag, $request, 0) or return;
  while (1) {
    my $answer = '';
    defined recv($diag, $answer, 65536, 0) or return;
    return if $answer eq '';
    for (my $at = 0; $at + 16 <= length $answer; ) {
      my ($length, $type) = unpack 'L S', substr $answer, $at, 6;
      return 1 if $type == 3;
      return if $type == 2 || $length < 16;
      if ($length >= 72 && unpack('n', substr $answer, $at + 22, 2) == 25) {
        my $peer = substr $answer, $at + 40, 16;
        $peer = substr $peer, 0, 4 if $family == 2;
        $peer = substr $peer, 12, 4 if $family == 10 && substr($peer, 0, 12) eq "\0" x 10 . "\xff\xff";
        my $lot = $lot_of{$peer};
        if ($lot) { $lot->{open}++; $lot->{now}{substr $answer, $at + 20, 36} = 1 }
      }
      $at += ($length + 3) & ~3;
    }
  }
}
sub sample {
  my $now = time;
  return unless %lot_of && defined $diag && $now - $sampled >= ($sample_s > 0.002 ? 4 * $sample_s : 0.004);
  $_->{open} = 0, $_->{now} = {} for @lots;
  my $ok = dump_family(2);
  $ok &&= dump_family(10) if $six;
  $sampled = time; $sample_s = $sampled - $now;
  if (!$ok) { undef $diag; $_->{peers} = 0 for @lots; return }
  for my $lot (@lots) {
    next unless $lot->{peers};
    # A new connection is the oldest release's that has none yet; how long that takes here is learned from it. What
    # takes a kept one is not seen to, and counts as without for as long.
    for my $one (keys %{$lot->{now}}) {
      next if $lot->{seen}{$one} || !$lot->{sampled};
      my ($oldest) = sort { $lot->{recent}{$a} <=> $lot->{recent}{$b} } keys %{$lot->{recent}};
      next unless defined $oldest;
      my $took = 3 * ($sampled - delete $lot->{recent}{$oldest});
      $lot->{settle} = $took if $took > $lot->{settle};
    }
    $lot->{settle} *= 0.999; $lot->{settle} = 0.3 if $lot->{settle} < 0.3; $lot->{settle} = 3 if $lot->{settle} > 3;
    $lot->{seen} = $lot->{now}; $lot->{sampled} = 1;
    for my $id (keys %{$lot->{recent}}) { delete $lot->{recent}{$id} if $lot->{recent}{$id} < $sampled - $lot->{settle} }
  }
}
$six = 1 if grep { length $_ == 16 } keys %lot_of;
if (%lot_of && !(socket($diag, 16, SOCK_RAW, 4) && bind($diag, pack 'S S L L', 16, 0, 0, 0))) { undef $diag; $_->{peers} = 0 for @lots }
# Connections that may still be opened; what was let go just now may open one.
sub places {
  my ($lot) = @_;
  return $lot->{window} - $lot->{open} - keys %{$lot->{recent}} if $lot->{peers};
  my $kept = 0;
  for my $times (values %{$lot->{kept}}) { @$times = grep { $_ > $now_s - 2.5 } @$times; $kept += @$times }
  return $lot->{window} - keys(%{$lot->{flying}}) - $kept;
}
# Lets one go; true: it went.
sub let_go {
  my ($lot, $key) = @_;
  my ($id, $hop) = @$key[0, 3];
  return if $key->[4];
  $key->[4] = 1;
  my $did = release(@$key);
  if (!$did) {
    my $at = where($id);
    if ($at eq 'active' || $at eq 'incoming') { $lot->{flying}{$id} = $hop } else { $fate{$id} = $at eq 'hold' ? 'held' : $at }
    return;
  }
  return if $did == 1;
  $lot->{flying}{$id} = $hop; $lot->{let}++; $lot->{recent}{$id} = $now_s;
  shift @{$lot->{kept}{$hop}} if $lot->{kept}{$hop};
  return 1;
}
sub next_of {
  my ($queue) = @_;
  while (@$queue) { my $key = shift @$queue; return $key unless $key->[4] }
  return;
}
my $down = 0;
my $began = time;
my $last_kick = 0;
# What the pump before us has let go after its answer.
for my $lot (@lots) {
  for my $key (@{$lot->{order}}) {
    my ($id, $hop) = @$key[0, 3];
    next if -e path('hold', $id);
    $key->[4] = 1;
    my $at = where($id);
    if ($at eq 'active' || $at eq 'incoming') { $lot->{flying}{$id} = $hop; $lot->{recent}{$id} = $began - 0.5 }
    else { $fate{$id} = $at eq 'hold' ? 'held' : $at }
  }
}
sub pump {
my ($end, $in_background) = @_;
while (1) {
  my ($moved, $left, $room) = (0, 0, 0);
  sample();
  $now_s = time;
  for my $lot (@lots) {
    my @landed;
    for my $id (keys %{$lot->{flying}}) {
      my $at = where($id);
      next if $at eq 'active' || $at eq 'incoming';
      my $hop = delete $lot->{flying}{$id}; delete $lot->{recent}{$id};
      push @landed, $hop; push @{$lot->{kept}{$hop}}, $now_s;
      $fate{$id} = $at eq 'hold' ? 'held' : $at;
      $lot->{ended}++; $lot->{deferred}++ if $at eq 'deferred';
    }
    # Most of it comes back: mailctl must judge that first.
    $lot->{window} = 0 if $lot->{deferred} > 2 && $lot->{deferred} * 2 > $lot->{ended};
    my $free = $lot->{window} - keys %{$lot->{flying}};
    if (defined $lot->{rate}) {
      my $may = int($lot->{rate} * ($now_s - $began) + 1) - $lot->{let};
      $free = $may if $may < $free;
    }
    my $bounded = defined $lot->{most};
    my $places = $bounded ? places($lot) : $free;
    # One of the same hop for each that landed, unless too many are open already.
    my (%left, %again); $left{$_}++ for values %{$lot->{flying}};
    if ($bounded) {
      for my $hop (@landed) {
        last if $free <= 0;
        next unless $left{$hop} && $again{$hop}++ < $left{$hop};
        # Above the window some are to spare before one is taken, since now and then one is not.
        my $over = $lot->{open} - $lot->{window};
        next if $over > 0 && ($lot->{open} > $lot->{most} || $lot->{open} - keys(%{$lot->{flying}}) <= 2 * $over);
        my $key = next_of($lot->{todo}{$hop} || []) or next;
        if (let_go($lot, $key)) { $free--; $moved++; $places-- }
      }
    }
    # A kept connection that nobody took, now and then: by a hop that is in line, so that it is taken.
    if ($bounded && $lot->{peers} && $free > 0 && $places <= 0 && $lot->{open} <= $lot->{window} && $lot->{open} - keys(%{$lot->{flying}}) > 1 && $now_s - $lot->{spared} > 0.03) {
      for my $hop (sort { $left{$b} <=> $left{$a} } keys %left) {
        my $key = next_of($lot->{todo}{$hop} || []) or next;
        if (let_go($lot, $key)) { $free--; $moved++; $lot->{spared} = $now_s; last }
      }
    }
    while ($free > 0 && $places > 0) {
      my $key = next_of($lot->{order}) or last;
      if (let_go($lot, $key)) { $free--; $places--; $moved++ }
    }
    shift @{$lot->{order}} while @{$lot->{order}} && $lot->{order}[0][4];
    $left += @{$lot->{order}} if $lot->{window} > 0;
    $room += keys %{$lot->{flying}};
  }
  if ($moved || ($room && $now_s - $last_kick > 0.5)) { $down = 1 unless kick(); $last_kick = $now_s }
  last if $down || $now_s >= $end || !$left || $in_background && !flock $next, 5;
  flock $next, 8 if $in_background;
  sleep($room > 64 ? 0.01 : 0.004);
}
}
pump($began + $for_ms / 1000);
for my $lot (@lots) {
  for my $id (keys %{$lot->{flying}}) {
    my $at = where($id);
    $fate{$id} = $at eq 'incoming' ? 'waiting' : $at eq 'hold' ? 'held' : $at;
  }
  for my $key (@{$lot->{order}}) { $fate{$key->[0]} = 'held' unless $key->[4] }
}
# Everything that is in line, and since when what is not ours waits: a file's time is when it came, or became due. What
# is being delivered waits no more, however long the far side takes: its agent keeps a lock on it.
my ($in_flight, $oldest) = (0, 0);
my %taken;
if (open my $locks, '<', '/proc/locks') {
  while (my $line = <$locks>) { $taken{$1} = 1 if $line =~ /: (?:FLOCK|POSIX|OFDLCK) .* [0-9a-f]+:[0-9a-f]+:(\d+) / }
}
my $now = time;
sub count {
  my ($folder, $depth) = @_;
  opendir my $dir, $folder or return;
  for my $name (readdir $dir) {
    next if $name =~ /^\./;
    if (length $name < 5) { count("$folder/$name", $depth + 1) if $depth < 3; next }
    $in_flight++;
    next if $ours{$name};
    my ($inode, $time) = (lstat "$folder/$name")[1, 9];
    next if !defined $time || $taken{$inode};
    my $waited = $now - $time;
    $oldest = $waited if $waited > $oldest;
  }
}
count($_, 0) for qw(incoming active);
print "fate $_ $fate{$_}\n" for keys %fate;
printf "in-flight %d\nother %.1f\nat %.3f\n", $in_flight, $oldest, $now;
print "down\n" if $down || !-e 'pid/master.pid';
print "done\n";
close STDOUT or die "mailctl: the answer could not be written\n";
exit 0 if $down || $for_ms < 500 || !grep { $_->{window} > 0 && @{$_->{order}} } @lots;
my $child = fork;
exit 0 if !defined $child || $child;
require POSIX; POSIX::setsid();
open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
pump(time + 1.5, 1);
POSIX::_exit(0);
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
