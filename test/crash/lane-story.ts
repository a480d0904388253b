// Stories of lanes that move nobody: a new replica is filled, what blocks a replication log is set aside and sent again.
// The real judging, planning, actions, runner and journal over the model world; broken where a schedule says, and gone on
// with by the same bastion or by another one that begins anew.
import { formatIso } from '../../src/lib/clock.js';
import type { Lane, Plan } from '../../src/plan/plan.js';
import { foldJournal } from '../../src/plan/progress.js';
import type { TakeUp } from '../../src/slot/execute.js';
import { lookAtSlots } from '../../src/slot/look-around.js';
import type { FleetSight } from '../../src/slot/sight.js';
import type { Slot } from '../../src/slot/slot.js';
import { type FakeClock, fakeClock } from '../support/fake-clock.js';
import { SlotWorld, worldSlotMap } from '../support/slot-world.js';
import { Boundaries, Process, type Schedule } from './boundaries.js';
import { type Execution, executeStory, openPlan } from './execution.js';
import { judgeEnd } from './promises.js';
import { bastion, Disk, memorySamples, openDisk, type Playing, type Story } from './story.js';

export type LaneNext = 'resume' | 'other-after-expiry' | 'other-takes-over';

/** What was planned by one command; `nothing`: there is nothing to do, or it is refused. */
export type Planned =
  | { readonly lanes: readonly Lane[]; readonly slots: readonly Slot[]; readonly sight: FleetSight }
  | 'nothing';

/** What one command is given. */
export interface Command extends ReturnType<typeof bastion> {
  /** The id that its run will have. */
  readonly run: string;
  readonly takeOver: readonly string[];
  /** All hosts are back, and what else was wrong is mended. */
  readonly isMended: boolean;
  tell(text: string): void;
}

/** A story of such lanes. */
export interface LaneStory {
  readonly kind: string;
  readonly hosts: readonly string[];
  /** A host that never comes back. */
  readonly gone?: string | undefined;
  /** What the world is like when the first command is given. */
  before(world: SlotWorld): void;
  plan(command: Command): Promise<Planned>;
  /** What becomes possible later, when all hosts are back. */
  mend?(world: SlotWorld): void;
  /** What must be so at the end. */
  judge(world: SlotWorld): readonly string[];
}

export const SLOT = 'store1';
/** Executions until all is whole again. */
const MAX_TURNS = 8;

/** Plays it to its end. */
export async function playLanes(
  of: LaneStory,
  faults: {
    readonly schedule: Schedule;
    readonly next: LaneNext;
    readonly events?: ((n: number, world: SlotWorld) => void) | undefined;
  },
): Promise<Story> {
  const clock = fakeClock({ auto: true });
  try {
    return await play(of, faults, clock);
  } finally {
    clock.stop();
  }
}

async function play(
  of: LaneStory,
  { schedule, next, events }: Parameters<typeof playLanes>[1],
  clock: FakeClock,
): Promise<Story> {
  const world = new SlotWorld(clock, [...of.hosts, 'mx1', 'mx2']);
  world.add(SLOT, of.hosts);
  of.before(world);
  await clock.sleep(10_000);
  const boundaries = new Boundaries(world, schedule, (n) => events?.(n, world));
  const setup = { next: 'resume' } as const;
  const story: Playing = { world, clock, boundaries, samples: memorySamples(), setup, told: [], disks: [] };
  await command(of, story, new Disk('first'), []);
  for (let n = 0; n < MAX_TURNS; n += 1) {
    const disk = story.disks.findLast((one) => one.bastion === 'first');
    if (next === 'resume' && disk?.isOpen === true) {
      await resume(story, disk);
      continue;
    }
    const takeOver = next === 'other-after-expiry' ? [] : story.disks.map(({ run }) => run);
    if (next === 'other-after-expiry') await clock.sleep(90_000);
    if ((await command(of, story, new Disk(`other${n}`), takeOver)) === 'nothing') break;
  }
  boundaries.healed = true;
  const steps = boundaries.crossed.length;
  world.directoryAway = false;
  for (const host of world.hosts.values()) {
    host.full = false;
    if (of.gone !== host.name) world.bringBack(host.name);
  }
  world.restartCrashed();
  await clock.sleep(120_000);
  of.mend?.(world);
  const isMended = true;
  const finish = async (name: string): Promise<void> => {
    for (let n = 0; n < 4; n += 1) {
      if ((await command(of, story, new Disk(`${name}${n}`), [], isMended)) === 'nothing') return;
      await clock.sleep(90_000);
    }
  };
  await finish('last');
  // A bastion that was thought to be dead takes its old run up again.
  for (const disk of story.disks.filter(({ isOpen }) => isOpen)) await resume(story, disk);
  await finish('after that');
  const complaints = [...judgeEnd(world), ...of.judge(world)];
  return { crossed: boundaries.crossed, steps, world, told: story.told, complaints, disks: story.disks };
}

async function command(
  of: LaneStory,
  story: Playing,
  disk: Disk,
  takeOver: readonly string[],
  isMended = false,
): Promise<'ran' | 'nothing'> {
  const name = disk.bastion;
  const process = new Process(story.boundaries);
  const run = `s${story.disks.length + 1}`;
  const tell = (text: string) => story.told.push(`${name}: ${text}`);
  const work = async (): Promise<'ran' | 'nothing'> => {
    let planned: Planned;
    try {
      planned = await of.plan({ ...bastion(story, process), run, takeOver, isMended, tell });
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
      return 'ran';
    }
    if (planned === 'nothing') return 'nothing';
    if (planned.lanes.length === 0) return 'ran';
    story.disks.push(disk);
    disk.run = run;
    disk.begunAt = story.clock.monotonic();
    const plan: Plan = {
      version: 1,
      id: run,
      kind: of.kind,
      target: SLOT,
      operator: 'ann',
      bastion: name,
      createdAt: formatIso(story.clock.now()),
      facts: { takeOver: [...takeOver] },
      lanes: planned.lanes,
      after: [],
    };
    const journal = await openPlan(story, process, disk, plan);
    if (journal === undefined) return 'ran';
    await execute(story, process, { plan, journal, ...planned, name, takeOver }, { how: 'run' });
    return 'ran';
  };
  const end = await process.live(work);
  if (end === 'died') tell('died');
  return end === 'died' ? 'ran' : end;
}

/** `mailctl runs resume` on the bastion that has the journal. */
async function resume(story: Playing, disk: Disk): Promise<void> {
  const process = new Process(story.boundaries);
  const { around, directory } = bastion(story, process);
  const name = `resume of ${disk.run}`;
  const work = async (): Promise<void> => {
    const { plan } = foldJournal(disk.records(), 'disk');
    let slots: readonly Slot[];
    let sight: FleetSight;
    try {
      slots = await directory.list();
      sight = await lookAtSlots(slots, around);
    } catch (error) {
      story.told.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const journal = openDisk(disk, process, story, plan);
    const by = { operator: 'ann', host: disk.bastion, bootId: 'b' };
    const { takeOver = [] } = plan.facts as { takeOver?: readonly string[] };
    const of = { plan, journal, slots, sight, name, takeOver: [...takeOver, disk.run] };
    await execute(story, process, of, { how: 'resume', by, refused: new Map() });
  };
  if ((await process.live(work)) === 'died') story.told.push(`${name}: died`);
}

async function execute(story: Playing, process: Process, of: Execution, takeUp: TakeUp): Promise<void> {
  const slotMap = worldSlotMap(story.world, process);
  return executeStory(story, process, of, takeUp, { slotMap: async () => slotMap });
}
