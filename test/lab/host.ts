/**
 * A lab host: namespaces around a first process that only exists. Booting makes them, powering off kills the
 * first process and with it everything inside; the disk (the host's folder on the lab's tmpfs) stays.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from './errors.js';
import { cutCable, plugIn } from './network.js';
import type { LabPaths } from './paths.js';
import { allPids, argvOf, hasEnded, signal } from './proc.js';
import { type RunOptions, type RunResult, run, waitUntil } from './run.js';
import type { HostName, Lab } from './spec.js';

/** An argument of every host's first process: the way to find them all, also those of a killed `up`. */
const marker = 'mailctl-lab-host';
const namespaces = ['--mount', '--net', '--pid', '--uts', '--fork'];
const initScript = fileURLToPath(new URL('./hostfiles/host-init.sh', import.meta.url));

/** The folder that holds the host's disk: `upper` (its root), `srv`, `root`. */
export function diskOf(paths: LabPaths, host: HostName, ...parts: string[]): string {
  return path.join(paths.disks, host, ...parts);
}

/** The first processes of hosts on this machine's network, by pid: those of one lab, or of any. */
export function hostProcesses(dir?: string): { pid: number; dir: string; host: string }[] {
  return allPids().flatMap((pid) => {
    const argv = argvOf(pid);
    const at = argv.indexOf(marker);
    const [lab, host, network] = at > 0 ? argv.slice(at + 1) : [];
    if (lab === undefined || host === undefined || (dir !== undefined && lab !== dir)) return [];
    // A lab made inside another network namespace is on a machine of its own, as far as we care.
    return network === bastionNetwork() ? [{ pid, dir: lab, host }] : [];
  });
}

function bastionNetwork(): string {
  return fs.readlinkSync('/proc/self/ns/net');
}

/** The pid of the host's first process, or undefined while the host is off. */
export function initOf(paths: LabPaths, host: HostName): number | undefined {
  let pid: number;
  try {
    pid = Number(fs.readFileSync(path.join(paths.run, `${host}.pid`), 'utf8').trim());
  } catch {
    return undefined;
  }
  if (!(pid > 1)) return undefined;
  const argv = argvOf(pid);
  const at = argv.indexOf(marker);
  return at > 0 && argv[at + 1] === paths.dir && argv[at + 2] === host ? pid : undefined;
}

/** As initOf, but a host that is off is an error. */
export function runningInit(paths: LabPaths, host: HostName): number {
  const pid = initOf(paths, host);
  if (pid === undefined) throw new LabError(`${host} is not running: npm run lab -- status`);
  return pid;
}

/** Powers a host on: its namespaces, its root, its network; no services yet. */
export async function powerOn(lab: Lab, host: HostName): Promise<void> {
  const { paths } = lab;
  fs.rmSync(path.join(paths.run, `${host}.pid`), { force: true });
  const log = fs.openSync(path.join(paths.run, `${host}.log`), 'a');
  const child = spawn(
    'unshare',
    [...namespaces, '/bin/sh', initScript, marker, paths.dir, host, bastionNetwork()],
    { detached: true, stdio: ['ignore', 'pipe', log], cwd: '/', env: hostEnvironment },
  );
  fs.closeSync(log);
  if (!child.stdout) throw new LabError('unshare has no stdout');
  const pid = await readyPid(child.stdout, host, path.join(paths.run, `${host}.log`));
  child.stdout.destroy();
  child.unref();
  await plugIn(lab, host, pid);
}

function readyPid(stdout: NodeJS.ReadableStream, host: HostName, log: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const ready = /^ready (\d+)$/m.exec(said);
      if (ready) resolve(Number(ready[1]));
    });
    stdout.on('end', () => reject(new LabError(`${host} did not boot: see ${log}\n${tail(log)}`)));
  });
}

function tail(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').slice(-2000) : '';
}

/** Starts the services of a host that was powered on: syslog, sshd, then what the host is for. */
export async function bootServices(lab: Lab, host: HostName): Promise<void> {
  await inHost(lab, host, ['/usr/local/sbin/lab-boot'], { timeoutMs: 120_000 });
}

/** Power loss: the network goes first, so that no dying process says goodbye; then all processes at once. */
export async function powerOff(lab: Lab, host: HostName): Promise<void> {
  await cutCable(host);
  const pid = initOf(lab.paths, host);
  if (pid === undefined) return;
  signal(pid, 'SIGKILL');
  if (!(await waitUntil(() => hasEnded(pid), 10_000))) {
    throw new LabError(`${host}: its first process ${pid} does not die`);
  }
}

/** The environment of everything that runs in a host: nothing of the caller's gets in. */
const hostEnvironment: NodeJS.ProcessEnv = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C',
};

/** The words that run `argv` inside a host. */
export function insideArgv(paths: LabPaths, host: HostName, argv: readonly string[]): string[] {
  const pid = runningInit(paths, host);
  const env = Object.entries(hostEnvironment).map(([key, value]) => `${key}=${value}`);
  return [
    'nsenter',
    '-t',
    String(pid),
    '-m',
    '-u',
    '-n',
    '-p',
    '-r',
    '-w',
    '--',
    '/usr/bin/env',
    '-i',
    ...env,
    ...argv,
  ];
}

/** Runs a command inside a host, as root, whatever state its network is in. */
export function inHost(
  lab: Lab,
  host: HostName,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run(insideArgv(lab.paths, host, argv), options);
}
