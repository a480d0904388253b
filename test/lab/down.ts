/**
 * Takes a lab down, also one that is half up: hosts, connections to them, devices, mounts, folder. Processes
 * are ended by their pid, each known to be the lab's by its own arguments or by whom it is connected to.
 */
import fs from 'node:fs';
import path from 'node:path';
import { LabError } from './errors.js';
import { hostProcesses } from './host.js';
import { removeNetwork } from './network.js';
import { type LabPaths, labPaths } from './paths.js';
import { hasEnded, processAt, signal } from './proc.js';
import { run, waitUntil } from './run.js';

/** Removes everything that a lab in `paths.dir` has; true when there was something. */
export async function takeDown(paths: LabPaths = labPaths()): Promise<boolean> {
  const hosts = hostProcesses(paths.dir);
  // The network has one name: where another lab is up, it is that one's.
  const alone = hostProcesses().length === hosts.length;
  const clients = alone && hosts.length > 0 ? await sshClients() : [];
  // The first process of a namespace takes all others with it; its parent outside ends by itself.
  for (const { pid } of hosts) signal(pid, 'SIGKILL');
  for (const pid of clients) signal(pid, 'SIGTERM');
  const gone = () => hosts.every(({ pid }) => hasEnded(pid));
  if (!(await waitUntil(gone, 10_000))) throw new LabError('a host of the lab does not die: try again');
  const network = alone && (await removeNetwork());
  const mounts = await unmountBelow(paths.dir);
  const folder = isLabs(paths);
  if (folder) fs.rmSync(paths.dir, { recursive: true, force: true });
  return hosts.length > 0 || network || mounts || folder;
}

/** Is the folder a lab's? Also what mailctl leaves there when it runs in the lab's environment after `down`. */
function isLabs(paths: LabPaths): boolean {
  if (fs.existsSync(paths.marker)) return true;
  const inside = fs.existsSync(paths.dir) ? fs.readdirSync(paths.dir) : [];
  return inside.length === 1 && inside[0] === path.basename(paths.state);
}

/** ssh clients of the machine that are connected to a lab host: control masters that a test left behind. */
async function sshClients(): Promise<number[]> {
  const query = ['ss', '-Htnp', 'dst', '198.51.100.0/24', 'and', 'dport', '=', ':22'];
  const shown = await run(query, { mayFail: true });
  const pids = [...shown.stdout.matchAll(/\("ssh",pid=(\d+)/g)].map((match) => Number(match[1]));
  return pids.filter((pid) => processAt(pid)?.comm === 'ssh');
}

async function unmountBelow(dir: string): Promise<boolean> {
  const points = fs
    .readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${dir}${path.sep}`));
  for (const point of points.reverse()) await run(['umount', '-l', point]);
  return points.length > 0;
}
