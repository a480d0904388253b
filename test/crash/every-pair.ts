// Every pair of boundaries of a story, broken by two faults. Complete: each boundary i of the story without a fault, in
// each way that it can break (the single faults), and each i with each j after it, up to that story's length; j is
// counted in the story as it goes on after the first fault, so that it may be of a way back or a resume. What rotates is
// the kind of the two faults: the pair of kinds that was played least, among those that the two boundaries can have, is
// taken, and at the end those that have not met yet are played, so that each kind comes first with each kind second.
// Who goes on rotates with the first fault.
import { expect } from 'vitest';
import type { SlotWorld } from '../support/slot-world.js';
import { type Mode, modesOf, type Op, type Schedule } from './boundaries.js';
import type { Story } from './story.js';

/** A story that can be played again with other faults. */
export interface Stage<Next extends string> {
  /** As the failing test is found again. */
  readonly name: string;
  /** Who may go on after a fault. */
  readonly nexts: readonly Next[];
  /** `events`: what happens to the world at each boundary besides. */
  play(schedule: Schedule, next: Next, events?: (n: number, world: SlotWorld) => void): Promise<Story>;
}

/** How much of it: each `every`-th of the single faults and of the pairs, beginning with the `first`; 1 is all. */
export interface Share {
  readonly every: number;
  readonly first?: number;
  /** The single faults only. */
  readonly singly?: boolean;
}

/** What was played. */
export interface PlayedPairs {
  readonly steps: number;
  readonly stories: number;
  readonly singles: number;
  readonly pairs: number;
  /** Stories for kinds that had not met in the pairs. */
  readonly extra: number;
  /** Pairs of kinds that met, of all that there are. */
  readonly kinds: readonly [number, number];
}

/** A kind of fault: the boundary's and the fault's own. */
type Kind = `${Op} ${Mode}`;
const kindOf = (op: Op, mode: Mode): Kind => `${op} ${mode}`;
const ALL_KINDS: readonly Kind[] = (Object.keys(modesOf) as Op[]).flatMap((op) =>
  modesOf[op].map((mode) => kindOf(op, mode)),
);

/** Failures after which it is not worth going on. */
const ENOUGH = 3;

/** Plays them, or those that MAILCTL_FAULTS names; none may break a promise, and none may be left out. */
export async function playEveryPair<Next extends string>(
  stage: Stage<Next>,
  file: string,
  share: Share = { every: 1 },
): Promise<PlayedPairs> {
  const run = new EveryPair(stage, file, share);
  const named = process.env.MAILCTL_FAULTS;
  return named === undefined ? run.all() : run.named(named);
}

class EveryPair<Next extends string> {
  readonly #failures: string[] = [];
  /** By first boundary and kind: what the boundaries of that story are. */
  readonly #after = new Map<string, Promise<readonly Op[]>>();
  readonly #met = new Map<string, number>();
  #steps = 0;
  #stories = 0;
  #singles = 0;

  constructor(
    readonly stage: Stage<Next>,
    readonly file: string,
    readonly share: Share,
  ) {}

  async all(): Promise<PlayedPairs> {
    const { every, first = 0, singly = false } = this.share;
    const calm = await this.#play(new Map(), 0);
    expect(this.#failures).toEqual([]);
    // A story that does not come to its end by itself says little of what stands in its way.
    expect(calm.told.join('\n')).toMatch(/^(first|resume of \w+): store1 done$/m);
    const ops = calm.crossed.slice(0, calm.steps).map(({ op }) => op);
    const singles = ops.flatMap((op, at) => modesOf[op].map((mode) => [at + 1, mode] as const));
    for (const [n, mode] of singles.filter((_, index) => index % every === first)) {
      await this.#afterFirst(n, ops, mode);
      if (this.#failures.length >= ENOUGH) break;
    }
    let pairs = 0;
    let wanted = 0;
    let index = 0;
    const length = singly ? 0 : ops.length;
    for (let i = 1; i <= length; i += 1) {
      for (let j = i + 1; j <= length; j += 1) {
        index += 1;
        if (index % every !== first) continue;
        wanted += 1;
        if (this.#failures.length < ENOUGH && (await this.#playPair(i, j, ops))) pairs += 1;
      }
    }
    const extra = every === 1 && !singly && this.#failures.length === 0 ? await this.#playOtherKinds(ops) : 0;
    expect(this.#failures).toEqual([]);
    expect(`${pairs} pairs`).toBe(`${wanted} pairs`);
    const kinds = [this.#met.size, ALL_KINDS.length ** 2] as const;
    if (every === 1) expect(this.#singles).toBe(singles.length);
    if (every === 1 && !singly) {
      expect(pairs).toBe((ops.length * (ops.length - 1)) / 2);
      expect(kinds[0]).toBe(kinds[1]);
    }
    return { steps: this.#steps, stories: this.#stories, singles: this.#singles, pairs, extra, kinds };
  }

  /** `resume 12:crash-after 40:refuse`: who goes on, and what breaks. */
  async named(text: string): Promise<PlayedPairs> {
    const [next, ...faults] = text.split(' ');
    const schedule = new Map(
      faults.map((fault): [number, Mode] => {
        const [n, mode] = fault.split(':');
        return [Number(n), mode as Mode];
      }),
    );
    const story = await this.stage.play(schedule, next as Next);
    console.log(story.told.join('\n'), story.crossed.map(({ n, label }) => `${n} ${label}`).join('\n'));
    expect(story.complaints).toEqual([]);
    return { steps: 0, stories: 1, singles: 0, pairs: 0, extra: 0, kinds: [0, 0] };
  }

  async #play(schedule: Schedule, turn: number): Promise<Story> {
    const { nexts } = this.stage;
    const next = nexts[turn % nexts.length] as Next;
    const story = await this.stage.play(schedule, next);
    this.#steps += story.steps;
    this.#stories += 1;
    if (story.complaints.length > 0) this.#failures.push(this.#tell(schedule, next, story));
    return story;
  }

  /** The boundaries of the story with this fault alone. */
  #afterFirst(n: number, ops: readonly Op[], mode: Mode): Promise<readonly Op[]> {
    const key = `${n} ${mode}`;
    const known = this.#after.get(key);
    if (known !== undefined) return known;
    this.#singles += 1;
    const played = this.#play(new Map([[n, mode]]), turnOf(n, ops, mode)).then(({ crossed, steps }) =>
      crossed.slice(0, steps).map(({ op }) => op),
    );
    this.#after.set(key, played);
    return played;
  }

  async #playPair(i: number, j: number, ops: readonly Op[]): Promise<boolean> {
    const modes = modesOf[ops[i - 1] as Op];
    let best: { readonly first: Mode; readonly second: Mode; readonly met: number } | undefined;
    for (let turn = 0; turn < modes.length; turn += 1) {
      const first = modes[(turn + i + j) % modes.length] as Mode;
      const op = (await this.#afterFirst(i, ops, first))[j - 1];
      // With this fault the story comes to its end before that.
      if (op === undefined) continue;
      for (const second of rotated(modesOf[op], i + 2 * j)) {
        const met = this.#met.get(this.#pairOf(ops, i, first, op, second)) ?? 0;
        if (best === undefined || met < best.met) best = { first, second, met };
      }
      // To know all the stories after one fault costs more than a share is worth.
      if (this.share.every > 1 && best !== undefined) break;
    }
    return best !== undefined && this.#playTwo(i, best.first, j, best.second, ops);
  }

  /** Did both happen? */
  async #playTwo(i: number, first: Mode, j: number, second: Mode, ops: readonly Op[]): Promise<boolean> {
    const schedule = new Map([
      [i, first],
      [j, second],
    ]);
    const { crossed } = await this.#play(schedule, turnOf(i, ops, first));
    const hit = crossed[j - 1];
    if (crossed[i - 1]?.fault !== first || hit?.fault !== second) return false;
    const pair = this.#pairOf(ops, i, first, hit.op, second);
    this.#met.set(pair, (this.#met.get(pair) ?? 0) + 1);
    return true;
  }

  #pairOf(ops: readonly Op[], i: number, first: Mode, op: Op, second: Mode): string {
    return `${kindOf(ops[i - 1] as Op, first)}, ${kindOf(op, second)}`;
  }

  async #playOtherKinds(ops: readonly Op[]): Promise<number> {
    let extra = 0;
    for (const first of ALL_KINDS) {
      for (const second of ALL_KINDS) {
        if (this.#met.has(`${first}, ${second}`)) continue;
        if (await this.#playKinds(first, second, ops)) extra += 1;
      }
    }
    return extra;
  }

  async #playKinds(first: Kind, second: Kind, ops: readonly Op[]): Promise<boolean> {
    const [op, mode] = first.split(' ') as [Op, Mode];
    const [secondOp, secondMode] = second.split(' ') as [Op, Mode];
    for (const [at, each] of ops.entries()) {
      if (each !== op) continue;
      const after = await this.#afterFirst(at + 1, ops, mode);
      const j = after.findIndex((one, index) => index > at && one === secondOp) + 1;
      if (j > 0 && (await this.#playTwo(at + 1, mode, j, secondMode, ops))) return true;
    }
    return false;
  }

  #tell(schedule: Schedule, next: Next, story: Story): string {
    const faults = story.crossed.flatMap(({ n, label, fault }) =>
      fault === undefined ? [] : [`${fault} at ${n} (${label})`],
    );
    const given = [...schedule].map(([n, mode]) => `${n}:${mode}`).join(' ');
    return [
      `${this.stage.name}: ${faults.join(', ')}; who goes on: ${next}: ${story.complaints.join('; ')}`,
      `MAILCTL_FAULTS='${next} ${given}' npx vitest run --project unit test/crash/${this.file}.test.ts -t '${this.stage.name}'`,
      ...story.told,
      story.world.done.join(', '),
    ].join('\n  ');
  }
}

/** Who goes on: not the same for all faults of one boundary, nor for one kind at all of them. */
function turnOf(n: number, ops: readonly Op[], mode: Mode): number {
  return n + modesOf[ops[n - 1] as Op].indexOf(mode);
}

function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
