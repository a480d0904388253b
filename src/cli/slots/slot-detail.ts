// Everything known of one slot, put together for `slots show`: the directory, what was seen, what was judged, what
// is stored. Pure.
import type { Host } from '../../fleet/host.js';
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { type InstanceDetail, type SlotDetail, sampleLag } from '../../output/screens/slot-show.js';
import type { SlotView } from '../../slot/analysis.js';
import type { Capabilities, InstanceState } from '../../slot/driver.js';
import { channelTowards } from '../../slot/freshness.js';
import { type OpenLane, type Owed, parseLaneFile } from '../../slot/lane-record.js';
import { canEndReading, END_OWED } from '../../slot/readable.js';
import type { Sample } from '../../slot/samples.js';
import { type FleetSight, openLaneOf, owedOf, stateOf } from '../../slot/sight.js';
import type { Instance, Slot } from '../../slot/slot.js';
import { slotJson } from './list.js';

/** What a detail is made from. */
export interface DetailParts {
  readonly slot: Slot;
  readonly view: SlotView;
  readonly sight: FleetSight;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly samples: readonly Sample[];
  /** What the software of an instance can do; absent: nobody knows. */
  readonly capabilities?: (state: InstanceState) => Capabilities;
}

/** One slot's detail. */
export function slotDetail({ slot, view, sight, hosts, samples, capabilities }: DetailParts): SlotDetail {
  const owed = owedOf(sight, slot);
  const open = openLaneOf(sight, slot);
  return {
    slot,
    view,
    instances: slot.instances.map((instance) => ({
      ...instanceDetail(instance, slot, sight, hosts),
      lacks: lacksOf(stateOf(sight, slot.slot, instance.host), capabilities),
    })),
    open,
    owed,
    samples,
    next: nextCommand(slot, view, sight, open, owed),
  };
}

/** Features that its version is known to lack; null: its version is not known. */
function lacksOf(
  state: InstanceState | undefined,
  capabilities: DetailParts['capabilities'],
): readonly string[] | null {
  if (state?.version == null || capabilities === undefined) return null;
  return Object.entries(capabilities(state)).flatMap(([name, can]) => (can === false ? [name] : []));
}

function instanceDetail(
  instance: Instance,
  slot: Slot,
  sight: FleetSight,
  hosts: ReadonlyMap<string, Host>,
): InstanceDetail {
  const seen = sight.get(instance.host);
  const state = stateOf(sight, slot.slot, instance.host) ?? null;
  const channels =
    state === null
      ? []
      : state.channels.map((channel) => ({ channel, replica: replicaOf(channel, state, slot, sight) }));
  return {
    instance,
    directoryRole: instance.host === slot.master ? 'master' : 'replica',
    address: instance.address ?? hosts.get(instance.host)?.address ?? null,
    state,
    error:
      seen === undefined
        ? 'not asked'
        : seen.ok
          ? state === null
            ? 'its host says nothing of it'
            : null
          : seen.error.message,
    channels,
    malformedLines: state === null ? 0 : parseLaneFile(state.laneLines).malformed,
  };
}

/** The host of this slot that a log goes to; null: none. */
function replicaOf(
  channel: InstanceState['channels'][number],
  state: InstanceState,
  slot: Slot,
  sight: FleetSight,
): string | null {
  const others = slot.instances.filter((other) => other.host !== state.host);
  return (
    others.find((other) => channelTowards(state, other, sight.get(other.host)?.host, slot) === channel)
      ?.host ?? null
  );
}

/** What to do next about this slot. Only what this mailctl can do is offered. */
function nextCommand(
  slot: Slot,
  view: SlotView,
  sight: FleetSight,
  open: OpenLane | null,
  owed: readonly Owed[],
): SlotDetail['next'] {
  const say = (words: readonly string[], purpose = '') => ({
    command: formatCommand(['mailctl', ...words]),
    purpose,
  });
  if (open !== null) return openLaneCommand(slot, sight, open, say);
  if (view.strays[0] !== undefined)
    return say(['rejoin', view.strays[0]], 'stops its strays, brings their mail over');
  const reads = canEndReading(slot, sight);
  if (reads) return say(['rejoin', slot.slot], 'ends its reading: its master serves again');
  if (!view.master.reachable) return say(['failover', slot.master], 'all slots of a dead host at once');
  if (view.verdict === 'no-master') return say(['failover', slot.slot], 'to a replica');
  const back = owed.find(
    (one) => sight.get(one.host)?.ok === true && one.steps.some((step) => step !== END_OWED),
  );
  if (back !== undefined) return say(['rejoin', back.host], 'brings its mail over, makes it a copy again');
  if (view.replicas.length === 0) return say(['slots', 'export'], 'name a replica there and import it');
  return say(['failover', slot.slot, '--dry-run'], 'what a move would do now');
}

function openLaneCommand(
  slot: Slot,
  sight: FleetSight,
  open: OpenLane,
  say: (words: readonly string[], purpose?: string) => SlotDetail['next'],
): SlotDetail['next'] {
  const isHeld = slot.instances.some(({ host }) => {
    const state = stateOf(sight, slot.slot, host);
    return state?.lease?.run === open.run && state.lease.expires > state.at;
  });
  if (isHeld) return say(['runs', 'attach', open.run], `on ${open.bastion}, where it is held`);
  return say(['failover', slot.slot], `finishes what run ${open.run} began`);
}

/** A detail as `mailctl/slot-show/v1` carries it: the fields of `slots list`, and all the rest. */
export function slotDetailJson(detail: SlotDetail): object {
  const { slot, view, open, owed, samples, next } = detail;
  return {
    ...slotJson(view),
    state: slot.state,
    version: slot.version ?? null,
    strays: view.strays,
    instances: detail.instances.map(instanceJson),
    open_lane: open,
    owed_steps: owed.map((one) => ({
      host: one.host,
      steps: one.steps,
      run: one.run,
      at: one.at,
      last_alive: isoOf(one.lastAlive),
    })),
    samples: samples.map((sample) => ({
      seen_at: formatIso(sample.seenAt),
      observed_at: isoOf(sample.at),
      host: sample.host,
      role: sample.role,
      channel: sample.channel === '' ? null : sample.channel,
      running: sample.running,
      pending_events: sample.pendingEvents,
      lag_s: sample.channel === '' ? null : sampleLag(sample),
      quarantined_events: sample.quarantined,
      replicating: sample.replicating,
      problem: sample.problem,
    })),
    next: next.command,
  };
}

function instanceJson({
  instance,
  directoryRole,
  address,
  state,
  error,
  channels,
  malformedLines,
  lacks = null,
}: InstanceDetail): object {
  const lease = state?.lease;
  return {
    host: instance.host,
    instance: instance.instance,
    address,
    directory_role: directoryRole,
    reachable: state !== null,
    observed_at: isoOf(state?.at ?? null),
    running: state?.running ?? null,
    started: state?.started ?? null,
    role: state?.role ?? null,
    configured_role: state?.configuredRole ?? null,
    services: (state?.services ?? []).map((service) => ({
      name: service.name,
      kind: service.kind,
      address: service.address,
      port: service.port ?? null,
      listening: service.listening,
    })),
    logging: state?.logging ?? null,
    channels: channels.map(({ channel, replica }) => ({
      channel: channel.channel,
      replica,
      sync_host: channel.syncHost ?? null,
      pending: channel.pending,
      pending_events: channel.events,
      oldest_at: isoOf(channel.oldestBirth),
      client_alive: channel.clientAlive,
    })),
    quarantined:
      state === null
        ? null
        : {
            files: state.quarantined.files,
            events: state.quarantined.events,
            oldest_at: isoOf(state.quarantined.oldestBirth),
          },
    lease:
      state === null || lease?.run === undefined
        ? null
        : {
            run: lease.run,
            token: lease.token,
            operator: lease.operator,
            bastion: lease.bastion,
            from: lease.from,
            to: lease.to,
            phase: lease.phase,
            expires_at: isoOf(lease.expires),
            expires_in_s: lease.expires - state.at,
          },
    malformed_lane_lines: malformedLines,
    free_bytes: state?.freeBytes ?? null,
    version: state?.version ?? null,
    lacks,
    problem: state?.problem ?? null,
    error,
  };
}

/** Epoch seconds of a host, which may be anything, as ISO 8601 UTC. */
function isoOf(seconds: number | null): string | null {
  if (seconds === null || Math.abs(seconds) > 8.64e12) return null;
  return Number.isFinite(seconds) ? formatIso(seconds * 1000) : null;
}
