// Asks the hosts: what instances they have, whether a silent one is dead, what the replicas' files tell. Many
// hosts at once; a host that does not answer is data. Nothing here changes anything.
import { MailctlError, TransportError } from '../errors.js';
import { gather, type HostResult } from '../fleet/gather.js';
import type { Host } from '../fleet/host.js';
import type { Clock } from '../lib/clock.js';
import type { Queue } from '../queue/driver.js';
import type { CanaryFact, CanaryRecord } from './canary.js';
import type { Room } from './choose.js';
import { aheadSeconds } from './clock-skew.js';
import { type DeathVerdict, judgeDeath, maybeUs, type Sighting } from './death.js';
import type { ReplicaFiles, StoreDriver } from './driver.js';
import { type SignOfLife, signsOfLife } from './evidence.js';
import type { MxDelivery } from './mx-lookup.js';
import type { Sample } from './samples.js';
import { type FleetSight, type HostSight, owedOf, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** Whom to ask, and how. */
export interface Surroundings {
  readonly driver: StoreDriver;
  /** All configured hosts by name. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** Resolves when a host answers to its transport at all. @throws TransportError */
  readonly ping: (host: Host, signal?: AbortSignal) => Promise<void>;
  /** When stores were last seen accepting mail, by the log of one MX, epoch seconds; absent: nobody to ask. */
  readonly deliveries?:
    | ((mx: Host, stores: readonly StoreName[], signal?: AbortSignal) => Promise<ReadonlyMap<string, number>>)
    | undefined;
  /** The last deliveries to these places, by the log of one MX; absent: nobody to ask. */
  readonly lastDeliveries?:
    | ((mx: Host, ends: readonly LmtpEnd[], signal?: AbortSignal) => Promise<readonly MxDelivery[]>)
    | undefined;
  /** The canary as it is configured, and what is stored of it; absent: there is none. */
  readonly canary?:
    | {
        readonly user: string;
        readonly stored: (slots: readonly string[]) => Promise<readonly CanaryRecord[]>;
      }
    | undefined;
  /** Hosts that run a queue, by the configuration; their logs are asked. */
  readonly mxs?: readonly Host[] | undefined;
  /** Queues in which mail for the slots may wait. */
  readonly queues?: readonly Queue[] | undefined;
  readonly concurrency: number;
  /** Our own clock, by which those of the hosts are measured; absent: they are not. */
  readonly clock?: Pick<Clock, 'now' | 'timer'> | undefined;
  /** Room that a new master's disk must have; absent: the usual. */
  readonly minFree?: Room | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called as each host's answer comes. */
  readonly onHost?: ((seen: HostSight) => void) | undefined;
}

/** A mail-store host as another host may know it: its name, and addresses from the configuration and directory. */
export interface StoreName {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Where mail for a slot is handed over by LMTP: a host's names and addresses as an MX may know it. */
export interface LmtpEnd {
  readonly slot: string;
  readonly names: readonly string[];
  readonly port: number;
}

/** The instances of each host. */
export function groupByHost(instances: readonly Instance[]): ReadonlyMap<string, readonly Instance[]> {
  const byHost = new Map<string, Instance[]>();
  for (const instance of instances) {
    const list = byHost.get(instance.host) ?? [];
    byHost.set(instance.host, list);
    list.push(instance);
  }
  return byHost;
}

/** Looks at all instances of these slots, one trip a host. */
export async function lookAtSlots(slots: readonly Slot[], around: Surroundings): Promise<FleetSight> {
  const byHost = groupByHost(slots.flatMap(({ instances }) => instances));
  const sight = new Map<string, HostSight>();
  const known: Host[] = [];
  for (const name of byHost.keys()) {
    const host = around.hosts.get(name);
    if (host !== undefined) known.push(host);
    else
      sight.set(name, {
        host: { name, transport: 'ssh', groups: [] },
        ok: false,
        error: notConfigured(name),
      });
  }
  const toSight = (result: HostResult<Looked>): HostSight =>
    result.ok
      ? {
          host: result.host,
          ok: true,
          states: new Map(result.value.states.map((state) => [state.slot, state])),
          aheadS: result.value.aheadS,
        }
      : result;
  const results = await gather(
    known,
    async (host, signal): Promise<Looked> => {
      const askedAt = around.clock?.now() ?? 0;
      const states = await around.driver.observe(host, byHost.get(host.name) ?? [], signal);
      const [first] = states;
      const isTold = first !== undefined && around.clock !== undefined && Number.isFinite(first.at);
      return {
        states,
        aheadS: isTold ? aheadSeconds(first.at, askedAt, around.clock.now()) : undefined,
      };
    },
    {
      concurrency: around.concurrency,
      signal: around.signal,
      onResult: (result) => around.onHost?.(toSight(result)),
    },
  );
  for (const result of results) sight.set(result.host.name, toSight(result));
  return sight;
}

interface Looked {
  readonly states: Awaited<ReturnType<StoreDriver['observe']>>;
  readonly aheadS: number | undefined;
}

function notConfigured(name: string): MailctlError {
  return new MailctlError(`${name}: the directory names it and the configuration does not know it`, {
    code: 'config.unknown-host',
    exitCode: 3,
    hint: `add ${name} under hosts: in the configuration`,
  });
}

/** Hosts beyond those of the slots that are asked as observers, and whether it is us; more tell nothing new. */
const PEERS_MAX = 16;
/** Other observers of a silent host, besides its replicas' hosts. */
const OBSERVERS_MAX = 3;
/** Seconds for a TCP answer: one retransmission of the first packet fits. */
const PORT_S = 3;
/** The same for asking again during a run: one retransmission still fits, and the commit waits for it. */
export const AGAIN_S = 2;

/** What is known of the hosts that were silent. */
export interface Silences {
  readonly deaths: ReadonlyMap<string, DeathVerdict>;
  /** Why it may be us who are cut off; null: no sign of it. */
  readonly maybeUs: string | null;
}

/** What others see of hosts that give no answer. */
export interface Witnesses {
  /** Hosts that answered. */
  readonly reachable: readonly Host[];
  /** Hosts that have no slot of ours and were asked whether they live. */
  readonly peers: readonly HostResult<void>[];
  readonly sightings: ReadonlyMap<string, readonly Sighting[]>;
}

/** Asks others about hosts that are silent, or that have been for longer than a living host takes. */
export async function callWitnesses(
  names: readonly string[],
  slots: readonly Slot[],
  sight: FleetSight,
  around: Surroundings,
): Promise<Witnesses> {
  const others = [...around.hosts.values()]
    .filter((host) => !sight.has(host.name) && !names.includes(host.name))
    .slice(0, PEERS_MAX);
  const peers = await gather(others, (host, signal) => around.ping(host, signal), {
    concurrency: around.concurrency,
    signal: around.signal,
  });
  const reachable = [
    ...[...sight.values()].filter((seen) => seen.ok).map((seen) => seen.host),
    ...peers.filter((peer) => peer.ok).map((peer) => peer.host),
  ];
  const sightings = await Promise.all(
    names.map(async (name) => [name, await sightingsOf(name, slots, sight, reachable, around)] as const),
  );
  return { reachable, peers, sightings: new Map(sightings) };
}

/** Judges every silent host that is a master by the directory, or the `from` of an open lane. */
export function judgeSilent(silent: readonly string[], sight: FleetSight, witnesses: Witnesses): Silences {
  const { reachable, peers } = witnesses;
  const us = maybeUs([
    ...[...sight.values()].map((seen) => ({
      name: seen.host.name,
      location: seen.host.location,
      silent: !seen.ok,
    })),
    ...peers.map((peer) => ({ name: peer.host.name, location: peer.host.location, silent: !peer.ok })),
  ]);
  const deaths = new Map<string, DeathVerdict>();
  for (const name of silent) {
    const seen = sight.get(name);
    if (seen === undefined || seen.ok) continue;
    const sightings = witnesses.sightings.get(name) ?? [];
    const elsewhere = reachable.filter(
      (host) => host.location === undefined || host.location !== seen.host.location,
    );
    deaths.set(
      name,
      judgeDeath({
        host: name,
        failure: seen.error instanceof TransportError ? seen.error.kind : seen.error.code,
        message: seen.error.message,
        sightings,
        maybeUs: us,
        peerElsewhere: sightings.some(
          (sighting) =>
            sighting.ports.length > 0 && elsewhere.some((host) => host.name === sighting.observer),
        ),
      }),
    );
  }
  return { deaths, maybeUs: us };
}

/**
 * A silent host's IMAP and LMTP ports, slot by slot as their replicas' hosts see them, and some of them as a few
 * others do. Ports come from the replica's own master configuration, addresses from the directory or the host.
 */
export async function sightingsOf(
  name: string,
  slots: readonly Slot[],
  sight: FleetSight,
  reachable: readonly Host[],
  around: Pick<Surroundings, 'driver' | 'hosts' | 'signal'>,
  seconds = PORT_S,
): Promise<readonly Sighting[]> {
  const questions = new Map<
    string,
    { slot: string; address: string; port: number; kind: 'imap' | 'lmtp' }[]
  >();
  const asking = (observer: string) => {
    const list = questions.get(observer) ?? [];
    questions.set(observer, list);
    return list;
  };
  const every: { slot: string; address: string; port: number; kind: 'imap' | 'lmtp' }[] = [];
  for (const slot of slots) {
    const old = instanceOn(slot, name);
    if (old === undefined) continue;
    const address = old.address ?? around.hosts.get(name)?.address ?? name;
    for (const instance of slot.instances) {
      const state = stateOf(sight, slot.slot, instance.host);
      if (instance.host === name || state === undefined) continue;
      const ports = around.driver
        .masterPorts(state)
        .map(({ port, kind }) => ({ slot: slot.slot, address, port, kind }));
      asking(instance.host).push(...ports);
      if (every.length < 4) every.push(...ports);
    }
  }
  const carriers = new Set(questions.keys());
  for (const host of reachable
    .filter((one) => !carriers.has(one.name) && one.name !== name)
    .slice(0, OBSERVERS_MAX)) {
    asking(host.name).push(...every);
  }
  const answers = await Promise.all(
    [...questions].map(async ([observer, list]): Promise<readonly Sighting[]> => {
      const host = around.hosts.get(observer);
      if (host === undefined || list.length === 0) return [];
      try {
        const seen = await around.driver.tryPorts(host, list, seconds, around.signal);
        const find = (address: string, port: number) =>
          seen.find((one) => one.address === address && one.port === port)?.seen ?? 'unknown';
        const bySlot = new Map<string, Sighting['ports'][number][]>();
        for (const { slot, address, port, kind } of list) {
          const what = find(address, port);
          const ports = bySlot.get(slot) ?? [];
          bySlot.set(slot, ports);
          // A name that the observer cannot resolve says nothing of the host.
          if (what !== 'unknown') ports.push({ address, port, kind, seen: what });
        }
        return [...bySlot].map(([slot, ports]) => ({ observer, slot, ports }));
      } catch (error) {
        if (error instanceof MailctlError) return [];
        throw error;
      }
    }),
  );
  return answers.flat();
}

/** What the files of the replicas tell about masters that are silent. */
export interface FilesAndSigns {
  readonly files: readonly (ReplicaFiles & { readonly host: string })[];
  readonly signs: ReadonlyMap<string, readonly SignOfLife[]>;
  readonly canaries: readonly CanaryFact[];
}

/**
 * Reads the files of the replicas of slots on silent hosts, and gathers those hosts' signs of life. `all` are the
 * slots that were looked at: those that have moved away already carry what an earlier run wrote down.
 */
export async function askReplicaFiles(
  silent: ReadonlyMap<string, readonly Slot[]>,
  all: readonly Slot[],
  sight: FleetSight,
  samples: readonly Sample[],
  around: Surroundings,
): Promise<FilesAndSigns> {
  const files: (ReplicaFiles & { host: string; of: string })[] = [];
  const wanted = new Map<string, { of: string; instance: Instance }[]>();
  for (const [of, slots] of silent) {
    for (const slot of slots) {
      for (const instance of slot.instances) {
        const state = stateOf(sight, slot.slot, instance.host);
        // Only what still is a replica: a new master's own deliveries say nothing of the old one.
        if (
          instance.host === of ||
          state === undefined ||
          state.role === 'master' ||
          state.configuredRole === 'master'
        )
          continue;
        const list = wanted.get(instance.host) ?? [];
        wanted.set(instance.host, list);
        list.push({ of, instance });
      }
    }
  }
  await gather(
    [...wanted.keys()].map((name) => around.hosts.get(name)).filter((host) => host !== undefined),
    async (host) => {
      const list = wanted.get(host.name) ?? [];
      const found = await around.driver.replicaFiles(
        host,
        list.map((one) => one.instance),
      );
      for (const [index, file] of found.entries())
        files.push({ ...file, host: host.name, of: list[index]?.of ?? '' });
    },
    { concurrency: around.concurrency, signal: around.signal },
  );
  const [deliveries, canaries] = await Promise.all([
    askDeliveries(silent, around),
    askCanaries(silent, wanted, around),
  ]);
  const signs = new Map<string, readonly SignOfLife[]>();
  for (const of of silent.keys()) {
    const recorded = all
      .flatMap((slot) => owedOf(sight, slot))
      .filter((owed) => owed.host === of && owed.lastAlive !== null)
      .map((owed) => owed.lastAlive as number);
    signs.set(
      of,
      signsOfLife(
        of,
        samples,
        files.filter((file) => file.of === of),
        recorded,
        deliveries.get(of) ?? [],
      ),
    );
  }
  return { files, signs, canaries };
}

/** A stamp that is so much newer than the last one known was sent by an earlier master, whose clock ran ahead. */
const STRAY_STAMP_S = 600;

/** The newest canary of each replica, as it is now; where it cannot be looked up, as it was stored. */
async function askCanaries(
  silent: ReadonlyMap<string, readonly Slot[]>,
  replicas: ReadonlyMap<string, readonly { readonly of: string; readonly instance: Instance }[]>,
  around: Surroundings,
): Promise<readonly CanaryFact[]> {
  const { canary } = around;
  if (canary === undefined || silent.size === 0) return [];
  const names = [...silent.values()].flat().map((slot) => slot.slot);
  const stored = await canary.stored(names);
  const facts: CanaryFact[] = [];
  await gather(
    [...replicas.keys()].flatMap((name) => around.hosts.get(name) ?? []),
    async (host) => {
      const list = replicas.get(host.name) ?? [];
      const known = (of: string, slot: string) =>
        stored.find((one) => one.slot === slot && one.replica === host.name && one.master === of);
      const tell = (slot: string, of: string, looked: number | null) => {
        const record = known(of, slot);
        // A stamp of a master before this one is by another clock, and proves nothing of this one.
        if (record === undefined) return;
        const isOurs = looked !== null && (record.sentAt === null || looked <= record.sentAt + STRAY_STAMP_S);
        const foundAt = isOurs ? looked : record.foundAt;
        const by = isOurs ? 'looked up' : 'stored';
        facts.push({ slot, host: host.name, foundAt, sentAt: record.sentAt, by });
      };
      try {
        const found = await around.driver.findCanaries(
          host,
          list.map((one) => one.instance),
          canary.user,
        );
        for (const [index, one] of found.entries()) tell(one.slot, list[index]?.of ?? '', one.newest);
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        for (const { of, instance } of list) tell(instance.slot, of, null);
      }
    },
    { concurrency: around.concurrency, signal: around.signal },
  );
  return facts;
}

/** The last deliveries to silent hosts that the logs of the MXs know; an MX that cannot be asked tells nothing. */
async function askDeliveries(
  silent: ReadonlyMap<string, readonly Slot[]>,
  around: Surroundings,
): Promise<ReadonlyMap<string, readonly { readonly mx: string; readonly at: number }[]>> {
  const { deliveries } = around;
  const found = new Map<string, { mx: string; at: number }[]>();
  if (silent.size === 0 || deliveries === undefined) return found;
  const stores = [...silent].map(([name, slots]): StoreName => {
    const own = slots.map((slot) => instanceOn(slot, name)?.address);
    const addresses = [around.hosts.get(name)?.address, ...own].filter((address) => address !== undefined);
    return { name, addresses: [...new Set(addresses)] };
  });
  const asked = (around.mxs ?? []).filter((host) => !silent.has(host.name));
  const results = await gather(asked, (host, signal) => deliveries(host, stores, signal), {
    concurrency: around.concurrency,
    signal: around.signal,
  });
  for (const result of results) {
    if (!result.ok) continue;
    for (const [name, at] of result.value)
      found.set(name, [...(found.get(name) ?? []), { mx: result.host.name, at }]);
  }
  return found;
}
