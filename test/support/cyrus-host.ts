// This machine as a mail-store host: slots below a temporary directory, with programs of Cyrus's names that do as
// little as the driver's scripts need, and the real driver over the local transport. `cyrmaster` daemonises, writes
// its pid file, listens where its cyrus.conf says and runs its DAEMON entries; a comment in cyrus.conf makes it
// misbehave. Everything it leaves is ended with the test, by its process id.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CyrusConfig } from '../../src/config/config.js';
import { cyrusStore } from '../../src/drivers/cyrus/store.js';
import type { Host } from '../../src/fleet/host.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Grip, InstanceState, LeaseWish, StoreDriver } from '../../src/slot/driver.js';
import type { Instance } from '../../src/slot/slot.js';
import { localTransport } from '../../src/transport/local.js';
import type { Command, CommandResult, Transport } from '../../src/transport/transport.js';
import { tempDir } from './temp-dir.js';

const MASTER = String.raw`#!/usr/bin/perl
use strict; use POSIX (); use IO::Socket::INET;
my %o; while (@ARGV) { my $k = shift; $o{$k} = $k eq '-d' ? 1 : shift; }
open my $fh, '<', $o{-M} or die "cannot open $o{-M}: $!\n"; my @lines = <$fh>; close $fh;
my $text = join '', @lines;
if ($text =~ /# fail/) { print STDERR "no such luck\n"; exit 75 }
pipe my $r, my $w;
if (my $pid = fork) { close $w; readline $r; exit 0 }
close $r; POSIX::setsid();
my @socks;
for ($text =~ /listen="([^"]+)"/g) {
  next if m{^/} or $text =~ /# deaf/;
  my ($a, $p) = /^(.*):(\d+)$/ ? ($1, $2) : ('0.0.0.0', $_);
  push @socks, IO::Socket::INET->new(LocalAddr => $a, LocalPort => $p, Listen => 5, ReuseAddr => 1);
}
open my $pf, '>', $o{-p}; print $pf "$$\n"; close $pf;
my ($daemon) = $text =~ /DAEMON \{(.*?)\n\}/s;
for (($daemon // '') =~ /cmd="([^"]+)"/g) { unless (fork) { close STDOUT; close STDERR; close $w; exec split ' ' } }
$SIG{CHLD} = 'IGNORE';
if ($text =~ /# ignores-quit/) { $SIG{$_} = 'IGNORE' for qw(QUIT TERM) }
else { $SIG{QUIT} = sub { $SIG{TERM} = 'IGNORE'; kill TERM => -$$; exit 0 } }
open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
close $w;
sleep 1 while 1;
`;

/** Idles; takes -C FILE and the like. With `stubborn` in its name it ignores TERM. */
const IDLER = `#!/usr/bin/perl
$SIG{TERM} = 'IGNORE' if $0 =~ /stubborn/;
sleep 1 while 1;
`;

// -R -1: does what its folder's file "sync.plan" says, one word a call: sent, failed, hangs, deaf.
const SYNC = String.raw`#!/bin/sh
conf= channel= once= many= kind= file=
while [ $# -gt 0 ]; do
  case $1 in -u|-m) if [ "$2" = -- ]; then kind=$1; shift 2; many=1; break; fi ;; esac
  case $1 in -C) conf=$2; shift ;; -n) channel=$2; shift ;; -R) once=1 ;; -f) file=$2; shift ;; esac
  shift
done
dir=$(sed -n 's/^configdirectory: //p' "$conf")
# -r -f FILE: lines about user.bad cannot be sent; with "away" in the plan the replica is not reached.
if [ -n "$file" ]; then
  say() { echo "store1/sync_client[$$]: $*" >&2; }
  say 'Destination supports #sieve mailbox'
  echo '>1795748974>APPLY MESSAGE (somebody wrote this)'
  if grep -q away "$dir/sync.plan" 2> /dev/null; then say 'connect(imap22) failed: Connection refused'; exit 124; fi
  if grep -q 'bad' "$file"; then say 'IOERROR: Failed to read file: sval=</x/2.> func=<printfile>'; exit 141; fi
  cat "$file" >> "$dir/sent-lines"
  exit 0
fi
if [ -n "$many" ]; then
  echo "$channel $kind $*" >> "$dir/sent-many"
  for name; do case $name in bad*) echo "$name is broken"; exit 1 ;; slow*) sleep 1000 ;; esac; done
  exit 0
fi
[ -n "$once" ] || while :; do sleep 0.2; done
sync=$dir/sync/$channel
plan=$(sed -n 1p "$dir/sync.plan" 2>/dev/null)
[ -s "$dir/sync.plan" ] && sed -i 1d "$dir/sync.plan"
echo "$channel \${plan:-sent}" >> "$dir/sync.calls"
case \${plan:-sent} in
  sent) if [ -e "$sync/log-run" ]; then rm "$sync/log-run"; else rm -f "$sync/log"; fi ;;
  failed) echo 'connect(imap22) failed: Connection refused' ;;
  hangs) sleep 1000 ;;
  deaf) trap '' TERM; sleep 1000 & while :; do wait; done ;;
esac
exit 0
`.replaceAll('\\$', '$');

/** An instance on this machine. */
export interface LocalSlot {
  readonly slot: string;
  readonly instance: Instance;
  readonly base: string;
  readonly conf: string;
  readonly pidFile: string;
  readonly lease: string;
  readonly lane: string;
  readonly ports: { readonly imap: number; readonly lmtp: number; readonly csync: number };
  /** Adds a line to a role's cyrus.conf: `# deaf`, `# ignores-quit`, `# fail`, or a DAEMON entry. */
  readonly addTo: (role: 'master' | 'replica', line: string) => void;
}

/** The machine. */
export interface CyrusHost {
  readonly host: Host;
  readonly base: string;
  readonly bin: string;
  readonly driver: StoreDriver;
  readonly config: CyrusConfig;
  readonly transport: Transport;
  readonly slot: (name: string) => Promise<LocalSlot>;
  /** Starts the fake master, as an init script would. */
  readonly startMaster: (slot: LocalSlot) => number;
  readonly look: (slot: LocalSlot) => Promise<InstanceState>;
  readonly take: (slot: LocalSlot, run?: string, more?: Partial<LeaseWish>) => Promise<Grip>;
  readonly run: (command: Partial<Command> & Pick<Command, 'script'>) => Promise<CommandResult>;
  /** Remembers a process (and its group) to be ended with the test. */
  readonly owns: (pid: number) => void;
}

/** Is a process there, zombies apart? */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A free TCP port; somebody else may take it, which a test then shows. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Free TCP ports, each another one. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.on('error', reject);
        server.listen(0, '0.0.0.0', resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** To be called within a test. `more` overrides parts of the configuration. */
export async function cyrusHost(
  more: (base: string) => Partial<CyrusConfig> = () => ({}),
  testAccount?: { readonly user: string; readonly password: string },
): Promise<CyrusHost> {
  const base = await tempDir();
  const bin = join(base, 'bin');
  mkdirSync(bin);
  mkdirSync(join(base, 'run'));
  const program = (name: string, text: string) => writeFileSync(join(bin, name), text, { mode: 0o755 });
  program('cyrmaster', MASTER);
  program('sync_client', SYNC);
  program('lmtpd', IDLER);
  program('stubborn', IDLER);
  const config: CyrusConfig = {
    user: 'cyrus',
    configDir: `${base}/{slot}/conf`,
    imapdConf: `${base}/{slot}/role/imapd.conf`,
    cyrusConf: `${base}/{slot}/role/cyrus.conf`,
    pidFile: `${base}/run/{slot}.pid`,
    role: {
      kind: 'link',
      link: `${base}/{slot}/role`,
      master: 'role.master',
      replica: 'role.replica',
      readonly: undefined,
    },
    start: 'builtin',
    stop: 'builtin',
    stopTimeoutMs: 2000,
    plannedStopTimeoutMs: 4000,
    admin: undefined,
    ...more(base),
  };
  const transport = localTransport({
    clock: systemClock,
    env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` },
    sudoFor: () => false,
    helloMs: 30_000,
  });
  const driver = cyrusStore({
    config,
    transport,
    clock: systemClock,
    testAccount: testAccount === undefined ? undefined : async () => testAccount,
  });
  const host: Host = { name: 'imap21', transport: 'local', groups: [] };
  const owned = new Set<number>();
  onTestFinished(() => {
    for (const pid of owned) {
      for (const target of [-pid, pid]) {
        try {
          process.kill(target, 'SIGKILL');
        } catch {
          // Gone already.
        }
      }
    }
  });

  return {
    host,
    base,
    bin,
    driver,
    config,
    transport,
    owns: (pid) => owned.add(pid),
    slot: async (name) => {
      const home = join(base, name);
      const [imap, lmtp, csync] = (await freePorts(3)) as [number, number, number];
      const ports = { imap, lmtp, csync };
      for (const dir of ['conf/sync', 'mail', 'role.master', 'role.replica'])
        mkdirSync(join(home, dir), { recursive: true });
      const imapd = join(home, 'role', 'imapd.conf');
      const common = `configdirectory: ${home}/conf\npartition-default: ${home}/mail\nsync_password: geheim\n`;
      writeFileSync(
        join(home, 'role.master/imapd.conf'),
        `${common}sync_log: yes\nsync_host: imap22\nsync_port: ${ports.csync}\n`,
      );
      writeFileSync(join(home, 'role.replica/imapd.conf'), common);
      writeFileSync(
        join(home, 'role.master/cyrus.conf'),
        `SERVICES {\n  imap cmd="imapd -C ${imapd}" listen="${ports.imap}"\n  lmtp cmd="lmtpd -C ${imapd}" listen="${ports.lmtp}"\n}\nDAEMON {\n  sync cmd="sync_client -C ${imapd} -r"\n}\n`,
      );
      writeFileSync(
        join(home, 'role.replica/cyrus.conf'),
        `SERVICES {\n  csync cmd="sync_server -C ${imapd}" listen="${ports.csync}"\n  imap cmd="imapd -C ${imapd}" listen="127.0.0.1:${ports.imap}"\n}\n`,
      );
      symlinkSync('role.master', join(home, 'role'));
      return {
        slot: name,
        instance: { slot: name, host: host.name, instance: name, address: undefined },
        base: home,
        conf: join(home, 'conf'),
        pidFile: join(base, 'run', `${name}.pid`),
        lease: join(home, 'conf/mailctl.lease'),
        lane: join(home, 'conf/mailctl.lane'),
        ports,
        addTo: (role, line) => {
          const file = join(home, `role.${role}/cyrus.conf`);
          const text = readFileSync(file, 'utf8');
          writeFileSync(
            file,
            line.startsWith('#') ? `${line}\n${text}` : text.replace('DAEMON {\n', `DAEMON {\n  ${line}\n`),
          );
        },
      };
    },
    startMaster: (slot) => {
      const conf = (file: string) => join(slot.base, 'role', file);
      const args = ['-C', conf('imapd.conf'), '-M', conf('cyrus.conf'), '-p', slot.pidFile, '-d'];
      execFileSync(join(bin, 'cyrmaster'), args, {
        env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` },
        stdio: 'ignore',
      });
      const pid = Number(readFileSync(slot.pidFile, 'utf8'));
      owned.add(pid);
      return pid;
    },
    look: async (slot) => {
      const [state] = await driver.observe(host, [slot.instance]);
      if (state === undefined) throw new Error('nothing seen');
      return state;
    },
    take: async (slot, run = '7f3a', wish = {}) => {
      const answer = await driver.takeLease(host, slot.instance, leaseWish(run, wish));
      if (!answer.granted) throw new Error(`held by ${answer.held.run}`);
      // Whatever is started from here on is ended with the test.
      onTestFinished(() => {
        if (!existsSync(slot.pidFile)) return;
        const pid = Number(readFileSync(slot.pidFile, 'utf8'));
        if (pid > 1) owned.add(pid);
      });
      return { run, token: answer.token, phase: 'prepare' };
    },
    run: (command) =>
      transport.run(host, {
        name: 'test',
        args: [],
        readOnly: true,
        privileged: false,
        timeoutMs: 60_000,
        ...command,
      }),
  };
}

/** What a run says when it asks for a lease. */
export function leaseWish(run: string, more: Partial<LeaseWish> = {}): LeaseWish {
  return {
    run,
    operator: 'ann',
    bastion: 'bastion1',
    from: 'imap21',
    to: 'imap22',
    phase: 'prepare',
    takeOver: [],
    record: `{"kind":"opened","run":"${run}"}`,
    ...more,
  };
}
