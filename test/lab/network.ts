/**
 * The lab's network: a bridge on the machine (the bastion is the machine itself) and one veth pair per host.
 * Pulling a host's cable means setting the bridge's end of its pair down.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { run } from './run.js';
import { bastionAddress, type HostName, hostAddress, hostNames, instancesOn, type Lab } from './spec.js';

const bridge = 'mclab0';
/** In the second layout instances have addresses of their own, from TEST-NET-3. */
const bastionSecondAddress = '203.0.113.254';

function cableOf(host: HostName): string {
  return `mclab-${host}`;
}

/** /proc tells of our own network namespace; /sys tells of that which mounted it. */
function exists(device: string): boolean {
  const devices = fs.readFileSync('/proc/self/net/dev', 'latin1').split('\n');
  return devices.some((line) => line.trim().startsWith(`${device}:`));
}

/** Makes the bridge and gives the bastion its addresses. */
export async function makeNetwork(lab: Lab): Promise<void> {
  const lines = [`link add ${bridge} type bridge`, `addr add ${bastionAddress}/24 dev ${bridge}`];
  if (lab.spec.layout === 'addresses') lines.push(`addr add ${bastionSecondAddress}/24 dev ${bridge}`);
  await ipBatch(['ip'], [...lines, `link set ${bridge} up`]);
}

/** Connects a host that has just been powered on. */
export async function plugIn(lab: Lab, host: HostName, pid: number): Promise<void> {
  const cable = cableOf(host);
  await cutCable(host);
  await ipBatch(
    ['ip'],
    [
      `link add ${cable} type veth peer name eth0 netns ${pid}`,
      `link set ${cable} master ${bridge}`,
      `link set ${cable} up`,
    ],
  );
  const own = new Set(instancesOn(lab, host).map((instance) => instance.address));
  own.add(hostAddress[host]);
  await ipBatch(
    ['nsenter', '-t', String(pid), '-n', 'ip'],
    [
      'link set lo up',
      ...[...own].map((address) => `addr add ${address}/24 dev eth0`),
      'link set eth0 up',
      `route add default via ${bastionAddress}`,
      // mx1 has no address in the second net, but must reach it.
      ...(lab.spec.layout === 'addresses' && host === 'mx1' ? ['route add 203.0.113.0/24 dev eth0'] : []),
    ],
  );
}

/** Takes a host's cable away altogether. */
export async function cutCable(host: HostName): Promise<void> {
  if (exists(cableOf(host))) await run(['ip', 'link', 'del', cableOf(host)], { mayFail: true });
}

/** Pulls a host's cable out of the switch, or puts it back: packets are dropped, nobody is told. */
export async function setCable(host: HostName, state: 'up' | 'down'): Promise<void> {
  await run(['ip', 'link', 'set', cableOf(host), state]);
}

/** Is the host's cable in? False also for a host that is off. */
export function cableIsUp(host: HostName): boolean {
  const shown = spawnSync('ip', ['-o', 'link', 'show', 'dev', cableOf(host)], { encoding: 'latin1' });
  return /[<,]UP[,>]/.test(shown.stdout);
}

/** Takes away all devices of a lab; true when there was one. */
export async function removeNetwork(): Promise<boolean> {
  const found = [...hostNames.map(cableOf), bridge].filter(exists);
  for (const device of found) await run(['ip', 'link', 'del', device], { mayFail: true });
  return found.length > 0;
}

async function ipBatch(ip: readonly string[], lines: readonly string[]): Promise<void> {
  await run([...ip, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
