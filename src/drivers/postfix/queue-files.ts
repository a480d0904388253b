// What is known of Postfix's queue files (3.x): where the file of an id is, and its envelope records. Perl text for
// the scripts that look at thousands of messages at once; perl-base is on every host that has ever seen a package
// manager. A record is a type, a length of 7 bits a byte, and its data; the envelope ends where type M begins, so
// that nothing of a message's own text can pass for one.

/** Perl: folders of the queue and the record reader. Arguments are the lines of QUEUE_CONF. */
export const QUEUE_FILES_PERL = String.raw`
use strict; use Fcntl;
my ($spool, $depth, $hashed) = split /\n/, shift @ARGV;
die "mailctl: no queue_directory\n" unless defined $spool && $spool =~ m{^/} && chdir $spool;
$depth = 1 unless defined $depth && $depth =~ /^\d$/;
my %hashed = map { $_ => 1 } split /[\s,]+/, defined $hashed ? $hashed : '';
my $n = 0;
my %digit = map { $_ => $n++ } split //, '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
# The letters that the folders of an id come from: of the microseconds of a long id, else its first ones. What follows
# the last z is a number of 51 digits: all of them but that z.
sub letters {
  my ($id) = @_;
  return substr($id, 0, $depth) unless rindex($id, 'z') >= 10 && $id =~ /^[0-9B-Zb-z]{6,}([0-9B-Zb-z]{4})z[0-9B-Zb-y]+$/;
  my $usec = 0;
  for (split //, $1) { return substr($id, 0, $depth) unless exists $digit{$_}; $usec = $usec * 52 + $digit{$_} }
  return substr(sprintf('%05X', $usec), 0, $depth);
}
sub path {
  my ($queue, $id) = @_;
  return "$queue/$id" unless $hashed{$queue};
  return "$queue/" . letters($id) . "/$id" if $depth == 1;
  return join '/', $queue, split(//, letters($id)), $id;
}
# Arrival (undef: none), sender, size of the content of an open file; with $until also the value of that attribute,
# which stands before the first recipient.
sub envelope {
  my ($file, $until) = @_;
  my ($data, $at, $arrival, $sender, $size, $value) = ('', 0);
  while (1) {
    my ($type, $length, $shift, $head) = ('', 0, 0, $at);
    my $byte = 128;
    until (length($data) > $head + 6) { last unless sysread $file, $data, 4096, length $data }
    last if length($data) < $head + 2;
    $type = substr $data, $head++, 1;
    while ($byte & 128 && $shift < 35 && $head < length $data) {
      $byte = ord substr $data, $head++, 1;
      $length |= ($byte & 127) << $shift; $shift += 7;
    }
    last if $byte & 128 || $length > 10000000;
    until (length($data) >= $head + $length) { last unless sysread $file, $data, 4096 + $length, length $data }
    last if length($data) < $head + $length;
    $at = $head + $length;
    if ($type eq 'T') { $arrival = $1 if !defined $arrival && substr($data, $head, $length) =~ /^\s*(\d+)/ }
    elsif ($type eq 'C') { $size = $1 if substr($data, $head, $length) =~ /^\s*(\d+)/ }
    elsif ($type eq 'S') { $sender = substr $data, $head, $length unless defined $sender; last unless $until }
    elsif ($type eq 'A') {
      if ($until && index(substr($data, $head, $length), "$until=") == 0) { $value = substr $data, $head + 1 + length $until, $length - 1 - length $until; last }
    }
    elsif ($type eq 'M' || $type eq 'E' || ($until && $type =~ /[ORD]/)) { last }
  }
  return ($arrival, $sender, $size, $value);
}
# The same for the common case, arrival and sender only: records of less than 128 bytes, taken apart at once.
sub short_envelope {
  my ($file) = @_;
  my ($data, $arrival);
  return unless sysread $file, $data, 1024;
  my @records = eval { unpack '(a1 C/a)12', $data };
  for (my $at = 0; $at < @records; $at += 2) {
    my ($type, $text) = @records[$at, $at + 1];
    last if !defined $text || length $text > 127;
    if ($type eq 'S') { return ($arrival, $text) if $at + 3 < @records; last }
    if ($type eq 'T' && !defined $arrival) { $arrival = $1 if $text =~ /^\s*(\d+)/ }
    elsif ($type =~ /[MERO]/) { last }
  }
  sysseek $file, 0, 0;
  return envelope($file);
}
# A sender as it can be compared with what a listing says of it, which quotes and replaces: see comparableSender.
sub comparable {
  my ($text) = @_;
  $text =~ tr/"\\//d; $text =~ s/[^\x21-\x7e]+/?/g;
  return $text eq 'MAILER-DAEMON' ? '' : $text;
}
`;

/** Shell: what QUEUE_FILES_PERL takes as its first argument. */
export const QUEUE_CONF = 'postconf -hx queue_directory hash_queue_depth hash_queue_names 2> /dev/null';

/**
 * A sender as it can be compared with the queue file's own: `postqueue -j` writes the quoted form of an address and
 * `?` for what is not fit to print, the file has it bare.
 */
export function comparableSender(sender: string): string {
  const text = sender.replace(/["\\]/g, '').replace(/[^\x21-\x7e]+/g, '?');
  return text === 'MAILER-DAEMON' ? '' : text;
}
