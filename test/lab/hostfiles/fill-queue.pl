# Puts messages into a Postfix queue as cleanup and bounce write them (queue file and defer log, 3.7), some 20,000 a
# second: injecting so many by SMTP takes minutes. Arguments: how many, queue (deferred or hold), long or short ids;
# then, for messages with one recipient each that can be told apart, `DOMAIN=SHARE,...` and a name: X-Lab-Id: NAME-7.
# Ages lie in the middle of qshape's buckets, so that a second more or less moves none into the next.
use strict; use warnings;
my ($count, $queue, $ids, $shares, $name) = @ARGV;
chomp(my $spool = `postconf -hx queue_directory`);
my ($uid, $gid) = (getpwnam('postfix'))[2, 3];
chdir $spool or die;
my @digits = split //, '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
sub base { my ($n, $base, $least) = @_; my $s = ''; do { $s = $digits[$n % $base] . $s; $n = int($n / $base) } while $n; $s = "0$s" while length $s < $least; return $s }
my @domains = (('gmail.com') x 12, ('outlook.com') x 5, ('yahoo.com') x 2, 'GMAIL.com', map { "d$_.example" } 1 .. 40);
@domains = map { my ($domain, $share) = split /=/; ($domain) x $share } split /,/, $shares if defined $shares;
my @ages = (120, 450, 900, 1800, 3600, 7200, 14400, 28800, 57600, 100000);
my $now = time;
my %made;
sub rec { my ($type, $data) = @_; my $n = length $data; my $l = ''; while ($n > 127) { $l .= chr($n & 127 | 128); $n >>= 7 } return $type . $l . chr($n) . $data }
sub folder {
  my ($name, $letter) = @_;
  my $path = "$name/$letter";
  return $path if $made{$path}++;
  mkdir $path, 0700 and chown $uid, $gid, $path;
  return $path;
}
for my $i (0 .. $count - 1) {
  my $arrival = $now - $ages[$i % @ages];
  my $usec = ($i * 7919) % 1000000;
  open my $out, '+>', "$queue/fill.$$" or die;
  my $inode = (stat $out)[1];
  my $id = $ids eq 'long' ? base($arrival, 52, 6) . base($usec, 52, 4) . 'z' . base($inode, 51, 1) : sprintf '%05X%lX', $usec, $inode;
  my $letter = substr($ids eq 'long' ? sprintf('%05X', $usec) : $id, 0, 1);
  my $sender = $i % 33 == 0 ? '' : 'bounce-' . ($i % 700) . '@news.example.net';
  # Spread over the whole backlog: 7919 shares no factor with any number of domains here.
  my @rcpts = defined $shares ? ("u$i\@" . $domains[$i * 7919 % @domains])
    : map { "u$i.$_\@" . $domains[($i + 13 * $_) % @domains] } 0 .. ($i % 10 == 0 ? 2 : 0);
  my $body = '';
  my @lines = ("From: <$sender>", "Subject: message $i", (defined $name ? "X-Lab-Id: $name-$i" : ()), '', ('a line of some text, number') x (1 + $i % 20));
  $body .= rec('N', $_) for @lines;
  my $length = length $body;
  my $head = rec('T', "$arrival $usec") . rec('A', "create_time=$arrival") . rec('A', "log_ident=$id") . rec('A', 'rewrite_context=local')
    . rec('S', $sender) . ($i % 50 ? '' : rec('A', 'sasl_method=PLAIN') . rec('A', 'sasl_username=carl@example.net'))
    . rec('A', 'client_name=lab') . rec('A', 'client_address=127.0.0.1');
  my $size = sub { rec('C', sprintf '%15ld %15ld %15ld %15ld %15ld %15ld', $length, $_[0], scalar @rcpts, 0, $length, 0) };
  my $log = '';
  for my $rcpt (@rcpts) {
    $head .= rec('A', "dsn_orig_rcpt=rfc822;$rcpt") . rec('O', $rcpt);
    my $at = length($size->(0)) + length $head;
    $head .= rec('R', $rcpt);
    $log .= "\n<$rcpt>: host mx.example[192.0.2.1] said: 450 4.2.1 try later\nrecipient=$rcpt\noffset=$at\nstatus=4.2.1\naction=delayed\nreason=host mx.example[192.0.2.1] said: 450 4.2.1 try later\n\n";
  }
  $head .= rec('M', '');
  print $out $size->(length($size->(0)) + length $head), $head, $body, rec('X', ''), rec('E', '');
  close $out or die;
  chown $uid, $gid, "$queue/fill.$$"; chmod 0700, "$queue/fill.$$"; utime $now + 7200, $now + 7200, "$queue/fill.$$";
  my $path = $queue eq 'deferred' ? folder('deferred', $letter) . "/$id" : "$queue/$id";
  rename "$queue/fill.$$", $path or die;
  my $defer = folder('defer', $letter) . "/$id";
  open my $said, '>', $defer or die; print $said $log; close $said or die;
  chown $uid, $gid, $defer; chmod 0600, $defer;
}
