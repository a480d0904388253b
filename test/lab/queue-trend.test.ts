/**
 * Where a real Postfix queue is going: rates by its log and by looks, what expires first, a watch that is interrupted, a
 * hold that stands where nothing waits, and what is known of an MX that is gone.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { hostFile } from './hostfile.js';
import { fail, inHost, type Lab, productEnv, sleep, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';

const reason = whyNoLab();
const MANY = 2000;

interface Figures {
  readonly waiting: number;
  readonly out_per_min: number | null;
  readonly growth_per_min: number | null;
  readonly empty_in_s: number | null;
  readonly expiring: number | null;
}

interface Stats {
  readonly complete: boolean;
  readonly total: { readonly messages: number };
  readonly groups: readonly { readonly key: string; readonly messages: number; readonly trend: Figures }[];
  readonly trend: Figures & {
    readonly source: string | null;
    readonly lifetime_s: number | null;
    readonly last_known: readonly { readonly queue: string; readonly messages: number }[];
  };
  readonly holds: readonly { readonly has_passed: boolean; readonly meanwhile: readonly string[] | null }[];
}

describeUnless(reason, 'where a queue is going', () => {
  let lab: Lab;
  const sh = async (script: string, input?: string) =>
    (await inHost(lab, 'mx1', ['sh', '-c', script], input === undefined ? {} : { input })).stdout.trim();
  const trend = (...words: readonly string[]) =>
    mailctlJson<Stats>(lab, ['queue', 'stats', '--trend', '--no-dns', ...words]);
  const send = (sender: string, to: string, count: number) =>
    sh(`smtp-source -s 5 -m ${count} -l 400 -f ${sender} -t ${to} 127.0.0.1:25`);
  const holdsFile = () => path.join(productEnv(lab).XDG_STATE_HOME ?? '', 'mailctl', 'holds.json');

  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true });
    await sh(
      'postconf -e defer_transports=smtp maximal_queue_lifetime=1d queue_run_delay=1h minimal_backoff_time=1h maximal_backoff_time=2h && postfix reload 2> /dev/null',
    );
  }, 120_000);
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('rates are by the log, growth by the look before, and what is too old for its turn expires', async () => {
    expect((await trend()).json.trend).toMatchObject({ source: 'log', growth_per_min: null });
    await sh(`perl - ${MANY} deferred short`, hostFile('fill-queue.pl'));
    await send('ann@example.net', 'probe@store1.lab.example', 40);
    await waitUntil(async () => (await sh('grep -c "status=sent" /var/log/mail.log || :')) >= '40', 20_000);
    // Arrivals are known to the second: a look of just now is no base.
    await sleep(10_500);
    const { code, json } = await trend('--by', 'domain');
    expect(code).toBe(0);
    const of = (key: string) => json.groups.find((group) => group.key === key)?.trend;
    expect(json.total.messages).toBe(MANY);
    expect(json.trend).toMatchObject({ waiting: MANY, lifetime_s: 86_400 });
    // 40 in the window of five minutes and a piece.
    expect(json.trend.out_per_min).toBeGreaterThan(40 / 5.6);
    expect(json.trend.out_per_min).toBeLessThanOrEqual(40 / 5);
    expect(json.trend.growth_per_min).toBeGreaterThan(MANY / 2);
    // A tenth of them are older than a day.
    expect(json.trend.expiring).toBeGreaterThanOrEqual(MANY / 10);
    expect(of('gmail.com')).toMatchObject({ out_per_min: 0, empty_in_s: null });
    expect(of('gmail.com')?.expiring).toBe(of('gmail.com')?.waiting);
    const { stdout } = await mailctl(lab, ['queue', 'stats', '--trend', '--no-dns', '-o', 'table']);
    expect(stdout).toMatch(/^QUEUE 2,000 msgs .* \+[\d,]+\/min/);
    expect(stdout).toMatch(/^DESTINATION .* OUT\/m +OPEN\/LIM +EMPTY IN$/m);
    expect(stdout).toMatch(/^! gmail\.com: nothing leaves; if that goes on all \d+ expire \(1d\)/m);
    expect((await mailctl(lab, ['queue', 'stats', '--trend', '--state', 'hold'])).code).toBe(2);
  }, 60_000);

  test('a watch compares looks by ids, and ends when it is interrupted', async () => {
    const { child, ended } = startMailctl(lab, [
      'queue',
      'stats',
      '--watch',
      '--every',
      '1s',
      '-o',
      'ndjson',
    ]);
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    await waitUntil(async () => text.includes('gmail.com'), 15_000);
    await send('bob@example.net', 'u@watched.example', 30);
    const rates = () =>
      text
        .split('\n')
        .filter((line) => line.includes('watched.example') && line.endsWith('}'))
        .map((line) => (JSON.parse(line) as { trend: { in_per_min: number } }).trend.in_per_min);
    await waitUntil(async () => rates().some((rate) => rate > 0), 15_000);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  }, 60_000);

  test('a hold stands where nothing waits, is told, and is told when it has passed', async () => {
    const hold = [
      'queue',
      'hold',
      '--sender',
      'carl@example.net',
      '--for',
      '20s',
      '--reason',
      'spam',
      '--yes',
    ];
    const held = await mailctl(lab, [...hold, '-o', 'table']);
    expect(held.code).toBe(0);
    expect(held.stderr).toMatch(/no timer of this machine has tended holds/);
    expect(held.stdout).toMatch(/it stands until/);
    await send('carl@example.net', 'u@held.example', 3);
    const { json } = await mailctlJson<{ done: readonly object[] }>(lab, ['queue', 'sample', '--do-owed']);
    expect(json.done).toMatchObject([{ what: 'held', outcome: 'done', messages: 3 }]);
    const stats = await mailctlJson<Stats>(lab, [
      'queue',
      'stats',
      '--sender',
      'carl@example.net',
      '--by',
      'state',
    ]);
    expect(stats.json.groups.map(({ key, messages }) => [key, messages])).toEqual([['hold', 3]]);
    expect(stats.json.holds).toMatchObject([
      { has_passed: false, meanwhile: ['--sender', 'carl@example.net'] },
    ]);
    await waitUntil(async () => {
      const { holds } = (await mailctlJson<Stats>(lab, ['queue', 'stats'])).json;
      return holds[0]?.has_passed === true;
    }, 30_000);
    expect((await mailctl(lab, ['queue', 'stats'])).stderr).toMatch(
      /ended \S+ ago and its mail was not released/,
    );
    const turn = await mailctlJson<{ done: readonly object[] }>(lab, ['queue', 'sample', '--do-owed']);
    expect(turn.json.done).toMatchObject([{ what: 'released', outcome: 'done', messages: 3 }]);
    expect(fs.existsSync(holdsFile())).toBe(false);
  }, 90_000);

  test('an MX that is gone had so many at that time', async () => {
    await fail(lab, 'mx1');
    const { code, json } = await trend();
    expect(code).toBe(3);
    expect(json.complete).toBe(false);
    expect(json.trend.last_known).toMatchObject([{ queue: 'mx1', messages: MANY + 33 }]);
    const { code: exit, stdout } = await mailctl(lab, ['queue', 'stats', '--trend', '-o', 'table']);
    expect(exit).toBe(3);
    expect(stdout).toMatch(/! mx1 not counted: .*; had 2,033 at \d\d:\d\dZ/s);
    expect((await mailctl(lab, ['queue', 'sample', '--do-owed'])).code).toBe(3);
  }, 60_000);
});
