/**
 * `mailctl drain` on a real Postfix, with providers that count their connections: everything goes out, each message
 * once, never above a limit; also when the far side turns hostile, and when mailctl is killed again and again. In small.
 */
// alone: rates and limits of a receiver are measured.
import fs from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { randomFrom } from '../support/random.js';
import { describeUnless } from '../support/unless.js';
import { inHost, type Lab, sleep, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';
import {
  destinationsOf,
  fillQueue,
  type ProviderSpec,
  type Providers,
  queueCounts,
  startProviders,
  threeProviders,
} from './providers.js';

interface DrainDocument {
  readonly runs: readonly {
    readonly run: string;
    readonly state: string;
    readonly total: number;
    readonly delivered: number;
    readonly held: number;
  }[];
}

const specs: readonly ProviderSpec[] = [
  ...threeProviders.map((one) => ({ ...one, ms: one.name === 'gmail' ? 200 : 60 })),
  { name: 'idle', domains: ['idle.example'], limit: 20, ms: 5 },
];

describeUnless(whyNoLab(), 'a drain', () => {
  let lab: Lab;
  let providers: Providers;
  const sh = async (script: string) => (await inHost(lab, 'mx1', ['sh', '-c', script])).stdout.trim();
  const start = ['drain', 'start', '-H', 'mx1', '--all', '--yes', '--no-dns'];
  const deferrals = async () =>
    Number(await sh("grep -c 'postfix/smtp.* status=deferred' /var/log/mail.log || :"));
  const waiting = async () => Object.values(await queueCounts(lab)).reduce((sum, one) => sum + one, 0);
  /** Everything came, each message once, and nothing is left. */
  const expectAllOnce = async (count: number) => {
    expect(await waitUntil(async () => (await waiting()) === 0, 20_000, 300)).toBe(true);
    expect(providers.twice().filter((key) => !key.endsWith('@idle.example'))).toEqual([]);
    expect(
      providers.all.reduce(
        (sum, { seen }) => sum + [...seen.keys()].filter((key) => !key.endsWith('@idle.example')).length,
        0,
      ),
    ).toBe(count);
  };

  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1 });
    fs.appendFileSync(lab.paths.mailctlYaml, stringify({ destinations: destinationsOf(specs) }));
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });
  beforeEach(async () => {
    providers = await startProviders(lab, specs);
    await sh(': > /var/log/mail.log');
  });
  afterEach(async () => {
    await providers.close();
  });

  test('never above a limit, all of it once, in the time that the receiver takes, and other mail is not harmed', async () => {
    const count = 2000;
    await fillQueue(lab, count);
    const gmail = providers.of('gmail');
    gmail.set({ ms: 100 });
    const others = setInterval(
      () => void sh('echo hi | sendmail -f o@x.example o@idle.example').catch(() => {}),
      1500,
    );
    const ran = await mailctl(lab, start);
    clearInterval(others);
    expect([ran.code, ran.stderr]).toEqual([0, expect.anything()]);
    await expectAllOnce(count);
    for (const one of providers.all)
      expect([one.name, one.refused(), one.most() <= 20]).toEqual([one.name, 0, true]);
    expect(await deferrals()).toBeLessThan(count / 100);
    const idealMs = (gmail.taken() * 100) / 20;
    process.stderr.write(
      `drain: ${(gmail.tookMs() / idealMs).toFixed(2)} x the ideal, at most ${gmail.most()} connections\n`,
    );
    // A machine that is busy with other things is slower than the receiver.
    expect(gmail.tookMs()).toBeLessThan(idealMs * 8);
    const delays = await sh(
      "sed -n 's/.*to=<o@idle.example>.* delay=\\([0-9.]*\\),.*/\\1/p' /var/log/mail.log | sort -n | tail -n 1",
    );
    expect(Number(delays)).toBeLessThan(10);
  }, 120_000);

  test('a receiver that turns hostile is left alone, asked again, and gets the rest', async () => {
    const count = 350;
    await fillQueue(lab, count, { shares: { 'gmail.com': 60, 'googlemail.com': 40 }, name: 'h' });
    const gmail = providers.of('gmail');
    gmail.set({ ms: 100 });
    // For so long the queue manager itself remembers that a site was dead, and tries nothing there.
    await sh('postconf -e minimal_backoff_time=10s && postfix reload 2> /dev/null');
    const { ended } = startMailctl(lab, start);
    expect(await waitUntil(() => gmail.taken() > 60, 40_000, 50)).toBe(true);
    gmail.set({ mood: 'refuse' });
    const before = gmail.refused();
    await sleep(5000);
    const most = gmail.refused() - before;
    gmail.set({ mood: 'well', ms: 400 });
    await sleep(3000);
    gmail.set({ ms: 100 });
    expect((await ended).code).toBe(0);
    await expectAllOnce(count);
    process.stderr.write(`drain: ${most} connections refused in 5 hostile seconds\n`);
    expect(most).toBeLessThan(120);
  }, 150_000);

  test('killed again and again: resumed, every message exactly once', async () => {
    const count = 800;
    const random = randomFrom(7);
    await fillQueue(lab, count, { name: 'k' });
    providers.of('gmail').set({ ms: 60 });
    let running = startMailctl(lab, start);
    let run = '';
    let code: number | null = null;
    for (let kill = 0; kill < 6; kill += 1) {
      await sleep(700 + random() * 2500);
      running.child.kill('SIGKILL');
      code = (await running.ended).code;
      if (code !== null) break;
      const { json } = await mailctlJson<DrainDocument>(lab, ['drain', 'status']);
      run = json.runs.find(({ state }) => state !== 'done')?.run ?? run;
      if (run === '') {
        running = startMailctl(lab, start);
        continue;
      }
      running = startMailctl(lab, ['drain', 'resume', run, '--yes']);
    }
    const end = await running.ended;
    expect([code ?? end.code, end.stderr]).toEqual([0, expect.anything()]);
    await expectAllOnce(count);
    for (const one of providers.all) expect([one.name, one.refused()]).toEqual([one.name, 0]);
  }, 150_000);

  test('the bastion is lost: another one goes on from the list on the mail host, and not before', async () => {
    const count = 300;
    await fillQueue(lab, count, { name: 'e' });
    for (const one of providers.all) one.set({ ms: 400 });
    const first = startMailctl(lab, [...start, '--dead-after', '8s', '--on-death', 'hold']);
    const elsewhere = ['--state-dir', `${lab.paths.mailctlYaml}.elsewhere`];
    const status = async () =>
      (await mailctlJson<DrainDocument>(lab, ['drain', 'status', '-H', 'mx1', ...elsewhere])).json.runs;
    const seen = () => providers.all.reduce((sum, one) => sum + one.taken(), 0);
    expect(await waitUntil(() => seen() > 40, 30_000, 100)).toBe(true);
    const run = (await status()).find(({ state }) => state === 'running')?.run ?? '';
    const goOn = ['drain', 'resume', run, '-H', 'mx1', '--yes', ...elsewhere];
    expect((await mailctl(lab, goOn)).code).toBe(6);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(
      await waitUntil(async () => (await status()).some(({ state }) => state === 'dead'), 25_000, 500),
    ).toBe(true);
    const ended = await mailctl(lab, goOn);
    expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
    await expectAllOnce(count);
    expect(await status()).toEqual([]);
  }, 100_000);
});
