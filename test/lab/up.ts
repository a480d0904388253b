/**
 * Brings a lab up: packages, disks, hosts, services, first mailboxes, their replicas, the directory. What a
 * killed `up` leaves behind is taken down by the next one, and by `down`.
 */
import fs from 'node:fs';
import { writeDisk } from './disks.js';
import { takeDown } from './down.js';
import { LabError } from './errors.js';
import { bootServices, hostProcesses, powerOn } from './host.js';
import { ensureMtas } from './mta.js';
import { makeNetwork } from './network.js';
import { ensurePackages, requireRootOnDebian } from './packages.js';
import { type LabPaths, labPaths } from './paths.js';
import { importSlots, writeProductFiles } from './product.js';
import { run, waitUntil } from './run.js';
import { makeSasldb, makeSecrets } from './secrets.js';
import { createMailboxes, runningRole, syslogTail, waitReplicated } from './slots.js';
import { hostsOf, type Lab, type LabSpec, mtaHostsOf, planLab, storeHosts } from './spec.js';
import { makeKeys } from './ssh.js';

export interface UpOptions extends Partial<LabSpec> {
  readonly paths?: LabPaths;
  /** A lab of tests: what an earlier, dead test run left up is taken down first. A person's lab never is. */
  readonly forTests?: boolean;
  /** Hears what is being done. */
  readonly say?: (line: string) => void;
}

/** Brings a lab up and answers it. A lab that is up already, and another lab's remains, are an error. */
export async function up(options: UpOptions = {}): Promise<Lab> {
  // The hosts' folders must be as open as a real host's, whatever the caller's own files should be.
  const mask = process.umask(0o022);
  try {
    return await bringUp(options);
  } catch (error) {
    // A person may want to look at what did not work; nobody looks after a test.
    if (options.forTests && !(error instanceof OccupiedError)) await takeDown(options.paths);
    throw error;
  } finally {
    process.umask(mask);
  }
}

/** There is a lab already, and it is not ours to take away. */
class OccupiedError extends LabError {}

async function bringUp(options: UpOptions): Promise<Lab> {
  requireRootOnDebian();
  const say = options.say ?? (() => {});
  const paths = options.paths ?? labPaths();
  const lab = planLab(
    {
      layout: options.layout ?? 'default',
      slots: options.slots ?? 15,
      replicas: options.replicas ?? 1,
      mtas: options.mtas ?? [],
    },
    paths,
  );
  await clearTheGround(paths, options.forTests ?? false, say);
  await ensurePackages(say);
  await ensureMtas(options.mtas ?? [], say);
  await makeFolder(paths, options.forTests ?? false);
  await makeNetwork(lab);
  makeSecrets(paths);
  const [sasldb] = await Promise.all([makeSasldb(paths), makeKeys(lab)]);
  writeProductFiles(lab);
  const imported = importSlots(lab);
  // It is awaited further down; until then its failure is nobody's unhandled rejection.
  imported.catch(() => {});
  await Promise.all(hostsOf(lab).map((host) => writeDisk(lab, host, sasldb, say)));
  await Promise.all(hostsOf(lab).map((host) => powerOn(lab, host)));
  // Replicas first: a master that finds none of them waits for seconds before it tries again.
  await Promise.all(['imap22' as const, 'imap23' as const].map((host) => bootServices(lab, host)));
  await allRunning(lab, ['imap22', 'imap23']);
  const others = ['imap21' as const, 'mx1' as const, ...mtaHostsOf(lab)];
  await Promise.all([...others.map((host) => bootServices(lab, host)), imported]);
  await allRunning(lab, storeHosts);
  await inBatches(lab.slots, 8, (slot) => createMailboxes(lab, slot));
  await Promise.all(lab.slots.map((slot) => waitReplicated(lab, slot)));
  // Written last: a lab without it is half up.
  fs.writeFileSync(paths.spec, `${JSON.stringify(lab.spec)}\n`);
  return lab;
}

async function clearTheGround(
  paths: LabPaths,
  forTests: boolean,
  say: (line: string) => void,
): Promise<void> {
  const other = hostProcesses().find((host) => host.dir !== paths.dir);
  if (other) {
    throw new OccupiedError(
      `another lab is up in ${other.dir}: MAILCTL_LAB_DIR=${other.dir} npm run lab -- down`,
    );
  }
  const isUp = fs.existsSync(paths.spec) && hostProcesses(paths.dir).length > 0;
  if (isUp && !(forTests && isLeftOver(paths))) {
    throw new OccupiedError(`the lab in ${paths.dir} is up already: npm run lab -- status, or down first`);
  }
  if (await takeDown(paths)) say('a half-up lab was in the way: taken down');
}

/** Was the lab brought up by tests whose process is gone? */
function isLeftOver(paths: LabPaths): boolean {
  const pid = /^tests (\d+)$/m.exec(fs.readFileSync(paths.marker, 'utf8'))?.[1];
  return pid !== undefined && !fs.existsSync(`/proc/${pid}`);
}

async function makeFolder(paths: LabPaths, forTests: boolean): Promise<void> {
  if (fs.existsSync(paths.dir) && fs.readdirSync(paths.dir).length > 0) {
    throw new OccupiedError(`${paths.dir} has something in it that is no lab's: set MAILCTL_LAB_DIR`);
  }
  fs.mkdirSync(paths.dir, { recursive: true });
  fs.chmodSync(paths.dir, 0o700);
  const owner = forTests ? `tests ${process.pid}\n` : '';
  fs.writeFileSync(paths.marker, `This folder belongs to the lab and goes with it.\n${owner}`);
  for (const folder of [paths.disks, paths.run]) fs.mkdirSync(folder);
  // One tmpfs for all disks: an overlay's upper layer must not lie on the file system of its lower one.
  await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'mailctl-lab', paths.disks]);
}

async function allRunning(lab: Lab, hosts: readonly string[]): Promise<void> {
  const instances = lab.slots
    .flatMap((slot) => slot.instances)
    .filter((instance) => hosts.includes(instance.host));
  const missing = () =>
    instances.filter((instance) => !['master', 'replica'].includes(runningRole(lab, instance)));
  if (await waitUntil(() => missing().length === 0, 60_000, 50)) return;
  const names = missing().map((instance) => `${instance.slot} on ${instance.host}`);
  const host = missing()[0]?.host ?? 'imap21';
  throw new LabError(`not running after a minute: ${names.join(', ')}\n${syslogTail(lab, host)}`);
}

async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: size }, worker));
}
