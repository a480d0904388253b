// The acting script: looks at every message again and hands the ids to Exim's own command in the same breath, two of
// it at once while the next are looked at, and reads what it says of each (verified on 4.96). Ids and senders are
// stdin, never words of a shell. Exim itself locks what it changes, message by message.
//
// A deletion locks the message's data file as Exim itself does before it delivers (fcntl on ID-D), so that nothing
// delivers or removes it meanwhile, and renames its files into a folder of ours on the spool's own file system, the
// header first: with it the message leaves the queue, whole and at once, and at no moment it is in both places. What
// another process has locked is left alone. What was removed stands in Exim's own main log.
import { ACT_PERL_COMMON } from '../../queue/act-perl.js';
import { GUARD_FD } from '../../queue/act-words.js';
import { LOCATE_LOG } from './locate-log.js';
import { spoolScript } from './spool-files.js';

/** Deliveries at once of a flush: Exim has no queue manager, each is a process of its own. */
export const FLUSH_AT_ONCE = 10;
/** Seconds after which a flush begins no more of them. */
export const FLUSH_SECONDS = 600;

/** Of Exim's own command at once: there is a lock for each message, and the log takes whole lines. */
const AT_ONCE = 2;
/** Messages that are looked at before the first of them begins, and those of one call: what it says fits into a pipe. */
const AT_LEAST = 50;
const AT_MOST = 1000;

// Stdin: `ID ARRIVAL|- =SENDER|*` a line. Out: `gone|already ID`, `failed ID WHY`, `changed N`, `full HAVE MORE MOST`.
const ACT_PERL = String.raw`
$SIG{PIPE} = 'IGNORE'; umask 077; $| = 1;
my ($act, $run, $expires, $most) = @ARGV;
my $exim = $ENV{exim};
my $changed = 0;
my $SAVED_NAME = qr/^$ID-H$/;
${ACT_PERL_COMMON}
sub fits_key { my ($message, $arrival, $sender) = @_; return ($arrival eq '-' || $message->{arrival} == $arrival) && ($sender eq '*' || '=' . comparable($message->{sender}) eq $sender) }
# The message of a key: its folder, what its header says, that header's text. Nothing where it is gone.
sub look {
  my ($id, $arrival, $sender) = @_;
  my $folder = folder_of($id);
  my $text = defined $folder ? slurp("input/$folder$id-H") : undef;
  if (!defined $text) { said('gone', $id); return }
  my $message = parse_envelope($text, $id);
  if (!$message) {
    if ($act eq 'delete' && $arrival eq '-') { said('failed', $id, 'its header file cannot be read: exim -Mrm ' . $id) } else { said('failed', $id, 'its header file cannot be read') }
    return;
  }
  if (!fits_key($message, $arrival, $sender)) { said('gone', $id, 'is another message'); return }
  return ($folder, $message, $text);
}
sub keys_of_stdin {
  my ($each) = @_;
  while (my $line = <STDIN>) {
    $each->($1, $2, $3) if $line =~ /^($ID) (-|\d{1,15}) ([*=].*)$/;
  }
}
# Is it the message that is meant, where most are? The first lines tell; what is not answered here is looked at in full.
my $split = grep { -d "input/$_" } 0 .. 9, 'A' .. 'Z', 'a' .. 'z';
sub quick {
  my ($id, $arrival, $sender) = @_;
  my $path = $split ? 'input/' . substr($id, 5, 1) . "/$id-H" : "input/$id-H";
  my ($file, $text);
  sysopen($file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) && sysread $file, $text, 1024 or return 0;
  my $first = "$id-H\n";
  return 0 unless substr($text, 0, length $first) eq $first;
  pos($text) = length $first;
  $text =~ /\G.+ -?\d+ -?\d+\n<(.*)>\n(\d+) \d+\n/gc or return 0;
  return ($arrival eq '-' || $2 == $arrival) && ($sender eq '*' || $sender eq "=$1");
}
# Exim's own command for many ids. Two of them work at once, on messages of their own, while we go on looking.
my @busy;
sub start_exim {
  my ($flag, @ids) = @_;
  my $pid = open my $out, '-|';
  die "mailctl: no process: $!\n" unless defined $pid;
  if (!$pid) { open STDIN, '<', '/dev/null'; open STDERR, '>&', \*STDOUT; exec $exim, $flag, @ids or kill 'KILL', $$ }
  push @busy, [$pid, $out, @ids];
}
# Reads those that have ended, and waits until no more than so many work.
sub settle_until {
  my ($most) = @_;
  my @still;
  while (my $one = shift @busy) {
    my ($pid, @rest) = @$one;
    # 1 is WNOHANG, wherever there is an Exim.
    if (@still + @busy >= $most || waitpid($pid, 1)) { settle(@rest) } else { push @still, $one }
  }
  @busy = @still;
}
# What it said of each, the last word counts.
sub settle {
  my ($out, @ids) = @_;
  my %word;
  while (<$out>) { chomp; $word{$1} = $2 if /^(?:exim: )?(?:Message|Spool data file for|Spool read error for) ($ID)(?:-[HD])?:? (.*)$/ }
  close $out;
  for my $id (@ids) {
    my $said = $word{$id};
    if (!defined $said) { said('failed', $id, 'exim said nothing of it') }
    elsif ($said =~ /^is (?:now|no longer) frozen/) { $changed++ }
    elsif ($said =~ /^is (?:already|not) frozen/) { said('already', $id) }
    elsif ($said =~ /does not exist|No such file/) { said('gone', $id) }
    else { said('failed', $id, $said) }
  }
}

if ($act eq 'hold' || $act eq 'release') {
  my ($flag, $seen, $least, @next) = ($act eq 'hold' ? '-Mf' : '-Mt', 0, ${AT_LEAST});
  keys_of_stdin(sub {
    my ($id) = @_;
    quick(@_) or look(@_) or return;
    push @next, $id;
    return if ++$seen % ${AT_LEAST};
    settle_until(@next >= ${AT_MOST} ? ${AT_ONCE} - 1 : ${AT_ONCE});
    # A start costs what fifty messages do: the first ones are soon, those after them are fewer.
    if (@busy < ${AT_ONCE} && @next >= $least) { start_exim($flag, @next); @next = (); $least *= 2 if $least < ${AT_LEAST * 8} }
  });
  # What is left is shared by as many as may work.
  while (@next) {
    settle_until(${AT_ONCE} - 1);
    start_exim($flag, splice @next, 0, @next > ${AT_LEAST * 4} ? @next / 2 : @next);
  }
  settle_until(0);
}
elsif ($act eq 'flush' || $act eq 'retry') {
  my @ids;
  keys_of_stdin(sub {
    my ($id) = @_;
    my ($folder, $message) = look(@_) or return;
    if (exists $message->{options}{frozen}) { said('failed', $id, 'is on hold: release it first'); return }
    push @ids, $id;
  });
  my $busy = 0;
  if ($act eq 'retry') {
    my $locked = locked();
    for my $sub (folders()) { my $folder = $sub eq '' ? '' : "$sub/"; opendir my $dir, "input/$folder" or next; for (readdir $dir) { next unless /-D$/; my @stat = stat "input/$folder$_"; $busy++ if @stat && $locked->{$stat[1]} } }
  }
  try_now(@ids) if @ids;
  $changed = @ids;
  print 'in-flight ', $busy + @ids, "\n";
}
elsif ($act eq 'delete') { delete_all() }
elsif ($act eq 'restore') { restore_all() }
elsif ($act eq 'expire') { $run = ''; forget_expired() }
print "changed $changed\n";
close STDOUT or die "mailctl: the answer could not be written\n";

# Deliveries take as long as the far side does: they go on behind our back, so many at once, and are begun for a while.
sub try_now {
  my @ids = @_;
  my $pid = fork; die "mailctl: no process: $!\n" unless defined $pid;
  if ($pid) { waitpid $pid, 0; return }
  require POSIX; POSIX::setsid(); POSIX::close(${GUARD_FD});
  my $child = fork; POSIX::_exit(0) if !defined $child || $child;
  chdir '/'; open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
  my ($until, $running) = (time + ${FLUSH_SECONDS}, 0);
  for my $id (@ids) {
    last if time > $until;
    if ($running >= ${FLUSH_AT_ONCE}) { wait; $running-- }
    my $one = fork; next unless defined $one;
    if (!$one) { exec $exim, '-M', $id or kill 'KILL', $$ }
    $running++;
  }
  1 while wait > 0;
  POSIX::_exit(0);
}

sub link_over { my ($from, $to) = @_; return 1 if link $from, $to; unlink $to; return link $from, $to }
sub unsave { my ($id) = @_; unlink map { "$saved/$run/$id-$_" } qw(H D J log folder) }
# What an earlier try has left behind of a message whose header it has moved: its other files follow.
sub follow {
  my ($id) = @_;
  my $folder = folder_saved($id);
  for my $kind (qw(D J)) { rename "input/$folder$id-$kind", "$saved/$run/$id-$kind" if -e "input/$folder$id-$kind" && !-e "$saved/$run/$id-$kind" }
  rename "msglog/$folder$id", "$saved/$run/$id-log" if -e "msglog/$folder$id" && !-e "$saved/$run/$id-log";
}
sub folder_saved {
  my ($id) = @_;
  my $folder = slurp("$saved/$run/$id-folder");
  return defined $folder && $folder =~ s/\n$// && $folder =~ m{^[0-9A-Za-z]/$} && -d "input/$folder" ? $folder : '';
}
# The lock that Exim takes on the data file of a message that it works on: struct flock of 64-bit Linux.
sub locked_data {
  my ($path) = @_;
  sysopen(my $file, $path, O_RDWR | O_NOFOLLOW) or return;
  my $lock = pack 'ssx4qqix4', F_WRLCK, 0, 0, 0, 0;
  return fcntl($file, F_SETLK, $lock) ? $file : undef;
}

sub delete_all {
  require Config;
  die "mailctl: perl cannot lock as Exim does here, which takes Linux with 64 bits: exim -Mrm ID\n" unless $^O eq 'linux' && $Config::Config{ivsize} == 8;
  private_folder($saved); private_folder("$saved/$run");
  forget_expired();
  my (@keys, %seen, $sum);
  $sum = 0;
  keys_of_stdin(sub {
    my ($id, $arrival, $sender) = @_;
    if (!defined folder_of($id) && defined(my $text = slurp("$saved/$run/$id-H"))) {
      # What an earlier try of this run has saved and removed is done.
      my $message = parse_envelope($text, $id);
      if ($message && fits_key($message, $arrival, $sender)) { follow($id); said('already', $id); return }
    }
    my ($folder, $message, $text) = look(@_) or return;
    return if $seen{$id}++;
    my $bytes = (-s "input/$folder$id-D" || 0) + length $text;
    $sum += $bytes;
    push @keys, [$id, $folder, $bytes];
  });
  return unless @keys;
  my $ours = must_fit($sum);
  keep_until();
  write_whole("$saved/$run/.bytes", ($ours + $sum) . "\n");
  my $back = 0;
  my $log = open_log();
  for my $key (@keys) {
    my ($id, $folder, $bytes) = @$key;
    my $path = "input/$folder$id";
    my $why = 'is being delivered at this moment';
    my $data = locked_data("$path-D");
    if (!$data) {
      $back += $bytes;
      if (!-e "$path-H") { said('gone', $id) } else { said('failed', $id, -e "$path-D" ? $why : "has no data file: exim -Mrm $id") }
      next;
    }
    write_whole("$saved/$run/$id-folder", "$folder\n") if $folder ne '';
    if (!rename "$path-H", "$saved/$run/$id-H") {
      $back += $bytes;
      if ($!{ENOENT}) { said('gone', $id) } else { said('failed', $id, "could not be saved: $!") }
      unlink "$saved/$run/$id-folder"; next;
    }
    if (!rename "$path-D", "$saved/$run/$id-D") {
      my $error = "could not be saved: $!";
      rename "$saved/$run/$id-H", "$path-H"; $back += $bytes; said('failed', $id, $error); next;
    }
    follow($id);
    $changed++;
    print $log stamp(), "$id removed by mailctl, saved in $spool/$saved/$run\n", stamp(), "$id Completed\n" if $log;
  }
  close $log if $log;
  write_whole("$saved/$run/.bytes", ($ours + $sum - $back) . "\n") if $back;
}
# Exim's main log, or what hands a line to syslog where Exim writes there.
my $stamped = 0;
sub open_log {
  my $path = $ENV{log}; my $log;
  if (defined $path && $path =~ m{^/}) { $stamped = 1; return sysopen($log, $path, O_WRONLY | O_APPEND | O_NOFOLLOW) && -f $log ? $log : undef }
  return open($log, '|-', 'exec logger -t exim -p mail.info 2> /dev/null') ? $log : undef;
}
sub stamp { return '' unless $stamped; my @t = localtime; return sprintf '%04d-%02d-%02d %02d:%02d:%02d ', $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0] }
sub restore_all {
  my $back = 0;
  keys_of_stdin(sub {
    my ($id, $arrival, $sender) = @_;
    my $text = slurp("$saved/$run/$id-H");
    my $message = defined $text ? parse_envelope($text, $id) : undef;
    if (!$message || !fits_key($message, $arrival, $sender)) { said(defined folder_of($id) ? 'already' : 'gone', $id); return }
    if (defined folder_of($id)) { unsave($id); said('already', $id); return }
    my $bytes = (-s "$saved/$run/$id-D" || 0) + length $text;
    my $folder = folder_saved($id);
    my $path = "input/$folder$id";
    link_over("$saved/$run/$id-log", "msglog/$folder$id") if -e "$saved/$run/$id-log";
    link_over("$saved/$run/$id-J", "$path-J") if -e "$saved/$run/$id-J";
    # The header last: with it the message is there.
    my $has_data = -e "$saved/$run/$id-D" ? link_over("$saved/$run/$id-D", "$path-D") : -e "$path-D";
    if (!$has_data || !link("$saved/$run/$id-H", "$path-H")) {
      said('failed', $id, "could not be put back: $!"); unlink "$path-D" if -e "$saved/$run/$id-D" && !-e "$path-H"; return;
    }
    unsave($id);
    $changed++; $back += $bytes;
  });
  give_back($back, qw(.bytes .expires));
}
`;

// Only a deletion writes to the log; asking Exim where that is takes three of its processes.
const FIND_LOG = `
log=
if [ "$1" = delete ]; then
${LOCATE_LOG}
  case $path in */*) ;; *) log= ;; esac
fi
export log
`;

/** `$1` act, `$2` run, `$3` epoch seconds of its expiry, `$4` bytes that all saved messages may take. */
export const ACT_SCRIPT = FIND_LOG + spoolScript(ACT_PERL);
