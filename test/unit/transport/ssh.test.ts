// The ssh transport against a real sshd on a loopback port: what works, and each way in which a host fails.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { TransportError } from '../../../src/errors.js';
import type { Host } from '../../../src/fleet/host.js';
import { systemClock } from '../../../src/lib/clock.js';
import { sshTransport } from '../../../src/transport/ssh.js';
import type { Command, RunOptions, Transport } from '../../../src/transport/transport.js';
import { freePort, type Sshd, SshWorld, sshdMissing, waitFor } from '../../support/sshd.js';
import { describeUnless } from '../../support/unless.js';

// A real sshd, real timeouts, and a machine that other tests keep busy.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const missing = sshdMissing();

const CONNECT_MS = 3000;
/** A hung host may cost the connect timeout, and what a busy machine adds. */
const HUNG_MS = CONNECT_MS + 2000;

const FULL_QUEUE = `
  my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die; listen($s, 0);
  my @c = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $s->sockport, Blocking => 0) } 1 .. 4;
  $| = 1; print $s->sockport, "\\n"; sleep 60;`;

function host(name: string, more: Partial<Host> = {}): Host {
  return { name, transport: 'ssh', groups: [], ...more };
}

function command(script: string, more: Partial<Command> = {}): Command {
  return { name: 'test', script, args: [], readOnly: true, privileged: false, timeoutMs: 10_000, ...more };
}

function open(
  world: SshWorld,
  more: { readonly sudo?: string; readonly connectMs?: number } = {},
): Transport {
  return sshTransport({
    ssh: {
      config: world.configFile,
      connectTimeoutMs: more.connectMs ?? CONNECT_MS,
      controlPersistMs: 20_000,
    },
    clock: systemClock,
    env: world.env,
    random: () => 0.1,
    sudoFor: () => more.sudo ?? false,
  });
}

const failure = (promise: Promise<unknown>): Promise<TransportError> =>
  promise.then(
    (value) => Promise.reject(new Error(`no error, but ${JSON.stringify(value)}`)),
    (error) => error,
  );

async function timed<T>(promise: Promise<T>): Promise<readonly [T, number]> {
  const begun = systemClock.monotonic();
  return [await promise, systemClock.monotonic() - begun];
}

describeUnless(missing, 'ssh to a host that answers', () => {
  let world: SshWorld;
  let server: Sshd;
  let transport: Transport;
  const run = (asked: Command, options?: RunOptions) => transport.run(host('imap21'), asked, options);

  beforeAll(async () => {
    world = new SshWorld();
    server = await world.start();
    world.addHost('imap21', server.port);
    transport = open(world);
  });
  afterAll(async () => {
    await transport.close();
    await world.end();
  });

  it('gives stdout, stderr and status, 255 included', async () => {
    for (const status of [0, 1, 124, 127, 255]) {
      const result = await run(command(`echo out; echo err >&2; exit ${status}`));
      expect(result).toEqual({ status, stdout: 'out\n', stderr: 'err\n' });
    }
  });

  it('hands over hostile arguments intact', async () => {
    const args = [
      '',
      "it's",
      '$(id)',
      '`id`',
      '-n',
      'a\nb\r',
      '\\',
      '*',
      '\u001b]0;x\u0007',
      'ü😀',
      'x'.repeat(50_000),
    ];
    const { stdout } = await run(command('for a in "$@"; do printf "%s\\0" "$a"; done', { args }));
    expect(stdout.split('\0').slice(0, -1)).toEqual(args);
  });

  it('feeds a megabyte to a script that acts, and to one that reads', async () => {
    const stdin = 'queue-id\n'.repeat(120_000);
    for (const readOnly of [true, false]) {
      expect((await run(command('wc -c', { stdin, readOnly }))).stdout.trim()).toBe(String(stdin.length));
    }
  });

  it('runs fifteen commands at once over one connection, and no session is refused', async () => {
    const results = await Promise.all(
      Array.from({ length: 15 }, (_, i) =>
        run(command('sleep 0.2; echo "$1" "$SSH_CONNECTION"', { args: [String(i)] })),
      ),
    );
    const connections = new Set(results.map(({ stdout }) => stdout.split(' ')[2]));
    expect(results.map(({ stdout }) => Number(stdout.split(' ')[0]))).toEqual(
      Array.from({ length: 15 }, (_, i) => i),
    );
    expect(connections.size).toBe(1);
  });

  it('uses the connection that another process left open', async () => {
    const ask = command('echo "$SSH_CONNECTION"');
    const other = open(world);
    expect((await other.run(host('imap21'), ask)).stdout).toBe((await run(ask)).stdout);
  });

  it('opens one connection when many ask at once, and two processes do not disturb each other', async () => {
    world.addHost('cold', server.port);
    const transports = [open(world), open(world)];
    const results = await Promise.all(
      transports.flatMap((each) => [1, 2, 3].map(() => each.run(host('cold'), command('echo ok')))),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(Array(6).fill('ok\n'));
  });

  it('opens a new connection when the old one has gone', async () => {
    await run(command('true'));
    server.cut();
    expect((await run(command('echo again'))).stdout).toBe('again\n');
  });

  it('streams lines', async () => {
    const lines: string[] = [];
    await run(command('seq 1 50000'), { onLine: (line) => lines.push(line) });
    expect(lines.length).toBe(50_000);
    expect(lines.at(-1)).toBe('50000');
  });

  it('ends what is too long, too large, or no longer wanted', async () => {
    expect((await failure(run(command('yes', { maxBytes: 100_000 })))).code).toBe('transport.output');
    expect((await failure(run(command('sleep 30', { timeoutMs: 1000 })))).kind).toBe('timeout');
    const stop = new AbortController();
    const [error, ms] = await timed(
      failure(run(command('echo on; sleep 3'), { signal: stop.signal, onLine: () => stop.abort() })),
    );
    expect(error.kind).toBe('interrupted');
    expect(ms).toBeLessThan(1500);
  });

  it('keeps a deadline over there that a script ignores', async () => {
    const [error, ms] = await timed(
      failure(run(command('trap "" TERM; while :; do sleep 1; done', { timeoutMs: 1000 }))),
    );
    expect(error.kind).toBe('timeout');
    expect(ms).toBeLessThan(8000);
  });

  it('does not wait for a daemon that holds the streams', async () => {
    const [result, ms] = await timed(run(command('setsid sleep 6 & echo $!')));
    expect(ms).toBeLessThan(2000);
    process.kill(Number(result.stdout), 'SIGKILL');
  });

  it('calls it lost when the connection is cut in the middle', async () => {
    const error = await failure(
      run(command('echo on; sleep 5', { readOnly: false }), { onLine: () => server.cut() }),
    );
    expect(error.kind).toBe('lost');
    expect(error.message).toContain('outcome is unknown');
  });

  it('refuses names that ssh would take for options', async () => {
    for (const name of ['-oProxyCommand=touch /tmp/pwned', 'a b', '']) {
      const error = await failure(transport.run(host(name), command('true')));
      expect(error.code).toBe('transport.bad-host');
    }
    const error = await failure(transport.run(host('imap21', { address: '-x' }), command('true')));
    expect(error.code).toBe('transport.bad-host');
  });

  it('uses the address that the configuration gives', async () => {
    world.addHost('elsewhere', server.port, { HostName: '192.0.2.1' });
    const there = host('elsewhere', { address: '127.0.0.1' });
    expect((await transport.run(there, command('echo ok'))).stdout).toBe('ok\n');
  });

  it('drops what a login shell says', async () => {
    const chatty = await world.start([
      'ForceCommand printf "Welcome\\nno newline"; echo noise >&2; eval "$SSH_ORIGINAL_COMMAND"; echo bye; echo bye >&2',
    ]);
    world.addHost('chatty', chatty.port);
    const result = await transport.run(host('chatty'), command('echo out; echo err >&2; exit 3'));
    expect(result).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('is unsupported where the login shell runs nothing', async () => {
    const nologin = await world.start(['ForceCommand echo This account is not available; exit 1']);
    world.addHost('nologin', nologin.port);
    const error = await failure(transport.run(host('nologin'), command('true')));
    expect(error).toMatchObject({ kind: 'unsupported', detail: 'This account is not available' });
    expect(error.hint).toContain(`ssh -F ${world.configFile}`);
  });

  it('goes on where only one session is allowed at a time', async () => {
    const narrow = await world.start(['MaxSessions 1']);
    world.addHost('narrow', narrow.port);
    const results = await Promise.all(
      [1, 2, 3].map((i) =>
        transport.run(host('narrow'), command('sleep 0.3; echo "$1"', { args: [String(i)] })),
      ),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(['1\n', '2\n', '3\n']);
  });

  it('goes through a jump host, over a shared connection to it', async () => {
    world.addHost('jump', server.port);
    world.addHost('behind', server.port, { ProxyJump: 'jump' });
    const { stdout } = await transport.run(host('behind'), command('echo ok'));
    expect(stdout).toBe('ok\n');
    const closed = await freePort();
    world.addHost('behind-closed', closed, { ProxyJump: 'jump' });
    const error = await failure(transport.run(host('behind-closed'), command('true')));
    expect(error.kind).toBe('refused');
    world.addHost('dead-jump', closed);
    world.addHost('behind-dead', server.port, { ProxyJump: 'dead-jump' });
    const dead = await failure(transport.run(host('behind-dead'), command('true')));
    expect(dead).toMatchObject({ kind: 'unreachable', host: 'behind-dead' });
    expect(dead.message).toContain('jump host');
  });

  it('leaves nothing but sockets and logs in a directory that is private', () => {
    const names = readdirSync(join(world.dir, 'run/mailctl'));
    expect(names.filter((name) => !/^[0-9a-f]{16}(\.[0-9a-f]{8}\.log)?$/.test(name))).toEqual([]);
  });
});

describeUnless(missing, 'ssh to a host that does not answer', () => {
  let world: SshWorld;
  let server: Sshd;
  let transport: Transport;
  const listeners: Server[] = [];
  const sockets: Socket[] = [];
  const children: ChildProcess[] = [];
  const opened: Transport[] = [];

  beforeEach(async () => {
    world = new SshWorld();
    server = await world.start();
    transport = open(world);
  });
  afterEach(async () => {
    for (const one of [transport, ...opened.splice(0)]) await one.close();
    server.signal('SIGCONT');
    await world.end();
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const listener of listeners.splice(0)) listener.close();
  });

  async function listen(onConnection: (socket: Socket) => void): Promise<number> {
    const listener = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      onConnection(socket);
    });
    await new Promise<void>((resolve) => {
      listener.listen(0, '127.0.0.1', resolve);
    });
    listeners.push(listener);
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** A port whose queue is full: the kernel drops what comes, as a dead host does. */
  async function silentPort(): Promise<number> {
    const child = spawn('perl', ['-MIO::Socket::INET', '-e', FULL_QUEUE], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = await once(child.stdout, 'data');
    return Number(String(line));
  }

  /** For what answers in the end: a login takes seconds on a busy machine. */
  function patientTransport(): Transport {
    const patient = open(world, { connectMs: 8000 });
    opened.push(patient);
    return patient;
  }

  it('fails as silent within the connect timeout when sshd is frozen behind an open connection', async () => {
    world.addHost('imap22', server.port);
    await transport.run(host('imap22'), command('true'));
    server.signal('SIGSTOP');
    const [errors, ms] = await timed(
      Promise.all([1, 2, 3].map(() => failure(transport.run(host('imap22'), command('true'))))),
    );
    expect(errors.map(({ kind }) => kind)).toEqual(['silent', 'silent', 'silent']);
    expect(ms).toBeGreaterThan(CONNECT_MS * 0.9);
    expect(ms).toBeLessThan(HUNG_MS);
    server.signal('SIGCONT');
    expect((await transport.run(host('imap22'), command('echo back'))).stdout).toBe('back\n');
  });

  it('never begins what it gave up before the hello, even when the line comes back', async () => {
    const file = (name: string) => join(world.dir, name);
    // A login that is slow, and a network that is cut meanwhile: the server does not notice, and goes on.
    const slow = await world.start([
      `ForceCommand echo >${file('login')}; sleep 1; eval "$SSH_ORIGINAL_COMMAND"; echo >${file('over')}`,
    ]);
    const line: Socket[] = [];
    const port = await listen((near) => {
      const far = createConnection(slow.port, '127.0.0.1');
      far.on('error', () => {});
      near.pipe(far).pipe(near);
      near.on('close', () => near.unpipe());
      line.push(near, far);
      sockets.push(far);
    });
    world.addHost('imap22', port);
    const patient = patientTransport();
    await patient.run(host('imap22'), command('true'));
    await waitFor(() => existsSync(file('over')), 'the end of the first command');
    rmSync(file('login'));
    rmSync(file('over'));
    const act = command('echo >"$1"', { args: [file('began')], readOnly: false });
    const asked = failure(patient.run(host('imap22'), act));
    await waitFor(() => existsSync(file('login')), 'the login');
    for (const socket of line) {
      socket.unpipe();
      socket.pause();
    }
    expect((await asked).kind).toBe('silent');
    expect(existsSync(file('over'))).toBe(false);
    for (const socket of line) socket.destroy();
    await waitFor(() => existsSync(file('over')), 'the end of the login');
    expect(existsSync(file('began'))).toBe(false);
  });

  it('is hung when the port is open and nobody speaks', async () => {
    world.addHost('imap25', await listen(() => {}));
    const [error, ms] = await timed(failure(transport.run(host('imap25'), command('true'))));
    expect(error).toMatchObject({ kind: 'hung', code: 'transport.hung', host: 'imap25' });
    expect(error.message).toMatch(/^imap25: TCP opens and no ssh banner comes \(ssh, \d(\.\d)?s\)$/);
    expect(ms).toBeLessThan(HUNG_MS);
  });

  it('is refused when nothing listens', async () => {
    world.addHost('closed', await freePort());
    const [error, ms] = await timed(failure(transport.run(host('closed'), command('true'))));
    expect(error.kind).toBe('refused');
    expect(ms).toBeLessThan(1000);
    expect(error.hint).toBe(
      `see for yourself: ssh -F ${world.configFile} -o ControlPath=none -o ConnectTimeout=3 -- closed true`,
    );
  });

  it('is unreachable when TCP gets no answer, straight or through a jump host', async () => {
    const port = await silentPort();
    world.addHost('off', port);
    world.addHost('jump', server.port);
    world.addHost('off-behind', port, { ProxyJump: 'jump' });
    world.addHost('hangs-behind', await listen(() => {}), { ProxyJump: 'jump' });
    const names = ['off', 'off-behind', 'hangs-behind'];
    const errors = await Promise.all(
      names.map((name) => failure(transport.run(host(name), command('true')))),
    );
    expect(errors.map(({ kind }) => kind)).toEqual(['unreachable', 'unreachable', 'hung']);
    expect(errors[1]?.message).toContain('through its jump host');
  });

  it('costs its time once, however many commands wait for it', async () => {
    world.addHost('off', await listen(() => {}));
    const asked = Array.from({ length: 20 }, () => failure(transport.run(host('off'), command('true'))));
    const [errors, ms] = await timed(Promise.all(asked));
    expect(new Set(errors.map(({ kind }) => kind))).toEqual(new Set(['hung']));
    expect(ms).toBeLessThan(HUNG_MS);
  });

  it('is unreachable when its name has no address', async () => {
    world.addHost('nowhere', 22, { HostName: 'no-such-host.invalid' });
    expect(
      (await failure(open(world, { connectMs: 10_000 }).run(host('nowhere'), command('true')))).kind,
    ).toBe('unreachable');
  });

  it('tells a refused key, an unknown host key and a changed one', async () => {
    world.addHost('wrong-key', server.port, { IdentityFile: join(world.dir, 'other') });
    world.addHost('unknown', server.port, { UserKnownHostsFile: join(world.dir, 'empty') });
    const changed = `[127.0.0.1]:${server.port} ${keyOf(world, 'hostkey2')}\n`;
    writeFileSync(join(world.dir, 'changed'), changed);
    world.addHost('changed', server.port, { UserKnownHostsFile: join(world.dir, 'changed') });
    const errors = await Promise.all(
      ['wrong-key', 'unknown', 'changed'].map((name) => failure(transport.run(host(name), command('true')))),
    );
    expect(errors.map(({ kind }) => kind)).toEqual(['auth', 'host-key', 'host-key']);
    expect(errors[1]?.message).toContain('not known');
    expect(errors[2]?.message).toContain('CHANGED');
  });

  it('tries once more when the connection is closed before its banner', async () => {
    let connections = 0;
    const port = await listen((socket) => {
      connections += 1;
      socket.destroy();
    });
    world.addHost('busy', port);
    const error = await failure(transport.run(host('busy'), command('true')));
    expect(connections).toBe(2);
    expect(error.kind).toBe('hung');
    expect(error.message).toContain('closes the connection before its banner, twice');
  });

  it('is unsupported when no ssh server listens', async () => {
    world.addHost(
      'web',
      await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(2000))),
    );
    expect((await failure(transport.run(host('web'), command('true')))).kind).toBe('unsupported');
  });

  it('says when ssh does not accept its own configuration', async () => {
    writeFileSync(world.configFile, 'Host x\n  NoSuchOption yes\n');
    const error = await failure(transport.run(host('x'), command('true')));
    expect(error.code).toBe('transport.ssh-config');
  });

  it('tries again after a failure', async () => {
    const port = await freePort();
    world.addHost('late', port);
    const patient = patientTransport();
    expect((await failure(patient.run(host('late'), command('true')))).kind).toBe('refused');
    const late = await world.start([`Port ${port}`]);
    await waitFor(() => late.tree().length > 0, 'the late server');
    expect((await patient.run(host('late'), command('echo ok'))).stdout).toBe('ok\n');
  });

  it('can be interrupted while it waits for the connection', async () => {
    world.addHost('slow', await listen(() => {}));
    const stop = new AbortController();
    const asked = failure(transport.run(host('slow'), command('true'), { signal: stop.signal }));
    systemClock.timer(300, () => stop.abort());
    const [error, ms] = await timed(asked);
    expect(error.kind).toBe('interrupted');
    expect(ms).toBeLessThan(1000);
  });

  it('is not waited for by a process that has nothing else to do any more', async () => {
    world.addHost('slow', await listen(() => {}));
    const stop = new AbortController();
    const asked = failure(transport.run(host('slow'), command('true'), { signal: stop.signal }));
    await waitFor(() => sockets.length > 0, 'the connection');
    stop.abort();
    await asked;
    const gone = once(sockets[0] as Socket, 'close');
    sockets[0]?.resume();
    await transport.close();
    const [, ms] = await timed(gone);
    expect(ms).toBeLessThan(1500);
  });
});

function keyOf(world: SshWorld, name: string): string {
  const file = join(world.dir, `${name}.pub`);
  return readFileSync(file, 'utf8').split(' ').slice(0, 2).join(' ');
}
