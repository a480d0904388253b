// What `mailctl probe` costs and what it is worth, on the lab's network of providers (root on Debian): how often it calls
// healthy ways bad, what the usual tools say of a way that eats packets by their size, and how it grows. Apart from the
// other budgets, since it takes a quarter of an hour. Exit 1 after a false alarm, or a fault that was not named.
//   npm run bench:probe -- [--runs 100] [--only healthy|tools|many]
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { ensurePackages } from '../lab/packages.js';
import { run } from '../lab/run.js';
import {
  mailHostNetworkWords,
  many,
  parseFault,
  setFaults,
  startUplinksMailctl,
  type Uplinks,
  uplinksDown,
  uplinksProbe,
  uplinksUp,
} from '../lab/uplinks.js';
import { quarter } from './stores.js';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100' }, only: { type: 'string' } },
});
const runs = Math.max(1, Number(values.runs) || 100);
const say = (line: string) => console.log(line);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Runs with nothing wrong; the number of those that were not all ok. */
async function healthyRuns(lab: Uplinks): Promise<number> {
  let alarms = 0;
  const times: number[] = [];
  for (let at = 1; at <= runs; at += 1) {
    const { json, code } = await uplinksProbe(lab);
    times.push(json.took_ms);
    if (code === 0) continue;
    alarms += 1;
    const bad = [...json.verdicts, ...json.cells].filter(({ verdict }) => verdict !== 'ok');
    say(`run ${at}: exit ${code}: ${JSON.stringify(bad).slice(0, 600)}`);
  }
  const most = Math.max(...times);
  say(
    `${runs} healthy runs: ${alarms} false alarms; ${seconds(quarter(times))} (25th percentile), at most ${seconds(most)}`,
  );
  return alarms;
}

/** The usual tools and mailctl beside each other, from one provider's address, while it drops packets above 500 bytes. */
async function tools(lab: Uplinks): Promise<boolean> {
  await ensurePackages(say, [
    'traceroute',
    'mtr-tiny',
    'swaks',
    'curl',
    'libnet-ssleay-perl',
    'libio-socket-ssl-perl',
  ]);
  const level3 = lab.spec.providers.find(({ name }) => name === 'level3');
  const server = lab.spec.servers[0];
  if (level3 === undefined || server === undefined) throw new Error('the usual lab, please');
  await setFaults(lab, [parseFault(lab, ['level3', 'size', 'n=500'])]);
  const { source4: from } = level3;
  const { four: to } = server;
  const rows: readonly (readonly string[])[] = [
    ['ping', '-c', '5', '-I', from, to],
    ['traceroute', '-T', '-p', '25', '-n', '-s', from, to],
    ['mtr', '--report', '-c', '5', '-n', '-a', from, to],
    ['swaks', '-q', 'EHLO', '-tls', '--server', to, '--local-interface', from],
    ['curl', '-sS', '-m', '30', '-k', '--ssl-reqd', '--interface', from, `smtp://${to}`],
  ];
  for (const words of rows) {
    const begunAt = performance.now();
    const ran = await run([...mailHostNetworkWords(lab), 'timeout', '45', ...words], { mayFail: true });
    const text = `${ran.stdout}${ran.stderr}`.trim().split('\n').filter(Boolean);
    say(
      `${words.slice(0, 2).join(' ').padEnd(14)} ${seconds(performance.now() - begunAt).padStart(7)}  exit ${ran.code}  ${text.slice(-2).join(' | ').slice(0, 160)}`,
    );
  }
  const { json, code } = await uplinksProbe(lab);
  const found = json.verdicts.find(({ uplink, family }) => uplink === 'level3' && family === 4);
  say(
    `mailctl probe  ${seconds(json.took_ms).padStart(7)}  exit ${code}  level3 ${found?.verdict}, behind ${found?.hop?.name}; verdict after ${seconds(json.judged_after_ms)}`,
  );
  await setFaults(lab, []);
  return found?.verdict === 'hangs' && found.hop !== null;
}

/** Ten providers, fifty destinations: time, peak memory, most sockets of the relay at once. */
async function manyPairs(): Promise<boolean> {
  const lab = await uplinksUp({ spec: many(10, 50), say });
  try {
    const running = startUplinksMailctl(lab, ['probe', '-o', 'json']);
    let peak = 0;
    let sockets = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOf(running.child.pid ?? 0));
      sockets = Math.max(sockets, relaySockets());
    }, 100);
    const { stdout, code, tookMs } = await running.ended;
    clearInterval(watch);
    const { verdicts } = JSON.parse(stdout) as { verdicts: readonly { verdict: string }[] };
    const good = verdicts.filter(({ verdict }) => verdict === 'ok').length;
    say(
      `10 uplinks x 50 destinations, both families: ${seconds(tookMs)}, exit ${code}, ${good} of ${verdicts.length} rows ok, peak ${peak} MiB here, at most ${sockets} sockets on the mail host`,
    );
    return code === 0;
  } finally {
    await uplinksDown(lab.paths);
  }
}

/** MiB, as the kernel counts it. */
function peakOf(pid: number): number {
  try {
    const line = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** Descriptors of the relay that has the most. */
function relaySockets(): number {
  let most = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('perl\0')) continue;
      most = Math.max(most, readdirSync(`/proc/${pid}/fd`).length);
    } catch {}
  return most;
}

const wants = (what: string) => values.only === undefined || values.only === what;
let isGood = true;
if (wants('tools') || wants('healthy')) {
  const lab = await uplinksUp({ say });
  try {
    if (wants('tools')) isGood = (await tools(lab)) && isGood;
    if (wants('healthy')) isGood = (await healthyRuns(lab)) === 0 && isGood;
  } finally {
    await uplinksDown(lab.paths);
  }
}
if (wants('many')) isGood = (await manyPairs()) && isGood;
process.exitCode = isGood ? 0 : 1;
