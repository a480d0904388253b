/** Keys and configuration for ssh from the bastion to the hosts; the machine's own are never touched. */
import fs from 'node:fs';
import path from 'node:path';
import { layouts } from './layouts.js';
import { run } from './run.js';
import { type HostName, hostAddress, hostsOf, type Lab } from './spec.js';

/** Debian's sshd_config without its comments, plus where the host's key is; all limits are the defaults. */
const sshdConfig = `HostKey /etc/ssh/lab_host_key
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
`;

/** Makes the operator's key and each host's, and writes known_hosts and ssh_config. */
export async function makeKeys(lab: Lab): Promise<void> {
  const { paths } = lab;
  fs.mkdirSync(paths.keys, { recursive: true, mode: 0o700 });
  const make = (name: string, comment: string) =>
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path.join(paths.keys, name)]);
  await Promise.all([make('operator', 'operator@lab'), ...hostsOf(lab).map((host) => make(host, host))]);
  const known = hostsOf(lab).map((host) => `${host},${hostAddress[host]} ${publicKey(lab, host)}`);
  fs.writeFileSync(paths.knownHosts, `${known.join('\n')}\n`, { mode: 0o600 });
  fs.writeFileSync(paths.sshConfig, sshConfig(lab), { mode: 0o600 });
}

function publicKey(lab: Lab, name: HostName | 'operator'): string {
  return fs.readFileSync(path.join(lab.paths.keys, `${name}.pub`), 'utf8').trim();
}

function sshConfig(lab: Lab): string {
  const { paths } = lab;
  const hosts = hostsOf(lab);
  const addresses = hosts.map((host) => `Host ${host}\n  HostName ${hostAddress[host]}\n`);
  return `${addresses.join('')}Host ${hosts.join(' ')}
  User ${layouts[lab.spec.layout].sshUser}
  IdentityFile ${path.join(paths.keys, 'operator')}
  IdentitiesOnly yes
  UserKnownHostsFile ${paths.knownHosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
`;
}

/** Puts a host's sshd configuration and key, and the operator's access, on its disk. */
export function writeSshd(lab: Lab, host: HostName, upper: string, homes: readonly Home[]): void {
  const etc = path.join(upper, 'etc/ssh');
  fs.mkdirSync(etc, { recursive: true });
  fs.writeFileSync(path.join(etc, 'sshd_config'), sshdConfig);
  fs.copyFileSync(path.join(lab.paths.keys, host), path.join(etc, 'lab_host_key'));
  fs.chmodSync(path.join(etc, 'lab_host_key'), 0o600);
  for (const home of homes) {
    const folder = path.join(home.folder, '.ssh');
    fs.mkdirSync(path.dirname(home.folder), { recursive: true });
    for (const own of [home.folder, folder]) if (!fs.existsSync(own)) fs.mkdirSync(own, { mode: 0o700 });
    fs.writeFileSync(path.join(folder, 'authorized_keys'), `${publicKey(lab, 'operator')}\n`, {
      mode: 0o600,
    });
    for (const file of [home.folder, folder, path.join(folder, 'authorized_keys')]) {
      fs.chownSync(file, home.uid, home.gid);
    }
  }
}

/** A home folder on a host's disk, as the machine sees it. */
export interface Home {
  readonly folder: string;
  readonly uid: number;
  readonly gid: number;
}
