// One story: a world, a schedule of faults, a run and its resumes until it is closed, and the judgement by the
// promises of failover.md. On the real runner and the real journal; only the journal's disk is memory.
import { Journal, type JournalStorage } from '../../src/journal/journal.js';
import { parseRecord } from '../../src/journal/parse-record.js';
import type { JournalRecord } from '../../src/journal/record.js';
import { type RunResult, resumePlan, runPlan, undoRun } from '../../src/plan/runner.js';
import { type FakeClock, fakeClock } from '../support/fake-clock.js';
import { modelActions, modelPlan, TOOK_MAIL } from './actions.js';
import { Boundaries, type Crossing, Process, type Schedule } from './faults.js';
import { type SlotWorld, World } from './world.js';

export interface StorySetup {
  readonly schedule?: Schedule;
  readonly slots?: number;
  readonly third?: boolean;
  /** OLD is dead from the beginning. */
  readonly oldIsDead?: boolean;
  /** OLD's instance has crashed before the run begins; its host is up. */
  readonly oldHasCrashed?: boolean;
  /** What follows the first execution: an undo once, then resumes. */
  readonly follow?: 'resume' | 'undo';
  /** Called at each boundary. */
  readonly onCross?: (n: number, world: World) => void;
  /** After this many resumes every host is up and no fault happens any more. */
  readonly healAfter?: number;
}

export interface Story {
  readonly crossed: readonly Crossing[];
  readonly result: RunResult;
  readonly resumes: number;
  readonly records: readonly JournalRecord[];
  readonly world: World;
  /** What the world holds against it; empty: all promises kept. */
  readonly complaints: readonly string[];
}

const MAX_RESUMES = 12;
const by = { operator: 'ann', host: 'bastion1', bootId: 'b' };

/** Plays a story to its end. */
export async function play(setup: StorySetup): Promise<Story> {
  const clock = fakeClock({ auto: true });
  const world = new World(clock, ['old', 'new', 'third']);
  for (let n = 1; n <= (setup.slots ?? 1); n += 1) {
    world.addSlot(`store${n}`, 'old', 'new', setup.third === true ? 'third' : undefined);
  }
  for (let n = 0; n < 4; n += 1) world.tick();
  if (setup.oldIsDead === true) world.fail('old');
  if (setup.oldHasCrashed === true) for (const slot of world.slots.values()) world.stop(slot, 'old');
  const before = snapshot(world);
  const plan = modelPlan(world);
  const disk = { text: '' };
  let healed = false;
  const boundaries = new Boundaries(
    world,
    { get: (n: number) => (healed ? undefined : setup.schedule?.get(n)) } as Schedule,
    (n) => {
      if (!healed) setup.onCross?.(n, world);
    },
  );

  let result: RunResult | undefined;
  let started = false;
  let resumes = -1;
  for (; result?.closed === undefined && resumes < MAX_RESUMES; resumes += 1) {
    if (resumes + 1 >= (setup.healAfter ?? Number.POSITIVE_INFINITY)) {
      healed = true;
      for (const host of ['old', 'new', 'third']) world.boot(host);
    }
    const process = new Process(`p${resumes + 1}`, boundaries);
    const journal = openModelJournal(disk, process, clock);
    const options = {
      journal,
      actions: modelActions(world, process, plan.id),
      clock,
      signals: { finish: process.finish.signal, abort: process.abort.signal },
    };
    const execution = async (): Promise<RunResult | 'died'> => {
      if (journal.records.length === 0) {
        const opened = {
          kind: 'opened',
          format: 1,
          mailctl: '0',
          ...by,
          plan: JSON.parse(JSON.stringify(plan)),
        } as const;
        try {
          await journal.append(opened);
        } catch {
          return 'died';
        }
      }
      if (!started || journal.records.length === 1) {
        started = true;
        return runPlan(options);
      }
      if (setup.follow === 'undo' && !journal.records.some(({ kind }) => kind === 'resumed')) {
        return undoRun({ ...options, by });
      }
      return resumePlan({ ...options, by });
    };
    const ended = await Promise.race([execution(), process.died]);
    if (ended !== 'died') {
      result = ended;
      // A dead process is replaced at once; what came to an end is taken up again a little later.
      await clock.sleep(6000);
    }
  }
  // Whatever is still on its way has landed by then.
  await clock.sleep(60_000);
  for (let n = 0; n < 3; n += 1) world.tick();
  if (result === undefined) throw new Error('no execution came to an end');
  const records = parseDisk(disk.text).records;
  return {
    crossed: boundaries.crossed,
    result,
    resumes,
    records,
    world,
    complaints: judge(world, result, before, resumes),
  };
}

function parseDisk(text: string): { records: JournalRecord[]; whole: string } {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  return { records: lines.map((line, index) => parseRecord(line, `disk:${index + 1}`, index + 1)), whole };
}

function openModelJournal(disk: { text: string }, process: Process, clock: FakeClock): Journal {
  const { records, whole } = parseDisk(disk.text);
  disk.text = whole;
  const storage: JournalStorage = {
    async append(text) {
      await process.alive();
      const mode = process.boundaries.cross(
        'append',
        `append ${text.trimEnd().replace(/^.*?"kind":/, '')}`.slice(0, 90),
      );
      switch (mode) {
        case 'crash-before':
          return process.crash();
        case 'crash-torn':
          disk.text += text.slice(0, Math.floor(text.length / 2));
          return process.crash();
        case 'crash-after':
          disk.text += text;
          return process.crash();
        case 'refuse':
          disk.text += text.slice(0, 10);
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        default:
          if (mode === 'finish') process.finish.abort();
          if (mode === 'abort') process.abort.abort();
          disk.text += text;
      }
    },
    async close() {},
  };
  return new Journal('c0de.ndjson', storage, records, clock);
}

/** What a reverted lane must leave as it was: per host, and what the directory says. */
type SlotState = ReadonlyMap<string, string>;

function slotState(slot: SlotWorld): SlotState {
  const instances = [...slot.instances].map(
    ([host, { running, role, runsAs, replication }]): [string, string] => [
      host,
      `${role}, ${running ? `runs as ${runsAs}` : 'stopped'}, replication ${replication ? 'on' : 'off'}`,
    ],
  );
  return new Map([...instances, ['directory', slot.directory.master]]);
}

const snapshot = (world: World): ReadonlyMap<string, SlotState> =>
  new Map([...world.slots.values()].map((slot) => [slot.slot, slotState(slot)]));

function judge(
  world: World,
  result: RunResult,
  before: ReadonlyMap<string, SlotState>,
  resumes: number,
): string[] {
  const complaints = [...new Set(world.violations)];
  const isForHumans = result.lanes.some(({ failure }) => failure?.reason.includes(TOOK_MAIL) === true);
  if (result.closed === undefined && !isForHumans) {
    complaints.push(
      `not closed: ${JSON.stringify(result.lanes.map(({ lane, state, failure }) => ({ lane, state, failure })))}`,
    );
  }
  for (const lane of result.lanes) {
    const slot = world.slots.get(lane.lane);
    if (slot === undefined) continue;
    const say = (what: string): number => complaints.push(`${lane.lane} ${lane.state}: ${what}`);
    const from = world.instance(slot, slot.old);
    const strays = world.masters(slot).filter((host) => host !== slot.directory.master);
    for (const stray of strays) {
      if (world.instance(slot, stray).bootedAt < 0)
        say(`${stray} is a master that the directory does not name`);
    }
    if (result.closed !== undefined) {
      for (const [host, { lease }] of slot.instances) {
        // One that a dead process had on its way is no lane's any more, and expires.
        const isOurs = lease?.owner === `p${resumes}`;
        if (world.isUp(host) && isOurs) say(`${host} still has a lease`);
      }
    }
    if (lane.state === 'done') {
      const to = world.instance(slot, slot.new);
      if (slot.directory.master !== slot.new) say(`the directory names ${slot.directory.master}`);
      if (world.isUp(slot.new) && !(to.running && to.runsAs === 'master')) say('NEW is no running master');
      if (!slot.loginTried || slot.hooks === 0) say('a settle step was left out');
      if (world.runHooks === 0) say('the hook of the run was left out');
      const missing = [...slot.acknowledged].filter((message) => !to.mail.has(message));
      // On OLD's disk, which is listed as owed: rejoin brings it over.
      const isOldOwed = lane.owed.some((id) => ['stop-old', 'drain', 'role-old', 'attach-old'].includes(id));
      const onOwed = isOldOwed && missing.every((message) => from.mail.has(message));
      if (missing.length > 0 && !onOwed) say(`${missing.length} acknowledged messages are not on the master`);
      if (world.isUp(slot.old) && from.role === 'master' && !lane.owed.includes('role-old'))
        say('OLD is still a master');
    } else if (lane.state === 'reverted' || lane.state === 'failed') {
      for (const [what, now] of slotState(slot)) {
        const then = before.get(lane.lane)?.get(what);
        // A host that is down runs nothing, and one that has booted since then has started what it has.
        const isItsOwn = what !== 'directory' && (!world.isUp(what) || world.hasBooted(what));
        if (now !== then && !isItsOwn) say(`${what} is ${now}, was ${then}`);
      }
      const missing = [...slot.acknowledged].filter((message) => !from.mail.has(message));
      if (missing.length > 0) say(`${missing.length} acknowledged messages are not on the old master`);
    }
  }
  return complaints;
}
