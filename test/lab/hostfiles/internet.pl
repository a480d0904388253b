# The providers between a mail host and the world, as one process: each uplink is a TUN device in the mail host's
# namespace, the world is one in its own, and in between are routers that exist only here. They count TTLs down,
# answer with ICMP as Linux does (a burst of 6, then one a second and asker), share flows among the members of an
# ECMP group, and have the faults they are told to have. No kernel module is needed for any of it.
# Reads its plan from stdin up to "go"; then listens on a socket for lists of faults. Ends with its world's process.
#   socket PATH | watch PID | world PID DEVICE | provider NAME PID DEVICE SOURCE...
#   router PROVIDER HOP IPV4 IPV6           several of one hop: members of an ECMP group
# A list of faults: lines "KIND key=value...", then "end". Keys: provider hop dir(out|in|both) n port family member ms.
use strict;
use warnings;
use Socket qw(AF_INET AF_INET6 inet_pton);
use IO::Socket::UNIX;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my %SETNS = (x86_64 => 308, aarch64 => 268);
my ($socket_path, $watched, $world, @providers, %provider, %by_source);
my (@faults, %flows, %nat, %buckets, @late);
my $TCP = 6;

sub now { return clock_gettime(CLOCK_MONOTONIC) }

chomp(my $machine = `uname -m`);
my $setns = $SETNS{$machine} or die "setns on $machine is not known\n";

sub tun {
    my ($pid, $name) = @_;
    open my $namespace, '<', "/proc/$pid/ns/net" or die "/proc/$pid/ns/net: $!\n";
    syscall($setns, fileno $namespace, 0x40000000) == 0 or die "setns: $!\n";
    open my $file, '+<', '/dev/net/tun' or die "/dev/net/tun: $!\n";
    my $request = pack 'a16 S x22', $name, 0x1001;    # IFF_TUN | IFF_NO_PI
    ioctl $file, 0x400454ca, $request or die "TUNSETIFF $name: $!\n";
    my $flags = '';
    fcntl $file, 4, 2048 or die "O_NONBLOCK: $!\n";
    return $file;
}

sub binary { return index($_[0], ':') < 0 ? inet_pton(AF_INET, $_[0]) : inet_pton(AF_INET6, $_[0]) }

while (my $line = <STDIN>) {
    my ($word, @rest) = split ' ', $line;
    last if $word eq 'go';
    if ($word eq 'socket') { ($socket_path) = @rest }
    elsif ($word eq 'watch') { ($watched) = @rest }
    elsif ($word eq 'world') { $world = tun(@rest) }
    elsif ($word eq 'provider') {
        my ($name, $pid, $device, @sources) = @rest;
        my $one = { name => $name, file => tun($pid, $device), hops => [], faulty => 0, salt => scalar @providers };
        push @providers, $one;
        $provider{$name} = $one;
        $by_source{ binary($_) } = $one for @sources;
    }
    elsif ($word eq 'router') {
        my ($name, $hop, $four, $six) = @rest;
        my $members = $provider{$name}{hops}[$hop - 1] ||= [];
        push @$members, { name => "$name/$hop." . @$members, 4 => binary($four), 6 => binary($six), hop => $hop };
        $provider{$name}{own}{ binary($_) } = $hop for $four, $six;
    }
    else { die "unknown word $word\n" }
}
unlink $socket_path;
my $control = IO::Socket::UNIX->new(Local => $socket_path, Listen => 8) or die "$socket_path: $!\n";

# The numbers that a router looks at. Flow and hash are the same in both directions; an ICMP error belongs to the
# flow that it speaks of.
sub look {
    my ($packet) = @_;
    my %seen = (version => ord($packet) >> 4, size => length $packet);
    my ($at, $protocol);
    if ($seen{version} == 4) {
        return if length $packet < 20;
        $at = (ord($packet) & 15) * 4;
        $protocol = ord substr $packet, 9, 1;
        @seen{qw(from to)} = (substr($packet, 12, 4), substr($packet, 16, 4));
        $seen{whole} = ord(substr $packet, 6, 1) & 0x40;
    }
    elsif ($seen{version} == 6) {
        return if length $packet < 40;
        $at = 40;
        $protocol = ord substr $packet, 6, 1;
        @seen{qw(from to)} = (substr($packet, 8, 16), substr($packet, 24, 16));
        $seen{whole} = 1;
    }
    else { return }
    @seen{qw(at protocol ports)} = ($at, $protocol, '');
    if (($protocol == 6 || $protocol == 17) && length $packet >= $at + 8) {
        @seen{qw(sport dport)} = unpack 'n2', substr $packet, $at, 4;
        $seen{flags} = ord substr $packet, $at + 13, 1 if $protocol == 6 && length $packet >= $at + 20;
    }
    elsif (($protocol == 1 || $protocol == 58) && length $packet >= $at + 8) {
        my $type = ord substr $packet, $at, 1;
        $seen{icmp} = $type;
        my $is_error = $protocol == 1 ? ($type == 3 || $type == 11 || $type == 12) : $type < 128;
        if ($is_error) {
            my $about = look(substr $packet, $at + 8);
            @seen{qw(flow hash)} = @$about{qw(flow hash)} if $about;
            $seen{error} = 1;
        }
    }
    if (!defined $seen{flow}) {
        my $one = $seen{from} . pack 'n', $seen{sport} // 0;
        my $other = $seen{to} . pack 'n', $seen{dport} // 0;
        $seen{flow} = ($one lt $other ? "$one$other" : "$other$one") . chr $protocol;
        my $hash = 5381;
        $hash = (($hash * 33) ^ $_) & 0xffffffff for unpack 'C*', $seen{flow};
        $hash = (($hash ^ ($hash >> 15)) * 0x2c1b3c6d) & 0xffffffff;
        $seen{hash} = ($hash ^ ($hash >> 12)) >> 4;
    }
    return \%seen;
}

sub sum {
    my ($bytes) = @_;
    $bytes .= "\0" if length($bytes) & 1;
    my $sum = unpack '%32n*', $bytes;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    return ~$sum & 0xffff;
}

sub packet4 {
    my ($protocol, $from, $to, $body) = @_;
    my $head = pack 'CCnnnCCna4a4', 0x45, 0, 20 + length $body, 0, 0, 64, $protocol, 0, $from, $to;
    substr($head, 10, 2) = pack 'n', sum($head);
    return $head . $body;
}

sub packet6 {
    my ($next, $from, $to, $body) = @_;
    return pack('NnCCa16a16', 0x60000000, length $body, $next, 64, $from, $to) . $body;
}

# The body of a TCP or ICMPv6 packet, with its checksum at $where.
sub summed {
    my ($protocol, $from, $to, $body, $where) = @_;
    my $pseudo = length $from == 4
        ? pack('a4a4CCn', $from, $to, 0, $protocol, length $body)
        : pack('a16a16NN', $from, $to, length $body, $protocol);
    substr($body, $where, 2) = pack 'n', sum($pseudo . $body);
    return $body;
}

# As Linux: six at once, then one a second, for each asker. What is too big is always said.
sub may_speak {
    my ($router, $to, $always) = @_;
    return 1 if $always;
    my ($burst) = map { $_->{burst} } grep { $_->{kind} eq 'limit' && about($_, $router) } @faults;
    $burst ||= 6;
    my $bucket = $buckets{ $router->{name} . $to } ||= [ $burst, now() ];
    my $now = now();
    my $have = $bucket->[0] + $now - $bucket->[1];
    $have = $burst if $have > $burst;
    my $yes = $have >= 1;
    @$bucket = ($yes ? $have - 1 : $have, $now);
    return $yes;
}

# Does a fault sit on this router?
sub about {
    my ($fault, $router) = @_;
    return $router->{name} =~ /^\Q$fault->{provider}\E\/(\d+)\.(\d+)$/
        && $1 == $fault->{hop}
        && (!defined $fault->{member} || $2 == $fault->{member});
}

# ICMP from a router to the sender of a packet: type and code of IPv4, of IPv6, and the word behind the checksum.
sub complain {
    my ($one, $router, $dir, $packet, $seen, $four, $six, $word) = @_;
    return if $seen->{error};
    return if grep { $_->{kind} eq 'silent' && about($_, $router) } @faults;
    my $too_big = $seen->{version} == 4 ? ($four->[0] == 3 && $four->[1] == 4) : $six->[0] == 2;
    return unless may_speak($router, $seen->{from}, $too_big);
    my $answer;
    if ($seen->{version} == 4) {
        my $body = pack('CCnN', @$four, 0, $word) . substr $packet, 0, 548;
        substr($body, 2, 2) = pack 'n', sum($body);
        $answer = packet4(1, $router->{4}, $seen->{from}, $body);
    }
    else {
        my $body = pack('CCnN', @$six, 0, $word) . substr $packet, 0, 1232;
        $answer = packet6(58, $router->{6}, $seen->{from}, summed(58, $router->{6}, $seen->{from}, $body, 2));
    }
    answer($one, $router, $dir, $answer);
}

# Something that a router says goes back the way that the packet came.
sub answer {
    my ($one, $router, $dir, $packet) = @_;
    my $seen = look($packet) or return;
    my $at = $router->{hop} - 1;
    carry($one, $dir eq 'out' ? 'in' : 'out', $dir eq 'out' ? $at - 1 : $at + 1, $packet, $seen);
}

# A reset, as if the far end did not want the connection.
sub reset_it {
    my ($one, $router, $dir, $packet, $seen) = @_;
    my $sequence = unpack 'N', substr $packet, $seen->{at} + 4, 4;
    my $body = pack 'nnNNCCnnn', $seen->{dport}, $seen->{sport}, 0, $sequence + 1, 0x50, 0x14, 0, 0, 0;
    $body = summed($TCP, $seen->{to}, $seen->{from}, $body, 16);
    my $build = $seen->{version} == 4 ? \&packet4 : \&packet6;
    answer($one, $router, $dir, $build->($TCP, $seen->{to}, $seen->{from}, $body));
}

# Another address in place of source or destination, with all checksums.
sub readdress {
    my ($packet, $seen, $which, $address) = @_;
    my ($from, $to) = $which eq 'to' ? ($seen->{from}, $address) : ($address, $seen->{to});
    my $body = substr $packet, $seen->{at};
    substr($body, 16, 2) = "\0\0";
    $body = summed($TCP, $from, $to, $body, 16);
    my $head = substr $packet, 0, $seen->{at};
    if ($seen->{version} == 4) {
        substr($head, 12, 8) = $from . $to;
        substr($head, 10, 2) = "\0\0";
        substr($head, 10, 2) = pack 'n', sum($head);
    }
    else { substr($head, 8, 32) = $from . $to }
    return $head . $body;
}

# What a fault does to a packet: undef goes on, 'drop', a number of seconds, or a reference to the packet it becomes.
my %act = (
    blackhole => sub { 'drop' },
    loss => sub { rand(100) < $_[0]{n} ? 'drop' : undef },
    size => sub { $_[2]{size} > $_[0]{n} ? 'drop' : undef },
    dies => sub {
        my ($fault, undef, $seen) = @_;
        return undef unless $seen->{protocol} == $TCP && !$seen->{error};
        my $count = $fault->{flows};
        $count->{ $seen->{flow} } = 0 if ($seen->{flags} & 0x12) == 2 && ($count->{ $seen->{flow} } // 0) < $fault->{n};
        return ++$count->{ $seen->{flow} } > $fault->{n} ? 'drop' : undef;
    },
    mtu => sub {
        my ($fault, $packet, $seen, $one, $router, $dir) = @_;
        return undef unless $seen->{size} > $fault->{n} && $seen->{whole};
        complain($one, $router, $dir, $packet, $seen, [ 3, 4 ], [ 2, 0 ], $fault->{n}) unless $fault->{mute};
        return 'drop';
    },
    share => sub { $_[2]{hash} % $_[0]{n} == 0 ? 'drop' : undef },
    delay => sub { ($_[0]{ms} + rand($_[0]{jitter} // 0)) / 1000 },
    reorder => sub { rand(100) < $_[0]{n} ? 0.02 : undef },
    prohibited => sub {
        my ($fault, $packet, $seen, $one, $router, $dir) = @_;
        complain($one, $router, $dir, $packet, $seen, [ 3, 13 ], [ 1, 1 ], 0);
        return 'drop';
    },
    unreachable => sub {
        my ($fault, $packet, $seen, $one, $router, $dir) = @_;
        complain($one, $router, $dir, $packet, $seen, [ 3, 1 ], [ 1, 3 ], 0);
        return 'drop';
    },
    filter => sub { $_[2]{protocol} == $TCP ? 'drop' : undef },
    reset => sub {
        my ($fault, $packet, $seen, $one, $router, $dir) = @_;
        return undef unless $seen->{protocol} == $TCP && ($seen->{flags} & 0x12) == 2;
        reset_it($one, $router, $dir, $packet, $seen);
        return 'drop';
    },
    corrupt => sub {
        my ($fault, $packet, $seen) = @_;
        return undef unless rand(100) < $fault->{n} && $seen->{size} > $seen->{at} + 20;
        my $end = length($packet) - 1;
        substr($packet, $end, 1) = chr(ord(substr $packet, $end, 1) ^ 0xff);
        return \$packet;
    },
    syn => sub {    # Lets so many connections a second begin, as a shaper does.
        my ($fault, undef, $seen) = @_;
        return undef unless $seen->{protocol} == $TCP && ($seen->{flags} & 0x12) == 2;
        my $second = int now();
        @$fault{qw(second count)} = ($second, 0) if ($fault->{second} // -1) != $second;
        return ++$fault->{count} > $fault->{n} ? 'drop' : undef;
    },
    intercept => sub {
        my ($fault, $packet, $seen, undef, undef, $dir) = @_;
        return undef unless $seen->{protocol} == $TCP;
        my $there = $fault->{ $seen->{version} } // return undef;
        if ($dir eq 'out' && $seen->{dport} == $fault->{port}) {
            $nat{ $seen->{from} . pack 'n', $seen->{sport} } = $seen->{to};
            my $new = readdress($packet, $seen, 'to', $there);
            return \$new;
        }
        return undef unless $dir eq 'in' && $seen->{from} eq $there;
        my $was = $nat{ $seen->{to} . pack 'n', $seen->{dport} } // return undef;
        my $new = readdress($packet, $seen, 'from', $was);
        return \$new;
    },
    silent => sub { undef },
    limit => sub { undef },
);
# What these do concerns one port unless told otherwise.
my %only_port = map { $_ => 25 } qw(reset filter intercept);
my %both = map { $_ => 1 } qw(intercept);

sub concerns {
    my ($fault, $seen, $dir) = @_;
    return 0 if $fault->{dir} ne 'both' && $fault->{dir} ne $dir;
    return 0 if $fault->{family} && $fault->{family} != $seen->{version};
    my $port = $fault->{port} or return 1;
    return (($dir eq 'out' ? $seen->{dport} : $seen->{sport}) // 0) == $port;
}

# Takes a packet from router to router, beginning at one of them, until it is out, lost, or waits.
sub carry {
    my ($one, $dir, $at, $packet, $seen, $faults_from) = @_;
    my $hops = $one->{hops};
    my $step = $dir eq 'out' ? 1 : -1;
    my $ttl_at = $seen->{version} == 4 ? 8 : 7;
    for (; $at >= 0 && $at < @$hops; $at += $step) {
        my $members = $hops->[$at];
        my $router = $members->[ @$members > 1 ? ($seen->{hash} + $one->{salt}) % @$members : 0 ];
        if (!defined $faults_from) {
            # Whoever answers in the place of others lets nothing end before: it takes the connection for its own.
            if ($dir eq 'out' && grep { $_->{kind} eq 'intercept' && $_->{inline} && concerns($_, $seen, $dir) } @{ $one->{faults}[$at] // [] }) {
                substr($packet, $ttl_at, 1) = chr 64;
                substr($packet, 10, 2) = "\0\0", substr($packet, 10, 2) = pack 'n', sum(substr $packet, 0, $seen->{at}) if $seen->{version} == 4;
            }
            if ($dir eq 'out' && ($one->{own}{ $seen->{to} } // 0) == $at + 1) {
                return for_router($one, $router, $dir, $packet, $seen);
            }
            my $ttl = ord substr $packet, $ttl_at, 1;
            if ($ttl <= 1) { return complain($one, $router, $dir, $packet, $seen, [ 11, 0 ], [ 3, 0 ], 0) }
            substr($packet, $ttl_at, 1) = chr($ttl - 1);
            if ($seen->{version} == 4) {
                my $sum = unpack('n', substr $packet, 10, 2) + 0x0100;
                substr($packet, 10, 2) = pack 'n', ($sum & 0xffff) + ($sum >> 16);
            }
        }
        my $here = $one->{faults}[$at];
        for my $index ($faults_from // 0 .. $#{ $here // [] }) {
            my $fault = $here->[$index];
            next if defined $fault->{member} && $router != ($members->[ $fault->{member} ] // 0);
            next unless concerns($fault, $seen, $dir);
            my $outcome = $fault->{act}->($fault, $packet, $seen, $one, $router, $dir);
            next unless defined $outcome;
            $fault->{hits}++;
            return if $outcome eq 'drop';
            if (ref $outcome) {
                $packet = $$outcome;
                my $hash = $seen->{hash};
                $seen = look($packet) or return;
                # It stays on the way that it took.
                $seen->{hash} = $hash;
                next;
            }
            my $due = now() + $outcome;
            my $place = @late;
            $place-- while $place > 0 && $late[ $place - 1 ][0] > $due;
            splice @late, $place, 0, [ $due, $one, $dir, $at, $packet, $seen, $index + 1 ];
            return;
        }
        $faults_from = undef;
    }
    syswrite $dir eq 'out' ? $world : $one->{file}, $packet;
}

# A router's own address answers ping, and says of every port that nobody is there.
sub for_router {
    my ($one, $router, $dir, $packet, $seen) = @_;
    if (defined $seen->{icmp} && $seen->{icmp} == ($seen->{version} == 4 ? 8 : 128)) {
        my $body = substr $packet, $seen->{at};
        substr($body, 0, 4) = $seen->{version} == 4 ? "\0\0\0\0" : "\x81\0\0\0";
        if ($seen->{version} == 4) { substr($body, 2, 2) = pack 'n', sum($body) }
        else { $body = summed(58, $seen->{to}, $seen->{from}, $body, 2) }
        my $build = $seen->{version} == 4 ? \&packet4 : \&packet6;
        return answer($one, $router, $dir, $build->($seen->{protocol}, $seen->{to}, $seen->{from}, $body));
    }
    complain($one, $router, $dir, $packet, $seen, [ 3, 3 ], [ 1, 4 ], 0) if $seen->{protocol} == 17;
    reset_it($one, $router, $dir, $packet, $seen) if $seen->{protocol} == $TCP && ($seen->{flags} & 0x12) == 2;
}

sub take_faults {
    my ($client) = @_;
    my @new;
    while (my $line = <$client>) {
        my ($kind, @words) = split ' ', $line;
        last if $kind eq 'end';
        return "no fault $kind; there are " . join ' ', sort keys %act unless $act{$kind};
        my %fault = (kind => $kind, n => 0, hits => 0, flows => {}, burst => 1, act => $act{$kind});
        $fault{port} = $only_port{$kind} if $only_port{$kind};
        $fault{dir} = $both{$kind} ? 'both' : 'both';
        for my $word (@words) {
            my ($key, $value) = split /=/, $word, 2;
            $fault{$key} = $value;
        }
        return "no provider " . ($fault{provider} // '') unless $provider{ $fault{provider} // '' };
        $fault{hop} ||= 2;
        my $hops = @{ $provider{ $fault{provider} }{hops} };
        return "$fault{provider} has $hops hops" if $fault{hop} > $hops;
        defined $fault{$_} && $fault{$_} ne '' && ($fault{ index($fault{$_}, ':') < 0 ? 4 : 6 } = binary($fault{$_}))
            for qw(there there6);
        push @new, \%fault;
    }
    @faults = @new;
    %nat = ();
    for my $one (@providers) {
        $one->{faults} = [];
        push @{ $one->{faults}[ $_->{hop} - 1 ] }, $_ for grep { $_->{provider} eq $one->{name} } @faults;
    }
    return 'ok';
}

$SIG{PIPE} = 'IGNORE';
$| = 1;
print "ready\n";
close STDOUT;

my @devices = ((map { [ $_->{file}, $_ ] } @providers), [ $world, undef ]);
my $reads = '';
vec($reads, fileno $_->[0], 1) = 1 for @devices;
vec($reads, fileno $control, 1) = 1;
my $checked = now();
while (1) {
    my $now = now();
    while (@late && $late[0][0] <= $now) {
        my (undef, @what) = @{ shift @late };
        carry(@what);
    }
    if ($now > $checked + 1) {
        exit 0 unless kill 0, $watched;
        $checked = $now;
    }
    my $pause = @late ? $late[0][0] - $now : 1;
    $pause = 0 if $pause < 0;
    my $ready = select my $readable = $reads, undef, undef, $pause;
    next if $ready <= 0;
    for my $device (@devices) {
        my ($file, $one) = @$device;
        next unless vec $readable, fileno $file, 1;
        for (1 .. 64) {
            last unless sysread $file, my $packet, 65_535;
            my $seen = look($packet) or next;
            if ($one) { carry($one, 'out', 0, $packet, $seen) }
            elsif (my $back = $by_source{ $seen->{to} }) { carry($back, 'in', $#{ $back->{hops} }, $packet, $seen) }
        }
    }
    if (vec $readable, fileno $control, 1) {
        if (my $client = $control->accept) {
            my $said = take_faults($client);
            print $client "$said\n";
            close $client;
        }
    }
}
