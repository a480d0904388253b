// Slots, instances and what was seen of them, for tests of judging and showing: store1 on imap21 (master) and
// imap22 (replica), both well, with whatever a test says otherwise.
import { TransportError } from '../../src/errors.js';
import type { ChannelState, InstanceState } from '../../src/slot/driver.js';
import type { Sample } from '../../src/slot/samples.js';
import type { FleetSight, HostSight } from '../../src/slot/sight.js';
import type { Slot } from '../../src/slot/slot.js';

/** 2026-03-12T04:20:11Z, epoch seconds. */
export const AT = Date.parse('2026-03-12T04:20:11Z') / 1000;

/** store1, or one of that shape. */
export function slotOf(slot = 'store1', hosts: readonly string[] = ['imap21', 'imap22']): Slot {
  return {
    slot,
    master: hosts[0] ?? 'imap21',
    state: 'normal',
    version: 1,
    instances: hosts.map((host) => ({ slot, host, instance: slot, address: undefined })),
  };
}

/** A log towards imap22 with nothing in it. */
export function channelOf(more: Partial<ChannelState> = {}): ChannelState {
  return {
    channel: '',
    syncHost: 'imap22',
    pending: false,
    events: 0,
    oldestBirth: null,
    clientAlive: true,
    ...more,
  };
}

/** An instance that is well. */
export function stateFor(
  host: string,
  role: 'master' | 'replica',
  more: Partial<InstanceState> = {},
): InstanceState {
  return {
    slot: 'store1',
    host,
    instance: 'store1',
    at: AT,
    running: true,
    started: true,
    role,
    configuredRole: role,
    services:
      role === 'master'
        ? [
            { name: 'imap', kind: 'imap', address: '192.0.2.21', port: 143, listening: true },
            { name: 'lmtp', kind: 'lmtp', address: '192.0.2.21', port: 24, listening: true },
          ]
        : [{ name: 'sync', kind: 'sync', address: '192.0.2.22', port: 2005, listening: true }],
    channels: role === 'master' ? [channelOf()] : [],
    logging: true,
    quarantined: { files: 0, events: 0, oldestBirth: null },
    lease: null,
    laneLines: [],
    freeBytes: 44_239_847_424,
    problem: null,
    ...more,
  };
}

/** What was seen; a host without states did not answer. */
export function sightOf(hosts: {
  readonly [host: string]: readonly InstanceState[] | undefined;
}): FleetSight {
  return new Map(
    Object.entries(hosts).map(([name, states]): [string, HostSight] => {
      const host = { name, transport: 'ssh' as const, groups: [] };
      return states === undefined
        ? [
            name,
            { host, ok: false, error: new TransportError(name, 'hung', `${name}: no ssh banner in 5 s`) },
          ]
        : [name, { host, ok: true, states: new Map(states.map((state) => [state.slot, state])) }];
    }),
  );
}

/** A stored observation of imap21's log towards imap22, empty. */
export function sampleOf(more: Partial<Sample> = {}): Sample {
  return {
    slot: 'store1',
    host: 'imap21',
    role: 'master',
    channel: 'imap22',
    at: AT - 60,
    seenAt: (AT - 60) * 1000,
    pendingEvents: 0,
    oldestBirth: null,
    quarantined: 0,
    running: true,
    replicating: true,
    problem: null,
    ...more,
  };
}
