// The pump of a drain: for some seconds it keeps so many messages of each lot in flight, on the host itself, since a
// delivery takes less time than a question to the host. A message is released as Postfix's own flush server does it
// (flush_send_file, 2.x and 3.x): its file's time becomes now, the file moves to incoming, and the queue manager is
// told to look there: no back-off is overridden, no site's mark forgotten, no other message touched. What is deferred
// again has its own new back-off. Ids, senders and arrival are stdin and are compared with the file before.
import { quoteWord } from '../../transport/quote.js';
import { CHOOSE_INSTANCE } from './instance.js';
import { QUEUE_CONF, QUEUE_FILES_PERL } from './queue-files.js';

// Stdin: `lot WINDOW PER-SECOND|- CONNECTIONS|- YIELD`, then `credit RELEASES`, `reuses N` and `peer ADDRESS`
// (hexadecimal bytes) lines of it, then `hop N` and,
// of that hop, `watch ID` and `ID ARRIVAL|- =SENDER|*` lines, and `wide N` before those that make so many connections.
// Out: `fate ID F`, `failed ID WHY`, `reuses LOT N`, `in-flight N`,
// `other SECONDS`, `at SECONDS`, and `done` last.
//
// What is limited is connections. The queue manager has finished ones kept for two seconds for the next message of a
// hop that it has more mail for (smtp_connection_cache_on_demand), whatever the hop that opened it, so that there are
// more of them than messages in flight. The kernel is asked some hundred times a second for all to port 25, by netlink
// (sock_diag(7), which leaves out the thousands in TIME_WAIT): how many are open, and which of them lie idle, because
// the far side spoke last. A message is let go when one lies idle that it can take, or when it may open one. Until the
// kernel shows what it did it counts as one that is still to be opened: open + let go just now <= limit, always, so that
// no assumption about the server can lead above it. A place or two are left for those that are under way to an idle one.
//
// One that lies idle is free for a message only where no message of ours has it still: what has come to its end and not
// landed yet is about to put its own away, and a message that comes too early opens another.
//
// A hop of which the queue manager has nothing in hand is forgotten by it, and its next message opens one beside all that
// lie idle. So some hops are kept in hand at the same time, and a new one is brought there by two messages that land one
// after the other. Where the very last place is taken, only a message goes that must take an idle one: its hop stays in
// hand, the ones before it did, nothing else is under way; where that was wrong once it is not done again for long.
// Below six places there is none to spare: there each hop is let run empty before its next message goes, by which the queue
// manager never comes to keep one. As long as no peer is known, kept ones are counted as if all were kept; so are they
// where messages land and no connection is ever seen: through a smarthost, or to another port.
//
// After the answer the pump goes on in the background until the next one comes (they take locks on two folders of the
// queue; Postfix takes none there), at most a second and a half: else every hop would run dry between two questions.
const PUMP_PERL = String.raw`
use Time::HiRes qw(time sleep); use Socket;
# So many of a hop that it has not in hand does the queue manager try at once (initial_destination_concurrency), and one
# more for each that has landed.
use constant FIRST_FEW => 5;
$SIG{PIPE} = 'IGNORE';
my ($for_ms) = @ARGV;
my (@lots, $lot, %ours, %fate, %lot_of);
my ($hop, $wide) = (0, 1);
while (my $line = <STDIN>) {
  chomp $line;
  if ($line =~ /^lot (\d{1,9}) (-|\d{1,9}(?:\.\d{1,6})?) (-|\d{1,9}) (\d{1,9})$/) {
    $lot = { window => $1, rate => $2 eq '-' ? undef : $2, most => $3 eq '-' ? undef : $3, yield => $4, todo => {}, order => [], flying => {}, let => 0, ended => 0, deferred => 0, peers => 0, kept => {},
      open => 0, idle => 0, busy => 0, seen => {}, rests => {}, closing => {}, openers => [], takers => [], settle => 1, hops => {}, took => 0.1, more => 0, more_at => 0, idle_at => 0, widest => 1, may => 0, trust => 0, credit => 1 };
    push @lots, $lot; $wide = 1; next;
  }
  next unless $lot;
  if ($line =~ /^peer ([0-9a-f]{8}|[0-9a-f]{32})$/) { $lot_of{pack 'H*', $1} = $lot; $lot->{peers}++; next }
  if ($line =~ /^credit (-?\d{1,9}\.\d{1,6})$/) { $lot->{credit} = $1; next }
  if ($line =~ /^reuses (-?\d{1,6})$/) { $lot->{trust} = $1; next }
  if ($line =~ /^hop (\d{1,9})$/) { $hop = $1; next }
  if ($line =~ /^wide ([1-9]\d{0,3})$/) { $wide = $1; next }
  if ($line =~ /^watch ([A-Za-z0-9]{5,64})$/) { $lot->{flying}{$1} = [$hop, 0, 1]; $lot->{may}++; my $h = $lot->{hops}{$hop} ||= {}; $h->{flying}++; $h->{landed} = $h->{flying} >= 3; $h->{most} = $h->{flying} < FIRST_FEW ? FIRST_FEW : $h->{flying}; $ours{$1} = 1; next }
  my ($id, $arrival, $sender) = split / /, $line, 3;
  next unless defined $sender && $sender =~ /^[*=]/ && $id =~ /^[A-Za-z0-9]{5,64}$/ && $arrival =~ /^(?:-|\d{1,15})$/;
  my $key = [$id, $arrival, $sender, $hop, 0, $wide, scalar @{$lot->{order}}];
  $lot->{widest} = $wide if $wide > $lot->{widest};
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
  elsif (!$postkick && -p $path && sysopen(my $fifo, $path, O_WRONLY | O_NONBLOCK)) { syswrite $fifo, 'I'; close $fifo; return 1 }
  $postkick = 1;
  return system('postkick', 'public', 'qmgr', 'I') == 0;
}
# Connections to port 25 that hold a place at the far side, by peer: SYN sent or received, established, our end said
# (FIN_WAIT1, FIN_WAIT2, CLOSING), their end said (CLOSE_WAIT). One that only waits for their end, which may never
# come, counts for a second. Idle: established, nothing sent since the far side's last word.
my ($diag, $six, $sampled, $sample_s) = (undef, 0, 0, 0);
my $now_s = time;
sub dump_family {
  my ($family) = @_;
  my $states = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 11;
  my $request = pack('L S S L L', 72, 20, 0x301, 1, 0) . pack('C C C C L', $family, 6, 2, 0, $states) . pack('n n', 0, 25) . "\0" x 44;
  send($diag, $request, 0) or return;
  while (1) {
    my $answer = '';
    defined recv($diag, $answer, 65536, 0) or return;
    return if $answer eq '';
    for (my $at = 0; $at + 16 <= length $answer; ) {
      my ($length, $type) = unpack 'L S', substr $answer, $at, 6;
      return 1 if $type == 3;
      return if $type == 2 || $length < 16;
      if ($length >= 88 && unpack('n', substr $answer, $at + 22, 2) == 25) {
        my $peer = substr $answer, $at + 40, 16;
        $peer = substr $peer, 0, 4 if $family == 2;
        $peer = substr $peer, 12, 4 if $family == 10 && substr($peer, 0, 12) eq "\0" x 10 . "\xff\xff";
        my $lot = $lot_of{$peer};
        if ($lot) {
          my ($one, $state) = (substr($answer, $at + 20, 36), ord substr $answer, $at + 17, 1);
          if ($state == 5) {
            my $since = $lot->{closing}{$one} || $now_s;
            $lot->{ends}{$one} = $since;
            $lot->{open}++ if $now_s - $since < 1;
          }
          else {
            $lot->{open}++;
            my ($rests, $more, $end) = (0, $at + 88, $at + $length);
            while ($state == 1 && $more + 4 <= $end) {
              my ($size, $what) = unpack 'S S', substr $answer, $more, 4;
              last if $size < 4;
              if ($what == 2 && $size >= 60) {
                my ($sent, $heard) = (unpack 'L3', substr $answer, $more + 48, 12)[0, 2];
                $rests = 1 if $heard < $sent;
              }
              $more += ($size + 3) & ~3;
            }
            $lot->{idle}++ if $rests;
            $lot->{busy}++ if $state == 1 && !$rests;
            # One that is being closed was taken by nobody.
            $lot->{now}{$one} = $state == 1 ? $rests : 2;
          }
        }
      }
      $at += ($length + 3) & ~3;
    }
  }
}
# The oldest of those that are under way did what the kernel shows, also where it has landed since the last look. Each of
# a hop well in hand that took what lay idle is a reason to trust that the next one will; where one had to and did not, it
# is not relied upon for long.
use constant { TRUSTED => 20, MOST_TRUST => 60, BROKEN_TRUST => -1000 };
sub take_off {
  my ($lot, $opened) = @_;
  for my $which ($opened ? qw(openers takers) : qw(takers openers)) {
    my $one = shift @{$lot->{$which}} or next;
    if ($which eq 'takers' && $one->[2]) {
      if (!$opened) { $lot->{trust}++ if $lot->{trust} < MOST_TRUST }
      elsif ($one->[2] == 2) { $lot->{trust} = BROKEN_TRUST }
      elsif ($lot->{trust} > 0) { $lot->{trust} = int($lot->{trust} / 2) }
    }
    return $one;
  }
  return;
}
# The kernel does not tell: a fifth is kept free, as where nobody counts.
sub blind_lot {
  my ($lot) = @_;
  return unless $lot->{peers};
  $lot->{peers} = 0;
  $lot->{window} = int($lot->{window} * 0.8) || 1 if $lot->{window} > 0;
  return;
}
sub blind { undef $diag; blind_lot($_) for @lots; return }
sub sample {
  my ($must) = @_;
  my $now = time;
  return unless %lot_of && defined $diag && ($must || $now - $sampled >= 2 * $sample_s);
  $_->{open} = 0, $_->{idle} = 0, $_->{busy} = 0, $_->{now} = {}, $_->{ends} = {} for @lots;
  my $ok = dump_family(2);
  $ok &&= dump_family(10) if $six;
  $sampled = time; $sample_s = $sampled - $now;
  return blind() if !$ok;
  for my $lot (@lots) {
    next unless $lot->{peers};
    # What is delivered there goes another way: through a smarthost, or to another port.
    $lot->{shown} = 1 if $lot->{open};
    if (!$lot->{shown} && !$lot->{trust} && ($lot->{ended} >= 3 || !$lot->{sampled} && $lot->{may} >= 3)) { blind_lot($lot); next }
    $lot->{closing} = $lot->{ends};
    my ($seen, $shown) = ($lot->{seen}, $lot->{now});
    if ($lot->{sampled}) {
      for my $one (keys %$shown) {
        if (!exists $seen->{$one}) {
          # A new one. How long it takes here is learned from it. One that nobody was let go for is somebody else's.
          my $let = take_off($lot, 1);
          if ($let) { my $took = 3 * ($sampled - $let->[1]); $lot->{settle} = $took if $took > $lot->{settle} }
          else { $lot->{more}++ if $lot->{more} * 2 < $lot->{window}; $lot->{more_at} = $sampled }
        }
        elsif ($seen->{$one} == 1 && !$shown->{$one}) { take_off($lot, 0) }
      }
    }
    if ($lot->{more} && $sampled - $lot->{more_at} > 5) { $lot->{more}--; $lot->{more_at} = $sampled }
    $lot->{settle} *= 0.999; $lot->{settle} = 0.3 if $lot->{settle} < 0.3; $lot->{settle} = 3 if $lot->{settle} > 3;
    if (!$lot->{sampled}) {
      # Of those that fly the newest wait in line still, where fewer are busy: each may open one beside those that lie idle.
      my %known = map { $_->[0] => 1 } @{$lot->{openers}};
      my $waits = keys(%{$lot->{flying}}) - ($lot->{open} - $lot->{idle}) - keys %known;
      if ($waits > 0) {
        my %moved = map { $_ => (Time::HiRes::stat(path('active', $_)))[10] || $sampled } grep { !$known{$_} } keys %{$lot->{flying}};
        push @{$lot->{openers}}, map { [$_, $sampled] } (sort { $moved{$b} <=> $moved{$a} } keys %moved)[0 .. $waits - 1];
      }
    }
    # One may be taken between two looks. Those that fly have a busy one each, but for those that are under way.
    my $waits = $lot->{may} - $lot->{open} + $lot->{idle};
    for my $list ($lot->{takers}, $lot->{openers}) {
      while (@$list && @{$lot->{takers}} + @{$lot->{openers}} > $waits && $sampled - $list->[0][1] > 0.02) { shift @$list }
    }
    $lot->{seen} = $shown; $lot->{sampled} = 1;
    # Has the server kept one for a while, where it should not?
    if ($lot->{idle}) { $lot->{idle_at} ||= $sampled; $lot->{keeps} = 1 if $sampled - $lot->{idle_at} > 0.25 } else { $lot->{idle_at} = 0 }
  }
}
$six = 1 if grep { length $_ == 16 } keys %lot_of;
if (%lot_of && !(socket($diag, 16, SOCK_RAW, 4) && bind($diag, pack 'S S L L', 16, 0, 0, 0))) { blind() }
# Of messages in flight alone: every one that ended is taken to have left a connection for two seconds and a half.
sub blind_places {
  my ($lot) = @_;
  my $kept = 0;
  for my $times (values %{$lot->{kept}}) { @$times = grep { $_ > $now_s - 2.5 } @$times; $kept += @$times }
  return $lot->{window} - keys(%{$lot->{flying}}) - $kept;
}
# Lets one go; true: it went.
sub let_go {
  my ($lot, $key) = @_;
  my ($id, $hop, $wide) = @$key[0, 3, 5];
  return if $key->[4];
  $key->[4] = 1;
  my $did = release(@$key);
  if (!$did) {
    my $at = where($id);
    if ($at eq 'active' || $at eq 'incoming') { flies($lot, $id, $hop, $wide) } else { $fate{$id} = $at eq 'hold' ? 'held' : $at }
    return;
  }
  return if $did == 1;
  flies($lot, $id, $hop, $wide); $lot->{let}++;
  shift @{$lot->{kept}{$hop}} if $lot->{kept}{$hop};
  return 1;
}
sub flies {
  my ($lot, $id, $hop, $wide) = @_;
  $lot->{flying}{$id} = [$hop, $now_s, $wide];
  $lot->{may} += $wide;
  my $h = $lot->{hops}{$hop} ||= {};
  $h->{most} = FIRST_FEW unless $h->{flying};
  $h->{flying}++;
  $h->{let_at} = $now_s;
}
sub next_of {
  my ($queue) = @_;
  while (@$queue) { return $queue->[0] unless $queue->[0][4]; shift @$queue }
  return;
}
my $down = 0;
my $began = time;
my $last_kick = 0;
# What the pump before us has let go after its answer, and what of it is so fresh that it may open one yet.
for my $lot (@lots) {
  my @fresh;
  for my $key (@{$lot->{order}}) {
    my ($id, $hop, $wide) = @$key[0, 3, 5];
    next if -e path('hold', $id);
    $key->[4] = 1;
    my $at = where($id);
    if ($at eq 'active' || $at eq 'incoming') { flies($lot, $id, $hop, $wide); $lot->{flying}{$id}[1] = 0; my $h = $lot->{hops}{$hop}; $h->{let_at} = 0; $h->{landed} = $h->{flying} >= 3; $h->{most} = $h->{flying} if $h->{most} < $h->{flying} }
    else { $fate{$id} = $at eq 'hold' ? 'held' : $at }
  }
  for my $id (keys %{$lot->{flying}}) {
    my $moved = (Time::HiRes::stat(path('active', $id)))[10];
    # Its own is seen by now, or will be in a moment.
    push @{$lot->{openers}}, [$id, $began - $lot->{settle} + 0.03] if !defined $moved || $began - $moved < 0.01;
  }
}
# The next of a hop that is not in hand, for one of the last places: the oldest, and after half of its time another of its
# hop, so that there is one in flight when it lands.
sub cold {
  my ($lot, $at, $is_warm) = @_;
  my $group = $lot->{group};
  if (defined $group && $at->($group) && !$is_warm->($group)) {
    my $key = next_of($lot->{todo}{$group} || []);
    return $key && $at->($group) < 2 && $now_s - $lot->{hops}{$group}{let_at} > $lot->{took} * 0.5 ? $key : undef if $key;
  }
  return if grep { $at->($_) && !$is_warm->($_) } keys %{$lot->{hops}};
  my $first;
  for my $hop (keys %{$lot->{todo}}) {
    next if $is_warm->($hop);
    my $key = next_of($lot->{todo}{$hop}) or next;
    $first = $key if !$first || $key->[6] < $first->[6];
  }
  return $first;
}
# Lets go what the connections allow; the number that went.
sub pour_bounded {
  my ($lot, $free) = @_;
  my ($flying, $moved) = (scalar keys %{$lot->{flying}}, 0);
  return 0 if $lot->{window} <= 0;
  my $limit = $lot->{most} - $lot->{more};
  $limit = 1 if $limit < 1;
  for my $list ($lot->{openers}, $lot->{takers}) { shift @$list while @$list && ($list->[0][1] < $now_s - $lot->{settle} || !$lot->{flying}{$list->[0][0]}) }
  my $waits = @{$lot->{openers}} + @{$lot->{takers}};
  # A connection of ours that the kernel does not show is at an address that nobody knows.
  my $open = $lot->{open};
  $open = $lot->{may} - $waits if $lot->{may} - $waits > $open;
  my $small = $limit < 6 && !$lot->{keeps};
  # So many are under way at once to one that lies idle; now and then one opens another all the same.
  my $spare = $small ? 0 : 1 + int($limit * 0.008 / ($lot->{took} + 0.008));
  if ($lot->{widest} > 1 && !$small) { my $more = int($limit / 4); $more = $lot->{widest} if $lot->{widest} < $more; $spare = $more if $more > $spare }
  my $hops = $lot->{hops};
  my $line = $lot->{order};
  # Fewer hops with some messages each: one of which nothing is in hand opens a connection for every message.
  my $at = sub { my $h = $hops->{$_[0]}; return $h && $h->{flying} || 0 };
  my $is_warm = sub { my $h = $hops->{$_[0]}; return $h && $h->{landed} && $h->{flying} };
  # Two of a hop that is not in hand, half a message's time apart, bring it there, also where all has landed at once.
  my $is_dry = !grep { $is_warm->($_) } keys %$hops;
  $spare = 2 if $spare == 1 && $limit >= 12;
  while ($free > 0 && $open + $waits <= $limit) {
    my $key;
    if ($open + $waits < $limit && $flying + $moved < $lot->{window}) {
      # One more connection: for the oldest, with some more of its hop.
      if ($small) {
        for my $one (@$line) { if (!$one->[4] && !$is_warm->($one->[3])) { $key = $one; last } }
      }
      elsif ($open + $waits < $limit - $spare) {
        $key = next_of($lot->{todo}{$lot->{group}} || []) if defined $lot->{group} && $at->($lot->{group}) < 4;
        $key ||= next_of($line);
        my $h = $key && $hops->{$key->[3]};
        if ($h && $h->{flying} && $h->{flying} >= $h->{most}) {
          # One more of this would wait for the others of its hop.
          my $room;
          for my $hop (keys %{$lot->{todo}}) {
            next if $at->($hop) && $at->($hop) >= $hops->{$hop}{most};
            my $one = next_of($lot->{todo}{$hop}) or next;
            $room = $one if !$room || $one->[6] < $room->[6];
          }
          $key = $room if $room;
        }
      }
      # The last places are for others only where that stops nothing.
      elsif ($is_dry || $lot->{trust} >= TRUSTED) { $key = cold($lot, $at, $is_warm) }
      my $wide = $key ? $key->[5] : 1;
      if ($key && ($wide < 2 || $open + $waits + $wide <= $limit - $spare || $open + $waits == 0)) {
        $lot->{group} = $key->[3];
        if (let_go($lot, $key)) { push @{$lot->{openers}}, map { [$key->[0], $now_s] } 1 .. $wide; $waits += $wide; $free--; $moved++; $lot->{yield}-- if $lot->{yield} > 0 }
        next;
      }
      undef $key;
    }
    # Those that lie idle and are no one's: what has not landed may be about to put its own away.
    my $sure = $lot->{open} - $lot->{may};
    $sure = $lot->{idle} if $lot->{idle} < $sure;
    last if $small || $sure <= $lot->{yield} || $flying + $moved >= $lot->{window} + 2 + $lot->{window} / 8;
    # Where the last place is taken one at a time goes that cannot but take an idle one.
    my $must = $open + $waits >= $limit;
    last if $must && ($lot->{trust} < TRUSTED || $sure < 2 || $waits);
    # For one of a hop that the queue manager has in hand, and will have when it sees it: the oldest. But some hops that
    # have more are kept in hand, so that others can go on when one runs out.
    my ($kept, $other, $in_hand) = (undef, undef, 0);
    for my $hop (sort { $at->($b) <=> $at->($a) } grep { $is_warm->($_) } keys %$hops) {
      my $n = $at->($hop);
      next if $n >= $hops->{$hop}{most};
      # It stays in hand meanwhile: the far side is at work on some of it. What is being closed is no work.
      next if $must && $lot->{busy} - $flying - $moved + $n < 4;
      my $one = next_of($lot->{todo}{$hop} || []) or next;
      if ($n >= 4) { $key = $one if !$key || $one->[6] < $key->[6] }
      elsif (@{$lot->{todo}{$hop}} >= 10 && $in_hand < $limit / 5) { $kept ||= $one }
      else { $other ||= $one }
      $in_hand++;
    }
    $key = $kept || $key || $other;
    last unless $key;
    # One that makes several connections waits until as many lie idle, and the others behind it.
    my $wide = $key->[5];
    last if $wide > 1 && ($must || $sure < $wide || $open + $waits + $wide > $limit);
    my $is_solid = $must ? 2 : $at->($key->[3]) >= 3 ? 1 : 0;
    if (let_go($lot, $key)) { push @{$lot->{takers}}, map { [$key->[0], $now_s, $is_solid] } 1 .. $wide; $waits += $wide; $free--; $moved++ }
  }
  return $moved;
}
sub pump {
my ($end, $in_background) = @_;
while (1) {
  my ($moved, $left, $room) = (0, 0, 0);
  $now_s = time;
  my @landed;
  for my $lot (@lots) {
    my $last = 0;
    for my $id (keys %{$lot->{flying}}) {
      my $at = where($id);
      next if $at eq 'active' || $at eq 'incoming';
      my ($hop, $since, $wide) = @{delete $lot->{flying}{$id}};
      $lot->{may} -= $wide;
      my $h = $lot->{hops}{$hop};
      # What the queue manager may not have taken up yet does not keep the hop in its hand.
      my $late = grep { my $one = $lot->{flying}{$_->[0]}; $one && $one->[0] eq $hop } @{$lot->{openers}}, @{$lot->{takers}};
      $h->{landed} = --$h->{flying} > $late ? 1 : 0;
      $h->{most}++;
      push @{$lot->{kept}{$hop}}, $now_s;
      if ($since) { my $took = $now_s - $since; $lot->{took} += ($took - $lot->{took}) / 20 }
      $fate{$id} = $at eq 'hold' ? 'held' : $at;
      $lot->{ended}++; $lot->{deferred}++ if $at eq 'deferred';
      push @landed, [$lot, $hop];
    }
    # Most of it comes back: mailctl must judge that first.
    $lot->{window} = 0 if $lot->{deferred} > 2 && $lot->{deferred} * 2 > $lot->{ended};
  }
  # What has landed is not counted as under way any more: what it has opened must be seen first.
  sample(scalar @landed);
  for my $lot (@lots) {
    my $free = $lot->{window};
    $free -= keys %{$lot->{flying}} unless defined $lot->{most} && $lot->{peers};
    if (defined $lot->{rate}) {
      my $may = int($lot->{rate} * ($now_s - $began) + $lot->{credit} + 1000) - 1000 - $lot->{let};
      $free = $may if $may < $free;
    }
    if (!defined $lot->{most}) {
      while ($free > 0) { my $key = next_of($lot->{order}) or last; if (let_go($lot, $key)) { $free--; $moved++ } }
    }
    elsif ($lot->{peers}) { $moved += pour_bounded($lot, $free) }
    else {
      my $places = blind_places($lot);
      # One of the same hop for each that landed, as long as it has more in flight.
      my %again;
      for (@landed) {
        my ($of, $hop) = @$_;
        next if $of != $lot;
        last if $free <= 0;
        next unless $again{$hop}++ < ($lot->{hops}{$hop}{flying} || 0);
        my $key = next_of($lot->{todo}{$hop} || []) or next;
        if (let_go($lot, $key)) { $free--; $moved++; $places-- }
      }
      while ($free > 0 && $places > 0) { my $key = next_of($lot->{order}) or last; if (let_go($lot, $key)) { $free--; $places--; $moved++ } }
    }
    shift @{$lot->{order}} while @{$lot->{order}} && $lot->{order}[0][4];
    $left += @{$lot->{order}} if $lot->{window} > 0;
    $room += keys %{$lot->{flying}};
  }
  if ($moved || ($room && $now_s - $last_kick > 0.5)) { $down = 1 unless kick(); $last_kick = $now_s }
  last if $down || $now_s >= $end || !$left || $in_background && !flock $next, 5;
  flock $next, 8 if $in_background;
  # A third of a core at the very most, and a fiftieth of a message's time is soon enough.
  my $rest = 2 * (time - $now_s);
  $rest = 0.002 if $rest < 0.002; $rest = 0.01 if $rest > 0.01;
  sleep($rest);
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
print "reuses $_ $lots[$_]{trust}\n" for grep { $lots[$_]{sampled} } 0 .. $#lots;
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
