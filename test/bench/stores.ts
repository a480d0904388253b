// What the lab's real Cyrus servers are needed for: a dead host's 15 slots beside one slot and beside the bare
// commands, and a look at 45 instances beside the same look by hand. Each is measured against its floor in the same
// round, on the same machine, and the hosts share its cores with us.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadConfig } from '../../src/config/load.js';
import { cyrusStore } from '../../src/drivers/cyrus/store.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Command } from '../../src/transport/transport.js';
import {
  fail,
  type HostName,
  type Instance,
  instanceOf,
  type Lab,
  type MtaName,
  productEnv,
  takeDown,
  up,
} from '../lab/lab.js';

const bin = join(import.meta.dirname, '../../bin/mailctl.js');

/** One row of the report: a time in ms, and what it is measured against. */
export interface StoreRow {
  readonly name: string;
  readonly ms: number;
  readonly ratio?: number;
  readonly budget?: number;
}

/** The 25th percentile: of noise that only adds, the quiet quarter is the nearest to the truth. */
export function quarter(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 4)] ?? Number.NaN;
}

/**
 * Fails the same 15 slots over `rounds` times, each time in a fresh lab, and one slot beside them. What counts is the
 * time after the host was found dead (the plan is in the journal), and what that took longer for 15 slots than for one.
 */
export async function failoverRows(
  rounds: number,
  say: (line: string) => void,
): Promise<readonly StoreRow[]> {
  const one: Timed[] = [];
  const all: Timed[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await inLab({ slots: 16, replicas: 1 }, say, async (lab) => {
      const slots = lab.slots.slice(0, 15).map(({ slot }) => slot);
      const by = await openMasters(lab, ['imap22', 'imap23']);
      const replicas = slots.map((slot) => instanceOf(lab, slot, replicaOf(lab, slot)));
      bare.push(await bareSwap(by, replicas, 'master'));
      await bareSwap(by, replicas, 'replica');
      await mailctl(lab, ['slots', 'list']);
      await fail(lab, 'imap21');
      // The connection to it is given up here, so that both runs find it dead by the same road.
      await mailctl(lab, ['slots', 'list'], 3);
      one.push(await failover(lab, lab.slots[15]?.slot ?? '', 1));
      all.push(await failover(lab, 'imap21', 15));
    });
  }
  const found = { one: quarter(one.map(foundMs)), all: quarter(all.map(foundMs)) };
  const ms = quarter(all.map(afterMs)) + Math.max(0, found.all - found.one);
  const floor = quarter(one.map(afterMs)) + quarter(bare);
  return [
    { name: 'failover, 15 slots dead', ms, ratio: ms / floor, budget: 1.5 },
    { name: '  one slot', ms: quarter(one.map(afterMs)) },
    { name: '  bare commands, 15', ms: quarter(bare) },
    { name: '  found dead before, 15', ms: found.all },
    { name: '  found dead before, one', ms: found.one },
  ];
}

/** ms until the host was known to be dead and the plan was written, and ms after that. */
interface Timed {
  readonly foundMs: number;
  readonly afterMs: number;
}

const foundMs = (run: Timed): number => run.foundMs;
const afterMs = (run: Timed): number => run.afterMs;

/** `slots list` of 45 instances on three hosts, beside a bare node and the same scripts by ssh alone. */
export async function slotsListRows(
  rounds: number,
  say: (line: string) => void,
): Promise<readonly StoreRow[]> {
  const list: number[] = [];
  const bare: number[] = [];
  await inLab({ slots: 15, replicas: 2 }, say, async (lab) => {
    const hosts: HostName[] = ['imap21', 'imap22', 'imap23'];
    const by = await openMasters(lab, hosts);
    const looks = await observeCommands(lab, hosts);
    await mailctl(lab, ['slots', 'list']);
    for (let round = 0; round < rounds; round += 1) {
      list.push(await timed(() => mailctl(lab, ['slots', 'list'])));
      bare.push(
        await timed(() =>
          Promise.all([
            run(process.execPath, ['-e', '0']),
            ...looks.map(({ host, command }) =>
              run('ssh', [...by, host, `sh -c ${quote(command.script)} sh`], { input: command.stdin ?? '' }),
            ),
          ]),
        ),
      );
    }
  });
  return [
    { name: 'slots list, 45 instances', ms: quarter(list), ratio: quarter(list) / quarter(bare) },
    { name: '  node, ssh and the scripts', ms: quarter(bare) },
  ];
}

/** A lab for one row, gone after it. */
export async function inLab(
  spec: { readonly slots: number; readonly replicas: 1 | 2; readonly mtas?: readonly MtaName[] },
  say: (line: string) => void,
  work: (lab: Lab) => Promise<void>,
): Promise<void> {
  const lab = await up({ ...spec, forTests: true, say });
  try {
    await work(lab);
  } finally {
    await takeDown(lab.paths);
  }
}

function replicaOf(lab: Lab, slot: string): Instance['host'] {
  const host = lab.slots.find((one) => one.slot === slot)?.replicas[0];
  if (host === undefined) throw new Error(`${slot} has no replica`);
  return host;
}

/** A failover that is confirmed at once. */
async function failover(lab: Lab, target: string, slots: number): Promise<Timed> {
  const began = Date.now();
  const said = await mailctl(lab, ['failover', target, '--yes']);
  const ended = Date.now();
  const { run, slots: moved } = JSON.parse(said) as { run: string; slots: { outcome: string }[] };
  if (moved.length !== slots || moved.some(({ outcome }) => outcome !== 'moved')) {
    throw new Error(`failover ${target} did not move ${slots} slots: ${said}`);
  }
  const journal = fs.readFileSync(join(lab.paths.state, 'mailctl/runs', `${run}.ndjson`), 'utf8');
  const opened = Date.parse((JSON.parse(journal.slice(0, journal.indexOf('\n'))) as { at: string }).at);
  return { foundMs: opened - began, afterMs: ended - opened };
}

/** What an operator would type for one instance, until its port is open: stop, role, start. */
const BARE = `PATH=$PATH:/usr/sbin:/usr/lib/cyrus/bin; role=$1; shift
swap() {
  read -r pid < "$2"
  kill -QUIT "$pid"
  while [ -d "/proc/$pid" ]; do sleep 0.02; done
  ln -sfn "role.$role" "$1"
  cyrmaster -C "$1/imapd.conf" -M "$1/cyrus.conf" -p "$2" -d < /dev/null > /dev/null 2>&1
  until grep -q "$3" /proc/net/tcp; do sleep 0.02; done
}
while [ $# -gt 0 ]; do swap "$1" "$2" "$3" & shift 3; done
wait`;

/** All instances at once, one script a host. */
function bareSwap(
  by: readonly string[],
  instances: readonly Instance[],
  role: 'master' | 'replica',
): Promise<number> {
  const hosts = [...new Set(instances.map(({ host }) => host))];
  return timed(() =>
    Promise.all(
      hosts.map((host) => {
        const words = instances
          .filter((instance) => instance.host === host)
          .flatMap((instance) => {
            const port = role === 'master' ? instance.lmtpPort : instance.csyncPort;
            const open = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;
            return [`${instance.base}/role`, instance.pidFile, open];
          });
        return run('ssh', [...by, host, `sh -c ${[BARE, 'sh', role, ...words].map(quote).join(' ')}`]);
      }),
    ),
  );
}

/** The scripts that the product sends to look at all instances of each host. */
async function observeCommands(lab: Lab, hosts: readonly HostName[]) {
  const { config } = await loadConfig({
    file: lab.paths.mailctlYaml,
    env: {},
    sections: ['stores', 'hosts'],
  });
  const { cyrus } = config.stores;
  if (cyrus === undefined) throw new Error('the lab configures no Cyrus');
  const sent: { readonly host: string; readonly command: Command }[] = [];
  const enough = new Error('only its commands are wanted');
  const transport = {
    run: (host: { readonly name: string }, command: Command) => {
      sent.push({ host: host.name, command });
      return Promise.reject(enough);
    },
    close: () => Promise.resolve(),
  };
  const store = cyrusStore({ config: cyrus, transport, clock: systemClock });
  for (const host of hosts) {
    const instances = lab.slots
      .flatMap((slot) => slot.instances)
      .filter((instance) => instance.host === host)
      .map(({ slot, name }) => ({ slot, host, instance: name, address: undefined }));
    await store.observe({ name: host, transport: 'ssh', groups: [] }, instances).catch((error) => {
      if (error !== enough) throw error;
    });
  }
  return sent;
}

/** Opens connections that the bare commands share, as the product shares its own; gives the words that use them. */
export async function openMasters(lab: Lab, hosts: readonly HostName[]): Promise<readonly string[]> {
  const socket = join(lab.paths.run, 'bench-%h');
  const words = ['-F', lab.paths.sshConfig, '-o', 'BatchMode=yes', '-S', socket];
  await Promise.all(
    hosts.map((host) =>
      run('ssh', [...words, '-M', '-N', '-f', '-o', 'ControlPersist=120', host], { stdout: 'ignore' }),
    ),
  );
  return words;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** ms that it takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** The product on a lab; its document. */
export function mailctl(lab: Lab, words: readonly string[], exit = 0, input?: string): Promise<string> {
  const typed = input === undefined ? {} : { input };
  return run(process.execPath, [bin, ...words, '-o', 'json'], { env: productEnv(lab), exit, ...typed });
}

/** Runs a program to its end; its output. */
export function run(
  file: string,
  args: readonly string[],
  {
    input,
    stdout = 'pipe',
    env = {},
    exit = 0,
  }: {
    readonly input?: string;
    readonly stdout?: 'pipe' | 'ignore';
    readonly env?: Readonly<Record<string, string>>;
    readonly exit?: number;
  } = {},
): Promise<string> {
  const child = spawn(file, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', stdout, 'ignore'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, NODE_OPTIONS: undefined, ...env },
  });
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === exit ? resolve(said) : reject(new Error(`${file} ${args[0]}: status ${code}`)),
    );
  });
}
