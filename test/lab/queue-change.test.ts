/** Acts on 10,000 messages of a real Postfix: the right ones, killed in the middle, taken back, byte for byte. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { inHost, type Lab, productEnv, sleep, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';

const reason = whyNoLab();
const MANY = 10_000;
const OTHERS = 500;

interface ChangeDocument {
  readonly outcome: string;
  readonly run: string | null;
  readonly took_ms: number;
  readonly total: { readonly messages: number; readonly left_alone: number };
  readonly queues: readonly {
    readonly outcome: string;
    readonly messages: number;
    readonly done: number;
    readonly counted: number | null;
    readonly reason: string | null;
  }[];
  readonly unknown_ids: readonly string[];
}

describeUnless(reason, 'acts on messages', () => {
  let lab: Lab;
  const sh = async (script: string) => (await inHost(lab, 'mx1', ['sh', '-c', script])).stdout.trim();
  /** `STATE SENDER` to how many. */
  const counts = async (): Promise<Readonly<Record<string, number>>> => {
    const { stdout } = await mailctl(lab, ['queue', 'list', '-o', 'ndjson']);
    const sums: Record<string, number> = {};
    for (const line of stdout.split('\n').filter(Boolean)) {
      const { state, sender } = JSON.parse(line) as { state: string; sender: string };
      sums[`${state} ${sender}`] = (sums[`${state} ${sender}`] ?? 0) + 1;
    }
    return sums;
  };
  const runsDir = () => path.join(productEnv(lab).XDG_STATE_HOME ?? '', 'mailctl', 'runs');
  const journals = (): readonly string[] =>
    fs.existsSync(runsDir()) ? fs.readdirSync(runsDir()).filter((name) => name.endsWith('.ndjson')) : [];
  /** Waits until a journal that is not among `before` says this. */
  const waitForRecord = async (before: readonly string[], text: string): Promise<string> => {
    let run = '';
    await waitUntil(async () => {
      const name = journals().find((one) => !before.includes(one));
      if (name === undefined) return false;
      run = name.replace('.ndjson', '');
      return fs.readFileSync(path.join(runsDir(), name), 'utf8').includes(text);
    }, 30_000);
    return run;
  };

  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true });
    const words = 'defer_transports=lmtp minimal_backoff_time=1h maximal_backoff_time=2h queue_run_delay=1h';
    await sh(`postconf -e ${words} && postfix reload`);
    const send = (sender: string, count: number) =>
      `smtp-source -s 8 -m ${count} -l 400 -f ${sender} -t bob@store1.lab.example 127.0.0.1:25`;
    await sh(`${send('ann@example.net', MANY)} && ${send('ben@example.net', OTHERS)}`);
    for (let tries = 0; tries < 60; tries += 1) {
      const sums = await counts();
      if (sums['deferred ann@example.net'] === MANY && sums['deferred ben@example.net'] === OTHERS) return;
      await sleep(500);
    }
    throw new Error('the mail is not in the queue');
  }, 120_000);
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('a hold that is killed in the middle goes on where it was, and holds those and no others', async () => {
    const before = journals();
    const { child, ended } = startMailctl(lab, ['queue', 'hold', '--sender', 'ann@example.net', '--yes']);
    const run = await waitForRecord(before, '"step":"part-1"');
    child.kill('SIGKILL');
    await ended;
    const listed = await mailctl(lab, ['runs', 'list']);
    expect(listed.stdout).toMatch(new RegExp(`^${run}\tqueue-hold\tmx1\tincomplete`, 'm'));
    const resumed = await mailctlJson<ChangeDocument>(lab, ['runs', 'resume', run, '--yes']);
    expect(resumed.stderr).not.toMatch(/error:/);
    expect([resumed.code, resumed.json.outcome]).toEqual([0, 'done']);
    expect(resumed.json.queues[0]).toMatchObject({ messages: MANY, done: MANY });
    expect(await counts()).toEqual({ 'hold ann@example.net': MANY, 'deferred ben@example.net': OTHERS });
    // Once more: there is nothing to do.
    const again = await mailctlJson<ChangeDocument>(lab, ['runs', 'resume', run, '--yes']);
    expect([again.code, again.json.outcome]).toEqual([0, 'nothing']);

    const undone = await mailctlJson<ChangeDocument>(lab, ['runs', 'undo', run, '--yes']);
    expect([undone.code, undone.json.outcome]).toEqual([0, 'done']);
    expect(undone.json.queues[0]).toMatchObject({ messages: MANY, done: MANY, counted: MANY });
    expect(await counts()).toEqual({ 'deferred ann@example.net': MANY, 'deferred ben@example.net': OTHERS });
    expect(await sh('ls /var/lib/mailctl/queues/postfix/runs')).toBe('');
  }, 120_000);

  test('a queue that another bastion acts on is busy, and whose it is is told', async () => {
    const lease = '/var/lib/mailctl/queues/postfix/lease';
    const until = Math.floor(Date.now() / 1000) + 600;
    await sh(`printf 'key 0123456789ab\noperator eva\nbastion bastion2\nexpires ${until}\n' > ${lease}`);
    const words = ['queue', 'hold', '--sender', 'ben@example.net', '--yes'];
    const second = await mailctlJson<ChangeDocument>(lab, words);
    expect([second.code, second.json.outcome]).toEqual([6, 'busy']);
    expect(second.json.queues[0]?.reason).toContain('mx1 is held by run 0123 of eva on bastion2');
    expect(await counts()).toEqual({ 'deferred ann@example.net': MANY, 'deferred ben@example.net': OTHERS });
    // Its bastion has died, and its lease has ended.
    await sh(`sed -i 's/^expires .*/expires 1000000000/' ${lease}`);
    const third = await mailctlJson<ChangeDocument>(lab, words);
    expect([third.code, third.json.outcome]).toEqual([0, 'done']);
    const back = await mailctl(lab, ['queue', 'release', '--run', third.json.run ?? '', '--yes']);
    expect(back.code).toBe(0);
  }, 60_000);

  test('what is deleted comes back byte for byte', async () => {
    const files = 'cd $(postconf -h queue_directory) && find deferred -type f';
    const sums = () => sh(`${files} | xargs sha256sum | sed 's,deferred/.*/,,' | sort | sha256sum`);
    const all = await sums();
    const deleted = await mailctlJson<ChangeDocument>(lab, [
      'queue',
      'delete',
      '--sender',
      'ann@example.net',
      '--yes',
    ]);
    expect([deleted.code, deleted.json.outcome]).toEqual([0, 'done']);
    expect(await counts()).toEqual({ 'deferred ben@example.net': OTHERS });
    // From another bastion: its state directory knows nothing.
    const elsewhere = path.join(lab.paths.dir, 'elsewhere');
    fs.mkdirSync(elsewhere, { recursive: true, mode: 0o700 });
    const back = await mailctlJson<ChangeDocument>(
      lab,
      ['queue', 'restore', deleted.json.run ?? '', '--yes', '--state-dir', elsewhere],
      {},
    );
    expect([back.code, back.json.outcome]).toEqual([0, 'done']);
    expect(await counts()).toEqual({ 'deferred ann@example.net': MANY, 'deferred ben@example.net': OTHERS });
    expect(await sums()).toBe(all);
  }, 120_000);

  test('ids of nobody are told, a dry run changes nothing, and nothing means nothing', async () => {
    const nobody = await mailctlJson<ChangeDocument>(lab, [
      'queue',
      'hold',
      'mx1/ABCDEF1234',
      'mx1/$(id)',
      '--yes',
    ]);
    expect([nobody.code, nobody.json.outcome]).toEqual([3, 'partial']);
    expect(nobody.json.unknown_ids).toEqual(['mx1/ABCDEF1234', 'mx1/$(id)']);
    const dry = await mailctlJson<ChangeDocument>(lab, ['queue', 'delete', '--all', '--dry-run']);
    expect([dry.code, dry.json.outcome, dry.json.total.messages]).toEqual([0, 'planned', MANY + OTHERS]);
    expect((await mailctl(lab, ['queue', 'delete', '--yes'])).code).toBe(2);
    expect(await counts()).toEqual({ 'deferred ann@example.net': MANY, 'deferred ben@example.net': OTHERS });
  }, 60_000);
});
