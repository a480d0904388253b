// A backlog for one destination, on a real Postfix in the lab (root on Debian): `mailctl drain` beside `postqueue -f`
// and a loop of `postqueue -i` with a pause, against a receiver that counts its connections exactly and turns away
// what is above its limit. The ideal is what it takes at its limit. Exit 1 when the drain missed its budget.
//   npm run bench:drain -- [--messages 20000] [--ms 100] [--limit 20] [--only drain|flush|loop] [--uneven]
import fs from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { inHost, type Lab, sleep, takeDown, up } from '../lab/lab.js';
import { mailctl } from '../lab/mailctl.js';
import {
  destinationsOf,
  fillQueue,
  type ProviderSpec,
  type Providers,
  queueCounts,
  startProviders,
} from '../lab/providers.js';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '20000' },
    ms: { type: 'string', default: '100' },
    limit: { type: 'string', default: '20' },
    only: { type: 'string' },
    uneven: { type: 'boolean', default: false },
    domains: { type: 'string', default: '4' },
    'cap-s': { type: 'string', default: '330' },
    verbose: { type: 'boolean', default: false },
  },
});
const whole = (text: string, least: number) => Math.max(least, Math.floor(Number(text)) || least);
const messages = whole(values.messages, 100);
const ms = whole(values.ms, 1);
const limit = whole(values.limit, 1);
const domains = whole(values.domains, 1);
const capMs = whole(values['cap-s'], 10) * 1000;
const say = (line: string) => console.log(line);

/** Of the ideal, the time that a drain may take; of its tries, what may be put off. */
const BUDGET = 1.25;
const MOST_DEFERRED = 0.01;
/** The destination's part of the backlog, in percent. */
const SHARE = 65;
const OTHERS = ['d1.example', 'd2.example', 'd3.example', 'd4.example', 'd5.example'];

const bigDomains = ['gmail.com', 'googlemail.com', 'hosted1.example', 'hosted2.example'];
for (let at = 3; bigDomains.length < domains; at += 1) bigDomains.push(`hosted${at}.example`);
const big: ProviderSpec = {
  name: 'big',
  domains: bigDomains.slice(0, domains),
  limit,
  ms,
  uneven: values.uneven,
};
const specs: readonly ProviderSpec[] = [
  big,
  ...OTHERS.map((domain) => ({ name: domain, domains: [domain], limit: 1000, ms: 20 })),
  { name: 'idle', domains: ['idle.example'], limit: 1000, ms: 5 },
];

interface Result {
  readonly way: string;
  /** Of the whole, and from the destination's first message to its last, in ms. */
  readonly tookMs: number;
  readonly bigMs: number;
  readonly othersMs: number;
  readonly delivered: number;
  readonly most: number;
  readonly refused: number;
  readonly connections: number;
  readonly deferred: number;
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly twice: number;
}

const WAYS: Readonly<Record<string, { readonly name: string; run(lab: Lab): Promise<void> }>> = {
  drain: { name: 'mailctl drain', run: drain },
  flush: { name: 'postqueue -f', run: flush },
  loop: { name: 'postqueue -i, sleep', run: loop },
};

async function drain(lab: Lab): Promise<void> {
  const { code, stderr, stdout } = await mailctl(lab, [
    'drain',
    'start',
    '-H',
    'mx1',
    '--all',
    '--yes',
    '--no-dns',
  ]);
  if (values.verbose) say(stdout + stderr);
  if (code !== 0) throw new Error(`mailctl drain: exit ${code}: ${stderr}`);
}

/** As it is done by hand: once, and again whenever nothing moves any more. */
async function flush(lab: Lab): Promise<void> {
  const until = performance.now() + capMs;
  await sh(lab, 'postqueue -f');
  while (performance.now() < until) {
    await sleep(2000);
    const { incoming = 0, active = 0, deferred = 0 } = await queueCounts(lab);
    if (incoming + active > 5) continue;
    if (deferred === 0) return;
    await sleep(20_000);
    await sh(lab, 'postqueue -f');
  }
}

async function loop(lab: Lab): Promise<void> {
  const script = `postqueue -j | sed -n 's/.*"queue_id": "\\([^"]*\\)".*/\\1/p' > /tmp/bench.ids
while read -r id; do postqueue -i "$id"; sleep 0.01; done < /tmp/bench.ids`;
  await inHost(lab, 'mx1', ['timeout', String(capMs / 1000), 'sh', '-c', script], {
    timeoutMs: capMs + 10_000,
    mayFail: true,
  });
  const until = performance.now() + 20_000;
  while (performance.now() < until && (await queueCounts(lab)).active !== 0) await sleep(500);
}

const sh = async (lab: Lab, script: string): Promise<string> =>
  (await inHost(lab, 'mx1', ['sh', '-c', script], { timeoutMs: 60_000 })).stdout.trim();

/** Seconds that messages to an idle destination took, as the log has them. */
async function delays(lab: Lab): Promise<readonly number[]> {
  const text = await sh(
    lab,
    "sed -n 's/.*to=<o@idle.example>.* delay=\\([0-9.]*\\),.*/\\1/p' /var/log/mail.log",
  );
  return text.split('\n').filter(Boolean).map(Number);
}

const sendOther = (lab: Lab) =>
  sh(lab, 'echo hi | sendmail -f o@x.example o@idle.example').catch(() => undefined);

async function measure(lab: Lab, providers: Providers, way: string): Promise<Result> {
  const { name, run } = WAYS[way] as (typeof WAYS)[string];
  for (let at = 0; at < 15; at += 1) {
    await sendOther(lab);
    await sleep(200);
  }
  await sleep(1000);
  const before = await delays(lab);
  await sh(lab, ': > /var/log/mail.log');
  const shares = Object.fromEntries([
    ...big.domains.map((domain, at) => [
      domain,
      at === 0 ? SHARE - 15 * Math.min(1, domains - 1) - 2 * Math.max(0, domains - 2) : at === 1 ? 15 : 2,
    ]),
    ...OTHERS.map((domain) => [domain, (100 - SHARE) / OTHERS.length]),
  ]);
  await fillQueue(lab, messages, { shares, name: way });
  for (const one of providers.all) one.reset();
  const others = setInterval(() => void sendOther(lab), 500);
  const begunAt = performance.now();
  await run(lab);
  const tookMs = performance.now() - begunAt;
  clearInterval(others);
  await sleep(1000);
  const far = providers.of('big');
  const rest = OTHERS.map((name) => providers.of(name));
  const deferred = Number(await sh(lab, "grep -c ' status=deferred ' /var/log/mail.log || :"));
  if (values.verbose) {
    say(
      await sh(lab, "sed -n 's/.* delays=\\([^,]*\\),.*/\\1/p' /var/log/mail.log | tail -n 2000 | tail -n 5"),
    );
    say(await sh(lab, "grep -c 'conn_use=' /var/log/mail.log || :"));
    // Of each second, how many the receiver took: where it stood still.
    say(
      await sh(
        lab,
        `grep -E 'to=<[^>]*@(${big.domains.join('|')})>' /var/log/mail.log | grep status=sent | grep -oE '[0-9]{2}:[0-9]{2}:[0-9]{2}' | uniq -c | awk '{printf "%s ", $1}'`,
      ),
    );
  }
  return {
    way: name,
    tookMs,
    bigMs: far.tookMs(),
    othersMs: Math.max(...rest.map((one) => one.tookMs())),
    delivered: rest.reduce((sum, one) => sum + one.taken(), far.taken()),
    most: far.most(),
    refused: far.refused(),
    connections: far.connections(),
    deferred,
    before,
    during: await delays(lab),
    twice: providers.twice().filter((key) => !key.includes('@idle.example')).length,
  };
}

const part = (times: readonly number[], share: number) =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ??
  Number.NaN;
const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`;
const delayText = (times: readonly number[]) =>
  `${part(times, 0.5).toFixed(2)}/${part(times, 0.95).toFixed(2)}`;

const lab = await up({ forTests: true, slots: 1, say });
const results: Result[] = [];
try {
  fs.appendFileSync(lab.paths.mailctlYaml, stringify({ destinations: destinationsOf([big]) }));
  for (const way of Object.keys(WAYS)) {
    if (values.only !== undefined && values.only !== way) continue;
    const providers = await startProviders(lab, specs);
    try {
      results.push(await measure(lab, providers, way));
    } finally {
      await providers.close();
    }
    await sh(lab, 'postsuper -d ALL 2> /dev/null; : > /var/log/mail.log');
  }
} finally {
  await takeDown(lab.paths);
}

const ofBig = Math.round((messages * SHARE) / 100);
const idealMs = (ofBig * ms) / limit;
say(
  `${messages} messages, ${SHARE} % for ${domains} domains behind one receiver: ${limit} connections, ${ms} ms a message: ideal ${seconds(idealMs)}`,
);
say(
  'way                     time  x ideal  first-last  x ideal   rest  delivered   most  conns  421  deferred  other mail before, during (median/p95 s)',
);
for (const one of results)
  say(
    [
      one.way.padEnd(20),
      seconds(one.tookMs).padStart(8),
      (one.tookMs / idealMs).toFixed(2).padStart(8),
      seconds(one.bigMs).padStart(11),
      (one.bigMs / idealMs).toFixed(2).padStart(8),
      seconds(one.othersMs).padStart(7),
      String(one.delivered).padStart(9),
      String(one.most).padStart(6),
      String(one.connections).padStart(6),
      String(one.refused).padStart(5),
      `${((one.deferred / messages) * 100).toFixed(2)}%`.padStart(8),
      `  ${delayText(one.before)}, ${delayText(one.during)}`,
      one.twice > 0 ? ` ${one.twice} CAME TWICE` : '',
    ].join(' '),
  );
const ours = results.find(({ way }) => way === WAYS.drain?.name);
if (ours !== undefined) {
  const isGood =
    ours.delivered === messages &&
    ours.most <= limit &&
    ours.deferred / messages < MOST_DEFERRED &&
    ours.twice === 0 &&
    ours.tookMs <= idealMs * BUDGET;
  if (!isGood) process.exitCode = 1;
}
