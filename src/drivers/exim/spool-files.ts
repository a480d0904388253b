// What Exim keeps of a message in its spool (4.x): ID-H (envelope, what it knows, headers), ID-D (the body, locked
// while it is delivered), ID-J (recipients done since ID-H was written), msglog/ID (what was tried). Perl text for the
// scripts that look at thousands of messages at once. The size is the one that Exim itself tells. A value of an ACL
// variable may hold lines that look like anything: it is skipped by its length.
import { quoteWord } from '../../transport/quote.js';

/** Perl: finding and reading spool files. The first argument is the spool directory. */
export const SPOOL_PERL = String.raw`
use strict; use Fcntl;
my $spool = shift @ARGV;
die "mailctl: no spool_directory\n" unless defined $spool && $spool =~ m{^/} && chdir $spool;
my $ID = qr/[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})/;
my $n = 0;
my %digit = map { $_ => $n++ } 0 .. 9, 'A' .. 'Z', 'a' .. 'z';
sub arrival_of_id { my $seconds = 0; $seconds = $seconds * 62 + $digit{$_} for split //, substr $_[0], 0, 6; return $seconds }
# The folders that messages may lie in: one, and one a sixth letter with split_spool_directory, now or once.
sub folders {
  my @all = ('');
  opendir my $dir, 'input' or die "mailctl: $spool/input: $!\n";
  push @all, grep { /^[0-9A-Za-z]$/ && -d "input/$_" } readdir $dir;
  return @all;
}
# The folder of a message, undef where there is none.
sub folder_of {
  my ($id) = @_;
  for my $sub (substr($id, 5, 1), '') { my $folder = $sub eq '' ? '' : "$sub/"; return $folder if -f "input/$folder$id-H" }
  return undef;
}
sub slurp {
  my ($path) = @_;
  sysopen(my $file, $path, O_RDONLY | O_NOFOLLOW) or return undef;
  my $text = '';
  # Most are of one or two kilobytes, and a buffer costs by its size.
  sysread $file, $text, 4096;
  if (length $text == 4096) { 1 while sysread $file, $text, 65536, length $text }
  return $text;
}
# A recipient's line without what may follow the address: errors_to, parent, and the sender's DSN wishes.
sub address_of {
  my ($line) = @_;
  return $line unless $line =~ s/#(\d+)$//;
  my $flags = $1;
  for my $bit (1, 2) {
    next unless $flags & $bit;
    my $rest = $line;
    $rest =~ s/ (\d+),-?\d+$// or last;
    my $length = $1;
    last if $length > length $rest;
    $rest = substr $rest, 0, length($rest) - $length;
    $rest =~ s/ $//;
    $line = $rest;
  }
  return $line;
}
# Reads the envelope of the text of an ID-H file, and with $$at where its recipients begin. undef: it is none.
sub parse_envelope {
  my ($text, $id, $at) = @_;
  # No pattern with the id in it: it would be compiled anew for each message.
  my $first = "$id-H\n";
  return undef unless substr($text, 0, length $first) eq $first;
  pos($text) = length $first;
  $text =~ /\G(.+) -?\d+ -?\d+\n<(.*)>\n(\d+) (\d+)\n/gc or return undef;
  my %options;
  my %message = (login => $1, sender => $2, arrival => $3, warned => $4, options => \%options);
  while ($text =~ /\G--?(?:\([^)\n]*\))?(\w+)(?: (.*))?\n/gc) {
    my ($name, $value) = ($1, defined $2 ? $2 : '');
    if ($name =~ /^acl[cm]?$/ && $value =~ /(\d+)$/) {
      my $to = pos($text) + $1 + 1;
      return undef if $to > length $text;
      pos($text) = $to; next;
    }
    $options{$name} = $value;
  }
  $$at = pos $text;
  return \%message;
}
# Reads all of it.
sub parse_header {
  my ($text, $id) = @_;
  my $length = length $text;
  my $message = parse_envelope($text, $id, \my $begin) or return undef;
  my (%done, @recipients);
  my %message = (%$message, recipients => \@recipients, done => \%done);
  pos($text) = $begin;
  if ($text !~ /\GXX\n/gc) {
    for (my $open = 1; $open; ) {
      $text =~ /\G([YN])([YN]) (.*)\n/gc or return undef;
      $done{$3} = 1;
      $open += ($1 eq 'Y') + ($2 eq 'Y') - 1;
    }
  }
  $text =~ /\G(\d+)\n/gc or return undef;
  for (1 .. $1) { $text =~ /\G(.*)\n/gc or return undef; push @recipients, address_of($1) }
  $text =~ /\G\n/gc or return undef;
  my $at = $message{headers_at} = pos $text;
  # Exim itself always adds one.
  return undef if $at == $length;
  my $size = 0;
  while ($at < $length) {
    return undef unless substr($text, $at, 6) =~ /^(\d{3,5})(.)/s;
    $size += $1 unless $2 eq '*';
    $at += $1 + length($1) + 2;
  }
  return undef if $at > $length;
  $message{header_bytes} = $size;
  return \%message;
}
# Recipients that were done since the header was written.
sub journal { my ($path, $done) = @_; my $text = slurp($path); return unless defined $text; for (split /\n/, $text) { s{ /\S+$}{}; $done->{$_} = 1 } }
sub waiting { my ($message) = @_; my %seen; return grep { !$message->{done}{$_} && !$seen{$_}++ } @{$message->{recipients}} }
# The size as Exim tells it: headers and body and the empty line between; its data file begins with the id.
sub size_of { my ($message, $id, $data) = @_; my $body = $data - length("$id-D\n") + 1; return $message->{header_bytes} + ($body > 0 ? $body : 0) }
# Inodes of files that an Exim process has locked: bodies in delivery.
sub locked {
  my %inode; my %is;
  open my $locks, '<', '/proc/locks' or return \%inode;
  while (<$locks>) {
    my (undef, $kind, undef, $how, $pid, $place) = split;
    next unless defined $place && $kind eq 'POSIX' && $how eq 'WRITE' && $place =~ /:(\d+)$/;
    my $number = $1;
    $is{$pid} = (slurp("/proc/$pid/comm") || '') =~ /^exim/ unless exists $is{$pid};
    $inode{$number} = 1 if $is{$pid};
  }
  return \%inode;
}
# What the last tries of each recipient ended with. That its time has not come says less than what came before.
sub reasons {
  my ($id, $folder, @recipients) = @_;
  my $text = slurp("msglog/$folder$id");
  return () unless defined $text && $text ne '';
  $text = substr $text, -200000 if length $text > 200000;
  my (%last, %wanted); @wanted{@recipients} = ();
  for (split /\n/, $text) {
    next unless /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?(?: \[\d+\])? (.*)$/;
    my $rest = $1;
    next unless $rest =~ / defer \((-?\d+)\):? ?(.*)$/;
    my ($code, $why) = ($1, $2);
    my $head = substr $rest, 0, $-[0];
    $why = 'deferred' if $why eq '';
    my $address;
    # final <original> R=..
    if ($head =~ /^.*? <([^<>]+)>(?: (?:[A-Z]=|defer).*)?$/ && exists $wanted{$1}) { $address = $1 }
    elsif ($head =~ /^("(?:[^"\\]|\\.)*"\S*|\S+)/ && exists $wanted{$1}) { $address = $1 }
    else { next }
    $why = "$1: $why" if $why !~ /^H=/ && $head =~ / (H=\S+ \[[^\]]+\](?::\d+)?)/;
    # The retry times: -51 to -54.
    next if $code <= -51 && $code >= -54 && exists $last{$address};
    $last{$address} = $why;
  }
  return %last;
}
sub escaped { my ($text) = @_; return $text unless $text =~ /[\\\x00-\x1f\x7f]/; $text =~ s/([\\\x00-\x1f\x7f])/sprintf '\\x%02x', ord $1/ge; return $text }
# A sender as it can be compared with what was listed: see comparableSender.
sub comparable { my ($text) = @_; $text =~ s/[^\x21-\x7e]+/?/g; return $text }
`;

/** A sender as the host compares it: what is not fit to print is one `?`, there and here. */
export function comparableSender(sender: string): string {
  return sender.replace(/[^\x21-\x7e]+/g, '?');
}

/** Shell: sets `exim` to the program and `spool` to its spool directory; exits 69 where there is none. */
export const FIND_SPOOL = String.raw`
exim=$(command -v exim || command -v exim4) || { echo 'there is no exim' >&2; exit 69; }
command -v perl > /dev/null || { echo 'there is no perl, which reads the spool' >&2; exit 69; }
spool=$("$exim" -bP spool_directory < /dev/null) || { echo 'exim does not tell its spool_directory: only an admin user may ask' >&2; exit 77; }
spool=$(printf '%s\n' "$spool" | sed -n 's/^spool_directory = //p')
export exim
`;

/** A script that runs this perl text behind SPOOL_PERL, with its own arguments behind the spool directory. */
export function spoolScript(perl: string): string {
  return `${FIND_SPOOL}\nexec perl -e ${quoteWord(SPOOL_PERL + perl)} -- "$spool" "$@"\n`;
}
