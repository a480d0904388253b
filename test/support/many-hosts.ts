// Many hosts on one machine: addresses 127.0.x.y of the loopback, one sshd that listens on all of them, and a Postfix
// of two programs that answers with a message named after the address. Needs root and OpenSSH's server. Ends only
// what it started.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePort, SshWorld, waitFor } from './sshd.js';

/** What may be wrong with a host. */
export type Trouble = 'dead' | 'hung' | 'refused-login';

const POSTQUEUE = `#!/bin/sh
set -- $SSH_CONNECTION
id=$(printf '%s' "$3" | tr -d .)
printf '{"queue_name": "deferred", "queue_id": "A%s", "arrival_time": 1795288814, "message_size": 1107, ' "$id"
printf '"forced_expire": false, "sender": "a@example.net", "recipients": [{"address": "b@example.org"}]}\\n'
`;

/** The hosts, and the configuration that names them. */
export class ManyHosts {
  readonly world = new SshWorld();
  readonly names: string[] = [];
  readonly configFile = join(this.world.dir, 'mailctl.yaml');
  #full:
    | { readonly child: ChildProcess; readonly sockets: readonly Socket[]; readonly port: number }
    | undefined;

  /** Starts `count` hosts that answer, called h1, h2, ... */
  static async start(count: number): Promise<ManyHosts> {
    const many = new ManyHosts();
    const { world } = many;
    const programs = join(world.dir, 'sbin');
    mkdirSync(programs);
    writeFileSync(join(programs, 'postqueue'), POSTQUEUE);
    writeFileSync(join(programs, 'postconf'), '#!/bin/sh\necho\n');
    for (const name of ['postqueue', 'postconf']) chmodSync(join(programs, name), 0o755);
    const server = await world.start([
      'ListenAddress 0.0.0.0',
      // All hosts are one server here: none may be turned away because others are just coming in.
      'MaxStartups 1000',
      // At level 1 a shell that sshd starts would read the machine's own bashrc, which may do anything.
      `SetEnv PATH=${programs}:/usr/bin:/bin SHLVL=5`,
    ]);
    many.#know(server.port);
    for (let number = 1; number <= count; number += 1) {
      const address = `127.0.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
      many.#add(`h${number}`, server.port, address);
    }
    return many;
  }

  /** One more host, with which something is wrong, at a place of the configuration. */
  async addTrouble(name: string, trouble: Trouble): Promise<void> {
    if (trouble === 'dead') this.#add(name, await this.#deadPort(), '127.0.0.1');
    else if (trouble === 'hung') {
      const server = await this.world.start([]);
      server.signal('SIGSTOP');
      this.#know(server.port);
      this.#add(name, server.port, '127.0.0.1');
    } else {
      const server = await this.world.start([]);
      this.#know(server.port);
      this.#add(name, server.port, '127.0.0.1', { IdentityFile: join(this.world.dir, 'other') });
    }
  }

  /** Writes a configuration with these hosts. */
  configure(names: readonly string[], connectTimeout: string): void {
    const hosts = names.map((name) => `  ${name}: { queues: [postfix] }\n`).join('');
    const ssh = `{ config: ${this.world.configFile}, connect_timeout: ${connectTimeout} }`;
    writeFileSync(this.configFile, `defaults:\n  ssh: ${ssh}\nhosts:\n${hosts}`, { mode: 0o600 });
  }

  async end(): Promise<void> {
    for (const socket of this.#full?.sockets ?? []) socket.destroy();
    this.#full?.child.kill('SIGKILL');
    await this.world.end();
  }

  #add(name: string, port: number, address: string, options: Readonly<Record<string, string>> = {}): void {
    this.world.addHost(name, port, { HostName: address, ...options }, '');
    this.names.push(name);
  }

  /** Its key, whatever the address. */
  #know(port: number): void {
    const [type, blob] = readFileSync(join(this.world.dir, 'hostkey.pub'), 'utf8').split(' ');
    writeFileSync(join(this.world.dir, 'known_hosts'), `[127.0.*]:${port} ${type} ${blob}\n`, { flag: 'a' });
  }

  /** A port whose queue of connections is full: the kernel answers no further one, as a dead machine does not. */
  async #deadPort(): Promise<number> {
    if (this.#full !== undefined) return this.#full.port;
    const port = await freePort();
    const listen = `use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0); bind($s, sockaddr_in(${port}, inet_aton("127.0.0.1"))) or die; listen($s, 0); print "ready\\n"; $| = 1; close STDOUT; sleep 3600`;
    const child = spawn('perl', ['-e', listen], { stdio: ['ignore', 'pipe', 'ignore'] });
    let isReady = false;
    child.stdout?.once('data', () => {
      isReady = true;
    });
    await waitFor(() => isReady, 'a listener that accepts nothing');
    const sockets = [1, 2, 3].map(() => createConnection(port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => {});
    await waitFor(() => sockets.some(({ connecting }) => !connecting), 'a full queue of connections');
    this.#full = { child, sockets, port };
    return port;
  }
}
