// The budgets of the README (npm run bench runs this and the others, all.ts). Starts are ratios to a bare node start of the same run: cases are
// interleaved, the first round only warms the page cache, and the 25th percentiles are compared. What adds to every
// node start (NODE_EXTRA_CA_CERTS, NODE_OPTIONS) is unset. What needs the lab (root on Debian) is skipped elsewhere,
// and has floors of its own (stores.ts). Exit 1 when a budget is exceeded.
//   npm run bench -- [--rounds 25] [--lab-rounds 5 | --no-lab] [--part starts|listing|failover|slots-list|acts|fan-out]...
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { LabError, whyNoLab } from '../lab/lab.js';
import { actRows } from './acts.js';
import { fanOutRows } from './fan-out.js';
import { byHandTimes, longListing, longListingTimes, smallQueue, statsPeakMiB } from './queues.js';
import { failoverRows, quarter, type StoreRow, slotsListRows } from './stores.js';

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Times a bare node start; absent: measured and shown only. */
  readonly budget?: number;
  /** Exit code that shows that the case did what it is for. */
  readonly exit: number;
}

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'bin/mailctl.js');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '25' },
    'lab-rounds': { type: 'string', default: '5' },
    'no-lab': { type: 'boolean', default: false },
    part: { type: 'string', multiple: true, default: [] },
  },
});
/** Parts that need the lab, in their order. */
const labParts = {
  failover: { title: 'failover, 15 slots dead', rows: failoverRows },
  'slots-list': { title: 'slots list, 45 instances', rows: slotsListRows },
  acts: { title: 'acts, a queue of 100,000', rows: actRows },
  'fan-out': { title: 'queue list, 100 hosts', rows: fanOutRows },
} as const;
const known = ['starts', 'listing', ...Object.keys(labParts)];
const unknown = values.part.find((part) => !known.includes(part));
if (unknown !== undefined) throw new Error(`--part ${unknown}: one of ${known.join(', ')}`);
const wants = (part: string) => values.part.length === 0 || values.part.includes(part);

/** Peak memory of `queue stats` with a million lines. */
const PEAK_MIB = 120;
const rounds = Math.max(15, Number(values.rounds) || 25);
const labRounds = Math.max(3, Number(values['lab-rounds']) || 5);

const scratch = mkdtempSync(join(tmpdir(), 'mailctl-bench-'));
const config = join(scratch, 'mailctl.yaml');
const hosts = Array.from(
  { length: 100 },
  (_, at) => `  imap${at + 1}: { groups: [store], location: row-${at % 8} }\n`,
);
writeFileSync(config, `hosts:\n${hosts.join('')}  here: { transport: local, queues: [postfix] }\n`, {
  mode: 0o600,
});
const smallFolder = smallQueue(scratch);
const smallPath = `${smallFolder}:${process.env.PATH ?? ''}`;
const smallListing = join(scratch, 'small.json');
writeFileSync(smallListing, spawnSync(join(smallFolder, 'postqueue'), { encoding: 'utf8' }).stdout);
// What a shell needs, and no mail server: the sbin folders are looked into all the same.
const barePath = '/usr/bin:/bin';

const bare: Case = { name: 'node -e 0', argv: ['-e', '0'], exit: 0 };
const cases: readonly Case[] = [
  { name: 'mailctl --version', argv: [bin, '--version'], budget: 1.25, exit: 0 },
  { name: 'mailctl --help', argv: [bin, '--help'], budget: 1.7, exit: 0 },
  { name: 'mailctl failover --help', argv: [bin, 'failover', '--help'], exit: 0 },
  { name: 'an unknown command', argv: [bin, 'failovr'], exit: 2 },
  { name: 'help exit-codes', argv: [bin, 'help', 'exit-codes'], exit: 0 },
  { name: 'config show, no file', argv: [bin, 'config', 'show', '-o', 'json'], exit: 0 },
  {
    name: 'config show, 100 hosts',
    argv: [bin, 'config', 'show', '-o', 'json', '--config', config],
    exit: 0,
  },
  {
    name: 'queue stats, no config',
    argv: [bin, 'queue', 'stats', '-o', 'json'],
    env: { PATH: smallPath },
    budget: 2,
    exit: 0,
  },
  // The same without a mail server: a mistake must not take longer than an answer.
  {
    name: 'queue stats, no server',
    argv: [bin, 'queue', 'stats', '-o', 'json'],
    env: { PATH: barePath },
    exit: 1,
  },
  {
    name: 'queue stats --input',
    argv: [bin, 'queue', 'stats', '-o', 'json', '--input', smallListing],
    budget: 2,
    exit: 0,
  },
  {
    name: 'queue stats, 1 of 100',
    argv: [bin, 'queue', 'stats', '-o', 'json', '--config', config, '-H', 'here'],
    env: { PATH: smallPath },
    budget: 2.5,
    exit: 0,
  },
  // The journals of an empty state directory.
  { name: 'runs list', argv: [bin, 'runs', 'list'], exit: 0 },
];

const env: Record<string, string | undefined> = {
  ...process.env,
  NODE_EXTRA_CA_CERTS: undefined,
  NODE_OPTIONS: undefined,
  HOME: scratch,
  XDG_CONFIG_HOME: scratch,
  XDG_STATE_HOME: scratch,
  MAILCTL_CONFIG: undefined,
};

function measure({ argv, exit, env: more }: Case): number | undefined {
  const from = performance.now();
  const { status } = spawnSync(process.execPath, argv, {
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return status === exit ? performance.now() - from : undefined;
}

/** A row of the report; whether its budget is exceeded. */
function report({ name, ms, ratio, budget }: StoreRow): boolean {
  const isBad = budget !== undefined && !(ratio !== undefined && ratio <= budget);
  const verdict = budget === undefined ? '' : `${budget.toFixed(2).padStart(6)}  ${isBad ? 'OVER' : 'ok'}`;
  const times = ratio === undefined ? '' : ratio.toFixed(2);
  console.log(`${name.padEnd(26)} ${ms.toFixed(1).padStart(7)} ${times.padStart(6)} ${verdict}`.trimEnd());
  return isBad;
}

/** The rows that need real servers; a lab that cannot be had here is no failure. */
async function labRows(): Promise<boolean> {
  const why = values['no-lab'] ? 'not asked for' : whyNoLab();
  let isOver = false;
  console.log(`\n${labRounds} rounds in the lab, the hosts on these same cores`);
  for (const [part, { title, rows }] of Object.entries(labParts)) {
    if (!wants(part)) continue;
    try {
      if (why !== undefined) console.log(`${title.padEnd(26)} skipped: needs the lab: ${why}`);
      else for (const row of await rows(labRounds, console.log)) isOver = report(row) || isOver;
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      console.log(`${title.padEnd(26)} skipped: needs the lab: ${error.message}`);
    }
  }
  return isOver;
}

/** Starts beside a bare start of node. */
function startRows(): boolean {
  // Both streams of every case are pipes, and every case that cannot run is said so and left out.
  const able = cases.filter((one) => {
    if (measure(one) !== undefined) return true;
    console.log(`left out: ${one.name} does not end with ${one.exit}`);
    return false;
  });
  const times = new Map<Case, number[]>([bare, ...able].map((one) => [one, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Each round begins with another case, so that none always follows the same one.
    const order = [...times];
    const turned = [...order.slice(round % order.length), ...order.slice(0, round % order.length)];
    for (const [one, list] of turned) list.push(measure(one) ?? Number.POSITIVE_INFINITY);
  }
  const floor = quarter(times.get(bare) ?? []);
  let isOver = cases.some((one) => one.budget !== undefined && !able.includes(one));
  console.log(`node ${process.version}, ${rounds} rounds, 25th percentiles\n`);
  console.log('what                            ms  ratio  budget');
  report({ name: bare.name, ms: floor });
  for (const one of able) {
    const ms = quarter(times.get(one) ?? []);
    const budget = one.budget === undefined ? {} : { budget: one.budget };
    isOver = report({ name: one.name, ms, ratio: ms / floor, ...budget }) || isOver;
  }
  return isOver;
}

/** A listing of a million messages beside a bare loop, and what others take for it. */
function listingRows(): boolean {
  const listing = longListing(scratch, 1_000_000);
  const { bareMs, statsMs } = longListingTimes(bin, listing, 3, env);
  report({ name: '1M lines, JSON.parse', ms: bareMs });
  const ratio = statsMs / bareMs;
  const isOver = report({ name: '1M lines, queue stats', ms: statsMs, ratio, budget: 1.2 });
  for (const [name, ms] of byHandTimes(listing))
    if (ms === undefined) console.log(`${name.padEnd(26)} left out: not installed here`);
    else report({ name: `1M lines, ${name}`, ms });
  const peak = statsPeakMiB(bin, listing, scratch, env);
  const verdict = peak > PEAK_MIB ? 'OVER' : 'ok';
  console.log(`1M lines, peak memory ${peak.toFixed(0).padStart(12)} MiB, budget ${PEAK_MIB}  ${verdict}`);
  rmSync(listing);
  return isOver || peak > PEAK_MIB;
}

try {
  let isOver = wants('starts') && startRows();
  isOver = (wants('listing') && listingRows()) || isOver;
  if (Object.keys(labParts).some(wants)) isOver = (await labRows()) || isOver;
  process.exitCode = isOver ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
