/**
 * Prepares the hosts' disks while the hosts are off: what a person would have installed and configured there.
 * A disk is a folder on the lab's tmpfs: `upper` (what differs from the machine's root), `srv`, `root`.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { machineAccount, writeAccounts } from './accounts.js';
import { cyrusConf, imapdConf } from './cyrus-files.js';
import { diskOf } from './host.js';
import { hostFile } from './hostfile.js';
import { layouts } from './layouts.js';
import { mtaFiles, mtaServices, unpackMta } from './mta.js';
import { writePostfix } from './mx-files.js';
import { secret } from './secrets.js';
import { roleTools, startScript } from './site-tools.js';
import {
  type HostName,
  hostAddress,
  hostsOf,
  type Instance,
  instancesOn,
  isMtaHost,
  type Lab,
  mailDomain,
  type Role,
  slotOf,
} from './spec.js';
import { type Home, writeSshd } from './ssh.js';

/** Writes one host's disk. `sasldb` is a file with all accounts, copied into every slot. */
export async function writeDisk(
  lab: Lab,
  host: HostName,
  sasldb: string,
  say: (line: string) => void,
): Promise<void> {
  const disk = (...parts: string[]) => diskOf(lab.paths, host, ...parts);
  for (const folder of ['upper', 'work', 'srv', 'mnt']) fs.mkdirSync(disk(folder), { recursive: true });
  fs.mkdirSync(disk('root'), { recursive: true, mode: 0o700 });
  const upper = disk('upper');
  if (isMtaHost(host)) await unpackMta(host, upper);
  fs.chmodSync(upper, 0o755);

  const { sshUser } = layouts[lab.spec.layout];
  const ids = writeAccounts(upper, [
    ...(host === 'mx1'
      ? [{ name: 'postfix', home: '/var/spool/postfix', shell: '/usr/sbin/nologin', groups: ['postdrop'] }]
      : []),
    ...(sshUser === 'root' ? [] : [{ name: sshUser, home: `/home/${sshUser}`, shell: '/bin/bash' }]),
  ]);
  const homes: Home[] = [{ folder: disk('root'), uid: 0, gid: 0 }];
  const user = ids.get(sshUser);
  if (user) {
    homes.push({ folder: path.join(upper, 'home', sshUser), ...user });
    put(upper, `etc/sudoers.d/${sshUser}`, `${sshUser} ALL=(ALL:ALL) NOPASSWD: ALL\n`, 0o440);
  }
  writeSshd(lab, host, upper, homes);

  put(upper, 'etc/hostname', `${host}\n`);
  put(upper, 'etc/machine-id', `${randomBytes(16).toString('hex')}\n`, 0o444);
  put(upper, 'etc/hosts', hostsFile(lab, host));
  put(upper, 'etc/resolv.conf', '');
  put(upper, 'etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n');
  put(upper, 'usr/local/sbin/lab-boot', hostFile('boot.sh'), 0o755);
  put(upper, 'usr/local/lib/lab/syslog.pl', hostFile('syslog.pl'));
  // The machine's logs and spools are not this host's.
  put(upper, 'var/log/syslog', '', 0o640);

  if (host === 'mx1') {
    await writePostfix(lab, upper, ids, say);
    return;
  }
  if (isMtaHost(host)) {
    put(upper, 'usr/local/sbin/lab-services', mtaServices(host), 0o755);
    for (const [file, text] of Object.entries(mtaFiles(lab, host))) put(upper, file, text);
    return;
  }
  put(upper, 'usr/local/sbin/lab-services', startScript(lab, host), 0o755);
  for (const [file, text] of Object.entries(roleTools(lab.spec.layout))) put(upper, file, text, 0o755);
  const cyrus = machineAccount('cyrus');
  for (const instance of instancesOn(lab, host)) writeInstance(lab, instance, sasldb, cyrus);
}

function put(root: string, file: string, text: string, mode = 0o644): void {
  const target = path.join(root, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text);
  fs.chmodSync(target, mode);
}

function hostsFile(lab: Lab, self: HostName): string {
  const lines = hostsOf(lab).map((host) => `${hostAddress[host]} ${host}.${mailDomain} ${host}`);
  return `127.0.0.1 localhost\n${lines.join('\n')}\n# this is ${self}\n`;
}

/** The role that the lab gives an instance when it comes up. */
export function firstRole(lab: Lab, instance: Instance): Role {
  return slotOf(lab, instance.slot).master === instance.host ? 'master' : 'replica';
}

function writeInstance(
  lab: Lab,
  instance: Instance,
  sasldb: string,
  owner: { uid: number; gid: number },
): void {
  const slot = slotOf(lab, instance.slot);
  const onDisk = (file: string) => srvFile(lab, instance, file);
  const own = (file: string) => fs.chownSync(file, owner.uid, owner.gid);
  // As Debian makes them. Cyrus does not make these two: without `db` it takes every start for the first after
  // a crash, without `socket` the children of a service cannot take turns in accepting connections.
  const inConfig = ['db', 'socket'].map((name) => `${instance.configDir}/${name}`);
  const folders = [instance.base, instance.configDir, ...inConfig, instance.spool];
  for (const folder of folders) {
    fs.mkdirSync(onDisk(folder), { recursive: true, mode: 0o755 });
    own(onDisk(folder));
  }
  for (const role of ['master', 'replica', 'readonly'] as const) {
    const files = instance.roleFiles[role];
    const password = secret(lab.paths, 'cyrus');
    writeOwned(onDisk(files.imapdConf), imapdConf(instance, slot, role, password), owner);
    writeOwned(onDisk(files.cyrusConf), cyrusConf(instance, slot, role), owner);
  }
  fs.mkdirSync(path.dirname(onDisk(instance.sasldb)), { recursive: true });
  fs.copyFileSync(sasldb, onDisk(instance.sasldb));
  own(onDisk(instance.sasldb));
  setRoleOnDisk(lab, instance, firstRole(lab, instance));
}

/** Gives an instance a role by its files, as the site's own tools do; it need not run. */
export function setRoleOnDisk(lab: Lab, instance: Instance, role: Role): void {
  const files = instance.roleFiles[role];
  if (lab.spec.layout === 'default') {
    const link = srvFile(lab, instance, `${instance.base}/role`);
    fs.rmSync(link, { force: true });
    fs.symlinkSync(`role.${role}`, link);
    return;
  }
  const cyrus = machineAccount('cyrus');
  for (const [from, to] of [
    [files.imapdConf, instance.imapdConf],
    [files.cyrusConf, instance.cyrusConf],
  ] as const) {
    writeOwned(srvFile(lab, instance, to), fs.readFileSync(srvFile(lab, instance, from), 'utf8'), cyrus);
  }
  fs.writeFileSync(srvFile(lab, instance, `${instance.base}/etc/role`), `${role}\n`);
}

/** The role that an instance is configured to start with. */
export function configuredRole(lab: Lab, instance: Instance): string {
  try {
    if (lab.spec.layout === 'default') {
      return fs.readlinkSync(srvFile(lab, instance, `${instance.base}/role`)).replace(/^role\./, '');
    }
    return fs.readFileSync(srvFile(lab, instance, `${instance.base}/etc/role`), 'utf8').trim();
  } catch {
    return 'none';
  }
}

/** A path below a host's /srv, as the machine reaches it, whether the host runs or not. */
export function srvFile(lab: Lab, instance: Instance, file: string): string {
  if (!file.startsWith('/srv/')) throw new Error(`not below /srv: ${file}`);
  return diskOf(lab.paths, instance.host, 'srv', file.slice('/srv/'.length));
}

function writeOwned(file: string, text: string, owner: { uid: number; gid: number }): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text, { mode: 0o640 });
  fs.chownSync(file, owner.uid, owner.gid);
}
