// The acting script: looks at every message again and hands it to Postfix's own command in the same breath (one perl
// in front of one `postsuper`), then compares the server's count with what was asked, since its exit status tells
// nothing. Verified on 3.7.11. Ids and senders are stdin, never words of a shell.
//
// A deleted message is renamed into a folder of ours on the queue's own file system: nothing is copied, at no moment
// is it in both places or in none, and its inode stays taken, so that its id is not given to another message and is
// still right when it comes back. From deferred and hold it goes at once: the queue manager takes a message from there
// by a rename as well, so that one of the two finds nothing. What is on its way goes by postsuper's hold. Messages
// that came back are put into hold, and released by postsuper unless they were held before.
import { ACT_PERL_COMMON } from '../../queue/act-perl.js';
import { GUARD_FD } from '../../queue/act-words.js';
import { quoteWord } from '../../transport/quote.js';
import { CHOOSE_INSTANCE } from './instance.js';
import { QUEUE_CONF, QUEUE_FILES_PERL } from './queue-files.js';

// Stdin: `ID ARRIVAL|- =SENDER|*` a line. Out: `gone|already ID`, `failed ID WHY`, `changed N`, `full HAVE MORE MOST`.
const ACT_PERL = String.raw`
$SIG{PIPE} = 'IGNORE'; umask 077;
my ($act, $run, $expires, $most) = @ARGV;
my $changed = 0;
my $SAVED_NAME = qr/^[A-Za-z0-9]{5,64}$/;
${ACT_PERL_COMMON}
my %places = (
  hold => [qw(deferred incoming active hold maildrop)], delete => [qw(deferred incoming active hold maildrop)],
  release => [qw(hold deferred incoming active)], requeue => [qw(deferred hold incoming active maildrop)],
  flush => [qw(deferred hold incoming active maildrop)], restore => [qw(hold deferred incoming active)],
);
my %so = (hold => { hold => 1 }, release => { map { $_ => 1 } qw(deferred incoming active) }, requeue => { maildrop => 1 },
  flush => { incoming => 1, active => 1, maildrop => 1 });
my %flag = (hold => '-h', delete => '-h', release => '-H', requeue => '-r');

# Where the message is now, and its file's stat; 'other': the id is another message's.
sub look {
  my ($id, $arrival, $sender, @where) = @_;
  for my $turn (1, 2) {
    for my $queue (@where) {
      my $path = $queue =~ m{/} ? "$queue/$id" : path($queue, $id);
      my (@stat, $file);
      # A long id is never used again on a host; a short one can be another message's by now.
      if (rindex($id, 'z') >= 10) { @stat = lstat $path or next }
      else { sysopen($file, $path, O_RDONLY | O_NOFOLLOW) or next; @stat = stat $file }
      next unless -f _;
      return ('unready', \@stat) unless $stat[2] & 0100 || $queue eq 'maildrop';
      return ($queue, \@stat) unless $file;
      my ($came, $from) = short_envelope($file);
      $came = $stat[9] unless defined $came;
      return ('other') if $arrival ne '-' && $came != $arrival;
      return ('other') unless $sender eq '*' || defined $from && ($sender eq "=$from" || $sender eq '=' . comparable($from));
      return ($queue, \@stat);
    }
  }
  return ('gone');
}

# Postfix's own command with ids on stdin. Its words are read, all of them, since the last line counts.
my ($to, $words, $sent, $count) = (undef, undef, 0, undef);
sub begin {
  my ($flag) = @_;
  open $words, '+>', undef or die "mailctl: no temporary file: $!\n";
  open my $err, '>&', \*STDERR or die; open STDERR, '>&', $words or die;
  my $ok = open $to, '|-', 'postsuper', $flag, '-';
  open STDERR, '>&', $err;
  die "mailctl: postsuper does not start\n" unless $ok;
}
sub finish {
  close $to; my $status = $?; $to = undef; $count = undef;
  seek $words, 0, 0;
  my $last = '';
  while (<$words>) {
    if (/^postsuper: (?:Placed on hold|Released from hold|Requeued|Deleted): (\d+) message/) { $count = $1; next }
    if (/^postsuper: (?:fatal|error|panic|warning): (.*)/) { $last = $1 }
  }
  die "mailctl: postsuper: " . ($last eq '' ? "ended with status $status and no count" : $last) . "\n" unless defined $count;
}

my @keys;
sub keys_of_stdin {
  my ($each) = @_;
  while (<STDIN>) { $each->($1, $2, $3) if /^([A-Za-z0-9]{5,64}) (-|\d{1,15}) ([*=].*)$/ }
}

# Is it at the first place that it may be, complete and the message that is meant? Most are: three calls of the system,
# nothing else. What is not answered here is looked at in full.
my $likely = exists $places{$act} ? $places{$act}[0] : '';
my $is_flat = !$hashed{$likely} || $depth != 1;
my ($file, $data);
sub quick {
  my ($id, $arrival, $sender) = @_;
  my $long = rindex($id, 'z') >= 10;
  my $path = $is_flat || $long ? path($likely, $id) : "$likely/" . substr($id, 0, 1) . "/$id";
  if ($long) { return lstat $path && -f _ && -x _ }
  sysopen($file, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) && sysread $file, $data, 1024 or return 0;
  my ($came, $at, $end, $type, $length) = ('', 0, length $data);
  while ($at + 2 < $end) {
    ($type, $length) = unpack 'a1C', substr $data, $at, 2;
    return 0 if $length > 127;
    if ($type eq 'S') {
      my $from = substr $data, $at + 2, $length;
      return $at + 2 + $length < $end && ($came eq $arrival || $arrival eq '-') && ("=$from" eq $sender || $sender eq '*');
    }
    if ($type eq 'T' && $came eq '' && substr($data, $at + 2, $length) =~ /^\s*(\d+)/) { $came = $1 }
    $at += 2 + $length;
  }
  return 0;
}

# postkick ends when pickup has taken in all that there is, which is minutes for some thousand: nobody waits for it.
sub kick_pickup {
  my $pid = fork;
  return if !defined $pid || $pid;
  require POSIX; POSIX::setsid(); POSIX::close(${GUARD_FD});
  open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
  exec 'postkick', 'public', 'pickup', 'W' or kill 'KILL', $$;
}

# The messages that an act is for, with what cannot be done said.
sub fits {
  my ($id, $arrival, $sender) = @_;
  my ($queue, $stat) = look($id, $arrival, $sender, @{$places{$act}});
  if ($queue eq 'gone' || $queue eq 'other') { said('gone', $id, $queue); return }
  if ($queue eq 'unready') { said('failed', $id, 'is still being written'); return }
  if ($so{$act}{$queue}) { said('already', $id); return }
  if ($queue eq 'maildrop') { said('failed', $id, 'is not taken in by cleanup yet'); return }
  return ($queue, $stat);
}

if ($act eq 'hold' || $act eq 'release' || $act eq 'requeue') {
  begin($flag{$act});
  keys_of_stdin(sub {
    quick(@_) or fits(@_) or return;
    push @keys, $_[0]; print $to "$_[0]\n";
  });
  finish();
  $changed = $count;
  if ($count != @keys) {
    for my $id (@keys) {
      my $held = -e path('hold', $id);
      if ($act eq 'hold' && !$held) { said('gone', $id, 'moved') }
      elsif ($act eq 'release' && $held) { said('failed', $id, 'is still on hold') }
      elsif ($act eq 'requeue' && ($held || -e path('deferred', $id))) { said('failed', $id, 'was not requeued') }
    }
  }
  if ($act eq 'requeue' && $changed) { kick_pickup() }
}
elsif ($act eq 'flush') {
  my ($bad, $why) = (0, '');
  keys_of_stdin(sub {
    my ($id) = @_;
    my ($queue) = fits(@_) or return;
    if ($queue eq 'hold') { said('failed', $id, 'is on hold: release it first'); return }
    if ($bad >= 3) { said('failed', $id, "not tried: $why"); return }
    open my $err, '+>', undef or die; open my $old, '>&', \*STDERR or die; open STDERR, '>&', $err;
    my $pid = fork; die "mailctl: no process: $!\n" unless defined $pid;
    if (!$pid) { open STDIN, '<', '/dev/null'; exec 'postqueue', '-i', $id or kill 'KILL', $$ }
    waitpid $pid, 0; my $status = $?;
    open STDERR, '>&', $old;
    if ($status == 0) { $changed++; $bad = 0; return }
    seek $err, 0, 0; local $/; $why = <$err>; $why = "status $status" unless defined $why && $why ne '';
    $bad++; said('failed', $id, $why);
  });
}
elsif ($act eq 'delete') { delete_all() }
elsif ($act eq 'restore') { restore_all() }
elsif ($act eq 'expire') { $run = ''; forget_expired() }
print "changed $changed\n";
close STDOUT or die "mailctl: the answer could not be written\n";

my @logs;
# Takes it out of a queue, with what was logged for its sender; false: it is not there.
sub save_from {
  my ($queue, $id) = @_;
  rename path($queue, $id), "$saved/$run/$id" or return 0;
  save_logs($id);
  $changed++;
  return 1;
}
sub save_logs {
  my ($id) = @_;
  for my $kind (@logs) { my $path = path($kind, $id); rename $path, "$saved/$run/$id.$kind" if -e $path }
}
sub delete_all {
  @logs = qw(defer bounce trace);
  private_folder($saved); private_folder("$saved/$run");
  forget_expired();
  my ($sum, %was, %before) = (0);
  if (opendir my $dir, "$saved/$run") { $before{$_} = 1 for readdir $dir }
  keys_of_stdin(sub {
    my ($id, $arrival, $sender) = @_;
    # What an earlier try of this run has saved is done.
    if ($before{$id}) { my ($there) = look($id, $arrival, $sender, "$saved/$run"); if ($there eq "$saved/$run") { save_logs($id); said('already', $id); return } }
    my ($queue, $stat) = fits($id, $arrival, $sender) or return;
    return if exists $was{$id};
    $was{$id} = $queue; $sum += $stat->[7];
    push @keys, [$id, $queue, $arrival, $stat->[7], $sender];
  });
  return unless @keys;
  my $ours = must_fit($sum);
  keep_until();
  open my $manifest, '>>', "$saved/$run/.manifest" or die "mailctl: manifest: $!\n";
  for my $key (@keys) { print $manifest join("\t", @$key), "\n" or die "mailctl: manifest: $!\n" }
  close $manifest or die "mailctl: manifest: $!\n";
  write_whole("$saved/$run/.bytes", ($ours + $sum) . "\n");
  open my $log, '|-', 'exec postlog -t postfix/mailctl -p info 2> /dev/null' or die;
  my $removed = sub { print $log "$_[0]: removed, saved in $spool/$saved/$run\n" };
  my ($kept, @moving) = (0);
  for my $key (@keys) {
    my ($id, $queue) = @$key;
    if (($queue eq 'deferred' || $queue eq 'hold') && save_from($queue, $id)) { $removed->($id) } else { push @moving, $key }
  }
  if (@moving) { begin('-h'); print $to "$_->[0]\n" for @moving; finish() }
  for my $key (@moving) {
    my ($id) = @$key;
    if (save_from('hold', $id)) { $removed->($id) } else { $kept += $key->[3]; said('gone', $id, 'moved') }
  }
  close $log;
  write_whole("$saved/$run/.bytes", ($ours + $sum - $kept) . "\n") if $kept;
}
sub folder_for {
  my ($path, $like) = @_;
  my @stat = stat $like;
  my @parts = split m{/}, $path; pop @parts;
  for my $end (1 .. $#parts) { my $folder = join '/', @parts[0 .. $end]; next if -d $folder; mkdir $folder, 0700 and chown $stat[4], $stat[5], $folder }
}
sub restore_all {
  my (%was, @free);
  if (open my $manifest, '<', "$saved/$run/.manifest") {
    while (<$manifest>) { my ($id, $queue) = split /\t/; $was{$id} = $queue unless exists $was{$id} }
  }
  my $back = 0;
  keys_of_stdin(sub {
    my ($id, $arrival, $sender) = @_;
    my ($there, $stat) = look($id, $arrival, $sender, "$saved/$run");
    if ($there ne "$saved/$run") {
      my ($queue) = look($id, $arrival, $sender, @{$places{restore}});
      # An earlier try may have died between putting it into hold and releasing it.
      if ($queue eq 'hold' && defined $was{$id} && $was{$id} ne 'hold') { push @free, $id; said('already', $id); return }
      said($queue eq 'gone' || $queue eq 'other' ? 'gone' : 'already', $id, $queue);
      return;
    }
    # Its inode was ours all the time: only who put copies here can have made a twin.
    for my $queue (qw(deferred hold)) { if (-e path($queue, $id)) { said('failed', $id, "$queue has another message of this id"); return } }
    for my $kind (qw(defer bounce trace)) {
      next unless -e "$saved/$run/$id.$kind";
      my $path = path($kind, $id); folder_for($path, $kind);
      link "$saved/$run/$id.$kind", $path;
      unlink "$saved/$run/$id.$kind";
    }
    my $path = path('hold', $id); folder_for($path, 'hold');
    if (!rename "$saved/$run/$id", $path) { said('failed', $id, "could not be put back: $!"); return }
    $changed++; $back += $stat->[7];
    push @free, $id unless defined $was{$id} && $was{$id} eq 'hold';
  });
  if (@free) { begin('-H'); print $to "$_\n" for @free; finish() }
  give_back($back, qw(.bytes .expires .manifest));
}
`;

/** `$1` instance, `$2` act, `$3` run, `$4` epoch seconds of its expiry, `$5` bytes that all saved messages may take. */
export const ACT_SCRIPT = `${CHOOSE_INSTANCE}
command -v perl > /dev/null || { echo 'there is no perl, which looks at each message again before an act' >&2; exit 69; }
conf=$(${QUEUE_CONF})
exec perl -e ${quoteWord(QUEUE_FILES_PERL + ACT_PERL)} -- "$conf" "$@"
`;
