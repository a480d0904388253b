# A cable that is as long as an ocean: two TAP devices, one on the bastion's network and one in a host's, and what
# goes to the host is handed over some time later. No kernel module is needed for it. Ends with either device.
# Arguments: the pid of the host's first process, the device's name here, its name in the host, milliseconds.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($pid, $here, $there, $ms) = @ARGV;
my %setns = (x86_64 => 308, aarch64 => 268);

sub tap {
    my ($name) = @_;
    open my $file, '+<', '/dev/net/tun' or die "/dev/net/tun: $!\n";
    my $request = pack 'a16 S x22', $name, 0x1002;    # IFF_TAP | IFF_NO_PI
    ioctl $file, 0x400454ca, $request or die "TUNSETIFF $name: $!\n";
    return $file;
}

my $near = tap($here);
open my $namespace, '<', "/proc/$pid/ns/net" or die "/proc/$pid/ns/net: $!\n";
chomp(my $machine = `uname -m`);
my $number = $setns{$machine} or die "setns on $machine is not known\n";
syscall($number, fileno $namespace, 0x40000000) == 0 or die "setns: $!\n";
my $far = tap($there);
$| = 1;
print "ready\n";
close STDOUT;

my @waiting;
my $reads = '';
vec($reads, fileno $near, 1) = 1;
vec($reads, fileno $far, 1) = 1;
while (1) {
    my $now = clock_gettime(CLOCK_MONOTONIC);
    while (@waiting && $waiting[0][0] <= $now) {
        # A device that is down takes nothing: the packet is lost, as on a cable that is out.
        syswrite $far, (shift @waiting)->[1];
    }
    my $pause = @waiting ? $waiting[0][0] - $now : undef;
    next if select(my $ready = $reads, undef, undef, $pause) <= 0;
    if (vec $ready, fileno($near), 1) {
        defined sysread $near, my $frame, 65536 or exit;
        push @waiting, [clock_gettime(CLOCK_MONOTONIC) + $ms / 1000, $frame] if length $frame && @waiting < 10000;
    }
    if (vec $ready, fileno($far), 1) {
        defined sysread $far, my $frame, 65536 or exit;
        syswrite $near, $frame if length $frame;
    }
}
