// The acting script: looks at every message again and hands the ids to Exim's own command in the same breath, some
// hundred in one call, and reads what it says of each (verified on 4.96). Ids and senders are stdin, never words of a
// shell. Exim itself locks what it changes.
//
// A deletion freezes first, so that nothing delivers the message any more; then the files are linked into a folder of
// ours on the spool's own file system, and only then Exim removes them. The header file is kept as it was before the
// freeze; if a delivery came in between, as it is now, without the freeze. Where Exim says that it did not remove it,
// the saved copy goes: what comes back must not be delivered twice.
import { spoolScript } from './spool-files.js';

/** Folder in the spool directory; Exim looks at those only that it knows. */
export const SAVED_FOLDER = 'mailctl-saved';

/** Deliveries at once of a flush: Exim has no queue manager, each is a process of its own. */
export const FLUSH_AT_ONCE = 10;
/** Seconds after which a flush begins no more of them. */
export const FLUSH_SECONDS = 600;

// Stdin: `ID ARRIVAL|- =SENDER|*` a line. Out: `gone|already ID`, `failed ID WHY`, `changed N`, `full HAVE MORE MOST`.
export const ACT_SCRIPT = spoolScript(String.raw`
$SIG{PIPE} = 'IGNORE'; umask 077; $| = 1;
my ($act, $run, $expires, $most) = @ARGV;
my $exim = $ENV{exim};
my $saved = '${SAVED_FOLDER}';
my $changed = 0;
sub said { my ($kind, $id, $why) = @_; $why = '' unless defined $why; $why =~ s/[\x00-\x1f\x7f]+/ /g; print "$kind $id $why\n" }
sub fits_key { my ($message, $arrival, $sender) = @_; return ($arrival eq '-' || $message->{arrival} == $arrival) && ($sender eq '*' || '=' . comparable($message->{sender}) eq $sender) }
# The message of a key: its folder, what its header says, that header's text. Nothing where it is gone.
sub look {
  my ($id, $arrival, $sender) = @_;
  my $folder = folder_of($id);
  my $text = defined $folder ? slurp("input/$folder$id-H") : undef;
  if (!defined $text) { said('gone', $id); return }
  my $message = parse_header($text, $id);
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
    chomp $line;
    my ($id, $arrival, $sender) = split / /, $line, 3;
    next unless defined $sender && $sender =~ /^[*=]/ && $id =~ /^$ID$/ && $arrival =~ /^(?:-|\d{1,15})$/;
    $each->($id, $arrival, $sender);
  }
}
# Exim's own command for many ids: what it said of each, by id, the last word counts.
sub exim {
  my ($flag, @ids) = @_;
  my %word;
  while (my @some = splice @ids, 0, 500) {
    my $pid = open my $out, '-|';
    die "mailctl: no process: $!\n" unless defined $pid;
    if (!$pid) { open STDIN, '<', '/dev/null'; open STDERR, '>&', \*STDOUT; exec $exim, $flag, @some or kill 'KILL', $$ }
    while (<$out>) { chomp; $word{$1} = $2 if /^(?:exim: )?(?:Message|Spool data file for|Spool read error for) ($ID)(?:-[HD])?:? (.*)$/ }
    close $out;
  }
  return \%word;
}

if ($act eq 'hold' || $act eq 'release') {
  my @ids;
  keys_of_stdin(sub {
    my ($id) = @_;
    my ($folder, $message) = look(@_) or return;
    if (exists $message->{options}{frozen} == ($act eq 'hold')) { said('already', $id); return }
    push @ids, $id;
  });
  my $word = exim($act eq 'hold' ? '-Mf' : '-Mt', @ids);
  for my $id (@ids) {
    my $said = $word->{$id};
    if (!defined $said) { said('failed', $id, 'exim said nothing of it') }
    elsif ($said =~ /^is (?:now|no longer) frozen/) { $changed++ }
    elsif ($said =~ /^is (?:already|not) frozen/) { said('already', $id) }
    elsif ($said =~ /does not exist|No such file/) { said('gone', $id) }
    else { said('failed', $id, $said) }
  }
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
print "changed $changed\n";
close STDOUT or die "mailctl: the answer could not be written\n";

# Deliveries take as long as the far side does: they go on behind our back, so many at once, and are begun for a while.
sub try_now {
  my @ids = @_;
  my $pid = fork; die "mailctl: no process: $!\n" unless defined $pid;
  if ($pid) { waitpid $pid, 0; return }
  require POSIX; POSIX::setsid();
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

sub private_folder {
  my ($folder) = @_;
  mkdir $folder, 0700;
  my @stat = lstat $folder;
  die "mailctl: $spool/$folder is no folder of ours\n" unless -d _ && !($stat[2] & 077) && $stat[4] == $>;
}
sub number_in { my ($file) = @_; open my $in, '<', $file or return 0; my $line = <$in>; return defined $line && $line =~ /^(\d{1,15})$/ ? $1 : 0 }
sub write_whole {
  my ($file, $text) = @_;
  open my $out, '>', "$file.new" or die "mailctl: $file: $!\n";
  (print $out $text) && close $out && rename("$file.new", $file) or die "mailctl: $file: $!\n";
}
sub runs { opendir my $dir, $saved or return (); return grep { /^[A-Za-z0-9][\w.+-]*$/ } readdir $dir }
sub forget_expired {
  for my $one (runs()) {
    my $until = number_in("$saved/$one/.expires");
    next if $one eq $run || !$until || $until > time;
    opendir my $dir, "$saved/$one" or next;
    unlink "$saved/$one/$_" for grep { !/^\.\.?$/ } readdir $dir;
    rmdir "$saved/$one";
  }
}
sub link_over { my ($from, $to) = @_; return 1 if link $from, $to; unlink $to; return link $from, $to }
sub unsave { my ($id) = @_; unlink map { "$saved/$run/$id-$_" } qw(H D J log folder) }
# Without the freeze, and without the mark of a thaw, which a freeze takes away: options before the first recipient.
sub thawed { my ($text) = @_; my ($envelope, $rest) = $text =~ /^(.*?\n)((?:XX|[YN][YN] ).*)$/s; return $text unless defined $rest; $envelope =~ s/^-(?:frozen \d+|manual_thaw)\n//mg; return $envelope . $rest }
# A file as Exim's own: its owner and mode.
sub write_like {
  my ($file, $text, $like) = @_;
  my @stat = stat $like or return 0;
  write_whole($file, $text);
  return chown($stat[4], $stat[5], $file) && chmod($stat[2] & 07777, $file);
}

sub delete_all {
  private_folder($saved); private_folder("$saved/$run");
  forget_expired();
  my (@keys, $sum);
  $sum = 0;
  keys_of_stdin(sub {
    my ($id, $arrival, $sender) = @_;
    if (!defined folder_of($id) && defined(my $text = slurp("$saved/$run/$id-H"))) {
      # What an earlier try of this run has saved and removed is done.
      my $message = parse_header($text, $id);
      if ($message && fits_key($message, $arrival, $sender)) { said('already', $id); return }
    }
    my ($folder, $message, $text) = look(@_) or return;
    my $bytes = (-s "input/$folder$id-D" || 0) + length $text;
    $sum += $bytes unless -e "$saved/$run/$id-H";
    push @keys, [$id, $folder, $bytes, exists $message->{options}{frozen}];
  });
  return unless @keys;
  my ($have, $ours) = (0, number_in("$saved/$run/.bytes"));
  $have += number_in("$saved/$_/.bytes") for runs();
  if ($have + $sum > $most) { print "full $have $sum $most\n"; close STDOUT; exit 3 }
  write_whole("$saved/$run/.expires", "$expires\n") if $expires > number_in("$saved/$run/.expires");
  write_whole("$saved/$run/.bytes", ($ours + $sum) . "\n");
  my $back = 0;
  while (my @some = splice @keys, 0, 500) {
    my %was;
    for my $key (@some) {
      my ($id, $folder) = @$key;
      # An earlier try may have frozen it: what it was before is saved already.
      link "input/$folder$id-H", "$saved/$run/$id-H" unless $key->[3] && -e "$saved/$run/$id-H";
      $was{$id} = slurp("$saved/$run/$id-H");
    }
    my @thawed = map { $_->[0] } grep { !$_->[3] } @some;
    my $frozen = exim('-Mf', @thawed);
    my @ready;
    for my $key (@some) {
      my ($id, $folder, $bytes, $held) = @$key;
      my $path = "input/$folder$id";
      my $now = slurp("$path-H");
      my $message = defined $now ? parse_header($now, $id) : undef;
      if (!$message || !exists $message->{options}{frozen} || !defined $was{$id}) {
        my $word = $frozen->{$id};
        unsave($id); $back += $bytes;
        if (defined $now && defined $word && $word !~ /does not exist/) { said('failed', $id, $word) } else { said('gone', $id) }
        next;
      }
      my $ok = 1;
      if (!$held && thawed($was{$id}) ne thawed($now)) { $ok = write_like("$saved/$run/$id-H", thawed($now), "$path-H") }
      $ok &&= link_over("$path-D", "$saved/$run/$id-D");
      link_over("$path-J", "$saved/$run/$id-J") if -e "$path-J";
      link_over("msglog/$folder$id", "$saved/$run/$id-log") if -e "msglog/$folder$id";
      if (!$ok) { said('failed', $id, "could not be saved: $!"); unsave($id); $back += $bytes; next }
      write_whole("$saved/$run/$id-folder", "$folder\n") if $folder ne '';
      push @ready, $key;
    }
    my $removed = exim('-Mrm', map { $_->[0] } @ready);
    for my $key (@ready) {
      my ($id, $folder, $bytes) = @$key;
      my $word = $removed->{$id};
      if (defined $word && $word eq 'has been removed') { $changed++; next }
      unsave($id); $back += $bytes;
      if (-e "input/$folder$id-H") { said('failed', $id, defined $word ? $word : 'exim said nothing of it') } else { said('gone', $id) }
    }
  }
  write_whole("$saved/$run/.bytes", ($ours + $sum - $back) . "\n") if $back;
}
sub restore_all {
  my $back = 0;
  keys_of_stdin(sub {
    my ($id, $arrival, $sender) = @_;
    my $text = slurp("$saved/$run/$id-H");
    my $message = defined $text ? parse_header($text, $id) : undef;
    if (!$message || !fits_key($message, $arrival, $sender)) { said(defined folder_of($id) ? 'already' : 'gone', $id); return }
    if (defined folder_of($id)) { unsave($id); said('already', $id); return }
    my $bytes = (-s "$saved/$run/$id-D" || 0) + length $text;
    my $folder = slurp("$saved/$run/$id-folder");
    $folder = '' unless defined $folder && $folder =~ s/\n$// && $folder =~ m{^[0-9A-Za-z]/$} && -d "input/$folder";
    my $path = "input/$folder$id";
    link_over("$saved/$run/$id-log", "msglog/$folder$id") if -e "$saved/$run/$id-log";
    link_over("$saved/$run/$id-J", "$path-J") if -e "$saved/$run/$id-J";
    # The header last: with it the message is there.
    if (!link_over("$saved/$run/$id-D", "$path-D") || !link("$saved/$run/$id-H", "$path-H")) {
      said('failed', $id, "could not be put back: $!"); unlink "$path-D" unless -e "$path-H"; return;
    }
    unsave($id);
    $changed++; $back += $bytes;
  });
  return unless $back;
  my $bytes = number_in("$saved/$run/.bytes") - $back;
  write_whole("$saved/$run/.bytes", ($bytes > 0 ? $bytes : 0) . "\n");
  opendir my $dir, "$saved/$run" or return;
  for my $name (readdir $dir) { return if $name =~ /^$ID-H$/ }
  unlink "$saved/$run/$_" for qw(.bytes .expires);
  rmdir "$saved/$run";
}
`);
