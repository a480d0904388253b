// What keeps a drain from tipping its own host over: figures of the host against limits with a way back (what slowed
// at one figure is free again at a better one), and the age of mail that is none of the drain's. Pure.
import type { HostGuards } from '../queue/drain-way.js';

export type GuardState = 'ok' | 'slow' | 'paused';

/** One guard as people and scripts see it. Values are shares of 1 or seconds, by `unit`. */
export interface GuardSight {
  readonly guard:
    | 'memory'
    | 'oom'
    | 'restarts'
    | 'sockets'
    | 'files'
    | 'load'
    | 'disk'
    | 'inodes'
    | 'processes'
    | 'other-mail';
  readonly value: number;
  /** At which it pauses. */
  readonly limit: number;
  readonly unit: 'share' | 'seconds' | 'count';
  readonly state: GuardState;
  /** What it is about: a process, a file system; empty: the host. */
  readonly about: string;
}

interface Rule {
  readonly slow: number;
  readonly pause: number;
  /** So much better than the limit before it is free again. */
  readonly back: number;
}

const RULES: Readonly<Record<GuardSight['guard'], Rule>> = {
  memory: { slow: 0.8, pause: 0.9, back: 0.05 },
  oom: { slow: 1, pause: 1, back: 0 },
  // In ten minutes. Once is somebody's deed.
  restarts: { slow: 2, pause: 3, back: 0 },
  sockets: { slow: 0.5, pause: 0.75, back: 0.1 },
  files: { slow: 0.6, pause: 0.8, back: 0.05 },
  // Of each core: a queue of processes that wait for a disk is not yet a broken host.
  load: { slow: 12, pause: 30, back: 2 },
  disk: { slow: 0.9, pause: 0.95, back: 0.02 },
  inodes: { slow: 0.9, pause: 0.95, back: 0.02 },
  // A server that cannot start one more delivers to nobody, local mail included.
  processes: { slow: 0.8, pause: 0.9, back: 0.05 },
  'other-mail': { slow: 60, pause: 300, back: 20 },
};

/** After a process was killed for lack of memory: paused so long, then slow as long again. */
const OOM_S = 120;
/** A server that was started again too often: paused until it has lived so long, then slow as long again. */
const LIVED_S = 30;
const RESTARTS_IN_S = 600;
/** Paused for other mail, with nothing of the drain in flight so long: it waits for something else. */
const NOT_OURS_S = 60;
const MOST_PATIENCE = 16;
/** A figure that only some tick saw says nothing: so many in a row make it true. */
const IN_A_ROW = 2;

/** The guards of one host. */
export class Guards {
  readonly #states = new Map<string, GuardState>();
  readonly #rows = new Map<string, { readonly wish: GuardState; readonly count: number }>();
  #ooms: number | null = null;
  #oomAt: number | null = null;
  #killed = 0;
  #server: { readonly pid: number; readonly startedAt: number; readonly process: string } | null = null;
  /** When the server was started again, by its host's clock. */
  #restarts: readonly number[] = [];
  #hostNow = 0;
  #baseline: number | null = null;
  /** Since when it is paused for other mail with nothing in flight. */
  #quietSince: number | null = null;
  /** Other mail that once was not helped by a pause may wait so much longer before the next one. */
  #patience = 1;
  #sights: readonly GuardSight[] = [];

  get sights(): readonly GuardSight[] {
    return this.#sights;
  }

  /** The worst of them. */
  get state(): GuardState {
    return worst(this.#sights.map(({ state }) => state));
  }

  /** What part of the windows may be used. */
  get factor(): number {
    return { ok: 1, slow: 0.5, paused: 0 }[this.state];
  }

  /** How long other mail waited before the drain began. */
  get baseline(): number | null {
    return this.#baseline;
  }

  /** Before anything is released. */
  setBaseline(oldestOther: number | null): void {
    this.#baseline = oldestOther;
  }

  /**
   * Takes in what was seen; null: the host was not looked at this time, its last figures hold. `oldestOther`: null: not
   * known; undefined: was not looked at. `isQuiet`: nothing of the drain is in flight. Gives what changed, as sentences.
   */
  see(
    seen: HostGuards | null,
    oldestOther: number | null | undefined,
    now: number,
    isQuiet = false,
  ): readonly string[] {
    const figures: Omit<GuardSight, 'state'>[] = [];
    const add = (
      guard: GuardSight['guard'],
      value: number,
      about = '',
      unit: GuardSight['unit'] = 'share',
    ) => {
      const limit = RULES[guard].pause * (guard === 'other-mail' ? this.#patience : 1);
      if (Number.isFinite(value)) figures.push({ guard, value, limit, unit, about });
    };
    if (seen !== null) {
      const { sockets, files, load, disk } = seen;
      const nearest = memoryShare(seen);
      if (nearest !== undefined) add('memory', nearest.share, nearest.about);
      this.#seeOoms(seen.oomKills, now);
      if (this.#oomAt !== null) add('oom', this.#killed, '', 'count');
      this.#seeServer(seen);
      if (this.#restarts.length > 0)
        add('restarts', this.#restarts.length, this.#server?.process ?? '', 'count');
      if (sockets !== null) add('sockets', socketShare(sockets));
      if (files !== null && files.limit > 0) add('files', files.open / files.limit, files.process);
      if (load !== null && load.cpus > 0) add('load', load.one / load.cpus, '', 'count');
      if (disk !== null && disk.totalBytes > 0) add('disk', 1 - disk.freeBytes / disk.totalBytes);
      if (disk !== null && disk.freeInodes !== null && disk.totalInodes !== null && disk.totalInodes > 0)
        add('inodes', 1 - disk.freeInodes / disk.totalInodes);
      const crowd = [...(seen.tasks ?? [])].sort((a, b) => b.tasks / b.most - a.tasks / a.most)[0];
      if (crowd !== undefined) add('processes', crowd.tasks / crowd.most, crowd.group);
    } else
      for (const { guard, value, about, unit } of this.#sights)
        if (guard !== 'other-mail') add(guard, value, about, unit);
    const changes: string[] = [];
    if (oldestOther != null && this.#isNotOurs(oldestOther, now, isQuiet))
      changes.push(
        `other-mail waits ${Math.round(oldestOther)}s though nothing of the drain was in flight for ${NOT_OURS_S}s: not its doing, it goes on`,
      );
    const before = this.#sights.find(({ guard }) => guard === 'other-mail');
    if (oldestOther === undefined) {
      if (before !== undefined) add('other-mail', before.value, '', 'seconds');
    } else if (oldestOther !== null)
      add('other-mail', Math.max(0, oldestOther - (this.#baseline ?? 0)), '', 'seconds');
    this.#sights = figures.map((figure) => {
      const before = this.#states.get(figure.guard) ?? 'ok';
      const state =
        figure.guard === 'oom'
          ? this.#oomState(now)
          : figure.guard === 'restarts'
            ? this.#restartState()
            : this.#stateOf(
                figure,
                before,
                figure.guard === 'other-mail' ? oldestOther === undefined : seen === null,
              );
      this.#states.set(figure.guard, state);
      if (state !== before) changes.push(changeText({ ...figure, state }, before));
      return { ...figure, state };
    });
    return changes;
  }

  /** A pause tells who is to blame: what waits on as long as it lasts does not wait for us. */
  #isNotOurs(oldestOther: number, now: number, isQuiet: boolean): boolean {
    if (!isQuiet || this.#states.get('other-mail') !== 'paused') {
      this.#quietSince = null;
      return false;
    }
    this.#quietSince ??= now;
    if (now - this.#quietSince < NOT_OURS_S) return false;
    this.#quietSince = null;
    this.#baseline = oldestOther;
    this.#patience = Math.min(MOST_PATIENCE, this.#patience * 2);
    return true;
  }

  #stateOf(
    { guard, value }: Pick<GuardSight, 'guard' | 'value'>,
    before: GuardState,
    isOld: boolean,
  ): GuardState {
    if (isOld) return before;
    const rule = RULES[guard];
    const { back } = rule;
    const [slow, pause] = [rule.slow, rule.pause].map(
      (limit) => limit * (guard === 'other-mail' ? this.#patience : 1),
    ) as [number, number];
    const wish: GuardState =
      value >= pause
        ? 'paused'
        : before === 'paused' && value >= pause - back
          ? 'paused'
          : value >= slow
            ? 'slow'
            : before !== 'ok' && value >= slow - back
              ? 'slow'
              : 'ok';
    if (wish === before) {
      this.#rows.delete(guard);
      return before;
    }
    // Memory that runs out waits for no second look.
    if (guard === 'memory' && wish === 'paused') return wish;
    const row = this.#rows.get(guard);
    const count = row?.wish === wish ? row.count + 1 : 1;
    this.#rows.set(guard, { wish, count });
    if (count < IN_A_ROW) return before;
    this.#rows.delete(guard);
    return wish;
  }

  #seeOoms(kills: number | null, now: number): void {
    if (kills === null) return;
    if (this.#ooms !== null && kills > this.#ooms) {
      this.#killed = kills - this.#ooms;
      this.#oomAt = now;
    }
    this.#ooms = kills;
  }

  #seeServer({ server, at }: HostGuards): void {
    this.#hostNow = at;
    this.#restarts = this.#restarts.filter((one) => at - one < RESTARTS_IN_S);
    // None that is seen may be one between its end and its start.
    if (server === null || server === undefined || server.isShortLived === true) return;
    const before = this.#server;
    // The start's second is computed, and may be read as the one before.
    if (before !== null && (before.pid !== server.pid || Math.abs(before.startedAt - server.startedAt) > 2))
      this.#restarts = [...this.#restarts, server.startedAt];
    this.#server = server;
  }

  #restartState(): GuardState {
    const count = this.#restarts.length;
    const lived = this.#hostNow - (this.#server?.startedAt ?? 0);
    if (count >= RULES.restarts.pause && lived < LIVED_S) return 'paused';
    return count >= RULES.restarts.slow && lived < 2 * LIVED_S ? 'slow' : 'ok';
  }

  #oomState(now: number): GuardState {
    const since = now - (this.#oomAt ?? Number.NEGATIVE_INFINITY);
    return since < OOM_S ? 'paused' : since < 2 * OOM_S ? 'slow' : 'ok';
  }
}

/** What is nearest to its end: the host's memory, its control group's, or what one process may have. */
function memoryShare({
  memory,
  addressSpace,
}: HostGuards): { readonly share: number; readonly about: string } | undefined {
  const ofHost =
    memory === null || memory.totalBytes <= 0
      ? undefined
      : { share: 1 - memory.availableBytes / memory.totalBytes, about: memory.group ?? '' };
  if (addressSpace === null || addressSpace === undefined || addressSpace.limit <= 0) return ofHost;
  const ofProcess = { share: addressSpace.bytes / addressSpace.limit, about: addressSpace.process };
  return ofHost === undefined || ofProcess.share > ofHost.share ? ofProcess : ofHost;
}

function socketShare(sockets: NonNullable<HostGuards['sockets']>): number {
  const part = (value: number, most: number | null) => (most === null || most <= 0 ? 0 : value / most);
  return Math.max(
    part(sockets.timeWait + sockets.inUse, sockets.ports),
    part(sockets.orphans, sockets.mostOrphans),
    part(sockets.memoryPages, sockets.mostMemoryPages),
  );
}

function worst(states: readonly GuardState[]): GuardState {
  return states.includes('paused') ? 'paused' : states.includes('slow') ? 'slow' : 'ok';
}

/** `61%`, `38s`, `3.1`. */
export function guardValue(value: number, unit: GuardSight['unit']): string {
  if (unit === 'share') return `${Math.round(value * 100)}%`;
  return unit === 'seconds' ? `${Math.round(value)}s` : `${Math.round(value * 10) / 10}`;
}

function changeText(sight: GuardSight, before: GuardState): string {
  const { guard, value, limit, unit, state, about } = sight;
  const what = about === '' ? guard : `${guard} (${about})`;
  const figure = `${guardValue(value, unit)} of ${guardValue(limit, unit)}`;
  if (state === 'paused') return `${what} ${figure}: PAUSED until it is better`;
  if (state === 'slow')
    return before === 'ok' ? `${what} ${figure}: half speed` : `${what} ${figure}: goes on at half speed`;
  return `${what} ${figure}: clear, full speed`;
}
