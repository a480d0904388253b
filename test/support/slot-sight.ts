// What was seen of slots, made by hand: a slot of the directory, the state of an instance, a fleet of hosts that
// answered or did not. Defaults are a healthy slot on imap21 (master) and imap22 (replica).
import { type MailctlError, TransportError } from '../../src/errors.js';
import type { Host } from '../../src/fleet/host.js';
import type { ChannelState, InstanceState, Lease, Role } from '../../src/slot/driver.js';
import type { FleetSight, HostSight } from '../../src/slot/sight.js';
import type { Instance, Slot } from '../../src/slot/slot.js';

/** The moment of all sights, epoch seconds: 2026-03-12T04:28:00Z. */
export const NOW_S = Date.parse('2026-03-12T04:28:00Z') / 1000;

export function host(name: string, more: Partial<Host> = {}): Host {
  return { name, transport: 'ssh', groups: [], ...more };
}

export function instance(slot: string, on: string, more: Partial<Instance> = {}): Instance {
  return { slot, host: on, instance: slot, address: undefined, ...more };
}

/** A slot as the directory has it; the first host is its master. */
export function slotOn(
  slot: string,
  hosts: readonly string[] = ['imap21', 'imap22'],
  more: Partial<Slot> = {},
): Slot {
  return {
    slot,
    master: hosts[0] ?? '',
    state: 'normal',
    version: 1,
    instances: hosts.map((each) => instance(slot, each)),
    ...more,
  };
}

export function channel(more: Partial<ChannelState> = {}): ChannelState {
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

export function lease(more: Partial<Lease> = {}): Lease {
  return {
    token: 7,
    run: '3b1c',
    operator: 'eve',
    bastion: 'bastion2',
    from: 'imap21',
    to: 'imap22',
    phase: 'prepare',
    expires: NOW_S + 40,
    ...more,
  };
}

/** An instance that runs in a role; `more` says what differs. */
export function state(
  slot: string,
  on: string,
  role: Role,
  more: Partial<InstanceState> = {},
): InstanceState {
  return {
    slot,
    host: on,
    instance: slot,
    at: NOW_S,
    running: true,
    started: true,
    role,
    configuredRole: role,
    services: [],
    channels: role === 'master' ? [channel()] : [],
    logging: true,
    quarantined: { files: 0, events: 0, oldestBirth: null },
    lease: null,
    laneLines: [],
    freeBytes: 1e12,
    problem: null,
    ...more,
  };
}

/** A stopped instance with the role that it would come up in. */
export function stopped(
  slot: string,
  on: string,
  configuredRole: Role,
  more: Partial<InstanceState> = {},
): InstanceState {
  return state(slot, on, configuredRole, { running: false, started: false, role: null, ...more });
}

export function silence(name: string): TransportError {
  return new TransportError(name, 'unreachable', `${name} does not answer (5 s)`);
}

/** What hosts answered: their states, or the error. */
export function sightOf(hosts: {
  readonly [name: string]: readonly InstanceState[] | MailctlError;
}): FleetSight {
  return new Map(
    Object.entries(hosts).map(([name, seen]): [string, HostSight] =>
      seen instanceof Error
        ? [name, { host: host(name), ok: false, error: seen }]
        : [name, { host: host(name), ok: true, states: new Map(seen.map((one) => [one.slot, one])) }],
    ),
  );
}
