/**
 * Mail servers other than mx1's, each on a lab host of its own: Debian's MTAs exclude one another, so each is
 * installed for good into its host's own root and nowhere else. What an installation adds to the machine's root is
 * kept in /var/cache/mailctl-lab for the next lab, as long as the machine's packages are the same.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from './errors.js';
import { hostFile } from './hostfile.js';
import { aptUpdate } from './packages.js';
import { run } from './run.js';
import { hostAddress, type Lab, type MtaHost, type MtaName, mailDomain, mtaOf } from './spec.js';

interface Mta {
  readonly packages: readonly string[];
  /** What starts at boot, after sshd. */
  readonly services: string;
  /** Files that differ from what the package brings. */
  files(lab: Lab): Readonly<Record<string, string>>;
}

const mtas: Readonly<Record<MtaName, Mta>> = {
  exim: {
    packages: ['exim4-daemon-light'],
    services: '/usr/sbin/exim4 -bd -q30m',
    files: () => ({ 'etc/exim4/exim4.conf': eximConf() }),
  },
  // Its `mailman start` wants a postmap.
  mailman3: { packages: ['mailman3', 'postfix'], services: ':', files: () => ({}) },
  opensmtpd: { packages: ['opensmtpd'], services: ':', files: () => ({}) },
  sendmail: { packages: ['sendmail-bin'], services: ':', files: () => ({}) },
};

/** Where a mail server that the lab does not have is imitated: the bastion, on this port. */
export const RECEIVER_PORT = 2525;

/** Everything but our own domain goes to the bastion, where a test may answer or not. */
function eximConf(): string {
  return `primary_hostname = exim1.${mailDomain}
acl_smtp_rcpt = accept
log_file_path = /var/log/exim4/%slog
timezone = UTC
keep_environment =
trusted_users = mail
never_users =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
ignore_bounce_errors_after = 2d
timeout_frozen_after = 0s
begin routers
inside:
  driver = manualroute
  domains = *.${mailDomain} : ${mailDomain}
  route_list = * ${hostAddress.mx1}
  transport = smtp
outside:
  driver = manualroute
  route_list = * 198.51.100.1
  self = send
  transport = far
begin transports
smtp:
  driver = smtp
far:
  driver = smtp
  port = ${RECEIVER_PORT}
  connect_timeout = 2s
  hosts_try_chunking =
  hosts_avoid_tls = *
begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = true
  server_set_id = $auth2
`;
}

const cache = '/var/cache/mailctl-lab';
const script = fileURLToPath(new URL('./hostfiles/mta-image.sh', import.meta.url));

/** Has the installed root of each of these ready, so that `up` only unpacks it. */
export async function ensureMtas(names: readonly MtaName[], say: (line: string) => void): Promise<void> {
  for (const name of names) if (!fs.existsSync(imageOf(name))) await makeImage(name, say);
}

/** The file with what the packages add to this machine's root. */
function imageOf(name: MtaName): string {
  const state = fs.readFileSync('/var/lib/dpkg/status');
  const key = createHash('sha256').update(state).update(mtas[name].packages.join(' '));
  key.update(hostFile('mta-image.sh'));
  return path.join(cache, `${name}-${key.digest('hex').slice(0, 16)}.tar`);
}

async function makeImage(name: MtaName, say: (line: string) => void): Promise<void> {
  fs.mkdirSync(cache, { recursive: true, mode: 0o700 });
  const { packages } = mtas[name];
  const image = imageOf(name);
  const make = () =>
    run(['unshare', '--mount', '--propagation', 'private', 'sh', script, image, ...packages], {
      timeoutMs: 600_000,
      mayFail: true,
    });
  say(`installing into a root of its own, not here: ${packages.join(' ')}`);
  let made = await make();
  if (made.code !== 0) {
    await download(packages, say);
    made = await make();
  }
  if (made.code !== 0)
    throw new LabError(`${packages.join(' ')}: ${made.stdout}\n${made.stderr}`.slice(-3000));
  for (const file of fs.readdirSync(cache)) {
    const old = path.join(cache, file);
    if (file.startsWith(`${name}-`) && old !== image) fs.rmSync(old, { force: true });
  }
}

/** Brings the packages into apt's cache. Nothing is installed, nothing removed. */
async function download(packages: readonly string[], say: (line: string) => void): Promise<void> {
  say(`downloading (apt-get install --download-only): ${packages.join(' ')}`);
  const command = [
    'apt-get',
    'install',
    '--download-only',
    '--no-install-recommends',
    '-y',
    '-q',
    ...packages,
  ];
  const options = { timeoutMs: 600_000, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  if ((await run(command, { ...options, mayFail: true })).code === 0) return;
  await aptUpdate(say);
  await run(command, options);
}

/** Unpacks the installed root below a host's `upper`, before anything else is written there. */
export async function unpackMta(host: MtaHost, upper: string): Promise<void> {
  await run(['tar', '-C', upper, '--xattrs', '--xattrs-include=*', '-xpf', imageOf(mtaOf(host))]);
}

/** The files that make the host what it is, by their path on it. */
export function mtaFiles(lab: Lab, host: MtaHost): Readonly<Record<string, string>> {
  return mtas[mtaOf(host)].files(lab);
}

/** The script that starts its mail server. */
export function mtaServices(host: MtaHost): string {
  return `#!/bin/sh\n# Starts the host's mail server.\n${mtas[mtaOf(host)].services}\n`;
}
