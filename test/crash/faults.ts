// Where a run can break, and how. Every journal append, act, undo and look is a boundary with a number; a
// schedule names numbers and what happens there. A crashed process does nothing any more: whatever it awaits
// never comes.
import { CommandError, TransportError } from '../../src/errors.js';
import type { World } from './world.js';

export type Op = 'append' | 'act' | 'undo' | 'check';

/**
 * `crash-late`: the process dies while its command is on the way, which lands later. `lost-late`: the connection
 * breaks, and the command lands a little after that. `blind`: it happens, and NEW cannot be asked for a while,
 * longer than a step waits. `half`: the first of two effects happens, then it fails.
 */
export type Mode =
  | 'crash-before'
  | 'crash-torn'
  | 'crash-after'
  | 'crash-late'
  | 'refuse'
  | 'half'
  | 'timeout'
  | 'timeout-done'
  | 'lost-late'
  | 'blind'
  | 'away'
  | 'unseen'
  | 'finish'
  | 'abort';

const command: readonly Mode[] = [
  'crash-before',
  'crash-after',
  'crash-late',
  'refuse',
  'half',
  'timeout',
  'timeout-done',
  'lost-late',
  'blind',
];

/** What can happen at a boundary of each kind. */
export const modesOf: { readonly [O in Op]: readonly Mode[] } = {
  append: ['crash-before', 'crash-torn', 'crash-after', 'refuse', 'finish', 'abort'],
  act: [...command, 'finish', 'abort'],
  undo: [...command, 'abort'],
  check: ['crash-before', 'away', 'unseen'],
};

export type Schedule = ReadonlyMap<number, Mode>;

/** A boundary that was crossed. */
export interface Crossing {
  readonly n: number;
  readonly op: Op;
  readonly label: string;
}

/** Remote deadline of the model's commands; the local one is a little longer. */
const REMOTE_MS = 3000;
const LOCAL_MS = 3500;
const LATE_MS = 2000;
const BLIND_MS = 10_000;

/** The boundaries of one story: a run and all its resumes. */
export class Boundaries {
  readonly world: World;
  readonly schedule: Schedule;
  /** Called at each boundary, before anything else: the random suites let hosts come and go. */
  readonly onCross: (n: number) => void;
  readonly crossed: Crossing[] = [];

  constructor(world: World, schedule: Schedule, onCross: (n: number) => void = () => {}) {
    this.world = world;
    this.schedule = schedule;
    this.onCross = onCross;
  }

  cross(op: Op, label: string): Mode | undefined {
    const n = this.crossed.length + 1;
    this.crossed.push({ n, op, label });
    this.world.boundary = n;
    this.onCross(n);
    this.world.tick();
    return this.schedule.get(n);
  }
}

/** One process of mailctl, from its start to its end or its death. */
export class Process {
  readonly id: string;
  readonly boundaries: Boundaries;
  readonly finish = new AbortController();
  readonly abort = new AbortController();
  readonly died: Promise<'died'>;
  #dead = false;
  #die: () => void = () => {};

  constructor(id: string, boundaries: Boundaries) {
    this.id = id;
    this.boundaries = boundaries;
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

  async alive(): Promise<void> {
    if (this.#dead) await new Promise(() => {});
  }

  /** A look. */
  async look<T>(label: string, host: string, see: () => T): Promise<T> {
    await this.alive();
    switch (this.boundaries.cross('check', label)) {
      case 'crash-before':
        return this.crash();
      case 'away':
        throw new TransportError(host, 'unreachable', `${host} does not answer`);
      case 'unseen':
        throw new Error(`${label}: no sense in the answer`);
      default:
        return see();
    }
  }

  /** A command: `effects` in order, each of which may refuse by throwing. */
  async command(
    op: 'act' | 'undo',
    label: string,
    host: string,
    effects: readonly (() => void)[],
  ): Promise<void> {
    await this.alive();
    const { world } = this.boundaries;
    const { clock } = world;
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
    const mode = this.boundaries.cross(op, label);
    const isLost = world.isUp(host) && !world.sees(host);
    if (isLost) throw new TransportError(host, 'unreachable', `${host} does not answer`);
    switch (mode) {
      case 'crash-before':
        return this.crash();
      case 'crash-after':
        land();
        return this.crash();
      case 'crash-late':
        landLate();
        return this.crash();
      case 'refuse':
        throw new CommandError(host, label, 1, 'no');
      case 'blind':
        land();
        world.blind('new', BLIND_MS);
        throw new TransportError(host, 'lost', `${label}: the connection broke`);
      case 'half':
        effects[0]?.();
        if (effects.length > 1) throw new CommandError(host, label, 1, 'stopped half way');
        break;
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
}

/** For the runner's deadlines: longer than a lost command may take to land. */
export const VERIFY_MS = REMOTE_MS + 1000;
