// Two kinds of lanes that move nobody, as stages: a seed, alone or for a replica whose disk is gone, and a quarantine that
// is sent again once the cause is mended.
import { parseLaneFile } from '../../src/slot/lane-record.js';
import { lookAtSlots } from '../../src/slot/look-around.js';
import { lookAtQuarantines } from '../../src/slot/quarantine-look.js';
import { judgeSeed, planSeed, type SeedFacts, type SeedWishes } from '../../src/slot/seed.js';
import { openLaneOf, owedOf } from '../../src/slot/sight.js';
import type { Slot } from '../../src/slot/slot.js';
import { blockedLogs, planQuarantine, planRetry, whyNotTended } from '../../src/slot/tend.js';
import { instance as makeInstance } from '../support/slot-sight.js';
import type { SlotWorld } from '../support/slot-world.js';
import type { Stage } from './every-pair.js';
import { type Command, type LaneNext, type LaneStory, type Planned, playLanes, SLOT } from './lane-story.js';
import { judgeMail } from './promises.js';

const MASTER = 'imap21';
const REPLICA = 'imap22';
const FRESH = 'imap24';
const GONE = 'imap23';

const stageOf = (name: string, of: LaneStory): Stage<LaneNext> => ({
  name,
  nexts: ['resume', 'other-after-expiry', 'other-takes-over'],
  play: (schedule, next, events) => playLanes(of, { schedule, next, events }),
});

/** What the master has and a replica lacks, and nothing would send. */
function lost(world: SlotWorld, replica: string): number {
  const master = world.at(SLOT, MASTER);
  const there = world.at(SLOT, replica);
  const kept = [...master.quarantineFiles.values()].flatMap(({ mail }) => mail);
  const waits = new Set(
    [...(master.log.get(replica) ?? []), ...kept, ...master.quarantined].map(({ id }) => id),
  );
  return [...master.mail.keys()].filter((id) => !there.mail.has(id) && !waits.has(id)).length;
}

/** `mailctl replication seed store1 --to imap24 [--replace imap23]`. */
async function planSeeding(replace: string | undefined, given: Command): Promise<Planned> {
  const { directory, around, takeOver, tell } = given;
  const slots = await directory.list();
  const [slot] = slots as [Slot];
  const instance = makeInstance(SLOT, FRESH);
  const asked = { ...slot, instances: [...slot.instances.filter(({ host }) => host !== FRESH), instance] };
  const sight = await lookAtSlots([asked], around);
  const isListed = slot.instances.some(({ host }) => host === FRESH);
  const isReplaced = replace === undefined || !slot.instances.some(({ host }) => host === replace);
  const isDue = owedOf(sight, asked).some(({ host }) => host === FRESH) || openLaneOf(sight, asked) !== null;
  if (isListed && isReplaced && !isDue) {
    tell('nothing to do');
    return 'nothing';
  }
  const wishes: SeedWishes = {
    instance,
    replace: isReplaced ? undefined : replace,
    acceptLoss: false,
    fenced: replace === undefined ? undefined : 'its disk is on the table',
    overrideDisk: false,
    perSecond: undefined,
    takeOver: new Set(takeOver),
  };
  const facts: SeedFacts = { sight, sizeBytes: 4096, thereBytes: 0, minFree: undefined, canMap: true };
  const gate = judgeSeed(slot, wishes, facts);
  tell(gate === null ? 'seed' : `refused: ${gate.gate}: ${gate.reason}`);
  // What is away now may be back at the next try.
  if (gate !== null)
    return [...sight.values()].every(({ ok }) => ok) ? 'nothing' : { lanes: [], slots, sight };
  return { lanes: [planSeed(slot, wishes, facts)], slots: [asked], sight };
}

function seeding(replace: string | undefined): LaneStory {
  const hosts = replace === undefined ? [MASTER, REPLICA, FRESH] : [MASTER, REPLICA, replace, FRESH];
  return {
    kind: 'seed',
    hosts,
    gone: replace,
    before(world) {
      const slot = world.slot(SLOT);
      for (let n = 0; n < 12; n += 1) world.deliver(SLOT, `user${n % 4}`);
      for (const to of hosts) for (let n = 0; n < 20; n += 1) world.replicateOne(slot, MASTER, to);
      const fresh = world.at(SLOT, FRESH);
      Object.assign(fresh, { running: false, copyOf: undefined });
      fresh.mail.clear();
      world.at(SLOT, MASTER).log.set(FRESH, []);
      slot.unlisted.add(FRESH);
      if (replace !== undefined) {
        world.fail(replace);
      }
      world.onChange = (now) => {
        judgeMail(now);
        if (slot.unlisted.has(FRESH)) return;
        const isOwed = [...slot.instances].some(([host, { lane }]) => {
          const file = parseLaneFile(lane);
          return host === MASTER && (file.open !== null || file.owed.some((one) => one.host === FRESH));
        });
        const lacking = isOwed ? 0 : lost(now, FRESH);
        if (lacking > 0)
          now.violations.push(`${SLOT}: ${FRESH} counts as a copy, and lacks ${lacking} messages`);
      };
    },
    plan: (given) => planSeeding(replace, given),
    judge(world) {
      const complaints: string[] = [];
      const slot = world.slot(SLOT);
      if (world.done.includes(`stop ${SLOT}@${MASTER}`)) complaints.push(`${MASTER} was stopped for a seed`);
      if (slot.unlisted.has(FRESH)) complaints.push(`the directory does not know ${FRESH}`);
      if (replace !== undefined && !slot.unlisted.has(replace))
        complaints.push(`the directory still knows ${replace}`);
      if (lost(world, FRESH) > 0) complaints.push(`${FRESH} lacks ${lost(world, FRESH)} messages`);
      return complaints;
    },
  };
}

/** Everybody's mail is on the replica, in the log, or set aside: checked at each change. */
function judgeTracked(world: SlotWorld): void {
  const lacking = lost(world, REPLICA);
  if (lacking > 0) world.violations.push(`${SLOT}: ${lacking} events were dropped before they were sent`);
}

/** `mailctl replication quarantine store1`, or `retry` where nothing blocks any more. */
async function planTending(given: Command): Promise<Planned> {
  const { directory, around, takeOver, run, isMended, tell } = given;
  const slots = await directory.list();
  const [slot] = slots as [Slot];
  const sight = await lookAtSlots(slots, around);
  const why = whyNotTended(slot, sight, new Set(takeOver));
  if (why !== null) {
    tell(`refused: ${why.reason}`);
    return why.busy || [...sight.values()].some(({ ok }) => !ok) ? { lanes: [], slots, sight } : 'nothing';
  }
  const host = around.hosts.get(MASTER);
  if (host === undefined) throw new Error(MASTER);
  const [look] = await around.driver.replication(host, [makeInstance(SLOT, MASTER)]);
  const parts = { run, reason: undefined, owner: undefined };
  const blocked = look === undefined ? [] : blockedLogs(slot, look, sight, 300).blocked;
  if (blocked.length > 0) {
    tell('quarantine');
    return { lanes: [planQuarantine(slot, blocked, parts)], slots, sight };
  }
  const { files } = await lookAtQuarantines(slots, around);
  // Whoever tried a file once leaves it until the cause is mended.
  const left = files.filter(({ note }) => note === null || note.tries === 0 || isMended);
  if (left.length === 0) {
    tell('nothing is blocked');
    return 'nothing';
  }
  tell('retry');
  return { lanes: [planRetry(slot, left, parts)], slots, sight };
}

/** A user whose events cannot be sent, with others behind. */
const POISON = 'poisoned';

const tending: LaneStory = {
  kind: 'quarantine',
  hosts: [MASTER, REPLICA],
  before(world) {
    const slot = world.slot(SLOT);
    for (let n = 0; n < 8; n += 1) world.deliver(SLOT, `user${n % 4}`);
    for (let n = 0; n < 20; n += 1) world.replicateOne(slot, MASTER, REPLICA);
    world.poison.add(POISON);
    for (const user of [POISON, 'user1', 'user2', POISON, 'user3']) world.deliver(SLOT, user);
    world.onChange = (now) => {
      judgeMail(now);
      judgeTracked(now);
    };
  },
  plan: planTending,
  mend: (world) => world.poison.clear(),
  judge(world) {
    const master = world.at(SLOT, MASTER);
    const complaints: string[] = [];
    if (master.quarantineFiles.size > 0)
      complaints.push('events are still set aside, and the cause is mended');
    if (lost(world, REPLICA) > 0) complaints.push(`${REPLICA} lacks ${lost(world, REPLICA)} messages`);
    return complaints;
  },
};

/** A new replica, and one for a disk that is gone. */
export const SEEDS: readonly Stage<LaneNext>[] = [
  stageOf('a seed of a new replica', seeding(undefined)),
  stageOf('a seed for a replica whose disk is gone', seeding(GONE)),
];

/** What blocks a log is set aside, and sent again when the cause is mended. */
export const TENDINGS: readonly Stage<LaneNext>[] = [
  stageOf('a poisoned log is set aside and sent again', tending),
];
