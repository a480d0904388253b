// The lane's records on the slot's hosts (`{config_dir}/mailctl.lane`, one JSON object a line): what another
// bastion needs to finish a lane whose own is dead, and what is owed after it. Pure. Written through the driver
// under the lease; read with every observation, and hostile like everything that a host says.

import { addressFault, hostNameFault, slotNameFault } from './slot-name.js';

/**
 * What a lane does with its slot. `return`: the slot has moved before, and a former master is stopped, or becomes a
 * replica again. Left half way it is no move to be finished: where it leads, mail has been taken all along.
 */
export type LaneWay = 'move' | 'readonly' | 'end-readonly' | 'seed' | 'return';
const WAYS: readonly unknown[] = ['readonly', 'end-readonly', 'seed', 'return'] satisfies readonly LaneWay[];

/** A lane that moves nothing and leaves nothing half way (events set aside, users sent): nobody has to finish it. */
export const TENDING = 'tending';

/** A lane that has not been given back. */
export interface OpenLane {
  readonly run: string;
  readonly from: string;
  readonly to: string;
  readonly operator: string;
  readonly bastion: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  /** What was judged before it began: a dead master's loss does not grow any more. Epoch seconds. */
  readonly judged: { readonly provenUntil: number; readonly lastAlive: number } | null;
  /** NEW was begun to be started as master, by this lane or by the one that it finishes: nothing goes back any more. */
  readonly started: boolean;
  /** NEW was started while the directory was away: it is still to be told. */
  readonly later?: boolean;
  /** Where it leads: a new master, a replica that is readable meanwhile, the end of that, a new replica, or back. */
  readonly way: LaneWay;
  /** Ids of the steps that it began, on the host that this was read from. */
  readonly began: readonly string[];
  /**
   * OLD had been stopped and drained, and its role swapped, when NEW was stopped: NEW has everything. The version of the
   * directory's record at that moment: who starts OLD as a master again raises it first, and this is void.
   */
  readonly drained?: number;
}

/** What is owed for a slot on a host that was away. */
export interface Owed {
  readonly slot: string;
  /** Host that owes. */
  readonly host: string;
  /** `stop`, `role`, `rejoin`, `readonly-end`, in the order in which they are to be done. */
  readonly steps: readonly string[];
  readonly run: string;
  readonly at: string;
  /** The host's last sign of life, epoch seconds; evidence for the slots that are still its own. */
  readonly lastAlive: number | null;
  /** It is being filled as a new replica: nothing is on it alone. */
  readonly seeding?: boolean;
}

/** An instance in whose place a seed has put another one: it may boot with its old role (former.ts). */
export interface Former {
  readonly slot: string;
  readonly host: string;
  readonly instance: string;
  readonly address: string | undefined;
  readonly run: string;
  readonly at: string;
}

/** What a lane file says. */
export interface LaneFile {
  readonly open: OpenLane | null;
  readonly owed: readonly Owed[];
  /** Stays in the file whatever else is written: the acting script keeps these lines. */
  readonly former?: readonly Former[];
  /** Lines that cannot be read: shown, never skipped in silence. */
  readonly malformed: number;
}

/** The first line of a lane. */
export function openedLine(
  lane: Omit<OpenLane, 'began' | 'started' | 'way' | 'drained'> & {
    readonly started?: boolean;
    readonly way?: LaneWay | typeof TENDING | undefined;
  },
): string {
  return JSON.stringify({ kind: 'opened', ...lane });
}

/** A step that begins. `drained`: see OpenLane. */
export function beganLine(run: string, step: string, drained?: number): string {
  return JSON.stringify({ kind: 'began', run, step, drained });
}

/** What remains after the lane. */
export function owedLine(owed: Owed): string {
  return JSON.stringify({ kind: 'owed', ...owed });
}

/** Another instance has taken this one's place. */
export function formerLine(former: Former): string {
  return JSON.stringify({ kind: 'former', ...former });
}

/** A third has been sent all that NEW has. */
export function sentLine(run: string, host: string): string {
  return JSON.stringify({ kind: 'sent', run, host });
}

/** Thirds that a run has sent everything to, by NEW's lane file. */
export function parseSentTo(lines: readonly string[], run: string): readonly string[] {
  return lines.flatMap((line) => {
    const entry = parseObject(line);
    return entry?.kind === 'sent' && entry.run === run ? [text(entry.host)] : [];
  });
}

/**
 * What stood there before a run wrote its first line: what was owed, and a lane that it took over. One that was taken
 * over itself, and came back later, took over what it found then.
 */
export function linesBefore(run: string, lines: readonly string[]): readonly string[] {
  const opened = lines.map((line) => {
    const entry = parseObject(line);
    return entry?.kind === 'opened' && entry.way !== TENDING ? text(entry.run) : undefined;
  });
  const first = opened.indexOf(run);
  if (first === -1) return lines;
  const other = opened.findLastIndex((one) => one !== undefined && one !== run);
  const again = opened.indexOf(run, other + 1);
  if (other > first && again !== -1) {
    const before = lines.slice(0, again);
    if (parseLaneFile(before).open?.run !== run) return before;
  }
  return lines.slice(0, first);
}

/** The last run but this one that meant to move the slot to a host, by that host's lane file. */
export function lastRunTo(host: string, lines: readonly string[], but: string): string | undefined {
  return lines
    .map(parseObject)
    .findLast(
      (entry) =>
        entry?.kind === 'opened' && entry.way === undefined && entry.to === host && text(entry.run) !== but,
    )?.run as string | undefined;
}

/** Lines of one run. */
export function linesOf(run: string, lines: readonly string[]): readonly string[] {
  return lines.filter((line) => parseObject(line)?.run === run);
}

/** Reads a lane file's lines. */
export function parseLaneFile(lines: readonly string[]): LaneFile {
  let open: OpenLane | null = null;
  let run: unknown;
  let malformed = 0;
  let hasStarted = false;
  let drained: number | undefined;
  const began: string[] = [];
  const owed: Owed[] = [];
  const former: Former[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    const entry = parseObject(line);
    if (entry === undefined || !isWhole(entry)) malformed++;
    else if (entry.kind === 'opened' && entry.way === TENDING) continue;
    // One that only tidies up after a move does not end another that is not over.
    else if (entry.kind === 'opened' && entry.way === 'return' && open?.way === 'move') continue;
    else if (entry.kind === 'opened') {
      // The same run takes its lease again after a pause, or another one goes on with its lane: what was begun before
      // still counts, or whoever goes back would leave it. Only that NEW was started is each run's own to say.
      const way = WAYS.includes(entry.way) ? (entry.way as LaneWay) : 'move';
      const goesOn = open !== null && open.from === entry.from && open.to === entry.to && open.way === way;
      if (entry.run !== run && !goesOn) began.length = 0;
      if (!goesOn) drained = undefined;
      if (entry.run !== run) hasStarted = false;
      run = entry.run;
      open = {
        run: text(entry.run),
        from: text(entry.from),
        to: text(entry.to),
        operator: text(entry.operator),
        bastion: text(entry.bastion),
        at: text(entry.at),
        judged: parseJudged(entry.judged),
        started: entry.started === true,
        ...(entry.later === true ? { later: true } : {}),
        way,
        began,
      };
    } else if (entry.kind === 'began' && entry.run === run) {
      began.push(text(entry.step));
      hasStarted ||= entry.step === 'start-new';
      if (entry.step === 'stop-new')
        drained = Number.isSafeInteger(entry.drained) ? Number(entry.drained) : undefined;
    } else if (entry.kind === 'former') {
      former.push({
        slot: text(entry.slot),
        host: text(entry.host),
        instance: text(entry.instance),
        address: text(entry.address) === '' ? undefined : text(entry.address),
        run: text(entry.run),
        at: text(entry.at),
      });
    } else if (entry.kind === 'owed') {
      owed.push({
        slot: text(entry.slot),
        host: text(entry.host),
        steps: Array.isArray(entry.steps) ? entry.steps.map(text) : [],
        run: text(entry.run),
        at: text(entry.at),
        lastAlive: typeof entry.lastAlive === 'number' ? entry.lastAlive : null,
        ...(entry.seeding === true ? { seeding: true } : {}),
      });
    }
  }
  const isStarted = open?.started === true || hasStarted;
  const replaced = former.length === 0 ? {} : { former };
  const proof = drained === undefined ? {} : { drained };
  return {
    open: open === null ? null : { ...open, started: isStarted, ...proof },
    owed,
    malformed,
    ...replaced,
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A lane without its run and hosts, or a debt of nobody, says nothing that could be acted on. */
function isWhole(entry: Record<string, unknown>): boolean {
  const isNamed = (key: string) => text(entry[key]) !== '';
  if (entry.kind === 'opened') return isNamed('run') && isNamed('from') && isNamed('to');
  // What names an instance becomes part of a path, and of a command on its host.
  if (entry.kind === 'former') {
    const { slot, host, instance, address } = entry as Record<string, unknown>;
    const isNone = address === undefined || addressFault(text(address)) === undefined;
    return (
      hostNameFault(text(host)) === undefined &&
      [slot, instance].every((name) => slotNameFault(text(name)) === undefined) &&
      isNone
    );
  }
  return entry.kind !== 'owed' || isNamed('host');
}

function parseJudged(value: unknown): OpenLane['judged'] {
  const { provenUntil, lastAlive } = (value ?? {}) as { provenUntil?: unknown; lastAlive?: unknown };
  return typeof provenUntil === 'number' && typeof lastAlive === 'number' ? { provenUntil, lastAlive } : null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
