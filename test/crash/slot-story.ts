// One story of the real slot lanes: prepareFailover, planLane, the actions, the runner and its journal as they are,
// over a model world behind the StoreDriver and the directory. A first bastion runs a failover that breaks where the
// schedule says; then it resumes, or another bastion with a journal of its own goes on from what the hosts show.
// At the end every host is up again, and the world is judged by the promises of failover.md.
import { TransportError } from '../../src/errors.js';
import { Journal, type JournalStorage } from '../../src/journal/journal.js';
import { parseRecord } from '../../src/journal/parse-record.js';
import type { JournalRecord } from '../../src/journal/record.js';
import { formatIso } from '../../src/lib/clock.js';
import type { Json, Plan } from '../../src/plan/plan.js';
import { foldJournal, isCommitted } from '../../src/plan/progress.js';
import type { Refusal } from '../../src/plan/run-lane.js';
import type { RunResult } from '../../src/plan/runner.js';
import { type Decision, type FailoverWishes, mayGo, refusal } from '../../src/slot/decide.js';
import { executeSlots } from '../../src/slot/execute.js';
import { planAfter, planLane } from '../../src/slot/failover.js';
import { storeSamples } from '../../src/slot/list.js';
import { lookAtSlots, type Surroundings } from '../../src/slot/look-around.js';
import { type PreparedFailover, prepareFailover } from '../../src/slot/prepare-failover.js';
import type { Sample, SampleStore } from '../../src/slot/samples.js';
import { type HostSight, openLaneOf, owedOf } from '../../src/slot/sight.js';
import { type FakeClock, fakeClock } from '../support/fake-clock.js';
import {
  plainRoad,
  type Road,
  SlotWorld,
  worldDirectory,
  worldDriver,
  worldHosts,
  worldPing,
} from '../support/slot-world.js';
import { SlotBoundaries, type SlotCrossing, SlotProcess, type SlotSchedule } from './slot-faults.js';

export interface SlotStorySetup {
  readonly schedule?: SlotSchedule;
  readonly slots?: number;
  readonly third?: boolean;
  /** What happens to the world before the failover, and at each boundary. */
  readonly before?: (world: SlotWorld) => void;
  readonly onCross?: ((n: number, world: SlotWorld) => void) | undefined;
  /** Who goes on after the first execution. */
  readonly next: 'resume' | 'other-after-expiry' | 'other-takes-over';
  readonly wishes?: Partial<FailoverWishes>;
  readonly hooks?: boolean;
  /** Hosts that do not come back at the end. */
  readonly gone?: readonly string[];
}

export interface SlotStory {
  readonly crossed: readonly SlotCrossing[];
  readonly world: SlotWorld;
  /** What each execution came to, in short. */
  readonly told: readonly string[];
  readonly complaints: readonly string[];
}

const MAX_TURNS = 8;

/** Plays a story to its end. */
export async function playSlots(setup: SlotStorySetup): Promise<SlotStory> {
  const clock = fakeClock({ auto: true });
  const hosts = setup.third === true ? ['imap21', 'imap22', 'imap23'] : ['imap21', 'imap22'];
  // mx1 carries nothing: somebody else to ask whether it is us.
  const world = new SlotWorld(clock, [...hosts, 'mx1', 'mx2']);
  for (let n = 1; n <= (setup.slots ?? 2); n += 1) world.add(`store${n}`, hosts);
  for (let n = 0; n < 4; n += 1) world.tick();
  const boundaries = new SlotBoundaries(world, setup.schedule ?? new Map(), setup.onCross ?? (() => {}));
  const samples = memorySamples();
  const story: Playing = { world, clock, boundaries, samples, setup, told: [], count: { runs: 0 } };
  const looked = bastion(story, plainRoad);
  const all = await looked.directory.list();
  await storeSamples(samples, all, await lookAtSlots(all, looked.around), clock);
  await clock.sleep(10_000);
  setup.before?.(world);

  const first = new Disk();
  let runs: Disk[] = [first];
  await turn(story, 'first', first, []);
  // A slot that is readable already is made so again by every turn: there is no end to wait for.
  const turns = setup.wishes?.readOnly === undefined ? MAX_TURNS : 2;
  for (let n = 0; n < turns; n += 1) {
    if (setup.next === 'resume' && runs.at(-1)?.isOpen === true) {
      const disk = runs.at(-1) as Disk;
      if ((await resume(story, disk)) === 'stuck') break;
      continue;
    }
    const takeOver = setup.next === 'other-after-expiry' ? [] : runs.map((disk) => disk.run);
    if (setup.next === 'other-after-expiry') await clock.sleep(90_000);
    const disk = new Disk();
    const end = await turn(story, `other${n}`, disk, takeOver);
    if (disk.text !== '') runs = [...runs, disk];
    if (end === 'nothing') break;
  }
  boundaries.healed = true;
  for (const name of world.hosts.keys()) if (setup.gone?.includes(name) !== true) world.bringBack(name);
  await clock.sleep(120_000);
  // What was made readable on NEW is ended when it is named, without any word.
  const later = { ...story, setup: { ...setup, wishes: { ...setup.wishes, readOnly: new Set<string>() } } };
  for (let n = 0; n < 3 && setup.wishes?.readOnly !== undefined; n += 1) {
    const end = await turn(later, `reading ended${n}`, new Disk(), [], 'imap22');
    if (end === 'nothing') break;
    await clock.sleep(90_000);
  }
  for (let n = 0; n < 4; n += 1) {
    const end = await turn(later, `last${n}`, new Disk(), []);
    if (end === 'nothing') break;
    await clock.sleep(90_000);
  }
  // What a host owes is done when it is named.
  for (const host of ['imap21', 'imap22']) await turn(later, `debts of ${host}`, new Disk(), [], host);
  // A master that is gone for good is a failover of its own, whatever was lost with it.
  const slots = [...world.slots.keys()];
  const words = {
    acceptLoss: new Set(slots),
    overrides: new Set(slots.map((slot) => `directory-disagrees:${slot}`)),
  };
  for (const host of setup.gone ?? []) {
    await turn({ ...story, setup: { ...setup, wishes: words } }, `from ${host}`, new Disk(), [], host);
  }
  return { crossed: boundaries.crossed, world, told: story.told, complaints: judge(world) };
}

interface Playing {
  readonly world: SlotWorld;
  readonly clock: FakeClock;
  readonly boundaries: SlotBoundaries;
  readonly samples: SampleStore;
  readonly setup: SlotStorySetup;
  readonly told: string[];
  readonly count: { runs: number };
}

/** A journal's disk. */
class Disk {
  text = '';
  run = '';

  records(): JournalRecord[] {
    this.text = this.text.slice(0, this.text.lastIndexOf('\n') + 1);
    const lines = this.text.split('\n').slice(0, -1);
    return lines.map((line, index) => parseRecord(line, `disk:${index + 1}`, index + 1));
  }

  get isOpen(): boolean {
    const records = this.records();
    return records.length > 0 && foldJournal(records, 'disk').closed === undefined;
  }
}

function bastion({ world }: Pick<Playing, 'world'>, road: Road) {
  const around: Surroundings = {
    driver: worldDriver(world, road),
    hosts: worldHosts(world),
    ping: worldPing(world, road),
    concurrency: 16,
  };
  return { around, directory: worldDirectory(world, road) };
}

const noWishes = (takeOver: readonly string[], more: Partial<FailoverWishes> = {}): FailoverWishes => ({
  to: undefined,
  maxLagS: 300,
  acceptLoss: new Set(),
  fenced: undefined,
  overrides: new Set(),
  takeOver: new Set(takeOver),
  ...more,
});

/** One `mailctl failover imap21`. `nothing`: nothing was left to do, or everything left is refused. */
async function turn(
  story: Playing,
  name: string,
  disk: Disk,
  takeOver: readonly string[],
  target = 'imap21',
): Promise<'ran' | 'nothing'> {
  story.count.runs += 1;
  const process = new SlotProcess(story.boundaries);
  const { around, directory } = bastion(story, process);
  const wishes = noWishes(takeOver, story.setup.wishes);
  const work = async (): Promise<'ran' | 'nothing'> => {
    let prepared: PreparedFailover;
    try {
      prepared = await prepareFailover([target], wishes, {
        directory,
        samples: story.samples,
        around,
        clock: story.clock,
      });
    } catch (error) {
      story.told.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return 'ran';
    }
    await storeSamples(story.samples, prepared.slots, prepared.sight, story.clock);
    const going = prepared.decisions.filter(mayGo);
    story.told.push(`${name}: ${prepared.decisions.map(tellDecision).join(', ') || 'nothing to do'}`);
    if (going.length === 0) return 'nothing';
    disk.run = `r${story.count.runs}`;
    const hook = { host: null, run: ['hook', '{slot}'], timeoutMs: 1000 };
    const parts = {
      sight: prepared.sight,
      slotHooks: story.setup.hooks === true ? [hook] : [],
      hasTestAccount: false,
    };
    const plan: Plan = {
      version: 1,
      id: disk.run,
      kind: 'failover',
      target,
      operator: 'ann',
      bastion: name,
      createdAt: formatIso(story.clock.now()),
      facts: null,
      lanes: going.map((decision) => planLane(decision, parts)),
      after: story.setup.hooks === true ? planAfter([hook]) : [],
    };
    const journal = openDisk(disk, process, story.clock);
    const opened = {
      kind: 'opened',
      format: 1,
      mailctl: '0',
      operator: 'ann',
      host: name,
      bootId: 'b',
    } as const;
    try {
      await journal.append({ ...opened, plan: JSON.parse(JSON.stringify(plan)) as Json });
    } catch {
      return 'ran';
    }
    tellResult(
      story,
      name,
      await executeSlots(execution(story, process, plan, journal, prepared, name, takeOver), { how: 'run' }),
    );
    return 'ran';
  };
  const end = await Promise.race([work(), process.died]);
  if (end === 'died') story.told.push(`${name}: died`);
  return end === 'died' ? 'ran' : end;
}

/** `mailctl runs resume` on the bastion that has the journal. */
async function resume(story: Playing, disk: Disk): Promise<'ran' | 'stuck'> {
  story.count.runs += 1;
  const process = new SlotProcess(story.boundaries);
  const { around, directory } = bastion(story, process);
  const work = async (): Promise<'ran' | 'stuck'> => {
    const journal = openDisk(disk, process, story.clock);
    const before = foldJournal(journal.records, 'disk');
    const open = before.lanes.filter((lane) => lane.closed === undefined);
    const wishes = noWishes([disk.run], story.setup.wishes);
    let prepared: PreparedFailover;
    try {
      prepared = await prepareFailover(
        open.map((lane) => lane.lane),
        wishes,
        { directory, samples: story.samples, around, clock: story.clock },
      );
    } catch (error) {
      story.told.push(`resume: ${error instanceof Error ? error.message : String(error)}`);
      return 'ran';
    }
    await storeSamples(story.samples, prepared.slots, prepared.sight, story.clock);
    const refused = new Map<string, Refusal>();
    for (const lane of open) {
      const decision = prepared.decisions.find((one) => one.slot.slot === lane.lane);
      const gate = decision === undefined || isCommitted(lane) ? undefined : refusal(decision);
      if (gate !== undefined)
        refused.set(lane.lane, {
          way: gate.gate === 'busy' ? 'leave' : 'back',
          reason: gate.reason,
          code: `slot.${gate.gate}`,
        });
    }
    const result = await executeSlots(
      execution(story, process, before.plan, journal, prepared, 'first', [disk.run]),
      {
        how: 'resume',
        by: { operator: 'ann', host: 'first', bootId: 'b' },
        refused,
      },
    );
    tellResult(story, 'resume', result);
    return 'ran';
  };
  const end = await Promise.race([work(), process.died]);
  if (end === 'died') story.told.push('resume: died');
  return end === 'died' ? 'ran' : end;
}

function execution(
  story: Playing,
  process: SlotProcess,
  plan: Plan,
  journal: Journal,
  prepared: PreparedFailover,
  name: string,
  takeOver: readonly string[],
): Parameters<typeof executeSlots>[0] {
  const { around, directory } = bastion(story, process);
  return {
    plan,
    journal,
    around,
    directory,
    clock: story.clock,
    runHook: async () => {
      await process.command('hook', '', [() => {}]);
    },
    drainTimeoutMs: 5000,
    operator: 'ann',
    bastion: name,
    takeOver,
    slots: prepared.slots,
    sight: prepared.sight,
    signals: { finish: process.finish.signal, abort: process.abort.signal },
  };
}

function openDisk(disk: Disk, process: SlotProcess, clock: FakeClock): Journal {
  const storage: JournalStorage = {
    append: (text) =>
      process.append(text, (written) => {
        disk.text += written;
      }),
    async close() {},
  };
  return new Journal(`${disk.run}.ndjson`, storage, disk.records(), clock);
}

function memorySamples(): SampleStore {
  const last = new Map<string, Sample>();
  return {
    async store(samples) {
      for (const one of samples) last.set(`${one.slot} ${one.host} ${one.channel}`, one);
    },
    latest: async () => [...last.values()],
    lastEmpty: async () => [],
    history: async () => [],
  };
}

function tellDecision(decision: Decision): string {
  const gates = decision.gates.map((gate) => (gate.word === null ? gate.gate : `${gate.gate} passed`));
  return `${decision.slot.slot} ${decision.kind} ${decision.from}->${decision.to}${gates.length > 0 ? ` [${gates.join(' ')}]` : ''}`;
}

function tellResult(story: Playing, name: string, result: RunResult): void {
  const lanes = result.lanes.map(
    (lane) =>
      `${lane.lane} ${lane.state}${lane.failure === undefined ? '' : ` at ${lane.failure.step}: ${lane.failure.reason}`}`,
  );
  story.told.push(
    `${name}: ${lanes.join(', ')}${result.stopped === undefined ? '' : ` (${result.stopped.code})`}`,
  );
}

/** What the world holds against it; empty: all promises kept. */
function judge(world: SlotWorld): string[] {
  const complaints = [...new Set(world.violations)];
  const sight = new Map(
    [...world.hosts.keys()].map((name): [string, HostSight] => {
      const carried = [...world.slots.values()].filter((slot) => slot.instances.has(name));
      const states = new Map(carried.map((slot) => [slot.slot, world.stateOf(slot, name)]));
      const host = { name, transport: 'ssh', groups: [] } as const;
      if (world.isUp(name)) return [name, { host, ok: true, states }];
      return [name, { host, ok: false, error: new TransportError(name, 'unreachable', 'gone') }];
    }),
  );
  for (const slot of world.slots.values()) {
    const say = (what: string): number => complaints.push(`${slot.slot}: ${what}`);
    const { master } = slot.directory;
    // As every command sees it.
    const debts = owedOf(sight, world.directorySlot(slot));
    const open = openLaneOf(sight, world.directorySlot(slot));
    const owing = new Set(debts.filter((one) => one.steps.includes('rejoin')).map((one) => one.host));
    for (const one of debts.filter(({ host }) => world.isUp(host))) {
      if (one.steps.join() !== 'rejoin') say(`${one.host} owes ${one.steps.join(', ')}, although it is up`);
    }
    if (open !== null) say(`the lane of run ${open.run} is open`);
    for (const [host, instance] of slot.instances) {
      if (!world.isUp(host)) {
        if (host === master) say(`${host} is the master of the directory, and gone`);
        continue;
      }
      if (instance.lease?.run !== undefined && instance.lease.expires >= world.now) {
        say(`${host} is held by run ${instance.lease.run}`);
      }
      if (host === master) {
        if (!instance.running || instance.runsAs !== 'master') {
          say(`${host} is the master of the directory and does not run as one`);
        }
        if (instance.configured !== 'master') say(`${host} would not come up as the master`);
      } else {
        if (instance.running && instance.runsAs === 'master') {
          say(`${host} runs as a master, the directory names ${master}`);
        }
        if (instance.configured !== 'replica') say(`${host} would come up as a second master`);
        if (!instance.running && !owing.has(host)) say(`${host} is stopped, and owes nothing`);
      }
    }
    const missing = slot.acknowledged.filter((mail) => !world.at(slot.slot, master).mail.has(mail.id));
    const lost = missing.filter(
      (mail) => ![...owing].some((host) => world.at(slot.slot, host).mail.has(mail.id)),
    );
    if (lost.length > 0)
      say(
        `${lost.length} of ${slot.acknowledged.length} acknowledged messages are neither on ${master} nor owed`,
      );
  }
  return complaints;
}
