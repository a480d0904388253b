// One shared ssh connection (a "master") per host. It is opened on its own, with its streams closed, so that no
// command waits for it or dies with it; it outlives this process for ControlPersist. Two processes may open one at
// the same time: each binds a name of its own and renames it to the shared one, and the one that lost its name ends
// by itself. A master found on disk is believed until a command says otherwise.
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, TransportError } from '../errors.js';
import type { Child } from './child.js';
import { openControlDir } from './control-dir.js';
import {
  KEEPALIVE_COUNT,
  KEEPALIVE_INTERVAL_SECONDS,
  MAX_CHATTER_BYTES,
  MAX_JUMP_DEPTH,
  RETRY_SPREAD_MS,
  RETRY_WAIT_MS,
  SSH_CONTROL_MS,
  SSH_OWN_WORDS_MS,
} from './limits.js';
import { lastWords, seconds } from './outcome.js';
import { quoteProxyCommand } from './quote.js';
import type { callSsh as CallSsh } from './ssh-client.js';
import { classifySshFailure, type SshFailure } from './ssh-failure.js';
import { configWords, connectSeconds, type SshSettings, type SshTarget, tryItLine } from './ssh-settings.js';

/** An open shared connection. */
export interface Master {
  readonly socket: string;
  /** Of the socket, so that only this one is ever removed. */
  readonly inode: number;
}

/** The masters of one process, by host. */
export class SshMasters {
  readonly #settings: SshSettings;
  readonly #uid: number;
  readonly #known = new Map<string, Promise<Master>>();
  readonly #ending = new Set<Promise<void>>();
  readonly #opening = new Set<Child>();
  #dir: string | undefined;

  constructor(settings: SshSettings) {
    this.#settings = settings;
    this.#uid = process.getuid?.() ?? 0;
  }

  /**
   * The host's master, opened if there is none; at once if there is one. May be warm and dead: see `replace`.
   * @throws TransportError when it cannot be opened; ConfigError when ssh does not accept its configuration
   */
  acquire(target: SshTarget): Promise<Master> {
    return this.#acquire(target, 0);
  }

  /** Another master than `old`, which did not serve; those who ask together get the same. */
  async replace(target: SshTarget, old: Master): Promise<Master> {
    const key = this.#key(target);
    const known = await this.#known.get(key)?.catch(() => undefined);
    if (known === undefined || known === old) {
      this.#known.delete(key);
      this.#forgetSocket(old);
    }
    return this.#acquire(target, 0);
  }

  /**
   * Takes a master whose peer hangs out of use at once, and ends it. `gently`: sessions over it that were heard of go
   * on to their own end. Once per master.
   */
  async drop(target: SshTarget, master: Master, gently: boolean): Promise<void> {
    const key = this.#key(target);
    const known = await this.#known.get(key)?.catch(() => undefined);
    if (known !== undefined && known !== master) return;
    this.#known.delete(key);
    if (!this.#isStill(master)) return;
    // Renamed first: nobody begins anything over it while it is told to go, which may take it seconds.
    const aside = `${master.socket}.${randomBytes(4).toString('hex')}`;
    try {
      renameSync(master.socket, aside);
    } catch {
      return;
    }
    const told = this.#tell(aside, gently ? 'stop' : 'exit').then(() => rmSync(aside, { force: true }));
    this.#ending.add(told);
    void told.finally(() => this.#ending.delete(told));
  }

  /** Ends what is still being opened, and waits until those that were told to end have heard it. */
  async close(): Promise<void> {
    // Nobody waits for it any more, and a dead host would hold up our own end for its connect timeout.
    for (const child of this.#opening) child.kill('SIGKILL');
    await Promise.all(this.#ending);
  }

  #acquire(target: SshTarget, depth: number): Promise<Master> {
    const key = this.#key(target);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const master = this.#find(key) ?? this.#open(target, key, depth);
    this.#known.set(key, master);
    // A failure is not remembered: the next command tries again.
    master.catch(() => {
      if (this.#known.get(key) === master) this.#known.delete(key);
    });
    return master;
  }

  #find(path: string): Promise<Master> | undefined {
    const seen = lstatSync(path, { throwIfNoEntry: false });
    return seen?.isSocket() ? Promise.resolve({ socket: path, inode: seen.ino }) : undefined;
  }

  /** Path of the shared socket: whatever leads elsewhere, or logs in as another, has another name. */
  #key(target: SshTarget): string {
    this.#dir ??= openControlDir(this.#settings.env.XDG_RUNTIME_DIR, this.#uid);
    const { config } = this.#settings.ssh;
    const home = this.#settings.env.HOME;
    const files = config !== undefined ? [config] : [join(home ?? '/', '.ssh/config'), '/etc/ssh/ssh_config'];
    const hash = createHash('sha256').update([target.name, target.address ?? '', this.#uid].join('\0'));
    for (const file of files)
      hash.update(`\0${file}\0${statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0}`);
    return join(this.#dir, hash.digest('hex').slice(0, 16));
  }

  async #open(target: SshTarget, path: string, depth: number): Promise<Master> {
    const proxy = await this.#jump(target, depth);
    const first = await this.#tryOpen(target, path, proxy);
    if ('socket' in first) return first;
    if (first.failure.kind !== 'closed-early') throw this.#failed(target, first, '');
    const { clock, random } = this.#settings;
    await clock.sleep(RETRY_WAIT_MS + random() * RETRY_SPREAD_MS);
    const second = await this.#tryOpen(target, path, proxy);
    if ('socket' in second) return second;
    throw this.#failed(target, second, second.failure.kind === 'closed-early' ? ', twice' : '');
  }

  async #tryOpen(target: SshTarget, path: string, proxy: Proxy | undefined): Promise<Master | Failed> {
    const { clock, env, ssh } = this.#settings;
    const begunAt = clock.monotonic();
    const own = `${path}.${randomBytes(4).toString('hex')}`;
    const log = `${own}.log`;
    const proxyCommand = proxy === undefined ? [] : ['-o', `ProxyCommand=${proxy.command(log)}`];
    const saidSince = proxy?.listen();
    const call = await callSsh(
      [
        ...['-M', '-N', '-f', '-T', '-E', log, '-S', own],
        ...configWords(this.#settings, target),
        ...options({
          BatchMode: 'yes',
          ConnectTimeout: connectSeconds(this.#settings),
          ConnectionAttempts: 1,
          ServerAliveInterval: KEEPALIVE_INTERVAL_SECONDS,
          ServerAliveCountMax: KEEPALIVE_COUNT,
          ControlPersist: Math.max(1, Math.ceil(ssh.controlPersistMs / 1000)),
          // The words that classifySshFailure reads, whatever the user's own level is.
          LogLevel: 'INFO',
          ClearAllForwardings: 'yes',
          PermitLocalCommand: 'no',
        }),
        ...proxyCommand,
        ...['--', target.name],
      ],
      {
        env,
        clock,
        timeoutMs: connectSeconds(this.#settings) * 1000 + SSH_OWN_WORDS_MS,
        stdout: 'ignore',
        onStart: (child) => {
          this.#opening.add(child);
          void child.exited.then(() => this.#opening.delete(child));
        },
      },
    );
    const tookMs = clock.monotonic() - begunAt;
    const made = lstatSync(own, { throwIfNoEntry: false });
    if (call.end.status === 0 && made?.isSocket()) {
      this.#removeLogs(path, log);
      renameSync(own, path);
      return { socket: path, inode: made.ino };
    }
    const all = readText(log);
    rmSync(log, { force: true });
    rmSync(own, { force: true });
    const said = withoutDebug(all) + (saidSince?.() ?? '');
    const failure = judge(call, said);
    // Through a jump host ssh takes its own ProxyCommand for the TCP connection, and so the silence of a dead host for
    // a missing banner. Only the client to the jump host knows whether the connection behind it was made.
    const isUnproven = proxy !== undefined && failure.kind === 'hung' && !all.includes(JUMP_CONNECTED);
    return {
      failure: isUnproven ? { kind: 'unreachable', what: 'no answer through its jump host' } : failure,
      said,
      tookMs,
    };
  }

  #failed(target: SshTarget, { failure, said, tookMs }: Failed, more: string): TransportError | ConfigError {
    const tryIt = tryItLine(this.#settings, target);
    const detail = lastWords(said) || undefined;
    if (failure.kind === 'local-config') {
      return new ConfigError(failure.what, {
        code: 'transport.ssh-config',
        detail,
        hint: `see for yourself: ${tryIt}`,
      });
    }
    // Closed early: something is alive there, so that nobody may call it dead.
    const kind = failure.kind === 'closed-early' ? 'hung' : failure.kind;
    const hint =
      kind === 'host-key'
        ? `compare the key with the host's own, then: ${tryIt}`
        : `see for yourself: ${tryIt}`;
    return new TransportError(
      target.name,
      kind,
      `${target.name}: ${failure.what}${more} (ssh, ${seconds(tookMs)})`,
      {
        detail,
        hint,
      },
    );
  }

  /** The way through the host's jump host, whose own master is opened first; undefined: ssh goes by itself. */
  async #jump(target: SshTarget, depth: number): Promise<Proxy | undefined> {
    if (depth >= MAX_JUMP_DEPTH) return undefined;
    const { clock, env } = this.#settings;
    const asked = await callSsh(['-G', '-T', ...configWords(this.#settings, target), '--', target.name], {
      env,
      clock,
      timeoutMs: SSH_CONTROL_MS,
      stdout: 'pipe',
    });
    const jump = parseJump(asked.stdout);
    if (jump === undefined || jump === target.name) return undefined;
    const hop: SshTarget = { name: jump };
    let master: Master;
    try {
      master = await this.#acquire(hop, depth + 1);
      if (!(await this.#tell(master.socket, 'check'))) {
        this.#known.delete(this.#key(hop));
        this.#forgetSocket(master);
        master = await this.#acquire(hop, depth + 1);
      }
    } catch (error) {
      throw throughJump(target, error);
    }
    return {
      command: (log) =>
        quoteProxyCommand(
          [
            ...['ssh', '-E', log, '-S', master.socket, ...configWords(this.#settings, hop)],
            ...options({ ControlMaster: 'no', BatchMode: 'yes', LogLevel: 'DEBUG1' }),
            ...['-W', '[%h]:%p', '--', hop.name],
          ],
          ['[%h]:%p'],
        ),
      listen: () => this.#listenTo(master),
    };
  }

  /** From now on: what the jump host's master writes. Over a shared connection only it learns of a refusal. */
  #listenTo(master: Master): () => string {
    const log = this.#logNames(master.socket).at(-1);
    if (log === undefined) return () => '';
    const before = readText(log).length;
    return () => readText(log).slice(before).slice(-MAX_CHATTER_BYTES);
  }

  /** A word to the master itself; whether it took it. */
  async #tell(socket: string, word: 'check' | 'exit' | 'stop'): Promise<boolean> {
    const { env, clock } = this.#settings;
    const args = ['-F', '/dev/null', '-S', socket, '-O', word, '--', 'master'];
    const call = await callSsh(args, { env, clock, timeoutMs: SSH_CONTROL_MS, stdout: 'ignore' });
    return call.end.status === 0;
  }

  #isStill(master: Master): boolean {
    return lstatSync(master.socket, { throwIfNoEntry: false })?.ino === master.inode;
  }

  #forgetSocket(master: Master): void {
    if (this.#isStill(master)) rmSync(master.socket, { force: true });
  }

  /** Logs of masters that had this name before: those still running write into a file without a name. */
  #removeLogs(path: string, but: string): void {
    for (const name of this.#logNames(path)) if (name !== but) rmSync(name, { force: true });
  }

  #logNames(path: string): readonly string[] {
    const dir = this.#dir ?? '';
    return readdirSync(dir)
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(dir, name))
      .filter((name) => name.startsWith(`${path}.`));
  }
}

/** Loaded when a connection is to be opened, or told something: over those that are open it is not needed. */
const callSsh: typeof CallSsh = async (args, how) => (await import('./ssh-client.js')).callSsh(args, how);

/** A try that did not open. */
interface Failed {
  readonly failure: SshFailure;
  readonly said: string;
  readonly tookMs: number;
}

interface Proxy {
  /** The line for ProxyCommand; it writes its own complaints into the log as well. */
  readonly command: (log: string) => string;
  /** Begins to listen to what the jump host's master says; call the result to hear it. */
  readonly listen: () => () => string;
}

/** A debug line of `ssh -W` over a shared connection, OpenSSH 5.4 to 9.9: the jump host has connected. */
const JUMP_CONNECTED = 'master session id';

function withoutDebug(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('debug'))
    .join('\n');
}

function options(pairs: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(pairs).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

function judge(call: Awaited<ReturnType<typeof CallSsh>>, said: string): SshFailure {
  if (call.end.error !== undefined) {
    return { kind: 'unsupported', what: `there is no ssh program here (${call.end.error.message})` };
  }
  // Silent to the end: TCP, a name server or the login hangs. Only what is proven may be called unreachable.
  if (call.timedOut && said.trim() === '') return { kind: 'hung', what: 'ssh got no answer and no refusal' };
  const failure = classifySshFailure(said);
  return call.timedOut && failure.what === 'ssh failed' ? { kind: 'hung', what: 'the login hangs' } : failure;
}

/** The one jump host in the output of `ssh -G`, as a name or an ssh:// address; chains are ssh's own business. */
export function parseJump(text: string): string | undefined {
  const spec = /^proxyjump (\S+)$/m.exec(text)?.[1] ?? 'none';
  const parts = /^(?:([^@,]+)@)?(\[[^\],]+\]|[^:,[\]]+)(?::(\d+))?$/.exec(spec);
  if (spec === 'none' || spec.startsWith('-') || parts === null) return undefined;
  const [, user, host = '', port] = parts;
  const login = user === undefined ? '' : `${user}@`;
  return port === undefined ? login + host.replaceAll(/[[\]]/g, '') : `ssh://${login}${host}:${port}`;
}

/** The same failure, told of the host behind: what stands between is named, and is no news about the host. */
function throughJump(target: SshTarget, error: unknown): unknown {
  if (!(error instanceof TransportError)) return error;
  const kind = error.kind === 'refused' || error.kind === 'hung' ? 'unreachable' : error.kind;
  return new TransportError(
    target.name,
    kind,
    `${target.name}: not reached, its jump host failed: ${error.message}`,
    {
      detail: error.detail,
      hint: error.hint,
      cause: error,
    },
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replaceAll('\r', '');
  } catch {
    return '';
  }
}
