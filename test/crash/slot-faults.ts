// Where a story of the slot lanes can break, and how: every append to a journal, every act and every look is a
// boundary with a number; a schedule names numbers and what happens there. A crashed process does nothing any more:
// whatever it awaits never comes.
import { CommandError, TransportError } from '../../src/errors.js';
import type { Road, SlotWorld } from '../support/slot-world.js';

export type SlotOp = 'append' | 'act' | 'look';

/**
 * `crash-late`: the process dies while its act is on the way, which lands later. `lost-late`: the connection breaks,
 * and the act lands a little after that. `away`: the host does not answer this once.
 */
export type SlotMode =
  | 'crash-before'
  | 'crash-torn'
  | 'crash-after'
  | 'crash-late'
  | 'refuse'
  | 'timeout'
  | 'timeout-done'
  | 'lost-late'
  | 'away'
  | 'unseen'
  | 'finish'
  | 'abort';

/** What can happen at a boundary of each kind. */
export const slotModes: { readonly [O in SlotOp]: readonly SlotMode[] } = {
  append: ['crash-before', 'crash-torn', 'crash-after', 'refuse', 'finish', 'abort'],
  act: [
    'crash-before',
    'crash-after',
    'crash-late',
    'refuse',
    'timeout',
    'timeout-done',
    'lost-late',
    'finish',
    'abort',
  ],
  look: ['crash-before', 'away', 'unseen'],
};

export type SlotSchedule = ReadonlyMap<number, SlotMode>;

/** A boundary that was crossed. */
export interface SlotCrossing {
  readonly n: number;
  readonly op: SlotOp;
  readonly label: string;
}

/** The local deadline of an act, and when a lost one lands: well inside the remote deadline, which the steps wait for. */
const LOCAL_MS = 3000;
const LATE_MS = 2000;

/** The boundaries of one story. */
export class SlotBoundaries {
  readonly crossed: SlotCrossing[] = [];
  /** From here on nothing breaks any more. */
  healed = false;

  constructor(
    readonly world: SlotWorld,
    readonly schedule: SlotSchedule,
    readonly onCross: (n: number, world: SlotWorld) => void,
  ) {}

  cross(op: SlotOp, label: string): SlotMode | undefined {
    const n = this.crossed.length + 1;
    this.crossed.push({ n, op, label });
    this.world.boundary = n;
    if (!this.healed) this.onCross(n, this.world);
    this.world.tick();
    const mode = this.healed ? undefined : this.schedule.get(n);
    return mode !== undefined && slotModes[op].includes(mode) ? mode : undefined;
  }
}

/** One process of mailctl, from its start to its end or its death; the road of its calls. */
export class SlotProcess implements Road {
  readonly finish = new AbortController();
  readonly abort = new AbortController();
  readonly died: Promise<'died'>;
  #dead = false;
  #die: () => void = () => {};

  constructor(readonly boundaries: SlotBoundaries) {
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

  async look<T>(label: string, host: string, see: () => T): Promise<T> {
    await this.alive();
    switch (this.boundaries.cross('look', `${label} ${host}`)) {
      case 'crash-before':
        return this.crash();
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
    const mode = this.boundaries.cross('act', `${label} ${host}`);
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
        if (mode === 'finish') this.finish.abort();
        if (mode === 'abort') this.abort.abort();
        write(text);
    }
  }
}
