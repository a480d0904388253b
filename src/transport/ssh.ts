// Runs wrapped scripts on other machines, over OpenSSH and one shared connection per host (ssh-master.ts). Tells
// apart why a host gave no answer. What never said hello never began (script.ts), so that it may be tried again;
// what said hello and broke off is `lost`, never `failed`.

import { TransportError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import { Semaphore } from '../lib/semaphore.js';
import type { Child } from './child.js';
import { converse, type Heard } from './conversation.js';
import { MAX_SESSIONS_PER_HOST, RETRY_SPREAD_MS, RETRY_WAIT_MS } from './limits.js';
import { type Asked, interrupted, judgeHeard, lastWords, seconds } from './outcome.js';
import { makeNonce, quoteLine, takesStdin, wrapCommand } from './script.js';
import { spawnChild } from './spawn-child.js';
import { classifySshFailure } from './ssh-failure.js';
import { type Master, SshMasters } from './ssh-master.js';
import { configWords, connectSeconds, type SshSettings, tryItLine } from './ssh-settings.js';
import type { Command, CommandResult, RunOptions, Transport } from './transport.js';

/** What it needs besides: whom privileged commands run as on a host. */
export interface SshTransportSettings extends SshSettings {
  readonly sudoFor: (host: Host) => string | false;
}

// A client that finds no master would open a connection of its own, slowly and unshared. It says this instead.
const NO_MASTER = 'mailctl-no-master';

/** How often a session may be refused (MaxSessions, used up by others) before a connection of our own is opened. */
const REFUSED_SESSIONS = 4;

/** Commands on hosts by ssh. */
export function sshTransport(settings: SshTransportSettings): Transport {
  return new SshTransport(settings);
}

class SshTransport implements Transport {
  readonly #settings: SshTransportSettings;
  readonly #masters: SshMasters;
  readonly #places = new Map<string, Semaphore>();
  readonly #running = new Set<Child>();
  /** Sessions over a master that said hello and have not ended. */
  readonly #talking = new WeakMap<Master, number>();
  /** When something last came over a master. */
  readonly #signs = new WeakMap<Master, number>();
  /** The last time that a host could not be asked, and why. */
  readonly #silent = new Map<string, { readonly at: number; readonly error: unknown }>();

  constructor(settings: SshTransportSettings) {
    this.#settings = settings;
    this.#masters = new SshMasters(settings);
  }

  async run(host: Host, command: Command, options: RunOptions = {}): Promise<CommandResult> {
    const asked: Asked = { host: host.name, command, sudoUser: this.#settings.sudoFor(host) };
    const { clock } = this.#settings;
    const askedAt = clock.monotonic();
    const place = await this.#placeOn(host)
      .acquire(options.signal)
      .catch(() => undefined);
    if (place === undefined) throw interrupted(asked, false);
    // A dead host costs its connect timeout once, not once for every eight commands that wait for it.
    const silent = this.#silent.get(host.name);
    if (silent !== undefined && silent.at > askedAt) {
      place();
      throw silent.error;
    }
    // Given back when no session of ours is open any more, which may be after the result is known.
    const open: Promise<void>[] = [];
    try {
      return await this.#run(host, asked, options, open);
    } catch (error) {
      if (isSilence(error)) this.#silent.set(host.name, { at: clock.monotonic(), error });
      throw error;
    } finally {
      void Promise.all(open).then(place);
    }
  }

  /** Ends the clients that are still running; masters stay for their time. */
  async close(): Promise<void> {
    const ends = [...this.#running].map((child) => {
      child.kill('SIGKILL');
      return child.exited;
    });
    await Promise.all(ends);
    await this.#masters.close();
  }

  async #run(host: Host, asked: Asked, options: RunOptions, open: Promise<void>[]): Promise<CommandResult> {
    const { clock, random, ssh } = this.#settings;
    let master = await interruptible(this.#masters.acquire(host), options.signal, asked);
    const begunAt = clock.monotonic();
    let reopened = false;
    for (let refused = 0; ; ) {
      const heard = await this.#talk(
        host,
        asked,
        options,
        open,
        refused > REFUSED_SESSIONS ? undefined : master,
      );
      if (heard.hello) return judgeHeard(heard, asked);
      if (heard.brokenOff === 'aborted') throw interrupted(asked, false);
      if (heard.brokenOff === 'no-hello') {
        await this.#masters.drop(host, master, (this.#talking.get(master) ?? 0) > 0);
        throw this.#silence(host, heard);
      }
      // Nothing has begun: what comes next is another try, or the reason why there is none.
      if (refused > REFUSED_SESSIONS) throw this.#neverBegan(host, heard);
      if (/session open refused by peer|session request failed/i.test(heard.chatter)) {
        refused += 1;
        await interruptible(
          clock.sleep(RETRY_WAIT_MS * refused + random() * RETRY_SPREAD_MS),
          options.signal,
          asked,
        );
        continue;
      }
      const gone = heard.chatter.includes(NO_MASTER) || heard.child?.status === 255;
      if (!gone || reopened) throw this.#neverBegan(host, heard);
      // Silence of half the time that a host has was ssh's own keep-alive giving up: that is no news worth a try.
      if (clock.monotonic() - begunAt > ssh.connectTimeoutMs / 2) throw this.#silence(host, heard);
      reopened = true;
      master = await interruptible(this.#masters.replace(host, master), options.signal, asked);
    }
  }

  /** One session: over the master, or over a connection of its own. */
  async #talk(
    host: Host,
    asked: Asked,
    options: RunOptions,
    open: Promise<void>[],
    master: Master | undefined,
  ): Promise<Heard> {
    const { command } = asked;
    const { clock, env, ssh } = this.#settings;
    const nonce = makeNonce();
    const line = quoteLine(wrapCommand(command, nonce, asked.sudoUser));
    const args = master === undefined ? this.#ownWords(host) : sharedWords(master);
    const hasStdin = takesStdin(command, options.dialogue);
    const child = spawnChild('ssh', [...args, '--', host.name, line], { env, hasStdin });
    this.#running.add(child);
    let isTalking = false;
    const { heard, over } = converse(child, {
      command,
      nonce,
      clock,
      helloMs: ssh.connectTimeoutMs,
      signal: options.signal,
      onLine: options.onLine,
      dialogue: options.dialogue,
      onSign: () => {
        if (master !== undefined) this.#signs.set(master, clock.monotonic());
      },
      lastSign: () => (master === undefined ? undefined : this.#signs.get(master)),
      onHello: () => {
        if (master !== undefined) this.#talking.set(master, (this.#talking.get(master) ?? 0) + 1);
        isTalking = true;
      },
    });
    const ended = () => {
      this.#running.delete(child);
      if (master !== undefined && isTalking) this.#talking.set(master, (this.#talking.get(master) ?? 1) - 1);
    };
    open.push(over.then(ended));
    return heard;
  }

  #ownWords(host: Host): readonly string[] {
    const words = ['-T', '-S', 'none', ...configWords(this.#settings, host)];
    return [...words, '-o', 'BatchMode=yes', '-o', `ConnectTimeout=${connectSeconds(this.#settings)}`];
  }

  /** A connection that stood and is silent now does not tell a machine that hangs from one that is gone. */
  #silence(host: Host, heard: Heard): TransportError {
    return new TransportError(
      host.name,
      'silent',
      `${host.name}: no answer over an open connection (ssh, ${seconds(heard.tookMs)}): it hangs or is gone`,
      { hint: `see for yourself: ${tryItLine(this.#settings, host)}` },
    );
  }

  /** The connection stood, and the script did not begin: what the login shell or ssh said is the reason. */
  #neverBegan(host: Host, heard: Heard): TransportError {
    const hint = `see for yourself: ${tryItLine(this.#settings, host)}`;
    const detail = lastWords(heard.chatter) || `ssh ended with status ${heard.child?.status ?? 'none'}`;
    if (heard.child?.status === 255) {
      const { kind, what } = classifySshFailure(heard.chatter);
      const known = kind === 'closed-early' || kind === 'local-config' ? 'unsupported' : kind;
      return new TransportError(host.name, known, `${host.name}: no command could be begun there: ${what}`, {
        detail,
        hint,
      });
    }
    return new TransportError(host.name, 'unsupported', `${host.name}: its login shell runs no POSIX sh`, {
      detail,
      hint,
    });
  }

  #placeOn(host: Host): Semaphore {
    let places = this.#places.get(host.name);
    if (places === undefined) {
      places = new Semaphore(MAX_SESSIONS_PER_HOST);
      this.#places.set(host.name, places);
    }
    return places;
  }
}

/** Said of the host, not of a command: nothing else that waits for it would fare better. */
function isSilence(error: unknown): boolean {
  if (!(error instanceof TransportError)) return false;
  return ['unreachable', 'refused', 'hung', 'silent', 'auth', 'host-key'].includes(error.kind);
}

/** Over a master neither the user's configuration nor the host's name means anything: it is read nowhere. */
function sharedWords(master: Master): readonly string[] {
  const proxy = `ProxyCommand=echo ${NO_MASTER} >&2`;
  return [
    '-T',
    '-F',
    '/dev/null',
    '-S',
    master.socket,
    '-o',
    'ControlMaster=no',
    '-o',
    'BatchMode=yes',
    '-o',
    proxy,
  ];
}

/** The promise, or the operator's word to stop, whichever comes first. */
async function interruptible<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  asked: Asked,
): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(interrupted(asked, false));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
