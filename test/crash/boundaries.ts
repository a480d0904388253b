// Where a story of the slot lanes can break, and how: every append to a journal, every act or undo and every look is
// a boundary with a number, a step of the suite; a schedule names numbers and what happens there. A crashed process
// does nothing any more: whatever it awaits never comes. A paused one goes on later, and does not know it.
import { CommandError, TransportError } from '../../src/errors.js';
import type { Road, SlotWorld } from '../support/slot-world.js';

export type Op = 'append' | 'act' | 'look';

/**
 * `crash-late`: the process dies while its act is on the way, which lands later. `lost-late`: the connection breaks,
 * and the act lands a little after that. `blind`: it lands, and this process cannot ask the host for a while, longer
 * than a step waits. `away`: the host does not answer this once. `pause`: the process stands still past its leases.
 */
export type Mode =
  | 'crash-before'
  | 'crash-torn'
  | 'crash-after'
  | 'crash-late'
  | 'refuse'
  | 'timeout'
  | 'timeout-done'
  | 'lost-late'
  | 'blind'
  | 'pause'
  | 'away'
  | 'unseen'
  | 'finish'
  | 'abort';

/** What can happen at a boundary of each kind. */
export const modesOf: { readonly [O in Op]: readonly Mode[] } = {
  append: ['crash-before', 'crash-torn', 'crash-after', 'refuse', 'pause', 'finish', 'abort'],
  act: [
    'crash-before',
    'crash-after',
    'crash-late',
    'refuse',
    'timeout',
    'timeout-done',
    'lost-late',
    'blind',
    'pause',
    'finish',
    'abort',
  ],
  look: ['crash-before', 'away', 'unseen', 'pause'],
};

export type Schedule = ReadonlyMap<number, Mode>;

/** A boundary that was crossed, and what happened there, if anything did. */
export interface Crossing {
  readonly n: number;
  readonly op: Op;
  readonly label: string;
  readonly fault: Mode | undefined;
}

/** The local deadline of an act, and when a lost one lands: well inside the remote deadline, which the steps wait for. */
const LOCAL_MS = 3000;
const LATE_MS = 2000;
/** Longer than any step waits. */
const BLIND_MS = 40_000;
/** Longer than a lease. */
const PAUSE_MS = 100_000;

/** Everything that can happen at some boundary. */
export const allModes: readonly Mode[] = [...new Set(Object.values(modesOf).flat())];

/** The boundaries of one story. */
export class Boundaries {
  readonly crossed: Crossing[] = [];
  /** From here on nothing breaks any more. */
  healed = false;

  constructor(
    readonly world: SlotWorld,
    readonly schedule: Schedule,
    readonly onCross: (n: number, world: SlotWorld, label: string) => void,
  ) {}

  cross(op: Op, label: string): Mode | undefined {
    const n = this.crossed.length + 1;
    const mode = this.healed ? undefined : this.schedule.get(n);
    const fault = mode !== undefined && modesOf[op].includes(mode) ? mode : undefined;
    this.crossed.push({ n, op, label, fault });
    this.world.boundary = n;
    if (!this.healed) this.onCross(n, this.world, label);
    this.world.tick();
    this.world.judge();
    return fault;
  }
}

/** One process of mailctl, from its start to its end or its death; the road of its calls. */
export class Process implements Road {
  readonly finish = new AbortController();
  readonly abort = new AbortController();
  readonly died: Promise<'died'>;
  readonly #blind = new Map<string, number>();
  #dead = false;
  #pausedUntil = 0;
  #die: () => void = () => {};

  constructor(readonly boundaries: Boundaries) {
    this.died = new Promise((resolve) => {
      this.#die = () => resolve('died');
    });
  }

  /** Never returns. */
  crash(): Promise<never> {
    this.#dead = true;
    this.#die();
    return new Promise(() => {});
  }

  /** From its start to its end. What it leaves waiting when it exits (the operator left at once) never comes. */
  async live<T>(work: () => Promise<T>): Promise<T | 'died'> {
    try {
      return await Promise.race([work(), this.died]);
    } finally {
      this.#dead = true;
    }
  }

  async alive(): Promise<void> {
    const { clock } = this.boundaries.world;
    if (this.#dead) await new Promise(() => {});
    if (this.#pausedUntil > clock.monotonic()) await clock.sleep(this.#pausedUntil - clock.monotonic());
    if (this.#dead) await new Promise(() => {});
  }

  async #pause(): Promise<void> {
    this.#pausedUntil = this.boundaries.world.clock.monotonic() + PAUSE_MS;
    await this.alive();
  }

  #see(host: string): void {
    const { clock } = this.boundaries.world;
    if ((this.#blind.get(host) ?? 0) > clock.monotonic() && !this.boundaries.healed)
      throw new TransportError(host, 'unreachable', `${host} does not answer`);
  }

  async look<T>(label: string, host: string, see: () => T): Promise<T> {
    await this.alive();
    this.#see(host);
    const mode = this.boundaries.cross('look', `${label} ${host}`);
    if ((mode === 'away' || mode === 'unseen') && host !== '') {
      const { world } = this.boundaries;
      world.host(host).unseenAt = world.clock.monotonic();
    }
    switch (mode) {
      case 'crash-before':
        return this.crash();
      case 'pause':
        await this.#pause();
        return see();
      case 'away':
        throw new TransportError(host, 'unreachable', `${host} does not answer`);
      case 'unseen':
        throw new CommandError(host, label, 1, 'no sense in the answer');
      default:
        return see();
    }
  }

  async command(label: string, host: string, effects: readonly (() => void)[]): Promise<void> {
    await this.alive();
    const { clock } = this.boundaries.world;
    const land = (): void => {
      for (const effect of effects) effect();
    };
    const landLate = (): void => {
      clock.timer(LATE_MS, () => {
        try {
          land();
        } catch {
          // Refused by the host: nobody is there to hear it.
        }
      });
    };
    this.#see(host);
    const mode = this.boundaries.cross('act', `${label} ${host}`);
    switch (mode) {
      case 'crash-before':
        return this.crash();
      case 'pause':
        // On its way while the process stands still, and compared with the lease where it lands.
        await this.#pause();
        land();
        break;
      case 'blind':
        land();
        this.#blind.set(host, clock.monotonic() + BLIND_MS);
        if (host !== '') this.boundaries.world.host(host).unheardAt = clock.monotonic();
        throw new TransportError(host, 'lost', `${label}: the connection broke`);
      case 'crash-after':
        land();
        return this.crash();
      case 'crash-late':
        landLate();
        return this.crash();
      case 'refuse':
        throw new CommandError(host, label, 1, 'no');
      case 'timeout':
        await clock.sleep(LOCAL_MS);
        throw new TransportError(host, 'timeout', `${label}: no answer`);
      case 'timeout-done':
        land();
        await clock.sleep(LOCAL_MS);
        throw new TransportError(host, 'timeout', `${label}: no answer`);
      case 'lost-late':
        landLate();
        throw new TransportError(host, 'lost', `${label}: the connection broke`);
      default:
        if (mode === 'finish') this.finish.abort();
        if (mode === 'abort') this.abort.abort();
        land();
    }
    await this.alive();
  }

  /** An append to a journal: `write` puts text on its disk. */
  async append(text: string, write: (text: string) => void): Promise<void> {
    await this.alive();
    const kinds = [...text.matchAll(/"kind":"([a-z-]+)"(?:,"lane":"([^"]*)")?(?:,"step":"([^"]*)")?/g)];
    const mode = this.boundaries.cross(
      'append',
      kinds.map((kind) => kind.slice(1, 4).filter(Boolean).join(' ')).join(', '),
    );
    switch (mode) {
      case 'crash-before':
        return this.crash();
      case 'crash-torn':
        write(text.slice(0, Math.floor(text.length / 2)));
        return this.crash();
      case 'crash-after':
        write(text);
        return this.crash();
      case 'refuse':
        write(text.slice(0, 10));
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      default:
        if (mode === 'pause') await this.#pause();
        if (mode === 'finish') this.finish.abort();
        if (mode === 'abort') this.abort.abort();
        write(text);
    }
  }
}
