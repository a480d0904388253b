/**
 * The lab's network: a bridge on the machine (the bastion is the machine itself) and one veth pair per host.
 * Pulling a host's cable means setting the bridge's end of its pair down.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from './errors.js';
import { run } from './run.js';
import { bastionAddress, type HostName, hostAddress, instancesOn, type Lab, possibleHosts } from './spec.js';

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
  const delayMs = delayOf(lab, host);
  if (delayMs > 0) await layLongCable(host, pid, delayMs);
  else await ipBatch(['ip'], [`link add ${cable} type veth peer name eth0 netns ${pid}`]);
  await ipBatch(['ip'], [`link set ${cable} master ${bridge}`, `link set ${cable} up`]);
  const own = new Set(instancesOn(lab, host).map((instance) => instance.address));
  own.add(hostAddress[host]);
  await ipBatch(
    ['nsenter', '-t', String(pid), '-n', 'ip'],
    [
      'link set lo up',
      // As a card keeps its address: the others' ARP tables outlive a boot and a new cable.
      `link set eth0 address 02:00:00:00:00:${Number(hostAddress[host].split('.')[3]).toString(16)}`,
      ...[...own].map((address) => `addr add ${address}/24 dev eth0`),
      'link set eth0 up',
      `route add default via ${bastionAddress}`,
      // mx1 has no address in the second net, but must reach it.
      ...(lab.spec.layout === 'addresses' && host === 'mx1' ? ['route add 203.0.113.0/24 dev eth0'] : []),
    ],
  );
}

const delayScript = fileURLToPath(new URL('./hostfiles/delay.pl', import.meta.url));

/** Milliseconds by which a host's round trip is longer; kept beside its pid, so that a reboot changes nothing. */
function delayOf(lab: Lab, host: HostName): number {
  const file = path.join(lab.paths.run, `${host}.delay`);
  return fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0;
}

/** Moves a host far away: what goes to it takes `ms` longer; 0 brings it near again. Connections survive it. */
export async function setDelay(lab: Lab, host: HostName, ms: number, pid: number): Promise<void> {
  fs.writeFileSync(path.join(lab.paths.run, `${host}.delay`), String(ms));
  await plugIn(lab, host, pid);
}

// The process that hands packets over late ends with its devices, when the cable is cut or the host is gone.
async function layLongCable(host: HostName, pid: number, ms: number): Promise<void> {
  const words = ['perl', delayScript, String(pid), cableOf(host), 'eth0', String(ms)];
  const child = spawn('setsid', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('ready')) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('exit', () => reject(new LabError(`no long cable to ${host}: ${said.trim()}`)));
  });
  await ready;
  child.stdout.destroy();
  child.stderr.destroy();
  child.removeAllListeners('exit');
  child.unref();
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
  const found = [...possibleHosts.map(cableOf), bridge].filter(exists);
  for (const device of found) await run(['ip', 'link', 'del', device], { mayFail: true });
  return found.length > 0;
}

async function ipBatch(ip: readonly string[], lines: readonly string[]): Promise<void> {
  await run([...ip, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
