// What became of the parts of a run: a line per part in the file of results, and the sum of them per queue. A part
// that was worked through twice (a crash in the middle) counts by its last line. What stands in the file may be
// anything: what is not as we write it is left out. Pure.

/** Ids kept of one kind in a result of a look. */
export const MOST_LEFT = 10_000;

/** A part that was worked through. */
export interface PartResult {
  readonly kind: 'part';
  readonly lane: string;
  readonly step: string;
  readonly asked: number;
  /** By the server's own count; null: it does not count. */
  readonly changed: number | null;
  /** So before, by a look: the first half of a part that is done again. */
  readonly already: number;
  readonly gone: readonly string[];
  readonly failed: readonly { readonly id: string; readonly why: string }[];
}

/** A look at the queue after its parts, because a count was not what was asked for. */
export interface SeenResult {
  readonly kind: 'seen';
  readonly lane: string;
  readonly step: string;
  /** Ids that are not as they should be. */
  readonly left: readonly string[];
  /** Messages that have left the queue meanwhile. */
  readonly gone: number;
}

export type ChangeResult = PartResult | SeenResult;

/** Reads the lines. */
export function parseResults(lines: readonly unknown[]): readonly ChangeResult[] {
  return lines.filter((line): line is ChangeResult => {
    if (line === null || typeof line !== 'object') return false;
    const one = line as { readonly [key in keyof PartResult | keyof SeenResult]?: unknown };
    if (typeof one.lane !== 'string' || typeof one.step !== 'string') return false;
    const kind: unknown = one.kind;
    if (kind === 'seen') return Array.isArray(one.left) && typeof one.gone === 'number';
    return (
      kind === 'part' &&
      typeof one.already === 'number' &&
      typeof one.asked === 'number' &&
      (one.changed === null || typeof one.changed === 'number') &&
      Array.isArray(one.gone) &&
      Array.isArray(one.failed)
    );
  });
}

/** The results so far, by lane and step. */
export class ChangeResults {
  readonly #byStep = new Map<string, ChangeResult>();

  constructor(results: readonly ChangeResult[] = []) {
    for (const result of results) this.add(result);
  }

  add(result: ChangeResult): void {
    this.#byStep.set(`${result.lane}\n${result.step}`, result);
  }

  of(lane: string, step: string): ChangeResult | undefined {
    return this.#byStep.get(`${lane}\n${step}`);
  }

  /** Parts of a lane whose count is not what was asked for. */
  doubtful(lane: string): readonly PartResult[] {
    return this.#partsOf(lane).filter(
      ({ asked, changed, already, gone, failed }) =>
        changed === null || asked - already - gone.length - failed.length !== changed,
    );
  }

  /** What became of a lane. */
  sum(lane: string): LaneSum {
    const parts = this.#partsOf(lane);
    const seen = [...this.#byStep.values()].find((one) => one.kind === 'seen' && one.lane === lane) as
      | SeenResult
      | undefined;
    const failed = parts.flatMap((part) => part.failed);
    const gone = parts.reduce((sum, part) => sum + part.gone.length, 0);
    const asked = parts.reduce((sum, part) => sum + part.asked, 0);
    const counts = parts.map(({ changed }) => changed);
    const goneLater = seen?.gone ?? 0;
    const left = seen?.left ?? [];
    return {
      asked,
      counted: counts.includes(null) ? null : counts.reduce((sum: number, one) => sum + (one ?? 0), 0),
      done: Math.max(0, asked - gone - goneLater - failed.length - left.length),
      gone: gone + goneLater,
      failed,
      left,
      wasSeen: seen !== undefined,
    };
  }

  #partsOf(lane: string): readonly PartResult[] {
    return [...this.#byStep.values()].filter(
      (one): one is PartResult => one.kind === 'part' && one.lane === lane,
    );
  }
}

/** A lane in figures. */
export interface LaneSum {
  /** Messages of the parts that were worked through. */
  readonly asked: number;
  /** What the server says it has changed; null: it does not say. */
  readonly counted: number | null;
  readonly done: number;
  /** Left the queue before it could be done. */
  readonly gone: number;
  readonly failed: readonly { readonly id: string; readonly why: string }[];
  /** Seen afterwards, and not as they should be. */
  readonly left: readonly string[];
  /** The queue was looked at once more. */
  readonly wasSeen: boolean;
}
