// One story of the real slot lanes: prepareFailover, planLane, the actions, the runner and its journal as they are,
// over a model world behind the StoreDriver and the directory. A first bastion runs a failover that breaks where the
// schedule says; then it resumes, or another bastion with a journal of its own goes on from what the hosts show.
// At the end every host is up again, and the world is judged by the promises of failover.md.
import { CommandError } from '../../src/errors.js';
import { Journal, type JournalStorage } from '../../src/journal/journal.js';
import { parseRecord } from '../../src/journal/parse-record.js';
import type { JournalRecord } from '../../src/journal/record.js';
import { formatIso } from '../../src/lib/clock.js';
import type { Json, Lane, Plan } from '../../src/plan/plan.js';
import { foldJournal } from '../../src/plan/progress.js';
import type { RunResult } from '../../src/plan/runner.js';
import { type Decision, type FailoverWishes, mayGo } from '../../src/slot/decide.js';
import type { DirectoryCopy } from '../../src/slot/directory-copy.js';
import { executeSlots } from '../../src/slot/execute.js';
import { planAfter, planLane } from '../../src/slot/failover.js';
import { storeSamples } from '../../src/slot/list.js';
import { lookAtSlots, type Surroundings } from '../../src/slot/look-around.js';
import { type DueWork, dueWork, isDue, targetsOf } from '../../src/slot/owed-work.js';
import {
  type FailoverSources,
  type PreparedFailover,
  prepareFailover,
} from '../../src/slot/prepare-failover.js';
import type { Sample, SampleStore } from '../../src/slot/samples.js';
import { isMaster, openLaneOf, owedOf, stateOf } from '../../src/slot/sight.js';
import { refusalsOf } from '../../src/slot/take-up.js';
import type { FakeClock } from '../support/fake-clock.js';
import {
  plainRoad,
  type Road,
  SlotWorld,
  worldDirectory,
  worldDriver,
  worldHosts,
  worldPing,
} from '../support/slot-world.js';
import { type Beginning, type Begun, beginFrom } from './beginning.js';
import { Boundaries, type Crossing, Process, type Schedule } from './boundaries.js';
import { judgeClosing, judgeEnd, judgeMail, judgeReverting } from './promises.js';

export interface StorySetup {
  readonly schedule?: Schedule;
  readonly slots?: number;
  readonly third?: boolean;
  /** What happens to the world before the failover, and at each boundary. */
  readonly before?: ((world: SlotWorld) => void) | undefined;
  readonly onCross?: ((n: number, world: SlotWorld, label: string) => void) | undefined;
  /** Who goes on after the first execution; `undo`: the same bastion, back. */
  readonly next: 'resume' | 'undo' | 'other-after-expiry' | 'other-takes-over';
  /** Another operator on another bastion begins the same when this boundary is reached. */
  readonly second?: { readonly at: number; readonly takesOver: boolean } | undefined;
  readonly wishes?: Partial<FailoverWishes> | undefined;
  /** What is named; imap21 without it. */
  readonly target?: string | undefined;
  /** Whoever goes on first wants to be rid of NEW: `--to` this host, slot by slot. */
  readonly leaves?: string | undefined;
  /** Old runs are taken up before anybody else makes whole what is left; without it after that. */
  readonly old?: 'first' | undefined;
  /** It is the timer that comes by, for what is owed: nobody names anything. */
  readonly owed?: boolean | undefined;
  /** What is done before, without a fault. */
  readonly prelude?: ((calm: Playing) => Promise<void>) | undefined;
  readonly hooks?: boolean | undefined;
  /** Hosts that do not come back at the end. */
  readonly gone?: readonly string[] | undefined;
  /** Changes each lane before it is written: an order that failover.md forbids. */
  readonly alter?: ((lane: Lane) => Lane) | undefined;
}

export interface Story {
  readonly crossed: readonly Crossing[];
  /** Boundaries that were crossed before everything was whole again. */
  readonly steps: number;
  readonly world: SlotWorld;
  /** What each execution came to, in short. */
  readonly told: readonly string[];
  readonly complaints: readonly string[];
  /** The journals. */
  readonly disks: readonly Disk[];
}

const MAX_TURNS = 8;

/** Plays a story to its end. */
export async function playSlots(setup: StorySetup): Promise<Story> {
  const { third = false, slots = 2, prelude } = setup;
  const before = prelude === undefined ? 'no prelude' : preludeName(prelude);
  const name = `${slots} slots, ${third ? 'two replicas' : 'one replica'}, ${before}, ${tellWishes(setup)}`;
  const begun = await beginFrom(name, (clock) => begin(setup, clock));
  try {
    return await play(setup, begun);
  } finally {
    // A process that has died goes on renewing nothing, for ever.
    begun.clock.stop();
  }
}

/** What is wished that the world knows of from the beginning. */
const tellWishes = ({ wishes }: StorySetup): string =>
  JSON.stringify([[...(wishes?.acceptLoss ?? [])], wishes?.fenced !== undefined]);

const preludes: unknown[] = [];

/** Functions have no names of their own. */
function preludeName(prelude: unknown): string {
  if (!preludes.includes(prelude)) preludes.push(prelude);
  return `prelude ${preludes.indexOf(prelude)}`;
}

const hostsOf = ({ third }: StorySetup): readonly string[] =>
  third === true ? ['imap21', 'imap22', 'imap23'] : ['imap21', 'imap22'];

/** Until the first thing can break. */
async function begin(setup: StorySetup, clock: FakeClock): Promise<Beginning> {
  const hosts = hostsOf(setup);
  // mx1 and mx2 carry nothing: somebody else to ask whether it is us.
  const world = new SlotWorld(clock, [...hosts, 'mx1', 'mx2']);
  for (let n = 1; n <= (setup.slots ?? 2); n += 1) world.add(`store${n}`, hosts);
  for (let n = 0; n < 4; n += 1) world.tick();
  world.onChange = judgeMail;
  for (const slot of setup.wishes?.acceptLoss ?? []) world.accepted.add(slot);
  world.fenced = setup.wishes?.fenced !== undefined;
  const samples = memorySamples();
  const looked = bastion({ world }, plainRoad);
  const all = await looked.directory.list();
  const copy = { at: clock.now(), slots: all };
  const told: string[] = [];
  await storeSamples(samples, all, await lookAtSlots(all, looked.around), clock);
  await clock.sleep(10_000);
  if (setup.prelude !== undefined) {
    const calm = new Boundaries(world, new Map(), () => {});
    calm.healed = true;
    const parts = { world, clock, samples, copy, told, boundaries: calm, runs: 'p', disks: [] };
    await setup.prelude({ ...parts, setup: { next: 'resume' } });
  }
  return { world, samples, copy, told };
}

async function play(setup: StorySetup, begun: Begun): Promise<Story> {
  const { world, clock } = begun;
  const hosts = hostsOf(setup);
  let second: Promise<void> | undefined;
  const boundaries = new Boundaries(world, setup.schedule ?? new Map(), (n, _world, label) => {
    setup.onCross?.(n, world, label);
    if (n === setup.second?.at) second = secondOperator(story, setup.second.takesOver);
  });
  const story: Playing = { ...begun, boundaries, setup, disks: [] };
  setup.before?.(world);

  const first = new Disk('first');
  await turn(story, first, []);
  let mayUndo = setup.next === 'undo';
  // A slot that is readable already is made so again by every turn: there is no end to wait for.
  const turns = setup.wishes?.readOnly === undefined ? MAX_TURNS : 2;
  for (let n = 0; n < turns; n += 1) {
    const disk = story.disks.findLast((one) => one.bastion === 'first');
    if ((setup.next === 'resume' || setup.next === 'undo') && disk?.isOpen === true) {
      await resume(story, disk, mayUndo ? 'undo' : 'resume');
      mayUndo = false;
      continue;
    }
    if (setup.next === 'undo' && n > 0) break;
    const takeOver = setup.next === 'other-after-expiry' ? [] : story.disks.map(({ run }) => run);
    if (setup.next === 'other-after-expiry') await clock.sleep(90_000);
    if (n === 0 && setup.leaves !== undefined) {
      const wishes = { ...setup.wishes, to: setup.leaves };
      for (const slot of world.slots.keys())
        await turn(
          { ...story, setup: { ...setup, wishes } },
          new Disk(`rid of NEW: ${slot}`),
          takeOver,
          slot,
        );
      continue;
    }
    if ((await turn(story, new Disk(`other${n}`), takeOver)) === 'nothing') break;
  }
  await second;
  boundaries.healed = true;
  const steps = boundaries.crossed.length;
  world.directoryAway = false;
  for (const host of world.hosts.values()) {
    host.full = false;
    if (setup.gone?.includes(host.name) !== true) world.bringBack(host.name);
  }
  world.restartCrashed();
  await clock.sleep(120_000);
  // What was made readable on NEW is ended when it is named, without any word.
  const later = { ...story, setup: { ...setup, wishes: { ...setup.wishes, readOnly: new Set<string>() } } };
  if (setup.wishes?.readOnly !== undefined) await finish(later, 'reading ended', 'imap22');
  // Where a lane has gone on from NEW, the host that it began with names it no more.
  const named = setup.leaves === undefined ? [undefined] : [...world.slots.keys()];
  const takeUp = async () => {
    for (const disk of story.disks.filter(({ isOpen }) => isOpen)) await resume(later, disk, 'resume');
  };
  if (setup.old === 'first') {
    await takeUp();
    // What it could not end it holds until its lease runs out.
    await clock.sleep(90_000);
  }
  for (const slot of named) await finish(later, 'last', slot);
  // A bastion that was thought to be dead takes its old run up again: it may not break what others have made whole.
  await takeUp();
  // What it could not end either, it holds until its lease runs out.
  if (story.disks.some(({ isOpen }) => isOpen)) await clock.sleep(90_000);
  for (const slot of named) await finish(later, 'after that', slot);
  // What a host owes is done when it is named.
  for (const host of hosts)
    if (owesSomething(world, host)) await turn(later, new Disk(`debts of ${host}`), [], host);
  // A master that is gone for good is a failover of its own, whatever was lost with it.
  const slots = [...world.slots.keys()];
  const words = {
    acceptLoss: new Set(slots),
    overrides: new Set(slots.map((slot) => `directory-disagrees:${slot}`)),
  };
  for (const host of setup.gone ?? []) {
    await turn({ ...story, setup: { ...setup, wishes: words } }, new Disk(`from ${host}`), [], host);
  }
  return {
    crossed: boundaries.crossed,
    steps,
    world,
    told: story.told,
    complaints: judgeEnd(world),
    disks: story.disks,
  };
}

async function finish(story: Playing, name: string, target?: string): Promise<void> {
  for (let n = 0; n < 4; n += 1) {
    // To name a slot that is whole would move it.
    if (target !== undefined && isWhole(story.world, target)) return;
    if ((await turn(story, new Disk(`${name}${n}`), [], target)) === 'nothing') return;
    await story.clock.sleep(90_000);
  }
}

function isWhole(world: SlotWorld, name: string): boolean {
  const slot = world.slots.get(name);
  if (slot === undefined) return false;
  const states = new Map([...world.hosts.keys()].flatMap((host) => sightOf(world, name, host)));
  const of = world.directorySlot(slot);
  return openLaneOf(states, of) === null && isMaster(stateOf(states, name, of.master));
}

async function secondOperator(story: Playing, takesOver: boolean): Promise<void> {
  for (let n = 0; n < 4; n += 1) {
    const takeOver = takesOver ? story.disks.map(({ run }) => run) : [];
    if ((await turn(story, new Disk(`second${n}`), takeOver)) === 'nothing' && n > 0) return;
    await story.clock.sleep(takesOver ? 5000 : 45_000);
  }
}

function owesSomething(world: SlotWorld, host: string): boolean {
  return [...world.slots.values()].some((slot) => {
    const instance = slot.instances.get(host);
    if (instance === undefined || slot.directory.master === host) return false;
    if (instance.running && instance.runsAs === 'master') return true;
    const states = new Map([...world.hosts.keys()].flatMap((name) => sightOf(world, slot.slot, name)));
    const debts = owedOf(states, world.directorySlot(slot));
    return debts.some((one) => one.host === host && one.steps.some((step) => step !== 'rejoin'));
  });
}

function sightOf(world: SlotWorld, slot: string, name: string) {
  const model = world.slot(slot);
  if (!world.isUp(name) || !model.instances.has(name)) return [];
  const host = { name, transport: 'ssh', groups: [] } as const;
  const states = new Map([[slot, world.stateOf(model, name)]]);
  return [[name, { host, ok: true as const, states }] as const];
}

/** A story while it is played. */
export interface Playing {
  readonly world: SlotWorld;
  readonly clock: FakeClock;
  readonly boundaries: Boundaries;
  readonly samples: SampleStore;
  /** The directory as it was when the story began; absent: nobody kept it. */
  readonly copy?: DirectoryCopy | undefined;
  readonly setup: StorySetup;
  /** How its runs are called, before their number; `r` without it. */
  readonly runs?: string;
  readonly told: string[];
  /** Journals of all bastions, those without a run not. */
  readonly disks: Disk[];
}

/** A journal's disk. */
export class Disk {
  text = '';
  run = '';
  /** When its run began, in ms of the clock. */
  begunAt = 0;

  constructor(readonly bastion: string) {}

  records(): JournalRecord[] {
    this.text = this.text.slice(0, this.text.lastIndexOf('\n') + 1);
    const lines = this.text.split('\n').slice(0, -1);
    return lines.map((line, index) => parseRecord(line, `disk:${index + 1}`, index + 1));
  }

  /** Its last whole record says whether it is closed: a run that is taken up again writes `resumed` first. */
  get isOpen(): boolean {
    const end = this.text.lastIndexOf('\n');
    if (end === -1) return false;
    const last = this.text.slice(this.text.lastIndexOf('\n', end - 1) + 1, end);
    return (JSON.parse(last) as JournalRecord).kind !== 'closed';
  }
}

/** What one process of a bastion works with. */
export function bastion({ world }: Pick<Playing, 'world'>, road: Road) {
  const around: Surroundings = {
    driver: worldDriver(world, road),
    hosts: worldHosts(world),
    ping: worldPing(world, road),
    concurrency: 16,
    clock: world.clock,
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
export async function turn(
  story: Playing,
  disk: Disk,
  takeOver: readonly string[],
  target = story.setup.target ?? 'imap21',
): Promise<'ran' | 'nothing'> {
  const name = disk.bastion;
  const process = new Process(story.boundaries);
  const work = async (): Promise<'ran' | 'nothing'> => {
    let prepared: PreparedFailover;
    try {
      const due = story.setup.owed === true ? await lookForWork(story, process) : undefined;
      const targets = due === undefined ? [target] : targetsOf(due);
      if (targets.length === 0) {
        story.told.push(`${name}: nothing is due`);
        return 'nothing';
      }
      const wishes = noWishes(takeOver, {
        ...story.setup.wishes,
        ...(due === undefined ? {} : { endReading: due.endReading }),
      });
      prepared = await prepareFailover(targets, wishes, sourcesOf(story, process));
      if (due !== undefined) {
        const decisions = prepared.decisions.filter((decision) => isDue(decision, due));
        prepared = { ...prepared, decisions };
      }
    } catch (error) {
      story.told.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return 'ran';
    }
    await storeSamples(story.samples, prepared.slots, prepared.sight, story.clock);
    const going = prepared.decisions.filter(mayGo);
    story.told.push(`${name}: ${prepared.decisions.map(tellDecision).join(', ') || 'nothing to do'}`);
    if (going.length === 0) return 'nothing';
    for (const { slot, gates } of going)
      for (const gate of gates)
        if (gate.host !== undefined) story.world.passed.add(`${slot.slot} ${gate.host}`);
    story.disks.push(disk);
    disk.run = `${story.runs ?? 'r'}${story.disks.length}`;
    disk.begunAt = story.clock.monotonic();
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
      lanes: going
        .map((decision) => planLane(decision, parts))
        .map((lane) => (story.boundaries.healed ? lane : (story.setup.alter?.(lane) ?? lane))),
      after: story.setup.hooks === true ? planAfter([hook]) : [],
    };
    const journal = openDisk(disk, process, story, plan);
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
  const end = await process.live(work);
  if (end === 'died') story.told.push(`${name}: died`);
  return end === 'died' ? 'ran' : end;
}

/** What `mailctl slots sample --do-owed` finds to be done. */
async function lookForWork(story: Playing, process: Process): Promise<DueWork> {
  const { around, directory } = bastion(story, process);
  const slots = await directory.list();
  return dueWork(slots, await lookAtSlots(slots, around));
}

function sourcesOf(story: Playing, process: Process): FailoverSources {
  const { around, directory } = bastion(story, process);
  const { samples, clock, copy } = story;
  return { directory, samples, around, clock, copy: async () => copy };
}

/** `mailctl runs resume` on the bastion that has the journal. */
async function resume(story: Playing, disk: Disk, how: 'resume' | 'undo'): Promise<void> {
  const process = new Process(story.boundaries);
  const work = async (): Promise<void> => {
    const before = foldJournal(disk.records(), 'disk');
    const journal = openDisk(disk, process, story, before.plan);
    const open = before.lanes.filter((lane) => lane.closed === undefined);
    const wishes = noWishes([disk.run], story.setup.wishes);
    let prepared: PreparedFailover;
    try {
      prepared = await prepareFailover(
        open.map((lane) => lane.lane),
        wishes,
        sourcesOf(story, process),
      );
    } catch (error) {
      story.told.push(`${how}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    await storeSamples(story.samples, prepared.slots, prepared.sight, story.clock);
    const refused = refusalsOf(before, prepared, how);
    const result = await executeSlots(
      execution(story, process, before.plan, journal, prepared, disk.bastion, [disk.run]),
      { how, by, refused },
    );
    tellResult(story, `${how} of ${disk.run}`, result);
  };
  const by = { operator: 'ann', host: disk.bastion, bootId: 'b' };
  const end = await process.live(work);
  if (end === 'died') story.told.push(`${how} of ${disk.run}: died`);
}

function execution(
  story: Playing,
  process: Process,
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
    runHook: (_on, words) => runWords(story, process, words),
    drainTimeoutMs: 5000,
    operator: 'ann',
    bastion: name,
    takeOver,
    slots: prepared.slots,
    sight: prepared.sight,
    signals: { finish: process.finish.signal, abort: process.abort.signal },
  };
}

/** ms that the words of the site take. */
const WORDS_MS = 300;

/** The site's words: a hook, or what cuts a host off and tells whether it is. */
async function runWords(
  { world, clock }: Playing,
  process: Process,
  words: readonly string[],
): Promise<void> {
  const [word, host = ''] = words;
  await clock.sleep(WORDS_MS);
  if (word === 'is-off') {
    const isOn = await process.look('is-off', '', () => world.host(host).on);
    if (isOn) throw new CommandError('mx1', 'is-off', 1, 'power is on');
    return;
  }
  await process.command(words.join(' '), '', [() => word === 'power-off' && world.fence(host)]);
}

/** A journal on a disk, as one process writes it. */
export function openDisk(disk: Disk, process: Process, { world, clock }: Playing, plan: Plan): Journal {
  const storage: JournalStorage = {
    append: (text) =>
      process.append(text, (written) => {
        disk.text += written;
        if (!/"kind":"(lane-closed|reverting)"/.test(text)) return;
        for (const line of text.split('\n').filter((one) => one !== '')) {
          const record = JSON.parse(line) as JournalRecord;
          if (record.kind === 'reverting') judgeReverting(world, plan, record.lane);
          if (record.kind === 'lane-closed') judgeClosing(world, plan, record, disk.begunAt);
        }
      }),
    async close() {},
  };
  return new Journal(`${disk.run}.ndjson`, storage, disk.records(), clock);
}

/** Samples that are kept in memory, and told all at once. */
export interface MemorySamples extends SampleStore {
  all(): readonly Sample[];
}

/** Samples that are kept in memory, beginning with these. */
export function memorySamples(first: readonly Sample[] = []): MemorySamples {
  const last = new Map<string, Sample>();
  const keep = (samples: readonly Sample[]): void => {
    for (const one of samples) last.set(`${one.slot} ${one.host} ${one.channel}`, one);
  };
  keep(first);
  return {
    all: () => [...last.values()],
    async store(samples) {
      keep(samples);
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

/** Notes what an execution came to. */
export function tellResult(story: Playing, name: string, result: RunResult): void {
  const lanes = result.lanes.map(
    (lane) =>
      `${lane.lane} ${lane.state}${lane.failure === undefined ? '' : ` at ${lane.failure.step}: ${lane.failure.reason}`}`,
  );
  story.told.push(
    `${name}: ${lanes.join(', ')}${result.stopped === undefined ? '' : ` (${result.stopped.code})`}`,
  );
}
