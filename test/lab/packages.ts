/**
 * The Debian packages that the lab needs. They are installed without removing anything and without starting
 * anything; Postfix is only downloaded, since installing it would replace the machine's own MTA.
 */
import fs from 'node:fs';
import path from 'node:path';
import { LabError } from './errors.js';
import { run } from './run.js';

const needed = [
  'cyrus-imapd',
  'cyrus-replication',
  'openssh-client',
  'openssh-server',
  'sqlite3',
  'sudo',
  'sasl2-bin',
  'iproute2',
  'util-linux',
  'perl',
  'e2fsprogs',
  // What Postfix needs besides what everybody has.
  'libdb5.3',
  'libicu72',
  'libnsl2',
  'libsasl2-2',
  'libsasl2-modules',
  'libssl3',
  'netbase',
];
/** What these packages would start at the machine's next boot. */
const units = ['cyrus-imapd', 'ssh', 'saslauthd', 'msmtpd', 'postgresql'];
const policy = '/usr/sbin/policy-rc.d';
const archives = '/var/cache/apt/archives';

/** Installs what is missing of the lab's packages and of `more`, after saying what. */
export async function ensurePackages(
  say: (line: string) => void,
  more: readonly string[] = [],
): Promise<void> {
  const missing = await missingPackages([...needed, ...more]);
  if (missing.length === 0) return;
  // cyrus-common wants some MTA; without one apt would choose a daemon. This one only forwards.
  const install = (await hasMta()) ? missing : [...missing, 'msmtp-mta'];
  say(`installing (apt-get install --no-remove): ${install.join(' ')}`);
  await withoutStarting(async () => {
    const command = [
      ...['apt-get', 'install', '--no-remove', '--no-install-recommends', '-y'],
      ...['-o', 'DPkg::Lock::Timeout=300', '-q', ...install],
    ];
    const options = { timeoutMs: 900_000, env: { DEBIAN_FRONTEND: 'noninteractive' } };
    const first = await run(command, { ...options, mayFail: true });
    if (first.code === 0) return;
    await aptUpdate(say);
    await run(command, options);
  });
  await disableUnits(missing);
}

let updated = false;
/** Fetches the lists of packages, once. */
export async function aptUpdate(say: (line: string) => void): Promise<void> {
  if (updated) return;
  say('apt-get update');
  await run(['apt-get', 'update', '-q', '-o', 'DPkg::Lock::Timeout=300'], { timeoutMs: 600_000 });
  updated = true;
}

/** A field of dpkg-query's format. */
function field(name: string): string {
  return `\${${name}}`;
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  const format = `${field('Package')} ${field('db:Status-Status')}\\n`;
  const shown = await run(['dpkg-query', '-W', '-f', format, ...names], { mayFail: true });
  const installed = new Set(
    shown.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

async function hasMta(): Promise<boolean> {
  const format = `${field('db:Status-Status')}|${field('Provides')}\\n`;
  const shown = await run(['dpkg-query', '-W', '-f', format], { mayFail: true });
  return shown.stdout
    .split('\n')
    .some((line) => line.startsWith('installed|') && line.includes('mail-transport-agent'));
}

/** Debian asks policy-rc.d before it starts a service: ours says no, unless the machine has one of its own. */
async function withoutStarting(work: () => Promise<void>): Promise<void> {
  let ours = false;
  try {
    fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 });
    ours = true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    await work();
  } finally {
    if (ours) fs.rmSync(policy, { force: true });
  }
}

/** What was not there before must not run after the next boot either. */
async function disableUnits(installedNow: readonly string[]): Promise<void> {
  const owners: Record<string, string> = {
    ssh: 'openssh-server',
    saslauthd: 'sasl2-bin',
    'cyrus-imapd': 'cyrus-imapd',
    postgresql: 'postgresql',
  };
  for (const unit of units) {
    const owner = owners[unit];
    if (owner !== undefined && !installedNow.includes(owner)) continue;
    if (fs.existsSync('/usr/bin/systemctl')) {
      await run(['systemctl', 'disable', unit], { mayFail: true });
    } else if (fs.existsSync(`/etc/init.d/${unit}`)) {
      await run(['update-rc.d', unit, 'disable'], { mayFail: true });
    }
  }
}

/** Unpacks Postfix's program files below `root`, from apt's cache or from the mirror. */
export async function unpackPostfix(root: string, say: (line: string) => void): Promise<void> {
  const deb = cachedPostfix() ?? (await downloadPostfix(say));
  const staging = `${root}.postfix`;
  fs.mkdirSync(staging, { recursive: true });
  await run(['dpkg-deb', '-x', deb, staging]);
  for (const part of ['etc/postfix', 'usr/lib/postfix', 'usr/sbin', 'usr/bin', 'usr/share/postfix']) {
    if (!fs.existsSync(path.join(staging, part))) continue;
    fs.mkdirSync(path.join(root, part), { recursive: true });
    await run(['cp', '-a', `${path.join(staging, part)}/.`, path.join(root, part)]);
  }
  fs.rmSync(staging, { recursive: true, force: true });
}

/** Brings Postfix into apt's cache, where the machine itself has none. */
export async function fetchPostfix(say: (line: string) => void): Promise<void> {
  if (hasPostfix() || cachedPostfix() !== undefined) return;
  await downloadPostfix(say);
}

/** Is Postfix installed on the machine, which every host of the lab then shows? */
export const hasPostfix = (): boolean => fs.existsSync('/usr/lib/postfix/sbin/master');

function cachedPostfix(): string | undefined {
  const name = fs.readdirSync(archives).find((file) => /^postfix_.*\.deb$/.test(file));
  return name === undefined ? undefined : path.join(archives, name);
}

async function downloadPostfix(say: (line: string) => void): Promise<string> {
  say('downloading (apt-get download, not installed): postfix');
  const command = ['apt-get', 'download', '-q', 'postfix'];
  const options = { cwd: archives, timeoutMs: 300_000 };
  if ((await run(command, { ...options, mayFail: true })).code !== 0) {
    await aptUpdate(say);
    await run(command, options);
  }
  const deb = cachedPostfix();
  if (deb === undefined) throw new LabError(`apt-get download postfix left nothing in ${archives}`);
  return deb;
}

/** Why no lab can be made here; undefined when it can. */
export function whyNoLab(): string | undefined {
  if (process.getuid?.() !== 0) return 'the lab needs root: it makes namespaces and mounts';
  if (!isDebian12() || !fs.existsSync('/usr/bin/apt-get')) {
    return 'the lab needs Debian 12: it runs its Cyrus 3.6 and its Postfix 3.7';
  }
  return undefined;
}

function isDebian12(): boolean {
  try {
    return /^12(\.|$)/m.test(fs.readFileSync('/etc/debian_version', 'utf8'));
  } catch {
    return false;
  }
}

/** Throws where no lab can be made. */
export function requireRootOnDebian(): void {
  const reason = whyNoLab();
  if (reason !== undefined) throw new LabError(reason);
}
