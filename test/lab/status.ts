/** Looks at the whole lab from outside: which hosts answer, and in which role each slot runs on each of them. */
import { configuredRole } from './disks.js';
import { initOf } from './host.js';
import { cableIsUp } from './network.js';
import { processesOf } from './proc.js';
import { type RunningRole, runningRole, syncLogs } from './slots.js';
import { type HostName, hostAddress, hostsOf, type Lab } from './spec.js';

export type HostState = 'up' | 'failed' | 'hung' | 'sshd hung' | 'off';

export interface InstanceStatus {
  readonly slot: string;
  readonly host: string;
  readonly running: RunningRole;
  /** The role that it would start with. */
  readonly configured: string;
  /** Lines that wait in its replication logs. */
  readonly pending: number;
}

export interface LabStatus {
  readonly hosts: readonly { host: HostName; address: string; states: readonly HostState[] }[];
  readonly instances: readonly InstanceStatus[];
}

/** The states of a host; more than one when it is broken in more than one way. */
export function hostStates(lab: Lab, host: HostName): HostState[] {
  const init = initOf(lab.paths, host);
  if (init === undefined) return ['off'];
  const states: HostState[] = cableIsUp(host) ? [] : ['failed'];
  const processes = processesOf(init);
  const sshd = processes.filter((one) => one.comm.startsWith('sshd'));
  if (processes.length > 0 && processes.every((one) => one.state === 'T')) states.push('hung');
  else if (sshd.some((one) => one.state === 'T')) states.push('sshd hung');
  return states.length > 0 ? states : ['up'];
}

/** The state of everything. */
export function status(lab: Lab): LabStatus {
  return {
    hosts: hostsOf(lab).map((host) => ({ host, address: hostAddress[host], states: hostStates(lab, host) })),
    instances: lab.slots.flatMap((slot) =>
      slot.instances.map((instance) => ({
        slot: slot.slot,
        host: instance.host,
        running: runningRole(lab, instance),
        configured: configuredRole(lab, instance),
        pending: syncLogs(lab, instance).reduce((sum, log) => sum + log.lines, 0),
      })),
    ),
  };
}

/** The status as text for a terminal. */
export function statusText(lab: Lab): string {
  const { hosts, instances } = status(lab);
  const lines = hosts.map(
    ({ host, address, states }) => `${host.padEnd(8)}${address.padEnd(15)}${states.join(', ')}`,
  );
  lines.push('');
  for (const { slot } of lab.slots) {
    const parts = instances
      .filter((one) => one.slot === slot)
      .map((one) => {
        const configured = one.running === one.configured ? '' : ` (configured: ${one.configured})`;
        const pending = one.pending === 0 ? '' : ` +${one.pending}`;
        return `${one.host} ${one.running}${configured}${pending}`;
      });
    lines.push(`${slot.padEnd(9)}${parts.join('   ')}`);
  }
  return `${lines.join('\n')}\n`;
}
