// Plans that tend replication and move nothing: a blocked log set aside and sorted, a quarantined file sent again,
// users sent whole. One lane a slot, on its running master, under its lease. Pure.
import type { Json, Lane } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import { blockedChannel, whyNotBlocked } from './blocked.js';
import { channelTowards } from './freshness.js';
import { TENDING } from './lane-record.js';
import { hostedParams, instanceParams, leaseStep } from './lane-steps.js';
import type { QuarantineFile } from './quarantine.js';
import type { ReplicationLook } from './replication-look.js';
import { type FleetSight, isMaster, openLaneOf, stateOf } from './sight.js';
import { type Instance, instanceOn, type Slot } from './slot.js';

/** Kinds of these plans. */
export const TENDING_KINDS: ReadonlySet<string> = new Set(['quarantine', 'retry', 'repair']);

/** A slot of which nothing is done, and why. `busy`: another run has it. */
export interface NotTended {
  readonly slot: string;
  readonly reason: string;
  readonly busy: boolean;
  /** The run that holds it; absent: none does. */
  readonly heldBy?: string;
}

/** What stands in the way of any of these plans on a slot; null: nothing. */
export function whyNotTended(slot: Slot, sight: FleetSight, takeOver: ReadonlySet<string>): NotTended | null {
  const no = (reason: string, busy = false): NotTended => ({ slot: slot.slot, reason, busy });
  const seen = sight.get(slot.master);
  if (seen !== undefined && !seen.ok) return no(seen.error.message);
  const state = stateOf(sight, slot.slot, slot.master);
  if (state === undefined) return no(`${slot.master} was not seen`);
  if (!isMaster(state)) return no(`it does not run as master on ${slot.master}, where the directory has it`);
  const { lease } = state;
  if (lease?.run !== undefined && lease.expires >= state.at && !takeOver.has(lease.run)) {
    const left = lease.expires - state.at;
    const holder = `run ${lease.run} of ${lease.operator} on ${lease.bastion}`;
    return { ...no(`${holder} holds it (lease for another ${left} s)`, true), heldBy: lease.run };
  }
  const open = openLaneOf(sight, slot);
  if (open !== null)
    return no(`run ${open.run} was not finished there: mailctl failover ${slot.slot} goes on with it`);
  return null;
}

/** A channel to be set aside. */
export interface BlockedLog {
  readonly channel: string;
  /** Empty: not known. */
  readonly replica: string;
  readonly events: number;
  readonly users: readonly string[];
  readonly birth: number | null;
  readonly birthBy: string;
  readonly why: string;
}

/** The blocked logs of a slot's master, towards one replica or all; and why the others are not. */
export function blockedLogs(
  slot: Slot,
  look: ReplicationLook,
  sight: FleetSight,
  busyS: number,
  replica?: string,
): { readonly blocked: readonly BlockedLog[]; readonly others: readonly string[] } {
  const state = stateOf(sight, slot.slot, slot.master);
  const hostOf = (channel: string): string => {
    const found = slot.instances.find(
      (instance) =>
        instance.host !== slot.master &&
        state !== undefined &&
        channelTowards(state, instance, sight.get(instance.host)?.host, slot)?.channel === channel,
    );
    return found?.host ?? '';
  };
  const blocked: BlockedLog[] = [];
  const others: string[] = [];
  for (const channel of look.channels) {
    const host = hostOf(channel.channel);
    if (replica !== undefined && host !== replica) continue;
    const why = blockedChannel(channel, look.at, busyS);
    if (why === null) {
      others.push(
        `${host === '' ? channel.channel || 'the log' : `towards ${host}`}: ${whyNotBlocked(channel)}`,
      );
      continue;
    }
    blocked.push({
      channel: channel.channel,
      replica: host,
      events: channel.events,
      users: channel.pending.users.map(({ user }) => user),
      birth: channel.oldestBirth,
      birthBy: channel.birthBy ?? '',
      why,
    });
  }
  return { blocked, others };
}

/** What all lanes of a plan carry. */
export interface TendParts {
  /** The run's id: names of files come from it. */
  readonly run: string;
  readonly reason: string | undefined;
  /** Who looks after what is kept, by the configuration. */
  readonly owner: string | undefined;
}

function lane(
  slot: Slot,
  facts: { readonly [key: string]: Json },
  steps: (shared: { readonly [key: string]: Json }) => readonly Step[],
): Lane {
  const master = instanceOn(slot, slot.master) as Instance;
  const shared = { ...instanceParams(master), from: slot.master, to: slot.master, way: TENDING };
  const { host } = master;
  return {
    id: slot.slot,
    facts: { ...facts, from: host, to: host },
    steps: [
      leaseStep(master, shared),
      ...steps(shared),
      {
        id: 'return-lease',
        action: 'slot.return-lease',
        host,
        phase: 'settle',
        title: `give the lease of ${slot.slot} back`,
        params: shared,
      },
    ],
  };
}

/** Sets blocked logs aside and sorts them. */
export function planQuarantine(slot: Slot, logs: readonly BlockedLog[], parts: TendParts): Lane {
  return lane(
    slot,
    { kind: 'quarantine', events: logs.reduce((sum, log) => sum + log.events, 0) },
    (shared) =>
      logs.flatMap((log): readonly Step[] => {
        const name = log.channel === '' ? 'log' : log.channel;
        const towards = log.replica === '' ? name : log.replica;
        const params = {
          ...shared,
          channel: log.channel,
          replica: log.replica,
          file: `${parts.run}.${name}`,
          birth: log.birth,
          birthBy: log.birthBy,
          reason: parts.reason ?? null,
          owner: parts.owner ?? null,
        };
        const base = { host: slot.master, phase: 'settle' as const };
        return [
          {
            ...base,
            id: `aside-${name}`,
            action: 'slot.set-aside',
            title: `set aside what blocks ${slot.slot} towards ${towards}`,
            params,
          },
          {
            ...base,
            id: `sort-${name}`,
            action: 'slot.sort-events',
            title: 'send what can be sent of it, keep the rest',
            params: { ...params, tries: 0, again: true },
          },
        ];
      }),
  );
}

/** Sends quarantined files again. */
export function planRetry(slot: Slot, files: readonly QuarantineFile[], parts: TendParts): Lane {
  return lane(slot, { kind: 'retry', events: files.reduce((sum, file) => sum + file.events, 0) }, (shared) =>
    files.map(
      (file, index): Step => ({
        id: `retry-${index + 1}`,
        action: 'slot.sort-events',
        host: slot.master,
        phase: 'settle',
        title: `send ${file.events} events of ${file.file} again`,
        params: {
          ...shared,
          channel: file.note?.channel ?? '',
          replica: file.note?.replica ?? '',
          file: file.file,
          birth: file.birth,
          birthBy: '',
          tries: file.note?.tries ?? 0,
          reason: parts.reason ?? null,
          owner: file.note?.owner ?? parts.owner ?? null,
        },
      }),
    ),
  );
}

/** Sends users whole to one replica. */
export function planRepair(
  slot: Slot,
  copies: readonly {
    readonly replica: string;
    readonly channel: string;
    readonly users: readonly string[];
  }[],
): Lane {
  return lane(slot, { kind: 'repair', users: copies.flatMap(({ users }) => [...users]) }, (shared) =>
    copies.map(({ replica, channel, users }): Step => {
      const instance = instanceOn(slot, replica) as Instance;
      return {
        id: `send-${replica}`,
        action: 'slot.send-owners',
        host: slot.master,
        phase: 'settle',
        title: `send ${users.length} ${users.length === 1 ? 'user' : 'users'} of ${slot.slot} whole to ${replica}`,
        params: { ...shared, channel, users: [...users], replica: hostedParams(instance) },
      };
    }),
  );
}
