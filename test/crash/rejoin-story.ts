// A story of `mailctl rejoin`: its real planning, actions, runner and journal over the model world. A failover has
// left a host that had mail on its log alone; on the new master a user is deleted. The host comes back, as a replica
// that was demoted or as a stray that takes mail, and a rejoin breaks where the schedule says. Somebody goes on.
import { formatIso } from '../../src/lib/clock.js';
import type { Lane, Plan } from '../../src/plan/plan.js';
import { foldJournal } from '../../src/plan/progress.js';
import type { TakeUp } from '../../src/slot/execute.js';
import { storeSamples } from '../../src/slot/list.js';
import { lookAtSlots } from '../../src/slot/look-around.js';
import { prepareRejoin } from '../../src/slot/prepare-rejoin.js';
import { planRejoins } from '../../src/slot/rejoin.js';
import type { FleetSight } from '../../src/slot/sight.js';
import type { Slot } from '../../src/slot/slot.js';
import { endedElsewhere } from '../../src/slot/take-up.js';
import { noUserSources } from '../../src/slot/users.js';
import type { FakeClock } from '../support/fake-clock.js';
import { plainRoad, SlotWorld } from '../support/slot-world.js';
import { type Beginning, type Begun, beginFrom } from './beginning.js';
import { Boundaries, Process, type Schedule } from './boundaries.js';
import { type Execution, executeStory, openPlan } from './execution.js';
import { judgeEnd, judgeMail } from './promises.js';
import { bastion, Disk, memorySamples, openDisk, type Playing, type Story, turn } from './story.js';

export interface RejoinSetup {
  readonly schedule?: Schedule;
  readonly third?: boolean;
  /** It runs as a master when the rejoin begins, and takes mail while it does; else it was demoted before. */
  readonly stray: boolean;
  /** The third runs as a master, too. */
  readonly strayThird?: boolean;
  readonly next: 'resume' | 'other-after-expiry' | 'other-takes-over';
  /** Changes the lane before it is written. */
  readonly alter?: (lane: Lane) => Lane;
}

const OLD = 'imap21';
const NEW = 'imap22';
const SLOT = 'store1';
/** Deleted on NEW after the failover, with changes on OLD's log. */
const DELETED = 'leaver';
/** Executions until all is whole again. */
const MAX_TURNS = 8;

/** Plays a story to its end; its boundaries are those of the rejoin. */
export async function playRejoin(setup: RejoinSetup): Promise<Story> {
  const { stray, third = false, strayThird = false } = setup;
  const begun = await beginFrom(`rejoin ${JSON.stringify([stray, third, strayThird])}`, (clock) =>
    begin(setup, clock),
  );
  try {
    return await play(setup, begun);
  } finally {
    begun.clock.stop();
  }
}

/** Until the host is back. */
async function begin(setup: RejoinSetup, clock: FakeClock): Promise<Beginning> {
  const hosts = setup.third === true ? [OLD, NEW, 'imap23'] : [OLD, NEW];
  const world = new SlotWorld(clock, [...hosts, 'mx1', 'mx2']);
  const slot = world.add(SLOT, hosts);
  for (let n = 0; n < 4; n += 1) world.tick();
  world.deliver(SLOT, DELETED);
  for (const to of hosts) for (let n = 0; n < 20; n += 1) world.replicateOne(slot, OLD, to);
  world.onChange = (now) => {
    judgeMail(now);
    const back = [...now.at(SLOT, now.slot(SLOT).directory.master).mail.values()].filter(
      ({ user }) => user === DELETED && now.at(SLOT, NEW).gone.has(user),
    );
    if (back.length > 0) now.violations.push(`${SLOT}: ${DELETED} is back, who was deleted on ${NEW}`);
  };
  const calm = new Boundaries(world, new Map(), () => {});
  calm.healed = true;
  const samples = memorySamples();
  const told: string[] = [];
  const before: Playing = {
    world,
    clock,
    samples,
    told,
    disks: [],
    boundaries: calm,
    setup: { next: 'resume' },
  };
  const looked = bastion(before, plainRoad);
  const all = await looked.directory.list();
  await storeSamples(samples, all, await lookAtSlots(all, looked.around), clock);
  await clock.sleep(10_000);
  for (const user of ['late', 'new', DELETED]) for (let n = 0; n < 2; n += 1) world.deliver(SLOT, user);
  world.fail(OLD);
  await turn(before, new Disk('failover'), []);
  if (slot.directory.master !== NEW) throw new Error(`no failover: ${told.join('\n')}`);
  world.deleteUser(SLOT, DELETED);
  await clock.sleep(600_000);
  world.bringBack(OLD);
  if (!setup.stray) await turn(before, new Disk('demoted'), []);
  else for (const user of ['late', 'stray']) world.deliverTo(SLOT, OLD, user);
  if (setup.strayThird === true) {
    const third = { running: true, runsAs: 'master', configured: 'master', stray: true } as const;
    Object.assign(world.at(SLOT, 'imap23'), third);
    world.dirty = true;
  }
  await clock.sleep(200_000);
  return { world, samples, told };
}

async function play(setup: RejoinSetup, begun: Begun): Promise<Story> {
  const { world, clock } = begun;
  const boundaries = new Boundaries(world, setup.schedule ?? new Map(), () => {
    if (setup.stray) world.deliverTo(SLOT, OLD, 'stray');
    if (setup.strayThird === true) world.deliverTo(SLOT, 'imap23', 'elsewhere');
  });
  const story: Playing = { ...begun, disks: [], boundaries, setup: { next: 'resume' } };
  await rejoin(story, setup, new Disk('first'), []);
  for (let n = 0; n < MAX_TURNS; n += 1) {
    const disk = story.disks.findLast((one) => one.bastion === 'first');
    if (setup.next === 'resume' && disk?.isOpen === true) {
      await resume(story, disk);
      continue;
    }
    const takeOver = setup.next === 'other-after-expiry' ? [] : story.disks.map(({ run }) => run);
    if (setup.next === 'other-after-expiry') await clock.sleep(90_000);
    if ((await rejoin(story, setup, new Disk(`other${n}`), takeOver)) === 'nothing') break;
  }
  boundaries.healed = true;
  const steps = boundaries.crossed.length;
  await clock.sleep(120_000);
  const finish = async (name: string): Promise<void> => {
    for (let n = 0; n < 4; n += 1) {
      // Whoever else owes one comes back with it.
      if ((await rejoin(story, setup, new Disk(`${name}${n}`), [], SLOT)) === 'nothing') return;
      await clock.sleep(90_000);
    }
  };
  await finish('last');
  // A bastion that was thought to be dead takes its old run up again.
  for (const disk of story.disks.filter(({ isOpen }) => isOpen)) await resume(story, disk);
  await finish('after that');
  return {
    crossed: boundaries.crossed,
    steps,
    world,
    told: story.told,
    complaints: [...judgeEnd(world), ...judgeReturned(world)],
    disks: story.disks,
  };
}

// Everybody's mail is on the master, and its copy is one: nothing is owed any more.
function judgeReturned(world: SlotWorld): string[] {
  const slot = world.slot(SLOT);
  const old = world.at(SLOT, OLD);
  const next = world.at(SLOT, NEW);
  const complaints: string[] = [];
  const say = (count: number, what: string) => count > 0 && complaints.push(`${SLOT}: ${count} ${what}`);
  if (slot.directory.master !== NEW) complaints.push(`${SLOT}: ${slot.directory.master} is its master`);
  say(slot.acknowledged.filter(({ id }) => !next.mail.has(id)).length, `messages are not on ${NEW}`);
  if (!old.running || old.runsAs !== 'replica') complaints.push(`${SLOT}: ${OLD} does not run as a replica`);
  const waits = new Set((next.log.get(OLD) ?? []).map(({ id }) => id));
  const missing = [...next.mail.keys()].filter((id) => !old.mail.has(id) && !waits.has(id));
  say(missing.length, `messages of ${NEW} are not on ${OLD}, and nothing sends them`);
  say([...old.mail.keys()].filter((id) => !next.mail.has(id)).length, `messages are on ${OLD} alone`);
  say(old.aside.length, `events on ${OLD} are still set aside`);
  return complaints;
}

/** One `mailctl rejoin`, of imap21 or of the slot. `nothing`: nothing is owed any more, or all of it is refused. */
async function rejoin(
  story: Playing,
  setup: RejoinSetup,
  disk: Disk,
  takeOver: readonly string[],
  target = OLD,
): Promise<'ran' | 'nothing'> {
  const name = disk.bastion;
  const process = new Process(story.boundaries);
  const { around, directory } = bastion(story, process);
  const work = async (): Promise<'ran' | 'nothing'> => {
    const wishes = { acceptLoss: new Set<string>(), takeOver: new Set(takeOver) };
    const sources = { directory, users: noUserSources, around };
    const prepared = await prepareRejoin([target], wishes, sources).catch((error: unknown) => {
      story.told.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    });
    if (prepared === undefined) return 'ran';
    await storeSamples(story.samples, prepared.slots, prepared.sight, story.clock);
    const told = prepared.returns.map(
      ({ host, how, gate }) => `${how} ${host}${gate === null ? '' : ` [${gate.gate}]`}`,
    );
    story.told.push(`${name}: ${told.join(', ') || 'nothing to do'}`);
    const lanes = planRejoins(prepared.returns, {
      sight: prepared.sight,
      slotHooks: [],
      hasTestAccount: false,
    });
    // A host that was not seen now has said nothing yet.
    if (lanes.length === 0) return [...prepared.sight.values()].every(({ ok }) => ok) ? 'nothing' : 'ran';
    story.disks.push(disk);
    disk.run = `j${story.disks.length}`;
    disk.begunAt = story.clock.monotonic();
    const plan: Plan = {
      version: 1,
      id: disk.run,
      kind: 'rejoin',
      target: OLD,
      operator: 'ann',
      bastion: name,
      createdAt: formatIso(story.clock.now()),
      facts: { takeOver: [...takeOver] },
      lanes: lanes.map((lane) => setup.alter?.(lane) ?? lane),
      after: [],
    };
    const journal = await openPlan(story, process, disk, plan);
    if (journal === undefined) return 'ran';
    await execute(story, process, { plan, journal, ...prepared, name, takeOver }, { how: 'run' });
    return 'ran';
  };
  const end = await process.live(work);
  if (end === 'died') story.told.push(`${name}: died`);
  return end === 'died' ? 'ran' : end;
}

/** `mailctl runs resume` of it, on the bastion that has the journal. */
async function resume(story: Playing, disk: Disk): Promise<void> {
  const process = new Process(story.boundaries);
  const { around, directory } = bastion(story, process);
  const name = `resume of ${disk.run}`;
  const work = async (): Promise<void> => {
    const before = foldJournal(disk.records(), 'disk');
    let slots: readonly Slot[];
    let sight: FleetSight;
    try {
      const open = before.lanes.filter((lane) => lane.closed === undefined).map(({ lane }) => lane);
      slots = (await directory.list()).filter(({ slot }) => open.includes(slot));
      sight = await lookAtSlots(slots, around);
    } catch (error) {
      story.told.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const { plan } = before;
    const journal = openDisk(disk, process, story, plan);
    const by = { operator: 'ann', host: disk.bastion, bootId: 'b' };
    const { takeOver = [] } = plan.facts as { takeOver?: readonly string[] };
    await execute(
      story,
      process,
      { plan, journal, slots, sight, name, takeOver: [...takeOver, disk.run] },
      { how: 'resume', by, refused: endedElsewhere(before, slots, sight) },
    );
  };
  if ((await process.live(work)) === 'died') story.told.push(`${name}: died`);
}

async function execute(story: Playing, process: Process, of: Execution, takeUp: TakeUp): Promise<void> {
  return executeStory(story, process, of, takeUp, { users: noUserSources, rejoins: new Map() });
}
