// What the acting scripts in perl share, whatever server they act on: how they answer, and the folder of ours beside a
// queue in which each run keeps what it has deleted, with the time until when (`.expires`) and the bytes of it
// (`.bytes`), that all runs of a host share a limit of. Perl text; GUARD_FD and the words are those of act-words.ts.

import { SAVED_FOLDER } from './saved-folder.js';

/**
 * Perl: `said`, and for deletions `private_folder`, `number_in`, `write_whole`, `must_fit`, `keep_until`,
 * `forget_expired` and `give_back`. Wants `$spool`, `$act`, `$run`, `$expires`, `$most`, `$changed`, and `$SAVED_NAME`:
 * what the one file of a saved message is called by which it counts.
 */
export const ACT_PERL_COMMON = String.raw`
my $saved = '${SAVED_FOLDER}';
sub said { my ($kind, $id, $why) = @_; $why = '' unless defined $why; $why =~ s/[\x00-\x1f\x7f]+/ /g; print "$kind $id $why\n" }
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
    for my $name (readdir $dir) { next if $name =~ /^\.\.?$/; if (unlink("$saved/$one/$name") && $act eq 'expire' && $name =~ $SAVED_NAME) { $changed++ } }
    rmdir "$saved/$one";
  }
}
# Ends the script when so many bytes more are not allowed; gives those that this run has saved before.
sub must_fit {
  my ($sum) = @_;
  my ($have, $ours) = (0, number_in("$saved/$run/.bytes"));
  $have += number_in("$saved/$_/.bytes") for runs();
  if ($have + $sum > $most) { print "full $have $sum $most\n"; close STDOUT; exit 3 }
  return $ours;
}
sub keep_until { write_whole("$saved/$run/.expires", "$expires\n") if $expires > number_in("$saved/$run/.expires") }
# So many bytes came back; a folder without messages goes, with these files.
sub give_back {
  my ($back, @files) = @_;
  return unless $back;
  my $bytes = number_in("$saved/$run/.bytes") - $back;
  write_whole("$saved/$run/.bytes", ($bytes > 0 ? $bytes : 0) . "\n");
  opendir my $dir, "$saved/$run" or return;
  for my $name (readdir $dir) { return if $name =~ $SAVED_NAME }
  unlink "$saved/$run/$_" for @files;
  rmdir "$saved/$run";
}
`;
