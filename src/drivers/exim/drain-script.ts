// The pump of a drain of Exim, which has no queue manager: for some seconds so many `exim -M` a lot run at once on the
// host itself, each a delivery of one message and at most one connection to one destination at a time (verified on
// 4.96: a receiver saw exactly as many as there were processes). `-M` thaws what is frozen before it tries; what is
// deferred then stays thawed, with the server's own retry times. A try that takes longer than the pump goes on alone.
import { spoolScript } from './spool-files.js';

// Stdin and answer: queue/pump-words.ts. `$1` ms.
export const PUMP_SCRIPT = spoolScript(String.raw`
use Time::HiRes qw(time sleep); use POSIX ();
$SIG{PIPE} = 'IGNORE'; $| = 1;
my ($for_ms) = @ARGV;
my $exim = $ENV{exim};
my (@lots, $lot, %fate, %child);
while (my $line = <STDIN>) {
  chomp $line;
  if ($line =~ /^lot (\d{1,9}) (-|\d{1,9}(?:\.\d{1,6})?)$/) { $lot = { window => $1, rate => $2 eq '-' ? undef : $2, todo => [], flying => {}, let => 0, ended => 0, deferred => 0, credit => 1 }; push @lots, $lot; next }
  if ($lot && $line =~ /^credit (-?\d{1,9}\.\d{1,6})$/) { $lot->{credit} = $1; next }
  next unless $lot;
  if ($line =~ /^watch ($ID)$/) { $lot->{flying}{$1} = 1; next }
  my ($id, $arrival, $sender) = split / /, $line, 3;
  next unless defined $sender && $sender =~ /^[*=]/ && $id =~ /^$ID$/ && $arrival =~ /^(?:-|\d{1,15})$/;
  push @{$lot->{todo}}, [$id, $arrival, $sender];
}
my $locked = {};
# Where it is, by its header and by the lock on its body.
sub where {
  my ($id) = @_;
  my $folder = folder_of($id);
  my $text = defined $folder ? slurp("input/$folder$id-H") : undef;
  return ('gone') unless defined $text;
  my @stat = stat "input/$folder$id-D";
  return ('active') if @stat && $locked->{$stat[1]};
  my $message = parse_envelope($text, $id, \my $at);
  return ('held', $message) unless $message;
  return (exists $message->{options}{frozen} ? 'held' : 'deferred', $message);
}
sub deliver {
  my ($id) = @_;
  my $pid = fork; return 0 unless defined $pid;
  if (!$pid) {
    POSIX::setsid();
    open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
    exec $exim, '-M', $id or POSIX::_exit(127);
  }
  $child{$pid} = $id;
  return $pid;
}
my %running;
my $began = time; my $end = $began + $for_ms / 1000;
my $looked = 0;
while (1) {
  while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) { my $id = delete $child{$pid}; delete $running{$id} if defined $id }
  my $now = time;
  my $left = 0;
  # What others deliver is known from locks, which cost more to read.
  my $look = $now - $looked > 0.2;
  if ($look) { $locked = locked(); $looked = $now }
  for my $lot (@lots) {
    for my $id (keys %{$lot->{flying}}) {
      next if $running{$id};
      next unless $look || $lot->{flying}{$id} == 2;
      my ($at) = where($id);
      next if $at eq 'active' && ($locked = locked(), (where($id))[0] eq 'active');
      ($at) = where($id);
      delete $lot->{flying}{$id};
      $fate{$id} = $at;
      $lot->{ended}++; $lot->{deferred}++ if $at eq 'deferred';
    }
    # Most of it comes back: mailctl must judge that first.
    if ($lot->{deferred} > 2 && $lot->{deferred} * 2 > $lot->{ended}) { $fate{$_->[0]} = 'held' for @{$lot->{todo}}; $lot->{todo} = [] }
    my $free = $lot->{window} - keys %{$lot->{flying}};
    if (defined $lot->{rate}) {
      my $may = int($lot->{rate} * ($now - $began) + $lot->{credit} + 1000) - 1000 - $lot->{let};
      $free = $may if $may < $free;
    }
    $free = 0 if $now >= $end;
    while ($free > 0 && @{$lot->{todo}}) {
      my ($id, $arrival, $sender) = @{shift @{$lot->{todo}}};
      my ($at, $message) = where($id);
      if ($at eq 'active') { $lot->{flying}{$id} = 1; $free--; next }
      if ($at ne 'held') { $fate{$id} = $at; next }
      if (!$message) { $fate{$id} = 'held'; print "failed $id its header file cannot be read\n"; next }
      my $same = ($arrival eq '-' || $message->{arrival} == $arrival) && ($sender eq '*' || '=' . comparable($message->{sender}) eq $sender);
      if (!$same) { $fate{$id} = 'gone'; next }
      if (!deliver($id)) { $fate{$id} = 'held'; print "failed $id no process: $!\n"; last }
      $running{$id} = 1; $lot->{flying}{$id} = 2; $lot->{let}++; $free--;
    }
    $left += @{$lot->{todo}};
  }
  last if $now >= $end || !$left;
  sleep 0.01;
}
$locked = locked();
for my $lot (@lots) {
  for my $id (keys %{$lot->{flying}}) {
    while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) { my $one = delete $child{$pid}; delete $running{$one} if defined $one }
    $fate{$id} = $running{$id} ? 'active' : (where($id))[0];
  }
  $fate{$_->[0]} = 'held' for @{$lot->{todo}};
}
print "fate $_ $fate{$_}\n" for keys %fate;
printf "at %.3f\ndone\n", time;
close STDOUT or die "mailctl: the answer could not be written\n";
`);
