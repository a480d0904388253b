/**
 * The uplinks lab: a mail host with three providers, their routers, and the world behind them, with faults wherever
 * one wants them. Beside the stores lab, in a folder of its own, on devices of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { writeAccounts } from './accounts.js';
import { LabError } from './errors.js';
import type { Ran, Running } from './mailctl.js';
import { ensurePackages, requireRootOnDebian } from './packages.js';
import { allPids, argvOf, hasEnded, signal } from './proc.js';
import { type RunOptions, type RunResult, run, waitUntil } from './run.js';
import { hideTools } from './uplinks/bare-root.js';
import { makeCertificates } from './uplinks/certificates.js';
import { setFaults } from './uplinks/faults.js';
import {
  cables,
  mailHost,
  mailHostName,
  type Uplinks,
  type UplinksPaths,
  type UplinksSpec,
  uplinksPaths,
  usual,
} from './uplinks/spec.js';

export { type Fault, faultsOf, parseFault, setFaults } from './uplinks/faults.js';
export { many, type Uplinks, type UplinksSpec, usual } from './uplinks/spec.js';

/** An argument of the first processes: the way to find them all. */
const marker = 'mailctl-uplinks-host';
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const initScript = here('./hostfiles/host-init.sh');
const operator = 'ops';

/** Brings it up and answers it; what an earlier one left behind is taken down first. */
export async function uplinksUp(
  options: { spec?: UplinksSpec; paths?: UplinksPaths; say?: (line: string) => void } = {},
): Promise<Uplinks> {
  requireRootOnDebian();
  const lab: Uplinks = { spec: options.spec ?? usual, paths: options.paths ?? uplinksPaths() };
  const mask = process.umask(0o022);
  try {
    await ensurePackages(options.say ?? (() => {}), ['iputils-ping', 'openssl']);
    await uplinksDown(lab.paths);
    await bringUp(lab);
    return lab;
  } catch (error) {
    await uplinksDown(lab.paths);
    throw error;
  } finally {
    process.umask(mask);
  }
}

async function bringUp(lab: Uplinks): Promise<void> {
  const { paths, spec } = lab;
  if (fs.existsSync(paths.dir) && fs.readdirSync(paths.dir).length > 0)
    throw new LabError(`${paths.dir} has something in it that is no lab's: set MAILCTL_LAB_DIR`);
  fs.mkdirSync(paths.dir, { recursive: true, mode: 0o755 });
  fs.writeFileSync(paths.marker, 'This folder belongs to the lab and goes with it.\n');
  for (const folder of [paths.disks, paths.run, paths.state]) fs.mkdirSync(folder);
  fs.mkdirSync(paths.keys, { mode: 0o700 });
  await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'mailctl-uplinks', paths.disks]);
  fs.writeFileSync(path.join(paths.run, 'plan.json'), JSON.stringify(spec));
  await Promise.all([makeKeys(lab).then(() => writeDisk(lab)), makeCertificates(lab)]);
  const [host, far] = await Promise.all([powerOn(lab), makeFar(lab)]);
  await layCables(host, far);
  await startRouters(lab, host, far);
  await Promise.all([addressHost(lab, host), addressFar(lab, far)]);
  await Promise.all([startServers(lab, far), inMailHost(lab, ['/usr/local/sbin/lab-boot'])]);
  writeProductFiles(lab);
  await setFaults(lab, []);
  fs.writeFileSync(paths.spec, `${JSON.stringify(spec)}\n`);
}

/** The lab that is up. */
export function openUplinks(paths: UplinksPaths = uplinksPaths()): Uplinks {
  if (!fs.existsSync(paths.spec))
    throw new LabError(`no uplinks lab in ${paths.dir}: npm run lab -- uplinks up`);
  return { spec: JSON.parse(fs.readFileSync(paths.spec, 'utf8')) as UplinksSpec, paths };
}

/** Takes it away; true when there was something. */
export async function uplinksDown(paths: UplinksPaths = uplinksPaths()): Promise<boolean> {
  const found = firstProcesses(paths);
  for (const { pid } of found) signal(pid, 'SIGKILL');
  if (!(await waitUntil(() => found.every(({ pid }) => hasEnded(pid)), 10_000)))
    throw new LabError('a host of the uplinks lab does not die: try again');
  for (const name of ['servers', 'routers']) {
    const file = path.join(paths.run, `${name}.pid`);
    if (fs.existsSync(file)) {
      const pid = Number(fs.readFileSync(file, 'utf8'));
      // Only if the number still is our process.
      if (argvOf(pid).some((word) => word === paths.dir)) signal(pid, 'SIGKILL');
    }
  }
  const points = fs
    .readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${paths.dir}/`));
  for (const point of points.reverse()) await run(['umount', '-l', point]);
  // An ssh master that somebody left behind would hold the old host's connection.
  const isOurs = fs.existsSync(paths.marker);
  if (isOurs) fs.rmSync(paths.dir, { recursive: true, force: true });
  return found.length > 0 || isOurs;
}

function firstProcesses(paths: UplinksPaths): { pid: number; name: string }[] {
  return allPids().flatMap((pid) => {
    const argv = argvOf(pid);
    const at = argv.indexOf(marker);
    return at > 0 && argv[at + 1] === paths.dir ? [{ pid, name: argv[at + 2] ?? '' }] : [];
  });
}

async function makeKeys({ paths }: Uplinks): Promise<void> {
  const make = (name: string) =>
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path.join(paths.keys, name)]);
  await Promise.all([make('operator'), make(mailHost)]);
  const key = fs.readFileSync(path.join(paths.keys, `${mailHost}.pub`), 'utf8');
  const address = cables.host.other;
  fs.writeFileSync(paths.knownHosts, `${mailHost},${mailHost}-root,${address} ${key}`);
  fs.writeFileSync(
    paths.sshConfig,
    `Host ${mailHost}
  User ${operator}
Host ${mailHost}-root
  User root
Host ${mailHost} ${mailHost}-root
  HostName ${address}
  HostKeyAlias ${mailHost}
  IdentityFile ${path.join(paths.keys, 'operator')}
  IdentitiesOnly yes
  UserKnownHostsFile ${paths.knownHosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
`,
    { mode: 0o600 },
  );
}

async function writeDisk({ paths, spec }: Uplinks): Promise<void> {
  const disk = (...parts: string[]) => path.join(paths.disks, mailHost, ...parts);
  for (const folder of ['upper', 'work', 'srv', 'mnt']) fs.mkdirSync(disk(folder), { recursive: true });
  fs.mkdirSync(disk('root'), { mode: 0o700 });
  const upper = disk('upper');
  await hideTools(upper);
  const ids = writeAccounts(upper, [{ name: operator, home: `/home/${operator}`, shell: '/bin/bash' }]);
  const put = (file: string, text: string, mode = 0o644) => {
    fs.mkdirSync(path.join(upper, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(upper, file), text, { mode });
    fs.chmodSync(path.join(upper, file), mode);
  };
  put(
    'etc/ssh/sshd_config',
    `HostKey /etc/ssh/lab_host_key\nKbdInteractiveAuthentication no\nUsePAM yes\nPrintMotd no\nAcceptEnv LANG LC_*\n`,
  );
  put('etc/ssh/lab_host_key', fs.readFileSync(path.join(paths.keys, mailHost), 'utf8'), 0o600);
  const authorized = fs.readFileSync(path.join(paths.keys, 'operator.pub'), 'utf8');
  const homes = [{ folder: disk('root'), uid: 0, gid: 0 }];
  const ops = ids.get(operator);
  if (ops) homes.push({ folder: path.join(upper, 'home', operator), ...ops });
  for (const { folder, uid, gid } of homes) {
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    fs.mkdirSync(path.join(folder, '.ssh'), { recursive: true, mode: 0o700 });
    fs.writeFileSync(path.join(folder, '.ssh/authorized_keys'), authorized, { mode: 0o600 });
    for (const file of [folder, path.join(folder, '.ssh'), path.join(folder, '.ssh/authorized_keys')])
      fs.chownSync(file, uid, gid);
  }
  put('etc/hostname', `${mailHost}\n`);
  put('etc/hosts', `127.0.0.1 localhost\n${cables.host.other} ${mailHostName} ${mailHost}\n`);
  put('etc/resolv.conf', resolvConf(spec));
  put('etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n');
  put(
    'usr/local/sbin/lab-boot',
    '#!/bin/sh\nmkdir -p /run/sshd\nexec /usr/sbin/sshd </dev/null >/dev/null 2>&1\n',
    0o755,
  );
}

/** Starts a process that says `ready` on stdout once it is. */
async function ready(child: ChildProcess, what: string, log?: string): Promise<string> {
  const { stdout } = child;
  if (!stdout) throw new LabError(`${what}: no stdout`);
  let said = '';
  const line = await new Promise<string>((resolve, reject) => {
    stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /^ready.*$/m.exec(said);
      if (found) resolve(found[0]);
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      reject(
        new LabError(
          `${what} ended with ${code}: ${said}${log === undefined ? '' : fs.readFileSync(log, 'utf8')}`,
        ),
      ),
    );
  });
  child.removeAllListeners('exit');
  stdout.destroy();
  child.unref();
  return line;
}

function logOf({ paths }: Uplinks, name: string): number {
  return fs.openSync(path.join(paths.run, `${name}.log`), 'a');
}

async function powerOn(lab: Uplinks): Promise<number> {
  const words = ['--mount', '--net', '--pid', '--uts', '--fork', '/bin/sh', initScript];
  const child = spawn('unshare', [...words, marker, lab.paths.dir, mailHost, 'own'], {
    detached: true,
    stdio: ['ignore', 'pipe', logOf(lab, mailHost)],
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
  });
  const said = await ready(child, mailHost);
  return Number(said.split(' ')[1]);
}

/** The world needs no root of its own, only a network. */
async function makeFar(lab: Uplinks): Promise<number> {
  const script = '$| = 1; print "ready $$\\n"; close STDOUT; sleep while 1';
  const child = spawn('unshare', ['--net', 'perl', '-e', script, marker, lab.paths.dir, 'far'], {
    detached: true,
    stdio: ['ignore', 'pipe', logOf(lab, 'far')],
  });
  await ready(child, 'far');
  return child.pid ?? 0;
}

const inNet = (pid: number) => ['nsenter', '-t', String(pid), '-n'];
const batch = (ip: readonly string[], lines: readonly string[]) =>
  run([...ip, '-batch', '-'], { input: `${lines.join('\n')}\n` });

async function layCables(host: number, far: number): Promise<void> {
  for (const [{ device, bastion, other }, pid] of [
    [cables.host, host],
    [cables.far, far],
  ] as const) {
    await run(['ip', 'link', 'del', device], { mayFail: true });
    await batch(
      ['ip'],
      [
        `link add ${device} type veth peer name mgmt netns ${pid}`,
        `addr add ${bastion}/32 peer ${other} dev ${device}`,
        `link set ${device} up`,
      ],
    );
    await batch(
      [...inNet(pid), 'ip'],
      ['link set lo up', `addr add ${other}/32 peer ${bastion} dev mgmt`, 'link set mgmt up'],
    );
  }
}

async function startRouters(lab: Uplinks, host: number, far: number): Promise<void> {
  const { spec, paths } = lab;
  const child = spawn('perl', [here('./hostfiles/internet.pl'), paths.dir], {
    detached: true,
    stdio: ['pipe', 'pipe', logOf(lab, 'routers')],
  });
  const lines = [
    `socket ${paths.routers}`,
    `watch ${host}`,
    `world ${far} world`,
    ...spec.providers.flatMap(({ name, device, source4, source6, hops }) => [
      `provider ${name} ${host} ${device} ${source4} ${source6}`,
      ...hops.flatMap((members, at) =>
        members.map(({ four, six }) => `router ${name} ${at + 1} ${four} ${six}`),
      ),
    ]),
    'go',
  ];
  child.stdin?.end(`${lines.join('\n')}\n`);
  await ready(child, 'routers', path.join(paths.run, 'routers.log'));
  fs.writeFileSync(path.join(paths.run, 'routers.pid'), String(child.pid));
}

async function addressHost({ spec }: Uplinks, pid: number): Promise<void> {
  const four: string[] = [];
  const six: string[] = [];
  spec.providers.forEach(({ device, source4, source6, hops }, at) => {
    const table = 101 + at;
    const gateway = hops[0]?.[0];
    four.push(
      `link set ${device} up`,
      `addr add ${source4}/32 dev ${device}`,
      `route add ${gateway?.four}/32 dev ${device} src ${source4}`,
      `route add default via ${gateway?.four} dev ${device} table ${table}`,
      `rule add from ${source4} table ${table}`,
      `rule add oif ${device} table ${table}`,
    );
    six.push(
      `addr add ${source6}/64 dev ${device} nodad`,
      `route add default via ${gateway?.six} dev ${device} table ${table}`,
      `rule add from ${source6} table ${table}`,
      `rule add oif ${device} table ${table}`,
    );
    if (at === 0) {
      four.push(`route add default via ${gateway?.four} dev ${device} src ${source4}`);
      six.push(`route add default via ${gateway?.six} dev ${device} src ${source6}`);
    }
  });
  await batch([...inNet(pid), 'ip'], four);
  await batch([...inNet(pid), 'ip', '-6'], six);
}

async function addressFar({ spec }: Uplinks, pid: number): Promise<void> {
  const { interceptor, nameServers, servers } = spec;
  const all = [...servers, ...nameServers, interceptor];
  const lines = ['link set world up', 'route add default dev world'];
  for (const { four } of all) lines.push(`addr add ${four}/32 dev world`);
  const six = all.flatMap((one) =>
    one.six === undefined ? [] : [`addr add ${one.six}/128 dev world nodad`],
  );
  await batch([...inNet(pid), 'ip'], lines);
  await batch([...inNet(pid), 'ip', '-6'], [...six, 'route add default dev world']);
  // The bastion has a line of its own to the name servers, as bastions have.
  const routes = nameServers.map(
    ({ four }) => `route replace ${four}/32 via ${cables.far.other} dev ${cables.far.device}`,
  );
  await batch(['ip'], routes);
}

async function startServers(lab: Uplinks, far: number): Promise<void> {
  const tsx = here('../../node_modules/tsx/dist/loader.mjs');
  const words = ['--import', tsx, here('./uplinks/servers.ts'), lab.paths.dir];
  const child = spawn('nsenter', ['-t', String(far), '-n', process.execPath, ...words], {
    detached: true,
    stdio: ['ignore', 'pipe', logOf(lab, 'servers')],
    env: { PATH: process.env.PATH ?? '' },
  });
  await ready(child, 'servers', path.join(lab.paths.run, 'servers.log'));
  fs.writeFileSync(path.join(lab.paths.run, 'servers.pid'), String(child.pid));
}

/** Runs a command on the mail host, as root, whatever its network does. */
export function inMailHost(
  lab: Uplinks,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run([...mailHostWords(lab), ...argv], options);
}

/** The words that take a command onto the mail host. */
export function mailHostWords(lab: Uplinks): readonly string[] {
  const pid = mailHostPid(lab);
  const env = ['/usr/bin/env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C'];
  return ['nsenter', '-t', String(pid), '-m', '-u', '-n', '-p', '-r', '-w', '--', ...env];
}

/** The words that take a command of this machine into the mail host's network only: for tools that it has not. */
export function mailHostNetworkWords(lab: Uplinks): readonly string[] {
  return inNet(mailHostPid(lab));
}

/** The host's own first process, not the one that made its namespaces. */
function mailHostPid({ paths }: Uplinks): number {
  const file = path.join(paths.run, `${mailHost}.pid`);
  const pid = fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0;
  if (!argvOf(pid).includes(marker))
    throw new LabError('the uplinks lab is not up: npm run lab -- uplinks up');
  return pid;
}

const resolvConf = (spec: UplinksSpec) => spec.nameServers.map(({ four }) => `nameserver ${four}\n`).join('');

function writeProductFiles({ paths, spec }: Uplinks): void {
  const config = {
    defaults: { ssh: { config: paths.sshConfig } },
    hosts: { [mailHost]: { groups: ['mx'] } },
    destinations: Object.fromEntries(
      spec.servers.map(({ domain }) => [domain.split('.')[0], { domains: [domain] }]),
    ),
    uplinks: Object.fromEntries(
      spec.providers.map(({ name, source4, source6 }) => [
        name,
        { host: mailHost, source: [source4, source6] },
      ]),
    ),
  };
  fs.writeFileSync(paths.mailctlYaml, stringify(config), { mode: 0o600 });
  fs.writeFileSync(path.join(paths.dir, 'resolv.conf'), resolvConf(spec));
}

/** The environment in which mailctl works on this lab: its configuration, and the world's authority is trusted. */
export function uplinksEnv({ paths }: Uplinks): Record<string, string> {
  return {
    MAILCTL_CONFIG: paths.mailctlYaml,
    XDG_STATE_HOME: paths.state,
    NODE_EXTRA_CA_CERTS: path.join(paths.certificates, 'ca.pem'),
  };
}

const bin = here('../../bin/mailctl.js');

/** The words that run mailctl on this lab: its resolver is the world's, which the bastion reaches by a line of its own. */
export function uplinksMailctlWords({ paths }: Uplinks, words: readonly string[]): readonly string[] {
  const script = 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"';
  const shell = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
  return [...shell, path.join(paths.dir, 'resolv.conf'), process.execPath, bin, ...words];
}

/** The part of `mailctl/probe/v1` that tests read. */
export interface ProbeDocument {
  readonly took_ms: number;
  readonly judged_after_ms: number;
  readonly verdicts: readonly {
    readonly uplink: string;
    readonly family: 4 | 6;
    readonly verdict: string;
    readonly hop: { readonly ttl: number; readonly address: string; readonly name: string | null } | null;
    readonly evidence: unknown;
    readonly took_ms: number;
  }[];
  readonly cells: readonly {
    readonly uplink: string;
    readonly family: 4 | 6;
    readonly destination: string;
    readonly verdict: string;
    readonly phase: string | null;
    readonly evidence: string;
  }[];
  readonly destinations: readonly { readonly destination: string; readonly verdict: string }[];
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

/** Starts mailctl on this lab. */
export function startUplinksMailctl(lab: Uplinks, words: readonly string[]): Running {
  const [file = '', ...rest] = uplinksMailctlWords(lab, words);
  const startedAt = performance.now();
  const child = spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...uplinksEnv(lab) },
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...text, tookMs: performance.now() - startedAt }));
  });
  return { child, ended };
}

/** Runs mailctl on this lab to its end. */
export function uplinksMailctl(lab: Uplinks, words: readonly string[]): Promise<Ran> {
  return startUplinksMailctl(lab, words).ended;
}

/** `mailctl probe -o json`. */
export async function uplinksProbe(
  lab: Uplinks,
  words: readonly string[] = [],
): Promise<Ran & { readonly json: ProbeDocument }> {
  const ran = await uplinksMailctl(lab, ['probe', ...words, '-o', 'json']);
  try {
    return { ...ran, json: JSON.parse(ran.stdout) as ProbeDocument };
  } catch {
    throw new LabError(`no JSON from mailctl probe: ${ran.stdout.slice(0, 300)}\n${ran.stderr}`);
  }
}
