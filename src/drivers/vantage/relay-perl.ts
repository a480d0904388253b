// The relay that runs on a vantage, in perl as a bare Debian has it (perl-base: Socket, POSIX, Fcntl; no Time::HiRes),
// as an ordinary user. One process carries all connections; frames.ts says what goes over its stdin and stdout. It
// waits for nothing but select, sends no more of a connection than the other side gave credit for, keeps at most what
// the other side wrote, and ends with its stdin. Linux numbers throughout: TCP_INFO, IP_RECVERR, SO_BINDTODEVICE.

/**
 * perl takes a string for a packed value in setsockopt, hence the `+ 0`. Clock and recvmsg go by syscall, whose numbers
 * are known for some machines only; without them times are in hundredths, and nobody tells which router answered.
 */
export const RELAY_PERL = String.raw`
use strict; use Socket (); use POSIX (); use Fcntl ();
$SIG{PIPE} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
my ($out, $in, $eof) = ('', '', 0);
my (%conn, %ping, %dgram, %run);
my $is64 = length(pack 'P', 'x') == 8;
my $numbers = $is64 ? { x86_64 => [228, 47], aarch64 => [113, 212], riscv64 => [113, 212], ppc64le => [246, 342], s390x => [260, 372] }->{(POSIX::uname())[4]} : undef;
my $clock = 'ticks';
if (eval { require Time::HiRes; Time::HiRes::clock_gettime(1) > 0 }) { $clock = 'hires' }
elsif ($numbers) { my $b = "\0" x 16; vec($b, 0, 8) = 0; $clock = 'syscall' if eval { syscall($numbers->[0], 1, $b) == 0 } && (unpack 'q', $b)[0] > 0 }
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK()) || 100;
sub raw {
  return int(1e6 * Time::HiRes::clock_gettime(1)) if $clock eq 'hires';
  if ($clock eq 'syscall') { my $b = "\0" x 16; vec($b, 0, 8) = 0; syscall($numbers->[0], 1, $b); my ($s, $n) = unpack 'q2', $b; return $s * 1000000 + int($n / 1000) }
  return int(1e6 * (POSIX::times())[0] / $tick);
}
my $start = raw();
sub now { raw() - $start }
sub emit { $out .= join(' ', @_) . "\n" }
sub want { defined $_[0] && $_[0] ne '-' ? $_[0] : undef }
sub domain { $_[0] == 6 ? 10 : 2 }
sub address {
  my ($family, $text, $port) = @_;
  my $bits = Socket::inet_pton(domain($family), $text);
  return undef unless defined $bits;
  return $family == 6 ? Socket::pack_sockaddr_in6($port, $bits) : Socket::pack_sockaddr_in($port, $bits);
}
sub any { $_[0] == 6 ? '::' : '0.0.0.0' }
sub option { my ($s, $level, $name, $value) = @_; setsockopt($s, $level, $name, $value =~ /^\d+$/ ? $value + 0 : $value) }
sub quick { my $s = shift; my $f = fcntl($s, Fcntl::F_GETFL(), 0); fcntl($s, Fcntl::F_SETFL(), $f | Fcntl::O_NONBLOCK()) }
# Source, interface and port of a new socket; what failed, or nothing.
sub place {
  my ($s, $family, $source, $device, $port) = @_;
  if (defined(want($device))) { setsockopt($s, 1, 25, "$device\0") or return 'device' }
  if (defined(want($source)) || $port > 0) {
    option($s, 1, 2, 1) if $port > 0;
    option($s, 0, 24, 1) if $port == 0;
    my $to = address($family, want($source) // any($family), $port) or do { $! = 22; return 'bind' };
    bind($s, $to) or return 'bind';
  }
  return undef;
}
sub localport {
  my $name = getsockname($_[0]) or return 0;
  my $family = unpack 'S', $name;
  return $family == 10 ? (Socket::unpack_sockaddr_in6($name))[0] : (Socket::unpack_sockaddr_in($name))[0];
}
sub info { my $i = getsockopt($_[0], 6, 11); return defined $i && length $i ? unpack('H*', $i) : '-' }
# One entry of the error queue: errno, origin, type, code, info, who sent it. Nothing: there is none, or it cannot be read.
sub errqueue {
  my $s = shift;
  return unless $numbers;
  my ($name, $buffer, $control) = ("\0" x 128, "\0" x 512, "\0" x 512);
  vec($_, 0, 8) = 0 for $name, $buffer, $control;
  my $iov = pack 'P Q', $buffer, 512;
  my $message = pack 'P L x4 P Q P Q l x4', $name, 128, $iov, 1, $control, 512, 0;
  my $got = eval { syscall($numbers->[1], fileno($s), $message, 0x2040) };
  return if !defined $got || $got < 0;
  my $length = unpack 'x40 Q', $message;
  for (my $at = 0; $at + 32 <= $length;) {
    my ($size, $level, $type) = unpack 'Q l l', substr($control, $at);
    last if $size < 16;
    if (($level == 0 && $type == 11) || ($level == 41 && $type == 25)) {
      my ($errno, $origin, $itype, $code, undef, $what) = unpack 'L C C C C L', substr($control, $at + 16);
      my $family = unpack 'S', substr($control, $at + 32);
      my $from = $family == 2 ? Socket::inet_ntop(2, substr($control, $at + 36, 4)) : $family == 10 ? Socket::inet_ntop(10, substr($control, $at + 40, 16)) : '-';
      return ($errno, $origin, $itype, $code, $what, $from);
    }
    $at += ($size + 7) & ~7;
  }
  return;
}
sub failed {
  my ($id, $phase, $errno, $c) = @_;
  my @q = $c->{s} && $phase eq 'connect' ? errqueue($c->{s}) : ();
  my ($from, $type, $code) = @q && $q[1] >= 2 ? @q[5, 2, 3] : ('-', 0, 0);
  emit('f', $id, $phase, $errno, now() - $c->{t0}, $c->{port} || 0, $c->{s} ? info($c->{s}) : '-', $from, $type, $code);
  drop($id, $errno == 110);
}
sub drop { my ($id, $hard) = @_; my $c = delete $conn{$id} or return; setsockopt($c->{s}, 1, 13, pack 'ii', 1, 0) if $hard; close $c->{s} }
sub begin {
  my ($id, $family, $addr, $port, $source, $device, $mss, $sport, $queue, $ms, $ttl) = @_;
  my $c = { t0 => now(), out => '', credit => 65536, family => $family, queue => $queue };
  my $to = address($family, $addr, $port);
  if (!defined $to) { return failed($id, 'local', 97, $c) }
  socket(my $s, domain($family), 1, 6) or return failed($id, 'local', $! + 0, $c);
  quick($s);
  option($s, $family == 6 ? (41, 25) : (0, 11), 1);
  option($s, 6, 2, $mss) if defined want($mss);
  option($s, $family == 6 ? (41, 16) : (0, 2), $ttl) if defined want($ttl);
  option($s, 6, 1, 1);
  if (defined(my $what = place($s, $family, $source, $device, want($sport) // 0))) { my $e = $! + 0; close $s; return failed($id, $what, $e, $c) }
  $c->{s} = $s; $conn{$id} = $c; $c->{t0} = now(); $c->{until} = $c->{t0} + $ms * 1000;
  if (connect($s, $to)) { $c->{port} = localport($s); return opened($id, $c) }
  my $e = $! + 0;
  $c->{port} = localport($s);
  return if $e == 115;
  failed($id, $e == 111 ? 'connect' : 'now', $e, $c);
}
sub opened {
  my ($id, $c) = @_;
  $c->{open} = 1; delete $c->{until};
  option($c->{s}, $c->{family} == 6 ? (41, 25) : (0, 11), 0) unless $c->{queue};
  emit('o', $id, now() - $c->{t0}, $c->{port}, now());
}
sub broken { my ($id, $errno, $c) = @_; emit('e', $id, $errno, now(), 'dead', info($c->{s})); drop($id, 0) }
my %soft = map { $_ => 1 } 113, 101, 90, 71, 92, 112;
sub take {
  my ($id, $c) = @_;
  my $n = sysread($c->{s}, my $data, $c->{credit} < 16384 ? $c->{credit} : 16384);
  if (!defined $n) {
    my $e = $! + 0;
    return if $e == 11 || $e == 4;
    if ($c->{queue} && $soft{$e}) { errqueue($c->{s}); return emit('e', $id, $e, now(), 'alive', '-') }
    return broken($id, $e, $c);
  }
  if ($n == 0) { $c->{eof} = 1; return emit('z', $id, now()) }
  $c->{credit} -= $n;
  $out .= "d $id $n " . now() . "\n$data\n";
}
sub give {
  my ($id, $c) = @_;
  if (length $c->{out}) {
    my $n = syswrite($c->{s}, $c->{out});
    if (!defined $n) {
      my $e = $! + 0;
      return if $e == 11 || $e == 4;
      if ($c->{queue} && $soft{$e}) { errqueue($c->{s}); return emit('e', $id, $e, now(), 'alive', '-') }
      return broken($id, $e, $c);
    }
    substr($c->{out}, 0, $n) = '';
    return if length $c->{out};
    emit('w', $id, now());
  }
  drop($id, 0) if $c->{closing};
}
# Pings: an ICMP socket for everybody where the system allows it, else a raw one, which needs root.
sub checksum { my $sum = unpack '%32n*', length($_[0]) % 2 ? "$_[0]\0" : $_[0]; $sum = ($sum & 0xffff) + ($sum >> 16) while $sum > 0xffff; return ~$sum & 0xffff }
sub icmp { my $family = shift; my $proto = $family == 6 ? 58 : 1; return ($_[0] = 'dgram') if socket($_[1], domain($family), 2, $proto); return ($_[0] = 'raw') if socket($_[1], domain($family), 3, $proto); return undef }
sub ping {
  my ($id, $family, $addr, $source, $device, $count, $interval, $wait, $size) = @_;
  my ($kind, $s);
  my $to = address($family, $addr, 0);
  icmp($family, $kind, $s) or return emit('p', $id, 'error', $! + 0, 0, 0, 0, 0, 0);
  quick($s);
  my $bad = place($s, $family, $source, $device, 0);
  if (defined $bad || !defined $to || !connect($s, $to)) { my $e = $! + 0; close $s; return emit('p', $id, 'error', $e, 0, 0, 0, 0, 0) }
  my $pad = $size - ($family == 6 ? 48 : 28); $pad = 0 if $pad < 0;
  $ping{$id} = { s => $s, kind => $kind, family => $family, count => $count, interval => $interval * 1000, wait => $wait * 1000, pad => $pad, next => now(), seq => 0, sent => {}, good => 0, key => int(rand 65536), min => 0, max => 0, sum => 0, errno => 0 };
}
sub pinged { my ($id, $p) = @_; emit('p', $id, $p->{kind}, $p->{errno}, $p->{seq}, $p->{good}, $p->{min}, $p->{good} ? int($p->{sum} / $p->{good}) : 0, $p->{max}); close $p->{s}; delete $ping{$id} }
sub pingsend {
  my ($id, $p) = @_;
  my $packet = pack 'C C n n n a*', $p->{family} == 6 ? 128 : 8, 0, 0, $p->{key}, $p->{seq} & 0xffff, 'm' x $p->{pad};
  substr($packet, 2, 2) = pack 'n', checksum($packet) if $p->{family} == 4;
  $p->{sent}{$p->{seq} & 0xffff} = now();
  if (!defined send($p->{s}, $packet, 0)) { $p->{errno} ||= $! + 0; defined send($p->{s}, $packet, 0) if $! == 113 || $! == 111 }
  $p->{seq}++; $p->{next} += $p->{interval};
  $p->{until} = now() + $p->{wait} if $p->{seq} >= $p->{count};
}
sub pingread {
  my ($id, $p) = @_;
  for (1 .. 64) {
    my $r = recv($p->{s}, my $packet, 2048, 0);
    if (!defined $r) { my $e = $! + 0; $p->{errno} ||= $e if $e != 11 && $e != 4; last if $e == 11; next }
    $packet = substr($packet, (ord($packet) & 15) * 4) if $p->{kind} eq 'raw' && $p->{family} == 4 && length $packet;
    next if length $packet < 8;
    my ($type, undef, undef, $key, $seq) = unpack 'C C n n n', $packet;
    next if $type != ($p->{family} == 6 ? 129 : 0) || ($p->{kind} eq 'raw' && $key != $p->{key});
    my $at = delete $p->{sent}{$seq};
    next unless defined $at;
    my $rtt = now() - $at;
    $p->{good}++; $p->{sum} += $rtt; $p->{min} = $rtt if $p->{good} == 1 || $rtt < $p->{min}; $p->{max} = $rtt if $rtt > $p->{max};
  }
  pinged($id, $p) if $p->{seq} >= $p->{count} && $p->{good} >= $p->{count};
}
# One datagram: a question, or a packet that shall die on its way.
sub datagram {
  my ($id, $family, $addr, $port, $source, $device, $sport, $ttl, $probe, $ms, $data) = @_;
  my $d = { t0 => now(), probe => $probe };
  my $no = sub { my $e = $! + 0; close $d->{s} if $d->{s}; $out .= "u $id $_[0] $e " . (now() - $d->{t0}) . " - 0 0 0 0\n"; delete $dgram{$id} };
  my $to = address($family, $addr, $port);
  if (!defined $to) { $! = 97; return $no->('local') }
  socket(my $s, domain($family), 2, 17) or return $no->('local');
  $d->{s} = $s;
  quick($s);
  if ($probe) { option($s, $family == 6 ? (41, 25) : (0, 11), 1); option($s, $family == 6 ? (41, 23) : (0, 10), 3) }
  option($s, $family == 6 ? (41, 16) : (0, 2), $ttl) if defined want($ttl);
  return $no->('local') if defined place($s, $family, $source, $device, want($sport) // 0);
  connect($s, $to) or return $no->('local');
  $d->{t0} = now(); $d->{until} = $d->{t0} + $ms * 1000;
  defined send($s, $data, 0) or return $no->('local');
  $dgram{$id} = $d;
}
sub answered {
  my ($id, $d) = @_;
  my @q = $d->{probe} ? errqueue($d->{s}) : ();
  if (@q) { $out .= "u $id icmp $q[0] " . (now() - $d->{t0}) . " $q[5] $q[2] $q[3] $q[4] 0\n" }
  else {
    my $r = recv($d->{s}, my $data, 65535, 0);
    my $e = $! + 0;
    return if !defined $r && ($e == 11 || $e == 4);
    if (defined $r) { $out .= "u $id data 0 " . (now() - $d->{t0}) . " - 0 0 0 " . length($data) . "\n$data\n" }
    else { $out .= "u $id error $e " . (now() - $d->{t0}) . " - 0 0 0 0\n" }
  }
  close $d->{s}; delete $dgram{$id};
}
# A program of this host (ip, ping), its words as they are, both streams together and cut.
sub run {
  my ($id, $ms, $words) = @_;
  my @words = split /\0/, $words;
  pipe(my $r, my $w) or return emit('r', $id, 255, 0);
  my $pid = fork;
  if (!defined $pid) { return emit('r', $id, 255, 0) }
  if (!$pid) {
    open STDIN, '<', '/dev/null'; POSIX::dup2(fileno $w, 1); POSIX::dup2(fileno $w, 2); $SIG{PIPE} = 'DEFAULT';
    { no warnings; exec { $words[0] } @words }
    POSIX::_exit(127);
  }
  close $w;
  $run{$id} = { s => $r, pid => $pid, data => '', until => now() + $ms * 1000 };
}
sub ran {
  my ($id, $r) = @_;
  my $n = sysread($r->{s}, my $data, 16384);
  if ($n) { $r->{data} .= $data if length $r->{data} < 262144; return }
  close $r->{s}; waitpid($r->{pid}, 0);
  my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
  $out .= "r $id $status " . length($r->{data}) . "\n$r->{data}\n";
  delete $run{$id};
}
sub obey {
  my ($line, $data) = @_;
  my ($word, $id, @rest) = split / /, $line;
  my $c = $conn{$id};
  if ($word eq 'O') { begin($id, @rest) }
  elsif ($word eq 'D') { if ($c && $c->{open}) { $c->{out} .= $data; give($id, $c) } }
  elsif ($word eq 'A') { $c->{credit} += $rest[0] if $c }
  elsif ($word eq 'C') { if ($c) { $c->{closing} = 1; drop($id, 0) unless length $c->{out} } }
  elsif ($word eq 'X') { drop($id, 1) }
  elsif ($word eq 'I') { emit('i', $id, $rest[0], $c ? info($c->{s}) : '-') }
  elsif ($word eq 'T') { my $ok = $c && option($c->{s}, $c->{family} == 6 ? (41, 16) : (0, 2), $rest[0]); emit('t', $id, $rest[1], $ok ? 0 : 1) }
  elsif ($word eq 'P') { ping($id, @rest) }
  elsif ($word eq 'U') { datagram($id, @rest[0 .. 8], $data) }
  elsif ($word eq 'R') { run($id, $rest[0], $data) }
}
my %carries = map { $_ => 1 } 'D', 'U', 'R';
sub parse {
  while ((my $end = index $in, "\n") >= 0) {
    my $line = substr $in, 0, $end;
    my $length = 0;
    if ($carries{substr $line, 0, 1}) {
      ($length) = $line =~ / (\d+)$/;
      return if length($in) < $end + 1 + $length;
      $line =~ s/ \d+$//;
    }
    my $data = substr $in, $end + 1, $length;
    substr($in, 0, $end + 1 + $length) = '';
    obey($line, $data);
  }
}
sub have { my $name = shift; for my $dir (split /:/, $ENV{PATH}) { return 1 if -x "$dir/$name" } return 0 }
my %icmp = map { my ($kind, $s); icmp($_, $kind, $s); close $s if $s; ($_ => $kind // 'no') } 4, 6;
emit('H', 1, 'perl', "clock=$clock", 'queue=' . ($numbers ? 1 : 0), "icmp4=$icmp{4}", "icmp6=$icmp{6}", 'ping=' . have('ping'), 'ip=' . have('ip'), "perl=$]", "name=$ENV{MAILCTL_NAME}");
while (1) {
  my ($r, $w, $e) = ('', '', '');
  my $now = now();
  my $next;
  my $at = sub { $next = $_[0] if defined $_[0] && (!defined $next || $_[0] < $next) };
  vec($r, 0, 1) = 1 if length $out < 1048576;
  vec($w, 1, 1) = 1 if length $out;
  for my $id (keys %conn) {
    my $c = $conn{$id};
    my $fd = fileno $c->{s};
    if (!$c->{open}) { vec($w, $fd, 1) = 1; $at->($c->{until}); next }
    vec($r, $fd, 1) = 1 if !$c->{eof} && $c->{credit} > 0 && length $out < 1048576;
    vec($w, $fd, 1) = 1 if length $c->{out};
  }
  for my $p (values %ping) { vec($r, fileno $p->{s}, 1) = 1; $at->($p->{seq} < $p->{count} ? $p->{next} : $p->{until}) }
  for my $d (values %dgram, values %run) { vec($r, fileno $d->{s}, 1) = 1; $at->($d->{until}) }
  my $wait = defined $next ? ($next > $now ? ($next - $now) / 1e6 : 0) : 60;
  my $ready = select $r, $w, $e, $wait;
  next if $ready < 0;
  if ($ready > 0 && vec($w, 1, 1)) {
    my $n = syswrite STDOUT, $out, 4096;
    exit 0 if !defined $n && $! != 11 && $! != 4;
    substr($out, 0, $n) = '' if $n;
  }
  if ($ready > 0) {
    for my $id (keys %conn) {
      my $c = $conn{$id} or next;
      my $fd = fileno $c->{s};
      if (!$c->{open}) {
        next unless vec($w, $fd, 1);
        my $error = unpack 'i', getsockopt($c->{s}, 1, 4);
        $error ? failed($id, 'connect', $error, $c) : opened($id, $c);
        next;
      }
      give($id, $c) if vec($w, $fd, 1);
      take($id, $c) if $conn{$id} && vec($r, $fd, 1);
    }
    for my $id (keys %ping) { my $p = $ping{$id} or next; pingread($id, $p) if vec($r, fileno $p->{s}, 1) }
    for my $id (keys %dgram) { my $d = $dgram{$id} or next; answered($id, $d) if vec($r, fileno $d->{s}, 1) }
    for my $id (keys %run) { my $d = $run{$id} or next; ran($id, $d) if vec($r, fileno $d->{s}, 1) }
    if (vec($r, 0, 1)) {
      my $n = sysread STDIN, $in, 65536, length $in;
      exit 0 if defined $n && $n == 0;
      exit 0 if !defined $n && $! != 11 && $! != 4;
      parse() if $n;
    }
  }
  $now = now();
  for my $id (keys %conn) { my $c = $conn{$id} or next; failed($id, 'connect', 110, $c) if !$c->{open} && $now >= $c->{until} }
  for my $id (keys %ping) {
    my $p = $ping{$id};
    pingsend($id, $p) if $p->{seq} < $p->{count} && $now >= $p->{next};
    pinged($id, $p) if $p->{seq} >= $p->{count} && $now >= $p->{until};
  }
  for my $id (keys %dgram) { my $d = $dgram{$id}; next if $now < $d->{until}; close $d->{s}; delete $dgram{$id}; emit('u', $id, 'silent', 0, $now - $d->{t0}, '-', 0, 0, 0, 0) }
  for my $id (keys %run) { my $d = $run{$id}; if ($now >= $d->{until}) { kill 'KILL', $d->{pid}; $d->{until} += 1000000 } }
}
END { kill 'KILL', $_->{pid} for values %run }
`;
