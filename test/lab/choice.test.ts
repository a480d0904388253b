/** Choice among replicas, thirds, moves and their undo, new replicas, and fencing, on real servers. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import {
  count,
  deliver,
  directoryOf,
  fail,
  hang,
  inHost,
  instanceOf,
  type Lab,
  lag,
  messagesOn,
  returnHost,
  run,
  syncLogs,
  takeDown,
  unlag,
  up,
  waitDelivered,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';

interface FailoverDocument {
  readonly run: string | null;
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly to: string | null;
    readonly outcome: string;
    readonly gate: string | null;
    readonly chosen_because: string | null;
  }[];
  readonly safe_to_leave: boolean;
  readonly reasons: readonly string[];
}
interface SeedDocument {
  readonly run: string | null;
  readonly outcome: string;
  readonly slots: readonly { readonly gate: string | null; readonly reason: string | null }[];
}

const failover = (lab: Lab, ...words: string[]) => mailctlJson<FailoverDocument>(lab, ['failover', ...words]);
const verdicts = async (lab: Lab) =>
  (await mailctlJson<{ slots: { verdict: string }[] }>(lab, ['slots', 'list'])).json.slots.map(
    ({ verdict }) => verdict,
  );

describeUnless(whyNoLab(), 'choice, moves, seeds and fences on real servers', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 3, replicas: 2, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('a move goes where it is told, refuses the dead, and its undo takes each slot back', async () => {
    const there = await mailctlJson<FailoverDocument>(lab, [
      'slots',
      'move',
      '--from',
      'imap21',
      '--count',
      '1',
      '--to',
      'imap23',
      '--yes',
    ]);
    expect(there.json.slots).toMatchObject([{ to: 'imap23', outcome: 'moved' }]);
    expect(there.json.safe_to_leave, there.stdout).toBe(true);
    const back = await failover(lab, '--undo', there.json.run as string, '--yes');
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect([...(await directoryOf(lab)).values()].map(({ master }) => master)).toEqual(
      Array(3).fill('imap21'),
    );
    expect(await verdicts(lab)).toEqual(Array(3).fill('healthy'));
  });

  test('a wiped replica is no copy while it is filled, whoever is killed meanwhile, and has everything then', async () => {
    const accepted = await deliver(lab, 'store1', 'ann', 5);
    expect(await waitDelivered(lab, accepted)).toEqual([]);
    await inHost(lab, 'imap23', [
      'sh',
      '-c',
      'kill -QUIT "$(cat /run/cyrus/store1.pid)"; while kill -0 "$(cat /run/cyrus/store1.pid)" 2>/dev/null; do sleep 0.1; done; rm -rf /srv/store1/conf/* /srv/store1/mail/*',
    ]);
    const words = ['replication', 'seed', 'store1', '--to', 'imap23'];
    const slow = startMailctl(lab, [...words, '--rate', '20/m', '--yes']);
    // It is killed when it sends: the mark stands by then.
    const marked = await waitUntil(
      async () =>
        (
          await inHost(lab, 'imap21', ['sh', '-c', 'cat /srv/store1/conf/mailctl.lane 2>/dev/null || :'])
        ).stdout.includes('"seeding":true'),
      20_000,
    );
    expect(marked).toBe(true);
    slow.child.kill('SIGKILL');
    await slow.ended;
    const { json } = await failover(lab, 'store1', '--dry-run');
    expect(json.slots.map(({ to, gate }) => [to, gate])).toEqual([['imap22', null]]);
    const runs = await mailctlJson<{ runs: { run: string; state: string }[] }>(lab, ['runs', 'list']);
    const open = runs.json.runs.find(({ state }) => state === 'incomplete');
    const resumed = await mailctlJson<SeedDocument>(lab, ['runs', 'resume', open?.run ?? '', '--yes']);
    expect(resumed.json.outcome, resumed.stdout + resumed.stderr).toBe('done');
    expect(await count(lab, 'store1', 'ann', 'imap23')).toBe(await count(lab, 'store1', 'ann', 'imap21'));
    const again = await mailctlJson<SeedDocument>(lab, [...words, '--yes']);
    expect(again.code, again.stdout).toBe(0);
    expect(await verdicts(lab)).toEqual(Array(3).fill('healthy'));
    const verified = await mailctl(lab, ['replication', 'verify', 'store1', '-o', 'json']);
    expect(verified.code, verified.stdout).toBe(0);
  });

  test('the slots of a dead host spread, and a third that lacked mail is a copy again', async () => {
    // Only the channel to one of the two is stopped: what waits in it is on the other replica.
    const accepted = await lag(lab, 'store2', { messages: 3, towards: 'imap23' });
    // A sample taken before imap22 has them sees both wait, a moment each: then the one with fewer masters is chosen.
    const old = instanceOf(lab, 'store2', 'imap21');
    const onlyOneWaits = () => {
      const waiting = syncLogs(lab, old).map(({ file }) => path.basename(path.dirname(file)));
      return waiting.length > 0 && waiting.every((channel) => channel === 'imap23');
    };
    expect(await waitUntil(onlyOneWaits, 20_000), JSON.stringify(syncLogs(lab, old))).toBe(true);
    await mailctl(lab, ['slots', 'sample', '--do-owed']);
    await fail(lab, 'imap21');
    const { json, code, stdout } = await failover(lab, 'imap21', '--yes');
    expect(code, stdout).toBe(0);
    expect(json.slots.map(({ outcome }) => outcome)).toEqual(Array(3).fill('moved'));
    const to = json.slots.map((slot) => slot.to);
    expect([...new Set(to)].sort()).toEqual(['imap22', 'imap23']);
    expect(json.slots.find(({ slot }) => slot === 'store2')?.to).toBe('imap22');
    expect({ safe: json.safe_to_leave, reasons: json.reasons }).toEqual({ safe: true, reasons: [] });
    const third = await messagesOn(lab, 'store2', 'ann', 'imap23');
    expect(accepted.filter(({ id }) => !third.includes(id))).toEqual([]);
  });

  test('a host that hangs and serves is cut off by its fence, seen off, and its slots move', async () => {
    await returnHost(lab, 'imap21', { boot: true });
    expect((await mailctl(lab, ['failover', 'imap21', '--yes'])).code).toBe(0);
    await unlag(lab, 'store2');
    const config = path.join(path.dirname(lab.paths.mailctlYaml), 'fence.yaml');
    const device = 'mclab-imap22';
    const isOff = `ip -o link show dev ${device} | grep -q "[<,]UP[,>]" && exit 1; exit 0`;
    const fence = `fence: { run: [ip, link, set, ${device}, down], verify: [sh, -c, '${isOff}'], timeout: 5s }`;
    const text = fs
      .readFileSync(lab.paths.mailctlYaml, 'utf8')
      .replace('location: row-b', `location: row-b\n    ${fence}`);
    fs.writeFileSync(config, text, { mode: 0o600 });
    await mailctl(lab, ['slots', 'list']);
    await hang(lab, 'imap22', { sshdOnly: true });
    const slot = [...(await directoryOf(lab))].find(([, { master }]) => master === 'imap22')?.[0] ?? '';
    const refused = await failover(lab, slot, '--config', config, '--yes');
    expect([refused.code, refused.json.slots[0]?.gate]).toEqual([4, 'still-serving']);
    expect((await run(['ip', '-o', 'link', 'show', 'dev', device])).stdout).toMatch(/[<,]UP[,>]/);
    const { code, stdout, json } = await failover(lab, slot, '--config', config, '--fence', '--yes');
    expect(code, stdout).toBe(0);
    expect(json.slots).toMatchObject([{ slot, to: 'imap23', outcome: 'moved' }]);
    expect((await run(['ip', '-o', 'link', 'show', 'dev', device])).stdout).not.toMatch(/[<,]UP[,>]/);
  });
});
