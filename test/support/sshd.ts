// A real sshd for tests, on a loopback port, with its own keys and configuration in a temporary directory. Needs root
// and OpenSSH's server; `sshdMissing` says what is missing, which is an error where CI=true. Its processes are ended
// by their ids, and only those that it started.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';

const SSHD = '/usr/sbin/sshd';

/** Why there can be no sshd here; undefined: there can. Throws instead where CI=true. */
export function sshdMissing(): string | undefined {
  const why =
    process.getuid?.() !== 0
      ? 'not root'
      : existsSync(SSHD)
        ? undefined
        : `${SSHD} is missing (openssh-server)`;
  if (why !== undefined && process.env.CI === 'true')
    throw new Error(`the ssh tests must run under CI: ${why}`);
  return why;
}

/** Keys and ssh configuration of one test, and the servers in it. */
export class SshWorld {
  readonly dir = mkdtempSync(join(tmpdir(), 'mailctl-ssh-'));
  readonly configFile = join(this.dir, 'config');
  /** For children of the product: private runtime directory, no agent. */
  readonly env: Readonly<Record<string, string>>;
  readonly #servers: Sshd[] = [];
  #hosts = '';

  constructor() {
    for (const name of ['id', 'other', 'hostkey', 'hostkey2']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(this.dir, name)]);
    }
    writeFileSync(join(this.dir, 'authorized_keys'), readFileSync(join(this.dir, 'id.pub')));
    writeFileSync(join(this.dir, 'known_hosts'), '');
    mkdirSync(join(this.dir, 'run'), { mode: 0o700 });
    this.env = {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: this.dir,
      SHELL: '/bin/sh',
      XDG_RUNTIME_DIR: join(this.dir, 'run'),
    };
  }

  /** Adds a host to the client's configuration, and its key to the known ones. */
  addHost(name: string, port: number, options: Readonly<Record<string, string>> = {}, key = 'hostkey'): void {
    const lines = {
      HostName: '127.0.0.1',
      Port: String(port),
      User: 'root',
      IdentityFile: join(this.dir, 'id'),
      IdentitiesOnly: 'yes',
      UserKnownHostsFile: join(this.dir, 'known_hosts'),
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      ...options,
    };
    this.#hosts += `Host ${name}\n${Object.entries(lines)
      .map(([k, v]) => `  ${k} ${v}\n`)
      .join('')}`;
    writeFileSync(this.configFile, this.#hosts);
    if (key === '') return;
    const [type, blob] = readFileSync(join(this.dir, `${key}.pub`), 'utf8').split(' ');
    const known = `[127.0.0.1]:${port} ${type} ${blob}\n`;
    writeFileSync(join(this.dir, 'known_hosts'), known, { flag: 'a' });
  }

  /** Starts a server with these lines in its configuration. */
  async start(options: readonly string[] = []): Promise<Sshd> {
    const server = await Sshd.start(this.dir, options);
    this.#servers.push(server);
    return server;
  }

  /** Ends servers and masters, and removes the directory. */
  async end(): Promise<void> {
    const run = join(this.dir, 'run/mailctl');
    for (const name of existsSync(run) ? readdirSync(run) : []) {
      if (name.endsWith('.log')) continue;
      try {
        execFileSync('ssh', ['-F', '/dev/null', '-S', join(run, name), '-O', 'exit', 'x'], {
          stdio: 'ignore',
        });
      } catch {
        // It has gone already.
      }
    }
    for (const server of this.#servers) await server.end();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** One server. */
export class Sshd {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#process = child;
  }

  static async start(dir: string, options: readonly string[]): Promise<Sshd> {
    if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
    const port = await freePort();
    const file = join(dir, `sshd_config.${port}`);
    const lines = [
      // First, since the first value that sshd reads is the one that holds.
      ...options,
      `Port ${port}`,
      // It binds all that it is told, so that another address stands instead.
      ...(options.some((line) => line.startsWith('ListenAddress')) ? [] : ['ListenAddress 127.0.0.1']),
      `HostKey ${join(dir, 'hostkey')}`,
      `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
      `PidFile ${join(dir, `sshd.${port}.pid`)}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child = spawn(SSHD, ['-D', '-e', '-f', file], { stdio: 'ignore', detached: true });
    await waitFor(() => accepts(port), `sshd on port ${port}`);
    return new Sshd(port, child);
  }

  /** The listener and every process below it. */
  tree(): readonly number[] {
    return this.#process.pid === undefined ? [] : descendants(this.#process.pid);
  }

  signal(name: NodeJS.Signals): void {
    for (const pid of this.tree()) signalPid(pid, name);
  }

  /** Cuts the connections that are open; the listener stays. */
  cut(): void {
    for (const pid of this.tree()) if (pid !== this.#process.pid) signalPid(pid, 'SIGKILL');
  }

  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    for (const pid of [...this.tree()].reverse()) signalPid(pid, 'SIGKILL');
    await gone;
  }
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Polls until the condition holds; fails after the deadline. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = 10_000,
): Promise<void> {
  const until = systemClock.monotonic() + ms;
  while (!(await condition())) {
    if (systemClock.monotonic() > until) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await systemClock.sleep(20);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    const done = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

function descendants(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended while we looked.
    }
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function signalPid(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone.
  }
}
