// A new replica on a host whose instance is empty or stale (a disk that never came back, a host that is added): may it
// be made, and the lane that makes it. Pure. The master serves all the while; the new one counts as no copy, by a
// debt on the slot's hosts, until it has everything and its log is empty.
import { formatCommand } from '../lib/command-text.js';
import { formatSize } from '../lib/size.js';
import type { Lane } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import { DEFAULT_ROOM, type Room } from './choose.js';
import type { ChannelState, InstanceState } from './driver.js';
import { channelTowards } from './freshness.js';
import { giveBackStep, hostedParams, instanceParams, leaseStep } from './lane-steps.js';
import { type FleetSight, owedOf, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** Gates by the ids that -o json uses. */
export type SeedGateId =
  | 'busy'
  | 'master-not-serving'
  | 'no-instance'
  | 'two-masters'
  | 'no-channel'
  | 'rejoin-owed'
  | 'not-proven-dead'
  | 'disk'
  | 'directory-disagrees';

/** A closed gate, and what would open it. */
export interface SeedGate {
  readonly gate: SeedGateId;
  readonly reason: string;
  /** What to do next, whole lines. */
  readonly next: readonly string[];
}

/** What the operator said. */
export interface SeedWishes {
  /** The new replica, as the directory is to have it. */
  readonly instance: Instance;
  /** Host whose instance is taken out of the directory for it. */
  readonly replace: string | undefined;
  readonly acceptLoss: boolean;
  /** What the operator saw of the host that is replaced. */
  readonly fenced: string | undefined;
  readonly overrideDisk: boolean;
  readonly perSecond: number | undefined;
  readonly takeOver: ReadonlySet<string>;
}

/** What was gathered. */
export interface SeedFacts {
  readonly sight: FleetSight;
  /** Bytes of the master's instance; null: not measured. */
  readonly sizeBytes: number | null;
  /** Bytes that the instance on the new host has already. */
  readonly thereBytes: number | null;
  readonly minFree: Room | undefined;
  /** The directory can be told of a new instance by us. */
  readonly canMap: boolean;
}

/** The first gate that is closed against it; null: it may go. */
export function judgeSeed(slot: Slot, wishes: SeedWishes, facts: SeedFacts): SeedGate | null {
  const { sight } = facts;
  const { instance, replace } = wishes;
  const { host } = instance;
  const no = (gate: SeedGateId, reason: string, ...next: string[]): SeedGate => ({ gate, reason, next });
  const again = (...words: string[]) => {
    const replacing = replace === undefined ? [] : ['--replace', replace];
    const given = [
      ...(wishes.acceptLoss ? ['--accept-loss', slot.slot] : []),
      ...(wishes.fenced === undefined ? [] : ['--fenced', wishes.fenced]),
    ];
    const all = [slot.slot, '--to', host, ...replacing, ...given, ...words];
    return formatCommand(['mailctl', 'replication', 'seed', ...all]);
  };
  if (host === slot.master) return no('two-masters', `${host} is the master of ${slot.slot}`);
  const master = stateOf(sight, slot.slot, slot.master);
  if (master?.running !== true || master.role !== 'master' || !master.started) {
    const why = master === undefined ? 'does not answer' : (master.problem ?? 'does not serve it');
    return no(
      'master-not-serving',
      `${slot.master} ${why}: there is nothing to send from`,
      `mailctl slots show ${slot.slot}`,
    );
  }
  const own = stateOf(sight, slot.slot, host);
  if (own === undefined) {
    const seen = sight.get(host);
    return no('no-instance', seen === undefined || seen.ok ? `${host} was not asked` : seen.error.message);
  }
  if (own.running === null || (own.configuredRole === null && own.role === null)) {
    return no(
      'no-instance',
      `${host} has no instance ${instance.instance} to start: ${own.problem ?? 'its role cannot be told'}`,
      `put its directories and the files of both roles there as on ${slot.master}, owned by the Cyrus user`,
    );
  }
  if (own.running && own.role !== 'replica')
    return no(
      'two-masters',
      `${slot.slot} runs on ${host} as ${own.role ?? 'nobody knows what'}`,
      `mailctl failover ${host}   stops it there first`,
    );
  const busy = [...slot.instances.map((one) => one.host), host]
    .map((name) => stateOf(sight, slot.slot, name))
    .find((state) => state !== undefined && isHeld(state, wishes.takeOver));
  if (busy?.lease !== null && busy?.lease !== undefined) {
    const { run = '', operator, bastion } = busy.lease;
    return no('busy', `run ${run} of ${operator} on ${bastion} holds it`, `mailctl runs attach ${run}`);
  }
  if (!master.logging) return no('no-channel', `${slot.master} keeps no replication log (sync_log is off)`);
  const channel = seedChannel(slot, instance, master, sight);
  if (channel === undefined) {
    return no(
      'no-channel',
      `no replication channel of ${slot.slot} on ${slot.master} leads to ${host}`,
      ...missingLines(instance, sight.get(host)?.host.address, master.channels, master),
    );
  }
  if (!facts.canMap && (instanceOn(slot, host) === undefined || replace !== undefined)) {
    const what = replace === undefined ? `add ${host} to` : `put ${host} for ${replace} into`;
    return no(
      'directory-disagrees',
      `the site's own directory names the replicas of ${slot.slot}`,
      `${what} the instances of ${slot.slot} there, then the same again`,
    );
  }
  const debts = owedOf(sight, slot).filter((one) => one.host === host || one.host === replace);
  const debt = debts.find((one) => one.steps.includes('rejoin') && one.seeding !== true);
  if (debt !== undefined && !wishes.acceptLoss) {
    return no(
      'rejoin-owed',
      `${debt.host} owes a rejoin: mail that is only on its old disk would be given up`,
      `mailctl rejoin ${debt.host}   if that disk can be read`,
      `${again('--accept-loss', slot.slot)}   if it is gone for good`,
    );
  }
  if (replace !== undefined) {
    const gone = stateOf(sight, slot.slot, replace);
    if (gone !== undefined && gone.running !== false && gone.role !== 'replica') {
      const stop = `mailctl failover ${replace}   stops it there first`;
      return no(
        'two-masters',
        `${slot.slot} runs on ${replace} as ${gone.role ?? 'nobody knows what'}`,
        stop,
      );
    }
    // Out of the directory nobody looks at it any more. What boots there as master would be stopped by nobody, and
    // would write into the new replica beside the true one.
    if ((gone === undefined || gone.configuredRole !== 'replica') && wishes.fenced === undefined) {
      const why = gone === undefined ? 'does not answer' : 'is set up as master';
      return no(
        'not-proven-dead',
        `${replace} ${why}: if it starts ${slot.slot} again, nobody stops it, and it writes into ${host}`,
        `${again('--fenced', 'what your own eyes saw')}   when it never starts again`,
      );
    }
  }
  const disk = diskGate(host, own, master, facts);
  return disk === null || wishes.overrideDisk
    ? null
    : no('disk', disk, again('--override', `disk:${slot.slot}`));
}

function isHeld(state: InstanceState, takeOver: ReadonlySet<string>): boolean {
  const { lease } = state;
  return lease?.run !== undefined && lease.expires >= state.at && !takeOver.has(lease.run);
}

/** The master's channel to the new replica. The only channel is not taken for it: it leads to somebody else. */
export function seedChannel(
  slot: Slot,
  instance: Instance,
  master: InstanceState,
  sight: FleetSight,
): ChannelState | undefined {
  const instances = [...slot.instances.filter((one) => one.host !== instance.host), instance];
  const all = instances.length < 3 ? [...instances, { ...instance, host: '' }] : instances;
  return channelTowards(master, instance, sight.get(instance.host)?.host, { ...slot, instances: all });
}

// What an administrator has to add; the site's files are never edited.
function missingLines(
  instance: Instance,
  address: string | undefined,
  channels: readonly ChannelState[],
  master: InstanceState,
): readonly string[] {
  const named = channels.map(({ channel }) => channel).filter((name) => name !== '');
  const name = instance.host.split('.')[0] ?? instance.host;
  const to = instance.address ?? address ?? instance.host;
  if (named.length === 0 && channels.length <= 1) {
    const isFirst = channels.every(({ syncHost }) => syncHost === undefined);
    if (isFirst)
      return [
        `in the master's imapd.conf on ${master.host}:`,
        `  sync_log: yes`,
        `  sync_host: ${to}`,
        `  sync_port, sync_authname, sync_password: as its csync service takes them`,
      ];
  }
  const all = [...(named.length > 0 ? named : ['OLD']), name];
  return [
    `in the master's imapd.conf on ${master.host}, for every replica its own channel:`,
    `  sync_log_channels: ${all.join(' ')}`,
    `  ${name}_sync_host: ${to}`,
    `  ${name}_sync_port, ${name}_sync_authname, ${name}_sync_password: as for the others`,
    `in its cyrus.conf, DAEMON:`,
    `  sync${name.replaceAll(/[^A-Za-z0-9]/g, '')} cmd="sync_client -C IMAPD_CONF -l -r -n ${name}"`,
    `then restart the slot there, or move it away and back`,
  ];
}

function diskGate(host: string, own: InstanceState, master: InstanceState, facts: SeedFacts): string | null {
  const free = own.freeBytes;
  if (free === null) return `the room on ${host} is not known`;
  const used =
    master.totalBytes === null || master.totalBytes === undefined || master.freeBytes === null
      ? null
      : master.totalBytes - master.freeBytes;
  const size = facts.sizeBytes ?? used;
  if (size === null) return `the size of ${master.slot} on ${master.host} could not be measured`;
  const total = own.totalBytes ?? null;
  const room = facts.minFree ?? DEFAULT_ROOM;
  const share = total === null ? 0 : (total * room.percent) / 100;
  const least =
    facts.minFree === undefined && total !== null ? Math.min(room.bytes, share) : Math.max(room.bytes, share);
  const need = Math.max(0, size - (facts.thereBytes ?? 0)) + least;
  if (free >= need) return null;
  const what = facts.sizeBytes === null ? 'at most ' : '';
  return `${host} has ${formatSize(free)} free; ${master.slot} takes ${what}${formatSize(size)}, and ${formatSize(Math.ceil(least))} must be left`;
}

/** The lane. */
export function planSeed(slot: Slot, wishes: SeedWishes, facts: SeedFacts): Lane {
  const { sight } = facts;
  const { instance, replace } = wishes;
  const from = slot.master;
  const to = instance.host;
  const lane = { from, to, way: 'seed' };
  const master = instanceOn(slot, from) as Instance;
  const all = [...slot.instances.filter((one) => one.host !== to), instance];
  const there = all.filter((one) => sight.get(one.host)?.ok === true && one.host !== replace);
  const isListed = instanceOn(slot, to) !== undefined;
  const s = slot.slot;
  const lease = (one: Instance) => leaseStep(one, lane);
  const own = stateOf(sight, s, to);
  const steps: Step[] = [
    lease(master),
    lease(instance),
    ...there.filter((one) => one.host !== from && one.host !== to).map(lease),
    {
      id: 'mark',
      action: 'slot.mark-seeding',
      host: from,
      phase: 'settle',
      title: `${s} on ${to} counts as no copy meanwhile`,
      params: { ...instanceParams(master), ...lane },
    },
  ];
  if (own?.configuredRole !== 'replica') {
    steps.push({
      id: 'role-replica',
      action: 'slot.set-role',
      host: to,
      phase: 'settle',
      title: `role of ${s} on ${to}: replica`,
      params: {
        ...instanceParams(instance),
        ...lane,
        role: 'replica',
        wasRole: own?.configuredRole ?? 'replica',
      },
    });
  }
  steps.push(
    {
      id: 'start-replica',
      action: 'slot.start-replica',
      host: to,
      phase: 'settle',
      title: `start ${s} on ${to} as replica`,
      params: { ...instanceParams(instance), ...lane, role: 'replica' },
    },
    {
      id: 'send',
      action: 'slot.seed',
      host: from,
      phase: 'settle',
      title: `all users and mailboxes of ${s} to ${to}`,
      params: {
        ...instanceParams(master),
        ...lane,
        replica: hostedParams(instance),
        perSecond: wishes.perSecond ?? null,
      },
    },
    {
      id: 'replicate',
      action: 'slot.see-replication',
      host: from,
      phase: 'settle',
      title: `${s} replicates to ${to}`,
      params: { ...instanceParams(master), ...lane, replica: hostedParams(instance) },
    },
  );
  const removed = replace === undefined ? undefined : instanceOn(slot, replace);
  if (!isListed || replace !== undefined) {
    steps.push({
      id: 'map',
      action: 'slot.map-replica',
      host: '',
      phase: 'settle',
      title: `directory: ${s} has a replica on ${to}${replace === undefined ? '' : `, none on ${replace}`}`,
      params: {
        slot: s,
        add: hostedParams(instance),
        remove: replace ?? null,
        removed: removed === undefined ? null : hostedParams(removed),
      },
    });
  }
  const gone = new Set([to, ...(replace === undefined ? [] : [replace])]);
  steps.push(
    giveBackStep(slot, {
      action: 'slot.end-seed',
      host: from,
      params: {
        ...instanceParams(master),
        ...lane,
        removed: removed === undefined ? null : hostedParams(removed),
      },
      instances: there,
      owed: owedOf(sight, slot).filter((one) => !gone.has(one.host)),
    }),
  );
  return { id: s, steps, facts: { kind: 'seed', from, to, replace: replace ?? null } };
}
