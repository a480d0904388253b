// How many messages of one destination may be in flight: grows while its deliveries are clean (twofold until the first
// push-back, then a tenth a minute), halves when more than a tenth of the tries is pushed back, stops when more than
// half is, and asks again with a few. Connections that others hold there take their places. Pure; times are seconds.

/** What a limit rests on, for people. */
export type LimitSource = 'flag' | 'config' | 'default';

/** What a destination allows. */
export interface DestinationLimit {
  /** Connections at once that it takes from all our hosts together. */
  readonly connections: number;
  readonly source: LimitSource;
  /** Messages a second to it; null: no limit. */
  readonly perSecond: number | null;
  /** Most in flight, where the operator said so: his server bounds its connections itself. Null: as connections. */
  readonly inFlight: number | null;
}

/** `growing`: twofold or slowly; `steady`: at its most; `halved`: pushed back; `stopped`: a flood; `probing`: asked again. */
export type WindowState = 'growing' | 'steady' | 'halved' | 'stopped' | 'probing';

/** What a tick saw of a destination. */
export interface WindowSight {
  /** Tries that ended since the last sight, and how many of them the far side pushed back. */
  readonly tries: number;
  readonly pushedBack: number;
  /** Connections open there by the kernels of all hosts; null: not seen. */
  readonly open: number | null;
  /** The connections are those of the sight before: not every kernel was asked since. */
  readonly isOpenOld?: boolean | undefined;
  /** Of our own messages in flight. */
  readonly inFlight: number;
}

/** What changed, as a sentence for the operator; undefined: nothing worth one. */
export type WindowChange = string | undefined;

/** Tries that a judgement needs, unless it is old. */
const LEAST_TRIES = 10;
/** ...or so many seconds since the last one. */
const JUDGE_AFTER_S = 4;
const HALVE_SHARE = 0.1;
const STOP_SHARE = 0.5;
/** One or two messages of a small window are no flood. */
const LEAST_FLOOD = 3;
/** After a push-back nothing grows for so long. */
const CALM_S = 60;
const FIRST_RETRY_S = 15;
const MOST_RETRY_S = 600;
const PROBES = 2;
const DOUBLE_S = 1;
const SLOW_GROWTH = 0.1;

/** Places that are kept free below a limit: the far side may still count a connection that has just ended. */
export function marginOf(connections: number): number {
  return connections <= 1 ? 0 : Math.max(1, Math.ceil(connections * 0.2));
}

/** The most that a window may ever be. `isCounted`: the hosts count connections themselves and need no margin. */
export function mostInFlight({ connections, inFlight }: DestinationLimit, isCounted = false): number {
  return inFlight ?? (isCounted ? connections : Math.max(1, connections - marginOf(connections)));
}

/** The control of one destination. */
export class DestinationWindow {
  readonly limit: DestinationLimit;
  #most: number;
  #window: number;
  /** Below it the window doubles. */
  #threshold: number;
  #state: WindowState = 'growing';
  #tries = 0;
  #pushed = 0;
  #judgedAt = 0;
  #grownAt = 0;
  #calmUntil = 0;
  #retryAt = 0;
  #retryS = FIRST_RETRY_S;
  #share = 0;
  #foreign: number[] = [];
  #open: number | null = null;
  #since = 0;
  #overs = 0;
  /** The window before it was halved. */
  #before = 0;

  readonly #isCounted: boolean;

  constructor(limit: DestinationLimit, now: number, isCounted = false) {
    this.limit = limit;
    this.#isCounted = isCounted;
    this.#most = mostInFlight(limit, isCounted);
    // A limit that somebody has written down is known to be taken; ours is a guess.
    this.#window =
      limit.source === 'default'
        ? Math.max(1, Math.min(this.#most, Math.max(4, Math.floor(this.#most / 2))))
        : this.#most;
    this.#threshold = this.#most;
    this.#judgedAt = now;
    this.#grownAt = now;
    this.#since = now;
  }

  get state(): WindowState {
    return this.#state;
  }

  /** When the state began. */
  get since(): number {
    return this.#since;
  }

  /** Share of the last tries that was pushed back. */
  get share(): number {
    return this.#share;
  }

  /** Connections open there at the last sight; null: not seen. */
  get open(): number | null {
    return this.#open;
  }

  /** When a destination that is stopped is asked again. */
  get retryAt(): number | null {
    return this.#state === 'stopped' ? this.#retryAt : null;
  }

  /** Messages that may be in flight now. */
  get window(): number {
    if (this.#state === 'stopped') return 0;
    const own = Math.max(1, Math.floor(this.#window));
    // What other mail holds open there counts at the far side as ours does.
    const foreign = this.limit.inFlight === null && this.#foreign.length > 0 ? Math.min(...this.#foreign) : 0;
    return Math.max(foreign > 0 ? 0 : 1, Math.min(own, this.#most - foreign));
  }

  /** The operator wants it faster or slower: a share of what the limit lets it be. */
  scale(share: number): void {
    const before = this.#most;
    this.#most = Math.max(1, Math.round(mostInFlight(this.limit, this.#isCounted) * Math.min(1, share)));
    this.#window = Math.min(this.#window, this.#most);
    // Where only the operator had slowed it, it is as fast again at once; what the far side pushed back is not.
    this.#threshold =
      this.#threshold >= before ? this.#most : Math.max(1, Math.min(this.#threshold, this.#most));
  }

  /** Takes in what a tick saw. */
  see(sight: WindowSight, now: number): WindowChange {
    this.#tries += sight.tries;
    this.#pushed += sight.pushedBack;
    if (sight.open !== null) {
      this.#open = sight.open;
      // The smallest of the last three: what closes just now is no one else's. Where the hosts count for themselves
      // what is not in flight may be kept for our own next message.
      this.#foreign = this.#isCounted
        ? []
        : [...this.#foreign.slice(-2), Math.max(0, sight.open - sight.inFlight - 1)];
    }
    if (this.#state === 'stopped') {
      this.#forget(now);
      if (now < this.#retryAt) return undefined;
      this.#enter('probing', now);
      this.#window = Math.min(PROBES, this.#most);
      return `is asked again with ${this.#window}`;
    }
    const over = this.#overLimit(sight, now);
    if (over !== undefined) return over;
    const isDue = this.#tries >= LEAST_TRIES || (this.#tries > 0 && now - this.#judgedAt >= JUDGE_AFTER_S);
    const isFlood = this.#pushed >= LEAST_FLOOD && this.#pushed > this.#tries * STOP_SHARE;
    if (this.#state === 'probing') return this.#judgeProbe(now);
    if (!isDue && !isFlood) return undefined;
    return this.#judge(now, isFlood);
  }

  #judgeProbe(now: number): WindowChange {
    if (this.#pushed > 0) return this.#stop(now);
    if (this.#tries < Math.min(PROBES, this.#most)) return undefined;
    this.#share = 0;
    this.#forget(now);
    this.#retryS = FIRST_RETRY_S;
    this.#enter('growing', now);
    this.#grownAt = now;
    return 'takes mail again';
  }

  #judge(now: number, isFlood: boolean): WindowChange {
    const [tries, pushed] = [this.#tries, this.#pushed];
    this.#share = pushed / tries;
    if (isFlood) return this.#stop(now);
    this.#forget(now);
    if (this.#share > HALVE_SHARE) {
      const before = this.window;
      if (now >= this.#calmUntil) this.#before = this.#window;
      this.#window = Math.max(1, this.#window / 2);
      this.#threshold = this.#window;
      this.#calmUntil = now + CALM_S;
      this.#enter('halved', now);
      return `pushes back ${pushed} of ${tries}: window ${before} -> ${this.window} for ${CALM_S}s`;
    }
    if (now < this.#calmUntil) return undefined;
    this.#grow(now);
    return undefined;
  }

  #grow(now: number): void {
    const elapsed = now - this.#grownAt;
    if (this.#window >= this.#most) {
      this.#enter('steady', now);
      return;
    }
    if (this.#state !== 'growing') this.#enter('growing', now);
    if (this.#window < this.#threshold) {
      if (elapsed < DOUBLE_S) return;
      this.#window = Math.min(this.#window * 2, this.#threshold, this.#most);
    } else {
      // A tenth a minute, a little at every tick; at least one a minute.
      const more = Math.max(1, this.#window * SLOW_GROWTH) * (Math.min(elapsed, CALM_S) / 60);
      this.#window = Math.min(this.#most, this.#window + more);
    }
    this.#grownAt = now;
  }

  #stop(now: number): WindowChange {
    const [tries, pushed] = [this.#tries, this.#pushed];
    this.#share = tries === 0 ? 1 : pushed / tries;
    // A probe that failed has nothing to tell about where the limit is.
    // A flood says nothing of it either, but that all is refused: what was well before it is tried soon again.
    if (this.#state !== 'probing') this.#threshold = Math.max(1, Math.max(this.#window, this.#before) / 2);
    this.#enter('stopped', now);
    this.#forget(now);
    this.#retryAt = now + this.#retryS;
    const text = `pushes back ${pushed} of ${tries}: stopped, is asked again in ${this.#retryS}s`;
    this.#retryS = Math.min(MOST_RETRY_S, this.#retryS * 2);
    return text;
  }

  #overLimit({ open, isOpenOld }: WindowSight, now: number): WindowChange {
    const { connections } = this.limit;
    if (open === null || isOpenOld) return undefined;
    // Seen once it may be what closes just now.
    this.#overs = open > connections ? this.#overs + 1 : 0;
    if (this.#overs < 2) return undefined;
    this.#overs = 0;
    const before = this.window;
    this.#window = Math.max(1, Math.min(this.#window - 1, this.#window * (connections / open)));
    this.#threshold = this.#window;
    this.#calmUntil = now + CALM_S;
    this.#enter('halved', now);
    return before === this.window
      ? undefined
      : `has ${open} connections open where ${connections} are allowed: window ${before} -> ${this.window}`;
  }

  #enter(state: WindowState, now: number): void {
    if (this.#state !== state) this.#since = now;
    this.#state = state;
    if (state === 'halved' || state === 'stopped') this.#grownAt = now + CALM_S;
  }

  #forget(now: number): void {
    this.#tries = 0;
    this.#pushed = 0;
    this.#judgedAt = now;
  }
}
