/** Looks at the slots from outside (files, processes, sockets), and gives them their first mailboxes. */
import fs from 'node:fs';
import path from 'node:path';
import { syncFolders } from './cyrus-files.js';
import { srvFile } from './disks.js';
import { LabError } from './errors.js';
import { diskOf, initOf } from './host.js';
import { ImapSession } from './imap.js';
import { listeningIn, type Process, processesOf } from './proc.js';
import { waitUntil } from './run.js';
import { secret } from './secrets.js';
import { type HostName, type Instance, instanceOf, type Lab, type SlotSpec, users } from './spec.js';

/** What an instance is seen to be: by its sockets, since its files can be changed under it. */
export type RunningRole = 'master' | 'replica' | 'readonly' | 'starting' | 'stopped';

/** The role that an instance is running in now. */
export function runningRole(lab: Lab, instance: Instance): RunningRole {
  const init = initOf(lab.paths, instance.host);
  if (init === undefined || !masterOf(lab, instance)) return 'stopped';
  const open = listeningIn(init);
  if (open.has(`${instance.address}:${instance.csyncPort}`)) return 'replica';
  if (!open.has(`${instance.address}:${instance.imapPort}`)) return 'starting';
  return open.has(`${instance.address}:${instance.lmtpPort}`) ? 'master' : 'readonly';
}

/** The running cyrmaster of an instance. */
export function masterOf(lab: Lab, instance: Instance): Process | undefined {
  const init = initOf(lab.paths, instance.host);
  if (init === undefined) return undefined;
  return processesOf(init).find(
    (one) => one.argv[0]?.endsWith('cyrmaster') && one.argv.includes(instance.imapdConf),
  );
}

/** All processes of a running instance: its master's process group. A tool somebody runs by hand is not in it. */
export function processesOfInstance(lab: Lab, instance: Instance): Process[] {
  const init = initOf(lab.paths, instance.host);
  const master = masterOf(lab, instance);
  if (init === undefined || master === undefined) return [];
  return processesOf(init).filter((one) => one.group === master.group);
}

/** The replication logs that an instance has: path as the machine sees it, size, birth (seconds). */
export function syncLogs(lab: Lab, instance: Instance): { file: string; lines: number; birth: number }[] {
  const slot = lab.slots.find((one) => one.slot === instance.slot) as SlotSpec;
  return syncFolders(instance, slot).flatMap((folder) =>
    ['log-run', 'log'].flatMap((name) => {
      const file = path.join(srvFile(lab, instance, folder), name);
      try {
        const { birthtimeMs } = fs.statSync(file);
        const lines = fs.readFileSync(file, 'latin1').split('\n').length - 1;
        return [{ file, lines, birth: birthtimeMs / 1000 }];
      } catch {
        return [];
      }
    }),
  );
}

/** Creates the users' mailboxes on a slot's master. */
export async function createMailboxes(lab: Lab, slot: SlotSpec): Promise<void> {
  const master = instanceOf(lab, slot.slot, slot.master);
  const session = await ImapSession.open(master.address, master.imapPort);
  try {
    await session.command(`LOGIN cyrus ${secret(lab.paths, 'cyrus')}`);
    for (const user of users) await session.command(`CREATE user/${user}`);
  } finally {
    session.close();
  }
}

/** Waits until nothing is left to replicate and every replica has every mailbox. */
export async function waitReplicated(lab: Lab, slot: SlotSpec, timeoutMs = 30_000): Promise<void> {
  const master = instanceOf(lab, slot.slot, slot.master);
  const complete = () =>
    syncLogs(lab, master).length === 0 &&
    slot.replicas.every((host) => countMailboxes(lab, instanceOf(lab, slot.slot, host)) >= users.length);
  if (!(await waitUntil(complete, timeoutMs, 50))) {
    const log = syslogTail(lab, slot.master);
    throw new LabError(`${slot.slot}: not replicated after ${timeoutMs / 1000} s\n${log}`);
  }
}

/** The last lines of a host's syslog: Cyrus says why something failed only there. */
export function syslogTail(lab: Lab, host: HostName, lines = 20): string {
  const file = diskOf(lab.paths, host, 'upper/var/log/syslog');
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  return [`${host}:/var/log/syslog`, ...text.trimEnd().split('\n').slice(-lines)].join('\n  ');
}

function countMailboxes(lab: Lab, instance: Instance): number {
  const spool = srvFile(lab, instance, instance.spool);
  return fs.readdirSync(spool, { recursive: true }).filter((name) => String(name).endsWith('cyrus.index'))
    .length;
}
