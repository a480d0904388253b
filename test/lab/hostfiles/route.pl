#!/usr/bin/perl
# Postfix's transport map, asked live (tcp_table protocol): USER@SLOT.lab.example goes by LMTP to the host that
# the directory names as the slot's master. A slot that is being moved, and everything while the directory is
# away, goes to Postfix's own `retry` service: the mail is deferred and tried again later.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX qw(setsid);
use Time::HiRes qw(time);

my $database = 'file:/srv/directory/mailctl.db?mode=rw';
my $domain = 'lab.example';
my $fresh = 0.5;

my %where;
open my $routes, '<', '/etc/lab/routes' or die "routes: $!\n";
while (<$routes>) {
  my ($slot, $host, $address, $port) = split;
  $where{$slot}{$host} = "lmtp:inet:[$address]:$port";
}

my $server = IO::Socket::INET->new(
  LocalAddr => '127.0.0.1', LocalPort => 2527, Listen => 50, ReuseAddr => 1,
) or die "route: $!\n";
exit 0 if fork;
setsid();
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';
$SIG{PIPE} = 'IGNORE';

my ($read_at, $directory) = (0, undef);

# slot => [master, state], or undef when the directory cannot be read.
sub directory {
  return $directory if time - $read_at < $fresh;
  my %slots;
  my $query = 'SELECT slot, master, state FROM slots';
  my @command = ('sqlite3', '-cmd', '.timeout 500', '-separator', "\t", $database, $query);
  my $pid = open my $answer, '-|', @command or return undef;
  while (<$answer>) {
    chomp;
    my ($slot, $master, $state) = split /\t/;
    $slots{$slot} = [$master, $state];
  }
  $directory = close $answer ? \%slots : undef;
  $read_at = time;
  return $directory;
}

sub answer {
  my ($key) = @_;
  # Reports about mail that could not be delivered.
  return '200 discard:' if $key =~ /(?:^|\@)\Q$domain\E\z/i;
  my ($slot) = $key =~ /(?:^|\@)([^\@.]+)\.\Q$domain\E\z/i or return '500 not ours';
  $slot = lc $slot;
  return '200 error:5.1.2%20no%20such%20slot' unless $where{$slot};
  my $slots = directory() or return '200 retry:4.3.0%20the%20directory%20is%20away';
  my $entry = $slots->{$slot} or return '200 retry:4.3.0%20not%20in%20the%20directory';
  my ($master, $state) = @$entry;
  return "200 retry:4.3.0%20slot%20is%20$state" unless $state eq 'normal';
  my $route = $where{$slot}{$master} or return "200 retry:4.3.0%20no%20route%20to%20$master";
  return "200 $route";
}

my $select = IO::Select->new($server);
my %pending;
while (1) {
  for my $socket ($select->can_read) {
    if ($socket == $server) {
      my $client = $server->accept or next;
      $select->add($client);
      $pending{$client} = '';
      next;
    }
    if (!sysread $socket, $pending{$socket}, 4096, length $pending{$socket}) {
      delete $pending{$socket};
      $select->remove($socket);
      close $socket;
      next;
    }
    while ($pending{$socket} =~ s/\A([^\n]*)\n//) {
      my ($verb, $key) = split / /, $1, 2;
      my $reply = ($verb // '') eq 'get' ? answer($key // '') : '500 only%20get';
      syswrite $socket, "$reply\n";
    }
  }
}
