// How many messages of a drain may be in flight before its host runs short: a guard that is read every few seconds sees
// memory only when it is gone, since a server starts a process for each message within one. So room is given in
// advance, from what is free in every pool (the host's memory, that of each control group, their processes) and from
// what a message was seen to take of it; never twofold at once beyond what a cautious guess allows. Pure.
import type { HostGuards } from '../queue/drain-way.js';

/** The pool that lets the fewest messages go. */
export interface Room {
  /** Messages in flight at most. */
  readonly most: number;
  /** `memory` or `processes`, and whose they are: a control group's path; empty: the host's. */
  readonly pool: 'memory' | 'processes';
  readonly about: string;
}

interface Rule {
  /** Of one message, as long as nobody has seen it: more than a process that speaks TLS takes. */
  readonly guess: number;
  readonly least: number;
  /** Used up to here at most; a pool that is fuller already is used half the way to where its guard pauses. */
  readonly line: number;
  readonly pause: number;
}

const RULES: Readonly<Record<Room['pool'], Rule>> = {
  memory: { guess: 8 * 1024 ** 2, least: 512 * 1024, line: 0.75, pause: 0.9 },
  processes: { guess: 3, least: 1, line: 0.75, pause: 0.9 },
};

/** Of fewer messages nothing is learnt. */
const LEAST_SEEN = 4;
/** A server keeps its idle processes so long for the next message: what was in flight then is paid for still. */
const KEPT_S = 90;

interface Pool {
  readonly pool: Room['pool'];
  readonly about: string;
  readonly free: number;
  readonly total: number;
}

/** What one host's pools leave. */
export class Headroom {
  readonly #bases = new Map<string, Pool>();
  #baseProcesses: number | undefined;
  #flights: readonly { readonly at: number; readonly count: number }[] = [];
  #room: Room | null = null;

  /** Null: nothing is known, or there is no such pool. */
  get room(): Room | null {
    return this.#room;
  }

  /**
   * Takes in what was seen while so many were in flight; the first time is before anything is. `share`: of the pools,
   * where other queues of the host are drained beside this one.
   */
  see(seen: HostGuards, inFlight: number, now: number, share = 1): void {
    this.#flights = [...this.#flights.filter(({ at }) => now - at < KEPT_S), { at: now, count: inFlight }];
    const processes = seen.server?.processes;
    this.#baseProcesses ??= processes;
    const flown = Math.max(...this.#flights.map(({ count }) => count));
    // What has been let go and has no process yet costs nothing yet.
    const covered =
      processes === undefined || this.#baseProcesses === undefined
        ? inFlight
        : Math.min(flown, Math.max(0, processes - this.#baseProcesses));
    const rooms = poolsOf(seen).map((pool): Room => {
      const name = `${pool.pool} ${pool.about} ${pool.total}`;
      const base = this.#bases.get(name) ?? pool;
      this.#bases.set(name, base);
      return { most: mostOf(pool, base, covered, share), pool: pool.pool, about: pool.about };
    });
    this.#room = rooms.reduce<Room | null>(
      (least, one) => (least === null || one.most < least.most ? one : least),
      null,
    );
  }
}

function mostOf({ pool, free, total }: Pool, base: Pool, covered: number, share: number): number {
  const { guess, least, line, pause } = RULES[pool];
  const limit = Math.max(line, (1 - base.free / total + pause) / 2);
  const spare = (free - total * (1 - limit)) * share;
  const each = covered < LEAST_SEEN ? guess : Math.max(least, (base.free - free) / covered);
  const more =
    spare < 0
      ? -Math.ceil(-spare / each)
      : Math.min(Math.floor(spare / each), Math.max(Math.floor(spare / guess), covered));
  return Math.max(1, covered + more);
}

function poolsOf({
  memory,
  memories = memory === null ? [] : [memory],
  tasks = [],
}: HostGuards): readonly Pool[] {
  return [
    ...memories.map(
      ({ availableBytes, totalBytes, group = '' }): Pool => ({
        pool: 'memory',
        about: group,
        free: availableBytes,
        total: totalBytes,
      }),
    ),
    ...tasks.map(
      ({ tasks: used, most, group }): Pool => ({
        pool: 'processes',
        about: group,
        free: Math.max(0, most - used),
        total: most,
      }),
    ),
  ].filter(({ total }) => total > 0);
}

/** `room for 43 in flight (memory /mail)`. */
export const roomText = ({ most, pool, about }: Room): string =>
  `room for ${most} in flight (${about === '' ? pool : `${pool} ${about}`})`;

/** One destination that shares what there is room for. */
export interface RoomShare {
  /** In flight there now. */
  readonly flying: number;
  /** What its window lets be. */
  readonly wants: number;
}

/**
 * Shares the room: each by what it wants, one at least in the order given; what flies too many of one destination is
 * taken from the others until it has landed, so that all of them together stay within it.
 */
export function shareRoom(room: number, all: readonly RoomShare[]): readonly number[] {
  const wanted = all.reduce((sum, { wants }) => sum + wants, 0);
  if (wanted <= room) return all.map(({ wants }) => wants);
  let free = room - all.reduce((sum, { flying }) => sum + flying, 0);
  return all.map(({ flying, wants }) => {
    const fair = Math.min(
      wants,
      Math.max(wants > 0 && room > 0 ? 1 : 0, Math.floor((room * wants) / wanted)),
    );
    const more = Math.max(0, Math.min(fair - flying, free));
    free -= more;
    return Math.min(fair, flying + more);
  });
}
