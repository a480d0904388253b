/** A replica whose disk is gone is replaced by another host; what returns in its old place as a master is seen and stopped. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import {
  count,
  deliver,
  directoryOf,
  fail,
  inHost,
  instanceOf,
  type Lab,
  returnHost,
  runningRole,
  setRoleOnDisk,
  takeDown,
  up,
  waitDelivered,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { append, asUser, contentOf } from './mail-users.js';
import { mailctl, mailctlJson } from './mailctl.js';

interface ListDocument {
  readonly slots: readonly { readonly slot: string; readonly verdict: string; readonly why: string }[];
}

describeUnless(whyNoLab(), 'a host that was replaced', () => {
  let lab: Lab;
  /** What was only on the former host's disk. */
  let onlyThere = '';
  beforeAll(async () => {
    lab = await up({ slots: 1, replicas: 2, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });
  const list = () => mailctlJson<ListDocument>(lab, ['slots', 'list']);
  const laneOn = async (host: 'imap21' | 'imap22' | 'imap23') =>
    (await inHost(lab, host, ['sh', '-c', 'cat /srv/store1/conf/mailctl.lane 2>/dev/null || :'])).stdout;

  test('seed --replace fills another host while the old one is dead, and the directory names it instead', async () => {
    // imap23 was never in the directory: its instance is empty.
    const map = path.join(lab.paths.dir, 'map.json');
    fs.writeFileSync(map, JSON.stringify([{ slot: 'store1', master: 'imap21', replicas: ['imap22'] }]));
    const imported = await mailctl(lab, ['slots', 'import', map, '--yes']);
    expect(imported.code, imported.stdout + imported.stderr).toBe(0);
    await inHost(lab, 'imap23', [
      'sh',
      '-c',
      'kill -QUIT "$(cat /run/cyrus/store1.pid)"; while kill -0 "$(cat /run/cyrus/store1.pid)" 2>/dev/null; do sleep 0.1; done; rm -rf /srv/store1/conf/* /srv/store1/mail/*',
    ]);
    expect(await waitDelivered(lab, await deliver(lab, 'store1', 'ann', 5))).toEqual([]);
    await fail(lab, 'imap22');
    const words = ['replication', 'seed', 'store1', '--to', 'imap23', '--replace', 'imap22', '--yes'];
    const refused = await mailctl(lab, words);
    expect(refused.code, refused.stdout).toBe(4);
    const seeded = await mailctl(lab, [...words, '--fenced', 'its disk is in my hand']);
    expect(seeded.code, seeded.stdout + seeded.stderr).toBe(0);
    expect(await count(lab, 'store1', 'ann', 'imap23')).toBe(await count(lab, 'store1', 'ann', 'imap21'));
    expect((await directoryOf(lab)).get('store1')?.master).toBe('imap21');
    const now = await list();
    expect(now.code, now.stdout).toBe(0);
    for (const host of ['imap21', 'imap23'] as const)
      expect(await laneOn(host)).toMatch(/"kind":"former".*"host":"imap22"/);
  });

  test('it boots as a master: two-masters everywhere, a gate, and the timer stops it', async () => {
    setRoleOnDisk(lab, instanceOf(lab, 'store1', 'imap22'), 'master');
    await returnHost(lab, 'imap22', { boot: true });
    const serves = () => runningRole(lab, instanceOf(lab, 'store1', 'imap22')) === 'master';
    expect(await waitUntil(serves, 20_000)).toBe(true);
    onlyThere = await asUser(lab, 'store1', 'imap22', 'ann', (session) => append(session, 'INBOX'));
    const seen = await list();
    expect(seen.code, seen.stdout).toBe(1);
    expect(seen.json.slots).toMatchObject([{ verdict: 'two-masters' }]);
    const status = await mailctl(lab, ['replication', 'status']);
    expect(status.code, status.stdout).toBe(1);
    const move = await mailctlJson<{ slots: { gate: string | null }[] }>(lab, [
      'failover',
      'store1',
      '--dry-run',
    ]);
    expect(move.json.slots).toMatchObject([{ gate: 'two-masters' }]);
    expect(move.code).toBe(4);
    const timer = await mailctl(lab, ['slots', 'sample', '--do-owed']);
    expect(serves(), timer.stdout + timer.stderr).toBe(false);
    const after = await list();
    expect(after.json.slots).toMatchObject([{ verdict: 'rejoin-owed', why: 'imap22: rejoin' }]);
    expect(await laneOn('imap21')).toMatch(/"kind":"former".*"host":"imap22"/);
  });

  test('rejoin brings over what only it took, and says how it becomes a replica again', async () => {
    const ran = await mailctl(lab, ['rejoin', 'imap22', '--yes', '-o', 'table']);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(ran.stdout).toContain('mailctl replication seed store1 --to imap22   lists it as a replica again');
    const onMaster = await contentOf(lab, 'store1', 'imap21', 'ann');
    expect(onMaster.get('INBOX')).toContain(onlyThere);
    const after = await list();
    expect(after.code, after.stdout).toBe(0);
    expect(runningRole(lab, instanceOf(lab, 'store1', 'imap22'))).toBe('replica');
    const seeded = await mailctl(lab, ['replication', 'seed', 'store1', '--to', 'imap22', '--yes']);
    expect(seeded.code, seeded.stdout + seeded.stderr).toBe(0);
    const verified = await mailctl(lab, ['replication', 'verify', 'store1', '-o', 'table']);
    expect(verified.stdout).toMatch(/VERIFY 2 copies: {2}2 equal/);
  });
});
