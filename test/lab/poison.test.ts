/** Replication that is blocked or has lost something in silence, on real servers: found, set aside, sent, compared. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { describeUnless } from '../support/unless.js';
import {
  deliver,
  inHost,
  type Lab,
  lag,
  messagesOn,
  sleep,
  startDeliveries,
  syslogTail,
  takeDown,
  unlag,
  up,
  waitDelivered,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';

const tools = 'PATH=$PATH:/usr/lib/cyrus/bin; ';

interface VerifyDocument {
  readonly copies: readonly {
    readonly slot: string;
    readonly state: string;
    readonly differing: readonly { readonly name: string }[];
  }[];
}

interface QuarantineDocument {
  readonly outcome: string;
  readonly files: readonly {
    readonly slot: string;
    readonly events: number;
    readonly users: readonly string[];
    readonly age_s: number | null;
    readonly kept: readonly { readonly who: string; readonly cause: string }[];
  }[];
}

describeUnless(whyNoLab(), 'blocked replication on real servers', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 2, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });
  const on21 = (script: string) => inHost(lab, 'imap21', ['sh', '-c', tools + script]);
  const conf = '/srv/store1/role/imapd.conf';
  const quarantined = async () =>
    (
      await mailctlJson<{ files: readonly { slot: string; users: readonly string[] }[] }>(lab, [
        'replication',
        'quarantine',
        'list',
      ])
    ).json.files.map(({ slot, users }) => [slot, users]);
  const verify = (...words: string[]) =>
    mailctlJson<VerifyDocument>(lab, ['replication', 'verify', ...words]);

  test('verify finds what a torn line has lost, and --repair brings it over', async () => {
    expect((await verify()).json.copies.map(({ state }) => state)).toEqual(['equal', 'equal']);
    await lag(lab, 'store2', { messages: 2, user: 'ann' });
    await on21(
      "f=/srv/store2/conf/sync/log; { echo 'MAILBOX \"user.x'; cat $f; } > $f.new; chown cyrus:mail $f.new; mv $f.new $f",
    );
    await unlag(lab, 'store2');
    await sleep(2000);
    const found = await verify('store2');
    expect(found.json.copies[0]).toMatchObject({ state: 'differs', differing: [{ name: 'ann' }] });
    expect(found.code).toBe(1);
    const repaired = await verify('store2', '--repair', '--yes');
    expect(repaired.json.copies[0]?.state).toBe('equal');
    expect(repaired.code).toBe(0);
  });

  test('nothing is set aside of a log that is not blocked', async () => {
    const { code, stderr } = await mailctl(lab, ['replication', 'quarantine', 'store1', '--yes']);
    expect(stderr).toContain('nothing is blocked');
    expect(code).toBe(4);
  });

  test('a poisoned event is set aside, killed in the middle or not, and the others go through', async () => {
    await lag(lab, 'store1', { messages: 2, user: 'ben' });
    await waitDelivered(lab, await deliver(lab, 'store1', 'carl', 2));
    await on21(`rm "$(mbpath -C ${conf} user/ben)/2."`);
    await unlag(lab, 'store1');
    await sleep(1500);
    const running = startMailctl(lab, ['replication', 'quarantine', 'store1', '--yes']);
    await sleep(1800);
    running.child.kill('SIGKILL');
    await running.ended;
    const mail = startDeliveries(lab, { perSecond: 5 });
    const first = await mailctlJson<QuarantineDocument>(lab, [
      'replication',
      'quarantine',
      'store1',
      '--yes',
    ]);
    // What the killed one had set aside already is found again and sent.
    const second = await mailctlJson<QuarantineDocument>(lab, ['replication', 'retry', '--yes']);
    const accepted = await mail.stop();
    expect([0, 4]).toContain(first.code);
    const events = second.json.files.flatMap(({ kept }) => kept);
    expect(events.map(({ who, cause }) => [who, cause])).toContainEqual(['ben', 'message-file']);
    expect(new Set(events.map(({ who }) => who))).toEqual(new Set(['ben']));
    expect(second.code).toBe(3);
    expect(await waitDelivered(lab, accepted)).toEqual([]);
  });

  test('what is set aside blocks a failover, and goes once it is mended', async () => {
    const refused = await mailctlJson<{ slots: readonly { gate: string | null }[] }>(lab, [
      'failover',
      'store1',
      '--dry-run',
    ]);
    expect(refused.json.slots[0]?.gate).toBe('quarantine');
    await on21(`reconstruct -C ${conf} user/ben`);
    const retried = await mailctlJson<QuarantineDocument>(lab, ['replication', 'retry', 'store1', '--yes']);
    expect(retried.json.files).toEqual([]);
    expect(retried.code).toBe(0);
    expect((await mailctl(lab, ['replication', 'quarantine', 'list'])).code).toBe(0);
    await sleep(1500);
    expect((await verify('store1')).json.copies[0]?.state).toBe('equal');
  });

  test('with the word of the configuration the watch sets it aside by itself, and without it tells it only', async () => {
    const base = fs.readFileSync(lab.paths.mailctlYaml, 'utf8');
    const file = path.join(lab.paths.dir, 'watching.yaml');
    const document = parse(base) as { stores: Record<string, unknown> };
    document.stores.quarantine = { auto: true };
    fs.writeFileSync(file, stringify(document));
    const conf2 = '/srv/store2/role/imapd.conf';
    await lag(lab, 'store2', { messages: 2, user: 'ben' });
    await waitDelivered(lab, await deliver(lab, 'store2', 'carl', 2));
    await on21(`rm "$(ls -d "$(mbpath -C ${conf2} user/ben)"/[0-9]*. | sort -V | tail -n 1)"`);
    await unlag(lab, 'store2');
    const once = ['replication', 'watch', 'store2', '--once'];
    const isTold = async () => (await mailctl(lab, once)).code === 1;
    expect(await waitUntil(isTold, 20_000, 1000), syslogTail(lab, 'imap21')).toBe(true);
    expect(await quarantined()).toEqual([]);
    const acted = await mailctl(lab, once, { env: { MAILCTL_CONFIG: file } });
    expect(await quarantined(), acted.stdout + acted.stderr).toEqual([['store2', ['ben']]]);
    // The others are not behind it any more.
    const accepted = await deliver(lab, 'store2', 'carl', 2);
    expect(await waitDelivered(lab, accepted)).toEqual([]);
    const carl = async () => (await messagesOn(lab, 'store2', 'carl', 'imap23')).map(String);
    const isThere = async () =>
      (await Promise.all(accepted.map(({ id }) => carl().then((all) => all.includes(id))))).every(Boolean);
    expect(await waitUntil(isThere, 10_000)).toBe(true);
  });
});
