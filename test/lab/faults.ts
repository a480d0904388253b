/**
 * Breaks hosts and slots the way they break in real life, and mends them. Nothing is remembered here: what is
 * broken can be seen from the outside, and `status` looks.
 */
import fs from 'node:fs';
import path from 'node:path';
import { machineAccount } from './accounts.js';
import { cyrusConf, syncFolders } from './cyrus-files.js';
import { type Accepted, deliver, waitDelivered } from './deliveries.js';
import { configuredRole, srvFile } from './disks.js';
import { LabError } from './errors.js';
import { bootServices, powerOff, powerOn, runningInit } from './host.js';
import { setCable, setDelay } from './network.js';
import { processesOf, signal } from './proc.js';
import { waitUntil } from './run.js';
import { masterOf, processesOfInstance, runningRole } from './slots.js';
import {
  type HostName,
  type Instance,
  instanceOf,
  instancesOn,
  type Lab,
  type StoreHost,
  slotOf,
} from './spec.js';

/** Takes a host off the network: packets to it are dropped, nobody is told. Its processes go on. */
export async function fail(lab: Lab, host: HostName): Promise<void> {
  runningInit(lab.paths, host);
  await setCable(host, 'down');
}

/** Moves a host far away: its round trip takes `ms` longer, also after a reboot. 0: near again. */
export async function delay(lab: Lab, host: HostName, ms: number): Promise<void> {
  await setDelay(lab, host, ms, runningInit(lab.paths, host));
}

/**
 * Makes a host hang: its kernel still accepts connections, nobody answers them. With `sshdOnly` the rest of
 * the host goes on serving.
 */
export async function hang(lab: Lab, host: HostName, options: { sshdOnly?: boolean } = {}): Promise<void> {
  const init = runningInit(lab.paths, host);
  const awake = () =>
    processesOf(init).filter(
      (one) => one.state !== 'T' && (!options.sshdOnly || one.comm.startsWith('sshd')),
    );
  // A process may fork between the look and the signal: look again until there is nothing left.
  const quiet = await waitUntil(() => {
    const found = awake();
    for (const one of found) signal(one.pid, 'SIGSTOP');
    return found.length === 0;
  }, 10_000);
  if (!quiet) throw new LabError(`${host} does not hold still`);
}

/**
 * Brings a host back: its cable is plugged in and its processes go on where they stood. With `boot` it is a
 * power cycle: everything that ran is gone, its slots start as they are configured.
 */
export async function returnHost(lab: Lab, host: HostName, options: { boot?: boolean } = {}): Promise<void> {
  if (options.boot) {
    await powerOff(lab, host);
    await powerOn(lab, host);
    await bootServices(lab, host);
    const settled = (one: Instance) => !['starting', 'stopped'].includes(runningRole(lab, one));
    // A slot that cannot start is the test's business, not an error here.
    await waitUntil(() => instancesOn(lab, host).every(settled), 10_000, 50);
    return;
  }
  const init = runningInit(lab.paths, host);
  for (const one of processesOf(init)) if (one.state === 'T') signal(one.pid, 'SIGCONT');
  await setCable(host, 'up');
}

/** Kills a slot's whole process group at once; by default the one that runs as master. Answers the host. */
export async function crash(lab: Lab, slot: string, host?: string): Promise<string> {
  const instance = host === undefined ? runningMaster(lab, slot) : instanceOf(lab, slot, host);
  const master = masterOf(lab, instance);
  if (!master) throw new LabError(`${slot} does not run on ${instance.host}`);
  // The master first: it would start its children again.
  signal(master.pid, 'SIGKILL');
  const init = runningInit(lab.paths, instance.host);
  const gone = await waitUntil(() => {
    const left = processesOf(init).filter((one) => one.group === master.group);
    for (const one of left) signal(one.pid, 'SIGKILL');
    return left.length === 0;
  }, 10_000);
  if (!gone) throw new LabError(`${slot} on ${instance.host} does not die`);
  return instance.host;
}

/** The instance of a slot that runs as master; throws unless there is exactly one. */
export function runningMaster(lab: Lab, slot: string): Instance {
  const masters = slotOf(lab, slot).instances.filter((one) => runningRole(lab, one) === 'master');
  const [only] = masters;
  if (!only || masters.length > 1) {
    throw new LabError(`${slot} has ${masters.length} running masters: name a host`);
  }
  return only;
}

/**
 * Stops a slot's replication while IMAP and LMTP go on, then delivers messages, so that its log holds events.
 * It stays so through restarts of the slot, until `unlag`. `towards`: only the channel to that replica, of two.
 */
export async function lag(
  lab: Lab,
  slot: string,
  options: { messages?: number; user?: string; towards?: StoreHost } = {},
): Promise<readonly Accepted[]> {
  const master = runningMaster(lab, slot);
  const { towards } = options;
  const others = slotOf(lab, slot).instances.map(({ host }) => host);
  const replicating = towards === undefined ? [] : others.filter((host) => host !== towards);
  writeCyrusConf(lab, master, { replicating });
  hangUp(lab, master);
  // Its own way out: without the line in cyrus.conf nobody starts it again.
  const cyrus = machineAccount('cyrus');
  const files = syncFolders(master, slotOf(lab, slot))
    .filter((folder) => towards === undefined || folder.endsWith(`/${towards}`))
    .map((folder) => path.join(srvFile(lab, master, folder), 'shutdown'));
  for (const file of files) {
    // sync_client removes it as soon as it sees it: it is there with its owner, or not at all.
    fs.writeFileSync(`${file}.new`, '');
    fs.chownSync(`${file}.new`, cyrus.uid, cyrus.gid);
    fs.renameSync(`${file}.new`, file);
  }
  const clients = () =>
    syncClients(lab, master).filter(({ argv }) => towards === undefined || argv.includes(towards));
  const stopped = await waitUntil(() => clients().length === 0, 15_000);
  for (const file of files) fs.rmSync(file, { force: true });
  if (!stopped) throw new LabError(`${slot}: its sync_client does not stop`);
  const accepted = await deliver(lab, slot, options.user ?? 'ann', options.messages ?? 3);
  const missing = await waitDelivered(lab, accepted);
  if (missing.length > 0) throw new LabError(`${slot}: ${missing.length} messages did not arrive`);
  return accepted;
}

/** Lets a slot replicate again, wherever it is master by now. */
export async function unlag(lab: Lab, slot: string): Promise<void> {
  for (const instance of slotOf(lab, slot).instances) {
    writeCyrusConf(lab, instance, { replicating: true });
    if (runningRole(lab, instance) !== 'master') continue;
    hangUp(lab, instance);
    if (!(await waitUntil(() => syncClients(lab, instance).length > 0, 10_000))) {
      throw new LabError(`${slot} on ${instance.host}: no sync_client came`);
    }
  }
}

function syncClients(lab: Lab, instance: Instance) {
  return processesOfInstance(lab, instance).filter((one) => one.comm === 'sync_client');
}

/** Makes a slot's master read its cyrus.conf again. */
function hangUp(lab: Lab, instance: Instance): void {
  const master = masterOf(lab, instance);
  if (master) signal(master.pid, 'SIGHUP');
}

function writeCyrusConf(
  lab: Lab,
  instance: Instance,
  options: { readonly replicating: boolean | readonly StoreHost[] },
): void {
  const text = cyrusConf(instance, slotOf(lab, instance.slot), 'master', options);
  const cyrus = machineAccount('cyrus');
  const files = new Set([instance.roleFiles.master.cyrusConf]);
  // Where the role is a copy and not a link, the copy in use has to follow.
  if (configuredRole(lab, instance) === 'master') files.add(instance.cyrusConf);
  for (const file of [...files].map((one) => fs.realpathSync(srvFile(lab, instance, one)))) {
    fs.writeFileSync(`${file}.new`, text, { mode: 0o640 });
    fs.chownSync(`${file}.new`, cyrus.uid, cyrus.gid);
    fs.renameSync(`${file}.new`, file);
  }
}
