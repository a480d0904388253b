// Executes a drain: takes each queue, parks its messages, and goes on with ticks until nothing is parked or in flight.
// At every tick the queue itself says where each message is; the journal says what was begun, never how far it came.
// So a run that died at any place is gone on with by looking: what is held is to be released, what was put off is
// parked again, what is gone is done. Queues run beside each other and share the windows of their destinations.
import { BusyError, CommandError, EXIT, MailctlError, TransportError } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { ClosedState } from '../journal/record.js';
import type { PartPlace, RunFiles } from '../journal/run-files.js';
import type { RunNotes } from '../journal/run-notes.js';
import { type Clock, formatIso } from '../lib/clock.js';
import { formatCommand } from '../lib/command-text.js';
import type { Lane, Plan } from '../plan/plan.js';
import { closedStateOf, foldJournal } from '../plan/progress.js';
import type { DeliveryEvent } from '../queue/delivery-event.js';
import type { DeskPlace } from '../queue/desk.js';
import type {
  DrainFate,
  DrainLook,
  DrainPost,
  DrainWay,
  HostGuards,
  ToldLimits,
} from '../queue/drain-way.js';
import type { LogReading, QueueDriver } from '../queue/driver.js';
import type { MessageKey } from '../queue/message.js';
import { DrainController, type DrainCounts, type PlacedOrder } from './controller.js';
import { giveBackAll } from './give-back.js';
import { Guards } from './guards.js';
import { Headroom, roomText } from './headroom.js';
import { type ConnectionSource, OpenConnections } from './open-connections.js';
import { parseParcels } from './parcel-parts.js';
import type { DrainFacts } from './plan-drain.js';
import { type DrainLaneStatus, type DrainState, type DrainStatus, plannedCounts } from './status.js';
import type { Parcel } from './supply.js';
import { Wishes } from './wishes.js';

/** The host keeps the windows full for so long at a time. */
const TICK_MS = 2000;
/** While a window doubles, and where nothing is known yet. */
const FIRST_TICK_MS = 1000;
const FIRST_TICKS = 5;
/** Nothing is to be let go: so long until the next look, and less at first, when the last ones land. */
const IDLE_MS = 1000;
const FIRST_IDLE_MS = 100;
const BEAT_MS = 5000;
/** While its host has not room for all that the windows let be: each look may show that there is more. */
const SHORT_BEAT_MS = 1000;
const STATUS_MS = 1000;
const RESULT_MS = 5000;
const MOST_CHANGES = 8;
const FATES_AT_ONCE = 10_000;
const MOST_TOLD = 50;
/** A server that does not run for so long is started again where its way knows how, and not more often than this. */
const DOWN_S = 10;
const REVIVE_AGAIN_S = 300;
/** A host that does not answer is asked again after this, doubling. */
const AWAY_MS = 2000;
const MOST_AWAY_MS = 30_000;
/** What may be better in a moment. */
const PASSING: ReadonlySet<string> = new Set(['unreachable', 'refused', 'hung', 'silent', 'timeout', 'lost']);
/** Before its first tick, a minute and a half all in all. */
const MOST_ASKED = 7;

/** How a queue ended in an earlier execution. */
const CLOSED_BEFORE: Readonly<Record<ClosedState, string>> = {
  done: '',
  reverted: 'its rest was given back before',
  failed: 'it failed before anything of it was parked',
};

/** One queue, with all that the loop asks of it. */
export interface DrainQueue extends ConnectionSource {
  readonly place: DeskPlace;
  readonly way: DrainWay;
  readonly readLog: QueueDriver['readLog'];
}

/** What an execution is given. */
export interface DrainExecution {
  readonly plan: Plan;
  readonly facts: DrainFacts;
  readonly journal: Journal;
  readonly files: RunFiles;
  readonly notes: RunNotes;
  readonly post: DrainPost;
  readonly clock: Clock;
  readonly operator: string;
  readonly bastion: string;
  queueNamed(name: string): DrainQueue;
  /** Whose the addresses of peers are, as far as it is known; what deliveries tell is added by the loop itself. */
  readonly peers: ReadonlyMap<string, string>;
  readonly finish: AbortSignal;
  readonly abort: AbortSignal;
  /** Aborted: ends after the tick in hand as if it had died, so that another process goes on at once. */
  readonly leave?: AbortSignal | undefined;
  /** As the process before has left it to this one: paused by hand, and what of the limits was used. */
  readonly begins?: { readonly isPaused: boolean; readonly speed: number } | undefined;
  /** After every tick. */
  onStatus(status: DrainStatus): void;
  onChange(text: string): void;
}

/** How it ended. */
export interface DrainEnd {
  readonly status: DrainStatus;
  /** Why a queue was not drained to its end. */
  readonly failures: readonly {
    readonly queue: string;
    readonly error: MailctlError;
    /** Nothing of the queue was changed. */
    readonly isUntouched?: boolean | undefined;
  }[];
  /** Somebody asked for it. */
  readonly isStopped: boolean;
  /** It was left to another process, which has something to do still. */
  readonly isLeft: boolean;
}

interface LaneRun {
  readonly lane: Lane;
  readonly queue: DrainQueue;
  readonly guards: Guards;
  readonly headroom: Headroom;
  /** Its host has not room for all that the windows let be in flight. */
  isShort: boolean;
  wasShort: boolean;
  state: DrainState;
  doing: string;
  logMissing: string | null;
  otherNow: number | null;
  startedAt: number;
  /** When its counts were written last. */
  resultAt: number;
  error: MailctlError | undefined;
  /** Of a queue that an earlier execution has closed: what it had counted. */
  last: DrainCounts | undefined;
  /** Its server did not let a message go: was said. */
  hasRefused: boolean;
  /** It was ended on its host, which will not give the rest back. */
  isHeld: boolean;
  /** It failed before anything of it was parked. */
  isUntouched: boolean;
  /** It ended with messages that its server never let go; they stay held on purpose. */
  isStuck: boolean;
  /** Since when its server does not run; null: it does. */
  downSince: number | null;
  /** When it was tried last to start what had died. */
  revivedAt: number;
  /** Put back, and not parked yet: the host did not answer. */
  parkLater: readonly MessageKey[];
  /** Its host did not answer for a while: it may have given everything back, or another bastion has taken it. */
  isUnsure: boolean;
}

/** Runs it, a first time or once more. Whatever goes wrong with a queue is in the result. */
export async function executeDrain(execution: DrainExecution, isResumed: boolean): Promise<DrainEnd> {
  return new DrainLoop(execution).run(isResumed);
}

class DrainLoop {
  readonly #x: DrainExecution;
  readonly #control: DrainController;
  readonly #lanes: LaneRun[];
  readonly #wishes: Wishes;
  readonly #changes: { at: string; text: string }[] = [];
  readonly #connections: OpenConnections;
  #statusAt = Number.NEGATIVE_INFINITY;
  readonly #startedAt: string;

  constructor(execution: DrainExecution) {
    this.#x = execution;
    const { facts, plan, clock } = execution;
    const limits = new Map(facts.destinations.map((one) => [one.name, one]));
    this.#connections = new OpenConnections(clock, execution.peers);
    this.#control = new DrainController({
      limitOf(destination) {
        const limit = limits.get(destination);
        if (limit === undefined) throw new Error(`no destination ${destination} in the plan`);
        return limit;
      },
      perSecond: facts.perSecond,
      isCounted: plan.lanes.every(({ id }) => execution.queueNamed(id).way.countsConnections === true),
      peersOf: (destination) => this.#connections.addressesOf(destination),
    });
    this.#wishes = new Wishes(
      {
        notes: execution.notes,
        clock,
        finish: execution.finish,
        scale: (factor) => ({ before: this.#control.speed, speed: this.#control.scale(factor) }),
        onChange: (text) => this.#say(text),
        onHeard: () => this.#tell(true),
      },
      execution.begins?.isPaused === true,
    );
    if (execution.begins !== undefined) this.#control.scale(execution.begins.speed);
    this.#startedAt = plan.createdAt;
    this.#lanes = plan.lanes.map((lane) => ({
      lane,
      queue: execution.queueNamed(lane.id),
      guards: new Guards(),
      headroom: new Headroom(),
      isShort: false,
      wasShort: false,
      state: 'running',
      doing: 'begins',
      logMissing: null,
      otherNow: null,
      startedAt: clock.monotonic() / 1000,
      resultAt: Number.NEGATIVE_INFINITY,
      error: undefined,
      last: undefined,
      hasRefused: false,
      isHeld: false,
      isUntouched: false,
      isStuck: false,
      downSince: null,
      revivedAt: Number.NEGATIVE_INFINITY,
      parkLater: [],
      isUnsure: false,
    }));
  }

  async run(isResumed: boolean): Promise<DrainEnd> {
    const { journal } = this.#x;
    const results = await this.#x.files.readResults();
    for (const one of this.#lanes) {
      const closed = closedState(journal, one.lane.id);
      if (closed === undefined) continue;
      one.state = closed === 'done' ? 'done' : 'stopped';
      one.doing = CLOSED_BEFORE[closed];
      one.last = lastCounts(results, one.lane.id) ?? plannedCounts(one.lane);
    }
    const open = this.#lanes.filter(({ last }) => last === undefined);
    const asking = this.#wishes.listen();
    try {
      await Promise.all(
        open.map(async (one) => {
          try {
            await this.#drainLane(one, isResumed);
          } catch (error) {
            if (!(error instanceof MailctlError)) throw error;
            // The process that goes on asks again.
            if (this.#isLeaving && !this.#wishes.isStopped && isPassing(error)) return;
            one.error = error;
            one.state = 'stopped';
            one.doing = error.message;
            const { id } = one.lane;
            await journal
              .append({
                kind: 'failed',
                lane: id,
                step: isBegun(journal, id, 'take') && !didSteps(journal, id).has('take') ? 'take' : 'pour',
                reason: error.message,
                code: error.code,
              })
              .catch(() => {});
            // Nothing of it was parked: there is nothing to go on with, nor to keep the queue for.
            if (
              !one.lane.steps.some(
                ({ id: step, action }) => action === 'drain.park' && isBegun(journal, id, step),
              )
            ) {
              one.isUntouched = true;
              if (didSteps(journal, id).has('take'))
                await this.#x.post
                  .end(one.queue.place, this.#x.facts.key, 'done', this.#x.abort)
                  .catch(() => false);
              await journal.append({ kind: 'lane-closed', lane: id, state: 'failed' }).catch(() => {});
            }
          }
        }),
      );
    } finally {
      asking.abort();
    }
    const isStopped = this.#wishes.isStopped;
    // Their hosts gave the rest back, or may do so.
    const unsure = open.flatMap(({ lane, state, isHeld }) => (state === 'done' || isHeld ? [] : [lane.id]));
    const closed = closedStateOf(foldJournal(journal.records, journal.file).lanes);
    if (closed !== undefined) await journal.append({ kind: 'closed', state: closed });
    // Whoever looks later must not take it for dead: nobody's dead man waits any more.
    else if (isStopped || open.every(({ state, isStuck }) => state === 'done' || isStuck))
      await journal
        .append({
          kind: 'note',
          lane: '',
          text: isStopped ? stopNote(unsure) : 'what its servers did not let go stays held',
          data: { drain: 'stopped', unsure },
        })
        .catch(() => {});
    await this.#tell(true);
    return {
      status: this.#status(),
      failures: this.#lanes.flatMap(({ lane, error, isUntouched }) =>
        error === undefined ? [] : [{ queue: lane.id, error, isUntouched }],
      ),
      isStopped,
      isLeft: this.#isLeaving && this.#lanes.some(({ state }) => state === 'running' || state === 'paused'),
    };
  }

  get #isLeaving(): boolean {
    return this.#x.leave?.aborted === true;
  }

  #now(): number {
    return this.#x.clock.monotonic() / 1000;
  }

  #say(text: string): void {
    this.#changes.push({ at: formatIso(this.#x.clock.now()), text });
    while (this.#changes.length > MOST_CHANGES) this.#changes.shift();
    this.#x.onChange(text);
    this.#x.journal.append({ kind: 'note', lane: '', text }).catch(() => {});
  }

  async #drainLane(run: LaneRun, isResumed: boolean): Promise<void> {
    const { journal, facts, post, operator, bastion, plan, abort } = this.#x;
    const { lane, queue } = run;
    const id = lane.id;
    const began = (step: string) => journal.append({ kind: 'began', lane: id, step });
    const did = (step: string, note?: string) =>
      journal.append({ kind: 'did', lane: id, step, ...(note === undefined ? {} : { note }) });
    const done = didSteps(journal, id);
    if (!done.has('take')) await began('take');
    const claim = await this.#patiently(run, () =>
      post.begin(
        queue.place,
        {
          holder: { key: facts.key, operator, bastion },
          run: plan.id,
          reason: plan.reason ?? '',
          onDeath: facts.onDeath,
          deadAfterS: facts.deadAfterS,
          dead: [...(isResumed ? [facts.key] : []), ...facts.takesOver],
          limits: toldLimits(facts),
        },
        abort,
      ),
    );
    if (!claim.granted) {
      const { held } = claim;
      throw new BusyError(
        `${id} is being drained by run ${held.run} of ${held.holder.operator} on ${held.holder.bastion} (${held.state}, last sign ${Math.round(held.silentS)} s ago)`,
        {
          hint: `mailctl drain status   there; once it is dead: ${formatCommand(['mailctl', 'drain', 'resume', held.run, '-H', queue.place.host])}`,
        },
      );
    }
    if (!done.has('take')) await did('take');
    const beating = this.#beat(run);
    try {
      // What is free is known before anything is let go.
      await beating.first;
      const first = await this.#patiently(run, () => queue.way.tick({ lots: [], forMs: 0 }, abort));
      run.guards.setBaseline(first.oldestOther);
      run.otherNow = first.oldestOther;
      const isWhole = await this.#park(run, done, began, did);
      // Its manifest is ours now, part by part.
      if (isWhole) for (const key of facts.takesOver) await post.end(queue.place, key, 'done', abort);
      if (!done.has('pour') && !isBegun(journal, id, 'pour')) await began('pour');
      // Nothing may be left of the parts that it came to, but it did not come to all.
      const isEmpty = (await this.#pour(run)) && isWhole;
      if (!isEmpty && this.#isLeaving && !this.#wishes.isStopped) return;
      if (!isEmpty) {
        if (this.#wishes.releasesRest) await this.#giveBack(run);
        beating.abort();
        const how = this.#wishes.releasesRest ? 'done' : 'held';
        run.isHeld = (await post.end(queue.place, facts.key, how, abort)) && how === 'held';
        run.state = 'stopped';
        run.doing =
          how === 'done'
            ? 'stopped, the rest was given back'
            : run.isHeld
              ? 'stopped, the rest stays held'
              : 'stopped, its host has given the rest back';
        if (!this.#wishes.releasesRest) {
          const stuck = this.#control.stuck(id);
          if (stuck !== undefined && run.isHeld && !this.#wishes.isStopped) {
            run.isStuck = true;
            throw notReleased(id, plan.id, stuck);
          }
          return;
        }
      }
      await did('pour', this.#countsNote(id));
      beating.abort();
      if (isEmpty) await post.end(queue.place, facts.key, 'done', abort);
      await began('end');
      await did('end');
      await journal.append({ kind: 'lane-closed', lane: id, state: isEmpty ? 'done' : 'reverted' });
      if (isEmpty) run.state = 'done';
      run.doing = isEmpty ? '' : run.doing;
    } finally {
      beating.abort();
    }
  }

  #countsNote(lane: string): string {
    const { delivered, deferred, bounced, lost } = this.#control.counts(lane);
    return `${delivered} delivered, ${deferred} deferred, ${bounced} bounced, ${lost} gone before`;
  }

  /**
   * Parks what is not parked, and gives the controller what it has to work with. Told to stop it begins no part more,
   * but takes in all that were begun before: what they hold must be known. False: some part was never begun.
   */
  async #park(
    run: LaneRun,
    done: ReadonlySet<string>,
    began: (step: string) => Promise<unknown>,
    did: (step: string, note?: string) => Promise<unknown>,
  ): Promise<boolean> {
    const { files, facts, post, abort } = this.#x;
    const { lane, queue } = run;
    const names = facts.destinations.map(({ name }) => name);
    const parked: Parcel[] = [];
    const flying: Parcel[] = [];
    const before = lastCounts(await files.readResults(), lane.id);
    let [total, gone, goneFirst, left] = [0, 0, 0, 0];
    let isWhole = true;
    for (const step of lane.steps) {
      if (step.action !== 'drain.park') continue;
      const isAgain = isBegun(this.#x.journal, lane.id, step.id);
      if ((this.#wishes.isStopped || this.#isLeaving) && !isAgain) {
        isWhole = false;
        continue;
      }
      const parcels = parseParcels(
        await files.readPart(step.params.part as unknown as PartPlace),
        names,
        `${lane.id} ${step.id}`,
      );
      total += parcels.length;
      run.doing = `parking, ${total} so far`;
      await this.#tell(false);
      const fates = isAgain ? await this.#fatesOf(run, parcels) : new Map<string, DrainFate>();
      // What waits may have been let go by us, or be free because it was never parked or was given back: parked again it
      // goes at its turn.
      const todo = isAgain ? parcels.filter(({ key }) => isFree(fates.get(key.id))) : parcels;
      if (!isAgain) {
        await began(step.id);
        if (
          !(await this.#patiently(run, () =>
            post.keep(
              queue.place,
              facts.key,
              step.id.replace(/\D/g, ''),
              parcels.map(({ key }) => key),
              abort,
            ),
          ))
        )
          throw lostLease(lane.id);
      }
      const missed = new Set<string>();
      let unparked: ReadonlySet<string> = new Set();
      if (todo.length > 0) {
        const answer = await this.#patiently(run, async () => {
          if (run.isUnsure && !(await this.#isOurs(run))) throw lostLease(lane.id);
          return queue.way.park(
            todo.map(({ key }) => key),
            abort,
          );
        });
        for (const { key } of todo) fates.delete(key.id);
        for (const id of answer.gone) missed.add(id);
        unparked = new Set(answer.failed.map(({ id }) => id));
        if (unparked.size > 0)
          for (const [id, fate] of await this.#fatesOf(
            run,
            todo.filter(({ key }) => unparked.has(key.id)),
          ))
            fates.set(id, fate);
        left += this.#sayUnparked(lane.id, answer.failed, fates);
      }
      for (const parcel of parcels) {
        const { id } = parcel.key;
        const fate = fates.get(id);
        if (unparked.has(id) && isLeft(fate)) continue;
        if (missed.has(id) || fate === 'gone') {
          gone += 1;
          if (!isAgain) goneFirst += 1;
        } else if (fate === 'active' || fate === 'waiting') flying.push(parcel);
        else parked.push(parcel);
      }
      if (!done.has(step.id)) await did(step.id, missed.size > 0 ? `${missed.size} were gone` : undefined);
    }
    // What is gone since the first look was delivered by us, but for what was gone before we began.
    const lost = before === undefined ? gone : before.lost + goneFirst;
    const bounced = before?.bounced ?? 0;
    const delivered = before === undefined ? 0 : Math.max(0, gone - lost - bounced);
    this.#control.addLane(
      lane.id,
      parked,
      flying,
      {
        total,
        released: before === undefined ? 0 : delivered + bounced + flying.length,
        delivered,
        deferred: left,
        bounced,
        lost,
        pushedBack: before?.pushedBack ?? 0,
        tries: before?.tries ?? 0,
      },
      this.#now(),
      queue.kernel,
    );
    run.doing = '';
    await this.#result(run);
    return isWhole;
  }

  /** Counts those that stay with their server, which tries them at its own pace, and says so once. */
  #sayUnparked(
    queue: string,
    failed: readonly { readonly id: string; readonly why: string }[],
    fates: ReadonlyMap<string, DrainFate>,
  ): number {
    const left = failed.filter(({ id }) => isLeft(fates.get(id)));
    const [first] = left;
    if (first === undefined) return 0;
    const who = left.length === 1 ? '1 message stays' : `${left.length} messages stay`;
    this.#say(`${queue}: ${who} with the server, not parked: ${first.id}: ${first.why.slice(0, 200)}`);
    return left.length;
  }

  async #fatesOf(run: LaneRun, parcels: readonly Parcel[]): Promise<Map<string, DrainFate>> {
    const fates = new Map<string, DrainFate>();
    for (let at = 0; at < parcels.length; at += FATES_AT_ONCE) {
      const watch = parcels.slice(at, at + FATES_AT_ONCE).map(({ key }) => key.id);
      const look = await this.#patiently(run, () =>
        run.queue.way.tick(
          {
            lots: [{ window: 0, perSecond: null, release: [], watch }],
            forMs: 0,
          },
          this.#x.abort,
        ),
      );
      for (const [id, fate] of look.fates) fates.set(id, fate);
    }
    return fates;
  }

  /**
   * Ticks until the queue has nothing of ours any more (true), or it is told to stop, or its server does not let go what
   * is left (false).
   */
  async #pour(run: LaneRun): Promise<boolean> {
    const { clock, abort } = this.#x;
    const { lane } = run;
    let log: LogReading | undefined;
    let awayMs = AWAY_MS;
    let idleMs = FIRST_IDLE_MS;
    let last: PlacedOrder | undefined;
    for (let tick = 0; ; tick += 1) {
      // Before anything is let go, and before it is left to the next process, which passes over what was asked here.
      if (tick === 0 || this.#isLeaving) await this.#wishes.hear();
      if (this.#wishes.isStopped) return this.#isLanded(run, last);
      if (this.#isLeaving) return false;
      if (this.#control.isOver(lane.id)) return this.#control.isDone(lane.id);
      if (run.error !== undefined) throw run.error;
      const factor = this.#wishes.isPaused ? 0 : run.guards.factor;
      run.state = this.#wishes.isPaused || factor === 0 ? 'paused' : 'running';
      const placed = this.#control.order(lane.id, this.#now(), {
        factor,
        forMs: tick < FIRST_TICKS || run.isShort ? FIRST_TICK_MS : TICK_MS,
        most: run.headroom.room?.most,
      });
      this.#sayRoom(run, placed);
      last = placed;
      try {
        log = await this.#tick(run, placed, log);
        if (awayMs > AWAY_MS) this.#say(`${lane.id} answers again`);
        awayMs = AWAY_MS;
      } catch (error) {
        this.#control.lost(lane.id, placed);
        run.isUnsure = true;
        if (abort.aborted || !(error instanceof MailctlError) || error instanceof BusyError) throw error;
        run.doing = `${error.message}; asked again`;
        if (awayMs === AWAY_MS) this.#say(`${lane.id}: ${error.message}; it is asked again`);
        await this.#tell(false);
        await this.#sleep(awayMs);
        awayMs = Math.min(MOST_AWAY_MS, awayMs * 2);
        continue;
      }
      await this.#tell(false);
      if (this.#now() * 1000 - run.resultAt >= RESULT_MS) await this.#result(run);
      idleMs = placed.order.forMs === 0 ? Math.min(IDLE_MS, idleMs * 2) : FIRST_IDLE_MS;
      if (placed.order.forMs === 0) await clock.sleep(idleMs, abort);
    }
  }

  #sayRoom(run: LaneRun, { isShort }: PlacedOrder): void {
    const { room } = run.headroom;
    run.isShort = isShort === true && room !== null;
    if (room === null || !run.isShort || run.wasShort) return;
    run.wasShort = true;
    this.#say(`${run.lane.id}: ${roomText(room)}: less than the limits allow`);
  }

  /** Told to stop: the tick in hand has ended. What flies lands by itself. */
  async #isLanded(run: LaneRun, last: PlacedOrder | undefined): Promise<boolean> {
    // The host's own pump ends with this look, and what it has let go since the last one is seen.
    const asHeld = last && this.#control.watchOffered(run.lane.id, last);
    const placed = this.#control.order(run.lane.id, this.#now(), { factor: 0, forMs: 0 });
    await this.#tick(run, placed, undefined).catch((error: unknown) => {
      if (!(error instanceof MailctlError)) throw error;
      asHeld?.();
    });
    await this.#result(run);
    return this.#control.isDone(run.lane.id);
  }

  /**
   * What comes before the first tick: a connection that breaks, or a script that is killed, is tried again some times, as
   * a tick is. Every call of it may be repeated.
   */
  async #patiently<T>(run: LaneRun, act: () => Promise<T>): Promise<T> {
    let awayMs = AWAY_MS;
    for (let tries = 1; ; tries += 1) {
      try {
        return await act();
      } catch (error) {
        if (
          !(error instanceof MailctlError) ||
          !isPassing(error) ||
          tries >= MOST_ASKED ||
          this.#x.abort.aborted ||
          this.#wishes.isStopped ||
          this.#isLeaving
        )
          throw error;
        run.isUnsure = true;
        if (tries === 1) this.#say(`${run.lane.id}: ${error.message}; it is asked again`);
        run.doing = `${error.message}; asked again`;
        await this.#tell(false);
        await this.#sleep(awayMs);
        awayMs = Math.min(MOST_AWAY_MS, awayMs * 2);
      }
    }
  }

  /** What is parked for a drain that its host does not know any more is given back by nobody. */
  async #isOurs(run: LaneRun): Promise<boolean> {
    const { post, facts, abort } = this.#x;
    const { isOurs } = await post.beat(run.queue.place, facts.key, this.#noteOf(run), abort);
    if (isOurs) run.isUnsure = false;
    return isOurs;
  }

  async #sleep(ms: number): Promise<void> {
    const { clock, abort } = this.#x;
    for (let slept = 0; slept < ms && !this.#wishes.isStopped && !this.#isLeaving; slept += 500)
      await clock.sleep(500, abort);
  }

  async #tick(
    run: LaneRun,
    placed: PlacedOrder,
    before: LogReading | undefined,
  ): Promise<LogReading | undefined> {
    const { clock, abort } = this.#x;
    const { lane, queue, guards } = run;
    const events: DeliveryEvent[] = [];
    const answered = new AbortController();
    const late = async () => {
      // What the log and the kernel say shall be as new as the look, which comes early when all of it was let go.
      await clock
        .sleep(Math.max(0, placed.order.forMs - 250), AbortSignal.any([abort, answered.signal]))
        .catch(() => abort.throwIfAborted());
      const [log, sockets] = await Promise.all([
        this.#readLog(run, before, (event) => events.push(event)),
        this.#connections.read(queue, abort),
      ]);
      return { log, sockets };
    };
    const [look, { log, sockets }] = await Promise.all([
      queue.way.tick(placed.order, abort).then((look) => {
        if (!isHeldBack(placed, look)) answered.abort();
        return look;
      }),
      late(),
    ]);
    run.otherNow = look.oldestOther;
    const paused = this.#wishes.isPaused ? 'paused by the operator' : '';
    run.doing = look.isDown ? 'its mail server does not run' : paused;
    const isQuiet = this.#control.counts(lane.id).inFlight === 0;
    for (const text of guards.see(null, look.oldestOther, this.#now(), isQuiet))
      this.#say(`${lane.id}: ${text}`);
    if (look.isDown) await this.#revive(run, placed);
    else run.downSince = null;
    const { changes, putBack, learned } = this.#control.see(
      lane.id,
      placed,
      {
        look,
        events,
        isLogWhole: log !== undefined && log.incomplete === null,
        open: this.#connections.newOf(queue, sockets),
      },
      this.#now(),
    );
    for (const [address, destination] of learned) this.#connections.learn(address, destination);
    for (const { destination, text } of changes) this.#say(`${destination} ${text}`);
    const [refused] = look.failed;
    if (refused !== undefined && !run.hasRefused) {
      run.hasRefused = true;
      this.#say(
        `${lane.id}: ${refused.id} could not be released and is tried again: ${refused.why.slice(0, 200)}`,
      );
    }
    const again = [...run.parkLater, ...putBack];
    if (again.length > 0) await this.#parkAgain(run, again);
    return log ?? before;
  }

  /** What takes the messages died in the middle: some ways know how it is started again, where nobody else does. */
  async #revive(run: LaneRun, { order }: PlacedOrder): Promise<void> {
    const now = this.#now();
    run.downSince ??= now;
    const { way } = run.queue;
    if (way.revive === undefined || now - run.downSince < DOWN_S || now - run.revivedAt < REVIVE_AGAIN_S)
      return;
    run.revivedAt = now;
    try {
      const ids = order.lots.flatMap(({ watch, release }) => [...watch, ...release.map(({ id }) => id)]);
      if (await way.revive(ids, this.#x.abort))
        this.#say(`${run.lane.id}: what takes its messages had died and was started again`);
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      this.#say(
        `${run.lane.id}: what takes its messages has died and could not be started: ${error.message}`,
      );
    }
  }

  async #parkAgain(run: LaneRun, keys: readonly MessageKey[]): Promise<void> {
    // What the server has taken up again by itself meanwhile is seen at the next look.
    try {
      if (run.isUnsure && !(await this.#isOurs(run))) {
        run.error = lostLease(run.lane.id);
        return;
      }
      await run.queue.way.park(keys, this.#x.abort);
      run.parkLater = [];
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      // The tick itself was taken in and is not lost. Left unparked they would count as pushed back once more.
      run.parkLater = keys;
      run.isUnsure = true;
    }
  }

  async #readLog(
    run: LaneRun,
    before: LogReading | undefined,
    onEvent: (event: DeliveryEvent) => void,
  ): Promise<LogReading | undefined> {
    const { readLog } = run.queue;
    if (readLog === undefined) {
      run.logMissing = 'this server has no log that mailctl reads';
      return undefined;
    }
    try {
      const from =
        before === undefined
          ? { since: Math.floor(this.#x.clock.now() / 1000) - 30 }
          : { position: before.position };
      const log = await readLog(from, onEvent, this.#x.abort);
      run.logMissing = log.incomplete;
      return log;
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      run.logMissing = error.message;
      return undefined;
    }
  }

  /** The rest goes back to the server, which tries it at its own pace. */
  async #giveBack(run: LaneRun): Promise<void> {
    const keys = this.#control.heldOf(run.lane.id);
    const { way } = run.queue;
    const { id } = run.lane;
    await giveBackAll(id, way, keys, this.#x.abort, async (given) => {
      this.#control.gaveBack(id, given);
      run.doing = `giving back, ${this.#control.counts(id).givenBack} of ${keys.length}`;
      await this.#tell(false);
    });
    await this.#result(run);
  }

  /** The heartbeat, and what it tells of the host, until it is aborted. */
  #beat(run: LaneRun): { abort(): void; readonly first: Promise<unknown> } {
    const controller = new AbortController();
    let settled = () => {};
    const first = new Promise<void>((resolve) => {
      settled = resolve;
    });
    const { clock, post, facts } = this.#x;
    let heardAt = this.#now();
    let isSilent = false;
    const turn = async () => {
      while (!controller.signal.aborted) {
        try {
          const { isOurs, guards } = await post.beat(
            run.queue.place,
            facts.key,
            this.#noteOf(run),
            controller.signal,
          );
          // One that was under way while the drain ended finds none.
          if (controller.signal.aborted) return;
          heardAt = this.#now();
          if (isSilent) this.#say(`${run.lane.id}: its heartbeat is heard again`);
          isSilent = false;
          this.#takeGuards(run, guards);
          if (!isOurs) {
            run.error = lostLease(run.lane.id);
            return;
          }
        } catch (error) {
          // A host that is away has its own clock for how long it waits for us.
          if (!(error instanceof MailctlError)) throw error;
          const silentS = Math.round(this.#now() - heardAt);
          if (!isSilent && silentS > facts.deadAfterS / 2) {
            isSilent = true;
            const then = facts.onDeath === 'hold' ? 'counts as dead' : 'is given back by its host';
            this.#say(
              `${run.lane.id}: no heartbeat for ${silentS}s: ${error.message}; after ${facts.deadAfterS}s the drain ${then}`,
            );
          }
        }
        settled();
        for (let slept = 0; slept < (run.isShort ? SHORT_BEAT_MS : BEAT_MS); slept += SHORT_BEAT_MS)
          await clock.sleep(SHORT_BEAT_MS, controller.signal);
      }
    };
    turn()
      .catch(() => {})
      .finally(settled);
    return { abort: () => controller.abort(), first };
  }

  #takeGuards(run: LaneRun, guards: HostGuards): void {
    const beside = this.#lanes.filter(
      ({ queue, state }) => queue.kernel === run.queue.kernel && (state === 'running' || state === 'paused'),
    );
    const { id } = run.lane;
    const inFlight = this.#control.knows(id) ? this.#control.counts(id).inFlight : 0;
    run.headroom.see(guards, inFlight, this.#now(), 1 / Math.max(1, beside.length));
    for (const text of run.guards.see(guards, undefined, this.#now())) this.#say(`${run.lane.id}: ${text}`);
  }

  #noteOf(run: LaneRun): object {
    const status = this.#laneStatus(run);
    const { counts, state } = status;
    return {
      state,
      at: formatIso(this.#x.clock.now()),
      // Before it has parked anything, how much is held is not known; least of all that it is nothing.
      ...(this.#control.knows(run.lane.id) ? { counts } : {}),
      perSecond: status.perSecond,
      eta: status.eta,
    };
  }

  async #result(run: LaneRun): Promise<void> {
    const { lane } = run;
    run.resultAt = this.#now() * 1000;
    await this.#x.files
      .addResult({ kind: 'drain', lane: lane.id, counts: this.#control.counts(lane.id) })
      .catch(() => {});
  }

  async #tell(force: boolean): Promise<void> {
    const at = this.#now() * 1000;
    if (!force && at - this.#statusAt < STATUS_MS) return;
    this.#statusAt = at;
    const status = this.#status();
    this.#x.onStatus(status);
    await this.#x.notes.writeStatus(status);
  }

  #status(): DrainStatus {
    const { plan, facts, clock } = this.#x;
    return {
      run: plan.id,
      at: formatIso(clock.now()),
      startedAt: this.#startedAt,
      onDeath: facts.onDeath,
      deadAfterS: facts.deadAfterS,
      lanes: this.#lanes.map((run) => this.#laneStatus(run)),
      isPausedByHand: this.#wishes.isPaused,
      changes: [...this.#changes],
    };
  }

  #laneStatus(run: LaneRun): DrainLaneStatus {
    const { lane, queue, guards, doing } = run;
    const state = run.state === 'running' && this.#wishes.isPaused ? 'paused' : run.state;
    const now = this.#now();
    const isKnown = this.#control.knows(lane.id);
    const counts = isKnown ? this.#control.counts(lane.id) : (run.last ?? plannedCounts(lane));
    const perSecond = isKnown ? this.#control.perSecond(lane.id, now) : 0;
    const destinations = isKnown ? this.#control.destinations(lane.id, now) : [];
    return {
      run: this.#x.plan.id,
      queue: lane.id,
      host: queue.place.host,
      state,
      doing,
      counts,
      perSecond,
      speed: this.#control.speed,
      eta:
        state === 'done' || run.last !== undefined
          ? { least: 0, most: 0 }
          : etaOf(destinations, counts, now - run.startedAt),
      destinations: destinations.filter(({ left }) => left > 0).slice(0, 50),
      guards: guards.sights,
      room: run.isShort ? run.headroom.room : null,
      otherMail: { now: run.otherNow, before: guards.baseline },
      logMissing: run.logMissing,
    };
  }
}

/** By the slowest destination: at its rate of the last half minute, and at its mean. */
function etaOf(
  destinations: DrainLaneStatus['destinations'],
  counts: DrainLaneStatus['counts'],
  seconds: number,
): DrainLaneStatus['eta'] {
  const left = counts.held + counts.inFlight;
  if (left === 0) return { least: 0, most: 0 };
  let now = 0;
  for (const one of destinations) {
    if (one.left === 0) continue;
    if (one.perSecond <= 0) return null;
    now = Math.max(now, one.left / one.perSecond);
  }
  const mean = counts.delivered / Math.max(1, seconds);
  const byMean = mean > 0 ? left / mean : now;
  return { least: Math.min(now, byMean) * 0.95, most: Math.max(now, byMean) * 1.05 };
}

/** Did the turn of some of the order not come? */
function isHeldBack({ order }: PlacedOrder, { fates }: DrainLook): boolean {
  return order.lots.some(({ release }) => release.some(({ id }) => fates.get(id) === 'held'));
}

/** Of one that could not be parked: it waits for its server's own next try. */
const isLeft = (fate: DrainFate | undefined): boolean => fate === 'deferred' || fate === 'waiting';

const isFree = (fate: DrainFate | undefined): boolean =>
  fate === undefined || fate === 'deferred' || fate === 'waiting';

/** What the operator said himself of destinations, for whoever goes on elsewhere; the rest the configuration says. */
function toldLimits({ destinations, perSecond }: DrainFacts): ToldLimits {
  return {
    perSecond,
    destinations: destinations
      .filter(({ source, inFlight }) => source === 'flag' || inFlight !== null)
      .slice(0, MOST_TOLD)
      .map(({ name, connections, source, inFlight }) => [
        name,
        source === 'flag' ? connections : null,
        inFlight,
      ]),
  };
}

function stopNote(unsure: readonly string[]): string {
  return unsure.length === 0
    ? 'stopped by the operator; the rest stays held'
    : `stopped by the operator; the rest of ${unsure.join(', ')} was given back by its host, or may be`;
}

function notReleased(
  queue: string,
  run: string,
  { count, id, why }: { readonly count: number; readonly id: string; readonly why: string },
): MailctlError {
  const which = count === 1 ? '1 message' : `${count} messages`;
  return new MailctlError(`${queue}: its server does not let go ${which}; what is left stays held`, {
    code: 'drain.not-released',
    exitCode: EXIT.incomplete,
    detail: `${id}: ${why.slice(0, 500)}`,
    hint: `mailctl drain resume ${run}   tries again; or give it back: mailctl drain stop ${run} --release-rest`,
  });
}

/** May it be better in a moment? */
function isPassing(error: MailctlError): boolean {
  return error instanceof TransportError
    ? PASSING.has(error.kind)
    : error instanceof CommandError && error.status > 128;
}

function lostLease(queue: string): BusyError {
  return new BusyError(
    `${queue} is not this drain's any more: it was taken over, or its rest was given back`,
    {
      hint: 'mailctl drain status   says whose it is',
    },
  );
}

function didSteps({ records }: Pick<Journal, 'records'>, lane: string): ReadonlySet<string> {
  return new Set(
    records.flatMap((record) => (record.kind === 'did' && record.lane === lane ? [record.step] : [])),
  );
}

function isBegun({ records }: Pick<Journal, 'records'>, lane: string, step: string): boolean {
  return records.some((record) => record.kind === 'began' && record.lane === lane && record.step === step);
}

function closedState({ records }: Pick<Journal, 'records'>, lane: string): ClosedState | undefined {
  const last = records.findLast((record) => record.kind === 'lane-closed' && record.lane === lane);
  return last?.kind === 'lane-closed' ? last.state : undefined;
}

/** What the last execution had counted; undefined: it did not come so far. */
function lastCounts(results: readonly unknown[], lane: string): DrainLaneStatus['counts'] | undefined {
  const last = results.findLast((value) => {
    const one = value as { kind?: unknown; lane?: unknown; counts?: { total?: unknown } } | null;
    return one?.kind === 'drain' && one.lane === lane && typeof one.counts?.total === 'number';
  });
  return (last as { counts: DrainLaneStatus['counts'] } | undefined)?.counts;
}

/** The exit code of an end. */
export function exitOfDrain({ status, failures, isStopped }: DrainEnd, isInterrupted: boolean): number {
  if (isInterrupted) return EXIT.interrupted;
  if (status.lanes.every(({ state }) => state === 'done')) return EXIT.done;
  if (failures.length === status.lanes.length && failures.every(({ error }) => error instanceof BusyError))
    return EXIT.busy;
  if (failures.length === status.lanes.length && failures.every(({ isUntouched }) => isUntouched === true))
    return EXIT.failed;
  return isStopped || failures.length > 0 ? EXIT.incomplete : EXIT.failed;
}
