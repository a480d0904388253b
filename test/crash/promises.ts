// The promises of failover.md as the crash suite judges them: at every boundary what may never be so, when a lane is
// closed what it says of itself, and at the end, with every host back, what must be so. The world itself judges each
// start of a master and each change of the directory as they land.
import { TransportError } from '../../src/errors.js';
import type { JournalRecord } from '../../src/journal/record.js';
import type { Plan } from '../../src/plan/plan.js';
import { parseLaneFile } from '../../src/slot/lane-record.js';
import { dueNow, type HostSight, openLaneOf } from '../../src/slot/sight.js';
import type { ModelSlot, SlotWorld } from '../support/slot-world.js';

/** Promise 3 now: every acknowledged message is with the master, or on a disk that somebody still has to look at. */
export function judgeMail(world: SlotWorld): void {
  for (const slot of world.slots.values()) {
    if (world.accepted.has(slot.slot)) continue;
    const lost = missingMail(world, slot, new Set([slot.directory.master, ...disksToLookAt(slot)]));
    if (lost > 0)
      world.violations.push(
        `${slot.slot}: ${lost} of ${slot.acknowledged.length} acknowledged messages are on no disk that anybody would look at`,
      );
  }
}

function missingMail(_world: SlotWorld, slot: ModelSlot, hosts: ReadonlySet<string>): number {
  const disks = [...hosts].flatMap((host) => slot.instances.get(host)?.mail ?? []);
  const [first, ...others] = disks;
  if (first === undefined) return slot.acknowledged.length;
  if (first.size >= slot.acknowledged.length) return 0;
  return slot.acknowledged.filter(({ id }) => !first.has(id) && !others.some((disk) => disk.has(id))).length;
}

/**
 * Hosts that owe a replay by any lane file, or that an open lane comes from or goes to; and strays that run, which every
 * command reports.
 */
function disksToLookAt(slot: ModelSlot): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const [host, { lane, running, runsAs }] of slot.instances) {
    if (running && runsAs === 'master') hosts.add(host);
    if (lane.length === 0) continue;
    const { open, owed } = parseLaneFile(lane);
    if (open !== null) hosts.add(open.from).add(open.to);
    for (const { host, steps } of owed) if (steps.includes('rejoin')) hosts.add(host);
  }
  return hosts;
}

/** The look before a run, with every host that is waited for. */
const LOOK_MS = 60_000;

/** Promises 2 and 4 as a lane is closed. `begunAt`: when its run began, in ms of the clock. */
export function judgeClosing(
  world: SlotWorld,
  plan: Plan,
  record: Extract<JournalRecord, { kind: 'lane-closed' }>,
  begunAt: number,
): void {
  const lane = plan.lanes.find(({ id }) => id === record.lane);
  const slot = world.slots.get(record.lane);
  if (lane === undefined || slot === undefined) return;
  const { from, to, kind } = lane.facts as { from: string; to: string; kind: string };
  if (record.state === 'failed') {
    // It says that it has changed nothing.
    for (const [host, { running, stoppedBy }] of slot.instances)
      if (!running && stoppedBy === plan.id)
        world.violations.push(
          `${record.lane}: run ${plan.id} says failed, and ${host} was not started again`,
        );
    return;
  }
  // These move nobody; the world judges reading as it starts.
  if (['readonly', 'end-readonly', 'seed', 'quarantine', 'retry'].includes(kind)) return;
  const lease = slot.instances.get(to)?.lease;
  // Somebody else has it already, and speaks for it.
  if (lease?.run !== undefined && lease.run !== plan.id) return;
  const isQuiet = (host: string): boolean => {
    const { disturbedAt, unheardAt } = world.host(host);
    return world.isUp(host) && disturbedAt < begunAt && unheardAt < begunAt;
  };
  const say = (what: string): number =>
    world.violations.push(`${record.lane}: run ${plan.id} says ${record.state}, and ${what}`);
  const named = record.state === 'done' ? to : from;
  if (slot.directory.master !== named) {
    // A lane that went back before it had the directory's word leaves what it found.
    if (record.state === 'done') say(`the directory names ${slot.directory.master}, not ${named}`);
  }
  const runs = (host: string): boolean => {
    const instance = world.at(record.lane, host);
    return instance.running && instance.runsAs === 'master';
  };
  if (record.state === 'done' && isQuiet(to) && !runs(to)) say(`${to} does not run as master`);
  // What has died by itself before the lane came to its stop was not stopped by it.
  // What another run has stopped, and whoever finishes its lane starts again, is as this one found it.
  const { crashed, stoppedBy } = world.at(record.lane, from);
  const isOpen = [...slot.instances.values()].some(({ lane: lines }) => {
    const { open } = parseLaneFile(lines);
    return open !== null && open.run !== plan.id;
  });
  const isOthers = stoppedBy !== undefined && stoppedBy !== plan.id && isOpen;
  const isOurs = !crashed && !isOthers;
  if (record.state === 'reverted' && kind === 'planned' && isQuiet(from) && isOurs) {
    if (slot.directory.master === from && !runs(from)) say(`${from} was not started again`);
    if (slot.directory.master === from && world.at(record.lane, from).configured !== 'master')
      say(`${from} would not come up as master`);
  }
  if (record.state !== 'done') return;
  // Who did not answer the look before the run is not in its plan.
  const wasLookedAt = (host: string): boolean => world.host(host).unseenAt < begunAt - LOOK_MS;
  for (const host of slot.instances.keys()) {
    if (host !== slot.directory.master && isQuiet(host) && wasLookedAt(host) && runs(host))
      say(`${host} still runs as a master`);
  }
}

/** The point of no return: a lane whose NEW was started by its own run, and runs, does not go back. */
export function judgeReverting(world: SlotWorld, plan: Plan, lane: string): void {
  const { to } = (plan.lanes.find(({ id }) => id === lane)?.facts ?? {}) as { to?: string };
  const next = to === undefined ? undefined : world.slots.get(lane)?.instances.get(to);
  if (next?.running !== true || next.runsAs !== 'master' || next.startedBy !== plan.id) return;
  world.violations.push(`${lane}: run ${plan.id} goes back, although it has started ${to} as the master`);
}

/** What the world holds against it at the end; empty: all promises kept. */
export function judgeEnd(world: SlotWorld): string[] {
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
    const debts = dueNow(sight, world.directorySlot(slot));
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
      if (instance.lease?.run !== undefined && instance.lease.expires >= world.nowOn(host)) {
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
    if (world.accepted.has(slot.slot)) continue;
    const lost = missingMail(world, slot, new Set([master, ...owing]));
    if (lost > 0)
      say(`${lost} of ${slot.acknowledged.length} acknowledged messages are neither on ${master} nor owed`);
  }
  return complaints;
}
