// Hosts that were silent when a run was planned are asked again and again while it runs, beside the lanes, so
// that no step waits a connect timeout for a dead host, and one that comes back is noticed before the commit.
import { MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { type DeathVerdict, judgeDeath, type Sighting } from './death.js';

/** How a host is asked. */
export interface HostAsker {
  /** Resolves when the host answers to its transport. @throws MailctlError when it does not */
  ping(host: string, signal: AbortSignal): Promise<void>;
  /** Its IMAP and LMTP ports as others see them now. */
  sightings(host: string, signal: AbortSignal): Promise<readonly Sighting[]>;
}

interface Watched {
  reason: string;
  failure: string;
  answers: boolean;
  /** When it was last known to be silent, in ms of the clock. */
  silentAt: number;
  sightings: readonly Sighting[] | null;
  /** Looks at its ports that were begun, and the one whose answer is kept: an older one that ends later is void. */
  looks: number;
  kept: number;
  /** When the look that is kept ended, in ms of the clock. */
  keptAt: number;
  /** Settles with the first look at its ports, or the first since it was cut off. */
  firstLook: Promise<void>;
}

const PAUSE_MS = 1000;

/** ms after which what was seen of a host, or of its ports, says nothing of now. */
const STALE_MS = 8000;

/** An observer that has not answered by then is left out: what the others saw must be of now. */
const OBSERVER_MS = 3000;

/** Watches the hosts that are away. */
export class HostWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #stop = new AbortController();

  constructor(
    readonly asker: HostAsker,
    readonly clock: Clock,
  ) {}

  /** Begins to watch a host that did not answer. */
  add(host: string, error: MailctlError): void {
    // One that answered meanwhile and is silent again is watched anew: what was seen before it came back is void.
    if (this.#watched.get(host)?.answers === false) return;
    const watched: Watched = {
      reason: error.message,
      failure: error.code.replace(/^transport\./, ''),
      answers: false,
      silentAt: this.clock.monotonic(),
      sightings: null,
      looks: 0,
      kept: 0,
      keptAt: Number.NEGATIVE_INFINITY,
      firstLook: Promise.resolve(),
    };
    this.#watched.set(host, watched);
    watched.firstLook = this.#lookAtPorts(host, watched);
    void this.#watchPorts(host, watched);
    void this.#ping(host, watched);
  }

  /** Why it cannot be asked; undefined: it answers, as far as is known. */
  away(host: string): string | undefined {
    const watched = this.#watched.get(host);
    return watched === undefined || watched.answers ? undefined : watched.reason;
  }

  /**
   * The same, as of now: after a time in which this process stood still the host is asked once more. A host that is dead
   * costs nothing here otherwise, since it is asked all the time.
   */
  async awayNow(host: string): Promise<string | undefined> {
    const watched = this.#watched.get(host);
    if (watched === undefined || watched.answers) return undefined;
    if (this.clock.monotonic() - watched.silentAt > STALE_MS) await this.#askOnce(host, watched);
    return this.away(host);
  }

  /** Dead, as seen now by others? Waits for the first look at its ports. */
  async verdict(host: string): Promise<DeathVerdict> {
    const watched = this.#watched.get(host);
    if (watched === undefined)
      return { gate: 'not-proven-dead', reason: `${host} was not looked at`, witnesses: [] };
    await watched.firstLook;
    // Asked once a second; older than this, we stood still, and what was seen is not of now.
    if (this.clock.monotonic() - watched.keptAt > STALE_MS) await this.#lookAtPorts(host, watched);
    return judgeDeath({
      host,
      failure: watched.failure,
      message: watched.reason,
      sightings: watched.sightings ?? [],
      // Whether it is us was answered before the plan; the operator's word stands in the plan where it was not.
      maybeUs: null,
      peerElsewhere: true,
    });
  }

  /** What was seen of its ports is void: it was cut off since. The next verdict waits for a look from now. */
  lookAgain(host: string): void {
    const watched = this.#watched.get(host);
    if (watched !== undefined) watched.firstLook = this.#lookAtPorts(host, watched);
  }

  /** Ends all asking. */
  stop(): void {
    this.#stop.abort();
  }

  async #ping(host: string, watched: Watched): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !watched.answers) {
      await this.#askOnce(host, watched);
      if (!watched.answers) await this.clock.sleep(PAUSE_MS, signal).catch(() => {});
    }
  }

  async #askOnce(host: string, watched: Watched): Promise<void> {
    try {
      await this.asker.ping(host, this.#stop.signal);
      watched.answers = true;
    } catch (error) {
      watched.silentAt = this.clock.monotonic();
      if (!(error instanceof MailctlError)) return;
      watched.reason = error.message;
      watched.failure = error.code.replace(/^transport\./, '');
    }
  }

  async #watchPorts(host: string, watched: Watched): Promise<void> {
    const { signal } = this.#stop;
    await watched.firstLook;
    while (!signal.aborted && !watched.answers) {
      await this.clock.sleep(PAUSE_MS, signal).catch(() => {});
      if (!signal.aborted) await this.#lookAtPorts(host, watched);
    }
  }

  #keep(watched: Watched, look: number, sightings: readonly Sighting[]): void {
    if (look < watched.kept) return;
    watched.kept = look;
    watched.keptAt = this.clock.monotonic();
    watched.sightings = sightings;
  }

  async #lookAtPorts(host: string, watched: Watched): Promise<void> {
    watched.looks += 1;
    const look = watched.looks;
    const late = new AbortController();
    const cancel = this.clock.timer(OBSERVER_MS, () => late.abort());
    try {
      const signal = AbortSignal.any([this.#stop.signal, late.signal]);
      this.#keep(watched, look, await this.asker.sightings(host, signal));
    } catch {
      // Nobody could look: what was seen before is no longer now.
      this.#keep(watched, look, []);
    } finally {
      cancel();
    }
  }
}
