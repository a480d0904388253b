# A small sender of a site's own, with the two faults of a real outage. A message is a file named ID, which is
# ARRIVAL-NUMBER=SENDER=RECIPIENT, in a folder of its state: incoming, active, deferred, hold.
#   sender list|hold|release|flush     what mailctl is told to call; ids on stdin
#   sender fill COUNT FIRST DOMAIN...   a backlog
#   senderd [--fixed]                   sends: at most LIMIT connections to a destination, kept for the next message
# Without --fixed it (1) counts a connection that the far side ends as open for ever, and keeps that count over a
# restart so as not to open too many; (2) keeps some kilobytes for every recipient that it has ever looked at.
use strict;
use warnings;
use Errno qw(EINPROGRESS EWOULDBLOCK);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(time sleep);

my $base = '/srv/sender';
my $believed = "$base/believed";
my @states = qw(incoming active deferred hold);
my ($verb, @words) = $0 =~ /senderd$/ ? ('daemon', @ARGV) : @ARGV;
chdir $base or die "$base: $!\n";
$| = 1;

sub names { my ($state) = @_; opendir my $dir, $state or return (); return grep { !/^\./ } readdir $dir }

# Moves what is named on stdin, and tells how many there were.
sub move {
    my ($to, @from) = @_;
    my $moved = 0;
    while (my $id = <STDIN>) {
        chomp $id;
        next if $id =~ m{/} || $id eq '';
        for my $from (@from) { if (rename "$from/$id", "$to/$id") { $moved++; last } }
    }
    print qq({"changed": $moved}\n);
}

if ($verb eq 'list') {
    for my $state (@states) {
        for my $id (names($state)) {
            my ($at, $sender, $to) = $id =~ /^(\d+)-\d+=([^=]*)=(.*)$/ or next;
            print qq({"id":"$id","state":"$state","arrived_at":$at,"size_bytes":2000,"sender":"$sender","recipients":[{"address":"$to"}]}\n);
        }
    }
    if (open my $file, '<', $believed) { print qq({"believed": ), <$file>, qq(}\n) }
} elsif ($verb eq 'hold') { move('hold', 'incoming', 'deferred') }
elsif ($verb eq 'release') { move('incoming', 'hold') }
elsif ($verb eq 'flush') { move('incoming', 'deferred') }
elsif ($verb eq 'fill') {
    my ($count, $first, @domains) = @words;
    my $now = int time;
    for my $at ($first .. $first + $count - 1) {
        my $id = sprintf '%d-%06d=news@groups.example=u%d@%s', $now - $count + $at - $first, $at, $at, $domains[$at % @domains];
        open my $file, '>', "incoming/$id" or die "$id: $!\n";
    }
} elsif ($verb eq 'daemon') { serve(grep { $_ eq '--fixed' } @words) }
else { die "sender: what is $verb?\n" }

# ---- the daemon

my (%open, %ready, %known, %extra, %route, @connections);

sub serve {
    my ($is_fixed) = @_;
    my $limit = 20;
    open my $routes, '<', "$base/routes" or die "routes: $!\n";
    # DOMAIN DESTINATION ADDRESS LIMIT
    while (<$routes>) { my ($domain, $name, $address, $most) = split; $route{$domain} = [$name, $address]; $limit = $most }
    if (!$is_fixed && open my $file, '<', $believed) { local $/; my $kept = eval { JSON::PP::decode_json(<$file>) }; %open = %$kept if $kept }
    # What a process before this one had in hand goes out again.
    rename "active/$_", "incoming/$_" for names('active');
    my ($scanned, $told) = (0, '');
    while (1) {
        my $now = time;
        if ($now - $scanned >= 0.3) { $scanned = $now; scan($is_fixed) }
        for my $name (keys %ready) {
            while (@{ $ready{$name} }) {
                my ($idle) = grep { $_->{name} eq $name && $_->{state} eq 'idle' } @connections;
                if ($idle) { give($idle, shift @{ $ready{$name} }) or next; next }
                last if ($open{$name} // 0) >= $limit;
                my $id = shift @{ $ready{$name} };
                take($id) or next;
                begin($name, $id);
            }
        }
        for my $one (grep { $_->{state} eq 'idle' && $now - $_->{since} > 2 } @connections) { say_to($one, 'QUIT'); $one->{state} = 'quit' }
        my $text = JSON::PP->new->canonical->encode(\%open);
        if ($text ne $told) { $told = $text; if (open my $file, '>', "$believed.new") { print $file $text; close $file; rename "$believed.new", $believed } }
        my $select = IO::Select->new(map { $_->{socket} } grep { $_->{socket} } @connections);
        if (!$select->count) { sleep 0.05; next }
        my %ready_now = map { (fileno($_) => 1) } $select->can_read(0.05);
        for my $one (@connections) { heard($one, $is_fixed) if $one->{socket} && $ready_now{ fileno $one->{socket} } }
        @connections = grep { $_->{socket} } @connections;
    }
}

sub scan {
    my ($is_fixed) = @_;
    my $now = time;
    my $again = 140;
    for my $state (@states) {
        for my $id (names($state)) {
            # The second fault: what is kept of a recipient is never let go, and every look adds to it.
            if (!$is_fixed) {
                if (!$extra{$id}) { $extra{$id} = ['x' x 4000] }
                elsif ($again > 0) { $again--; push @{ $extra{$id} }, 'x' x 4000 }
            }
            next if $state eq 'active' || $state eq 'hold' || $known{$id};
            next if $state eq 'deferred' && $now - ((stat "deferred/$id")[10] // $now) < 300;
            my ($domain) = $id =~ /@([^@=]+)$/ or next;
            my $route = $route{$domain} or next;
            $known{$id} = 1;
            push @{ $ready{ $route->[0] } }, $id;
        }
    }
}

# A message that was held meanwhile is no longer ours.
sub take {
    my ($id) = @_;
    return 1 if rename "incoming/$id", "active/$id" or rename "deferred/$id", "active/$id";
    delete $known{$id};
    return 0;
}

sub begin {
    my ($name, $id) = @_;
    my ($domain) = $id =~ /@([^@=]+)$/;
    my $socket = IO::Socket::INET->new(PeerAddr => $route{$domain}[1], PeerPort => 25, Proto => 'tcp', Timeout => 5);
    $open{$name}++;
    my $one = { name => $name, socket => $socket, state => 'greeting', id => $id, text => '', since => time };
    if (!$socket) { lost($one, 0); return }
    $socket->blocking(0);
    push @connections, $one;
}

sub give {
    my ($one, $id) = @_;
    take($id) or return 0;
    $one->{id} = $id;
    envelope($one);
    return 1;
}

sub envelope {
    my ($one) = @_;
    my (undef, $sender, undef) = split /=/, $one->{id};
    say_to($one, "MAIL FROM:<$sender>");
    $one->{state} = 'mail';
}

sub say_to {
    my ($one, $text) = @_;
    my $all = "$text\r\n";
    while ($all ne '') {
        my $wrote = syswrite $one->{socket}, $all;
        if (!defined $wrote) { last unless $! == EWOULDBLOCK; sleep 0.01; next }
        substr $all, 0, $wrote, '';
    }
}

sub defer {
    my ($one) = @_;
    my $id = delete $one->{id} // return;
    delete $known{$id};
    rename "active/$id", "deferred/$id";
}

# A connection that has ended. The first fault: one that the far side has ended counts for ever.
sub lost {
    my ($one, $is_counted) = @_;
    defer($one);
    $open{ $one->{name} }-- if $is_counted;
    close $one->{socket} if $one->{socket};
    $one->{socket} = undef;
}

sub heard {
    my ($one, $is_fixed) = @_;
    my $got = sysread $one->{socket}, my $chunk, 65536;
    if (!defined $got) { return if $! == EWOULDBLOCK; return lost($one, $is_fixed) }
    return lost($one, $is_fixed) if $got == 0;
    $one->{text} .= $chunk;
    while ($one->{socket} && $one->{text} =~ s/^([^\n]*)\r?\n//) {
        my $line = $1;
        next if $line =~ /^\d\d\d-/;
        my ($code) = $line =~ /^(\d\d\d)/ or next;
        my $state = $one->{state};
        if ($state eq 'quit') { return lost($one, 1) }
        if ($code >= 400) {
            return lost($one, $is_fixed) if $code == 421;
            defer($one);
            say_to($one, 'QUIT');
            $one->{state} = 'quit';
        }
        elsif ($state eq 'greeting') { say_to($one, 'EHLO groups.example'); $one->{state} = 'ehlo' }
        elsif ($state eq 'ehlo') { envelope($one) }
        elsif ($state eq 'mail') { my $to = (split /=/, $one->{id}, 3)[2]; say_to($one, "RCPT TO:<$to>"); $one->{state} = 'rcpt' }
        elsif ($state eq 'rcpt') { say_to($one, 'DATA'); $one->{state} = 'data' }
        elsif ($state eq 'data') {
            my ($number) = $one->{id} =~ /-(\d+)=/;
            say_to($one, "Subject: news\r\nX-Lab-Id: g-$number\r\n\r\nhello\r\n.");
            $one->{state} = 'body';
        }
        elsif ($state eq 'body') {
            my $id = delete $one->{id};
            unlink "active/$id";
            delete $known{$id};
            $one->{state} = 'idle';
            $one->{since} = time;
        }
    }
}
