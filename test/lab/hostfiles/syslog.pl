#!/usr/bin/perl
# A syslog for a lab host: what arrives on /dev/log goes to /var/log/syslog with the host's time. Cyrus says
# why something failed only there. The file is cut when it gets big: a stuck replication writes a lot.
use strict;
use warnings;
use IO::Socket::UNIX;
use Socket;
use POSIX qw(strftime setsid);

my ($path, $file, $limit) = ('/dev/log', '/var/log/syslog', 64 * 1024 * 1024);
unlink $path;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "syslog: $path: $!\n";
chmod 0666, $path;
exit 0 if fork;
setsid();
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';
open my $log, '>>', $file or die;
chmod 0640, $file;
while (1) {
  defined $socket->recv(my $line, 8192) or next;
  $line =~ s/^<\d+>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?//;
  $line =~ s/[\r\n\0]+\z//;
  truncate $log, 0 if -s $log > $limit;
  syswrite $log, strftime('%Y-%m-%dT%H:%M:%S', localtime) . " $line\n";
}
