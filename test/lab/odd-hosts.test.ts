/** Failovers between hosts that are not as they should be: a full disk, logins that need TLS, clocks that differ. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import {
  directoryOf,
  fail,
  inHost,
  instanceOf,
  type Lab,
  returnHost,
  runningRole,
  type StoreHost,
  takeDown,
  up,
  whyNoLab,
} from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';

interface FailoverDocument {
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly outcome: string;
    readonly reason: string | null;
  }[];
  readonly unverified_logins: readonly { readonly slot: string; readonly reason: string }[];
  readonly safe_to_leave: boolean;
  readonly reasons: readonly string[];
}

describeUnless(whyNoLab(), 'hosts that are not as they should be', () => {
  let lab: Lab;
  beforeAll(async () => {
    // store1 and store3 go between imap21 and imap22, store2 between imap21 and imap23.
    lab = await up({ slots: 3, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });
  const sh = (host: StoreHost, text: string, ...words: string[]) =>
    inHost(lab, host, ['sh', '-c', text, 'sh', ...words]);
  const failover = (...words: string[]) =>
    mailctlJson<FailoverDocument>(lab, ['failover', ...words, '--yes']);

  test('a password is only given over TLS where the server wants that, and what cannot be tried is told', async () => {
    const only = 'imap_allowplaintext: no';
    for (const host of ['imap21', 'imap22'] as const)
      await sh(host, `printf '%s\\n' "$1" >> /srv/store1/role.master/imapd.conf`, only);
    for (const host of ['imap21', 'imap23'] as const)
      await sh(
        host,
        `cd /srv/store2 && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout key.pem -out cert.pem 2> /dev/null &&
        chown cyrus: key.pem cert.pem &&
        printf '%s\\n' "$1" "tls_server_cert: $PWD/cert.pem" "tls_server_key: $PWD/key.pem" >> role.master/imapd.conf`,
        only,
      );
    const { code, json, stderr } = await failover('store1', 'store2');
    expect(code, stderr).toBe(0);
    expect(json).toMatchObject({
      outcome: 'done',
      unverified_logins: [{ slot: 'store1', reason: expect.stringMatching(/no STARTTLS is offered/) }],
      safe_to_leave: false,
      reasons: ['no login to store1 was tried'],
    });
    // Back to where IMAP is spoken by TLS alone, from the first byte.
    await sh('imap21', `sed -i 's/cmd="imapd /cmd="imapd -s /' /srv/store2/role.master/cyrus.conf`);
    const back = await failover('store2');
    expect(back.code, back.stderr).toBe(0);
    expect(back.json).toMatchObject({ unverified_logins: [], safe_to_leave: true });
  });

  test('an OLD whose disk is full is no dead end', async () => {
    // A file system of its own for what mailctl writes there, small and without a reserve for root.
    await sh(
      'imap21',
      `cd /srv/store3 && kill -QUIT "$(cat /run/cyrus/store3.pid)" && while [ -e /proc/"$(cat /run/cyrus/store3.pid)" ]; do sleep 0.1; done
      mv conf conf.0 && mkdir conf && mount -t tmpfs -o size=8m none conf && chown cyrus: conf && cp -a conf.0/. conf/ &&
      cyrmaster -C /srv/store3/role/imapd.conf -M /srv/store3/role/cyrus.conf -p /run/cyrus/store3.pid -d && sleep 1
      dd if=/dev/zero of=conf/fill bs=1k 2> /dev/null; :`,
    );
    const full = await mailctl(lab, ['failover', 'store3', '--yes', '-o', 'table']);
    expect(full.code, full.stdout + full.stderr).toBe(1);
    expect(full.stdout).toMatch(/^FAILED /);
    expect(full.stdout).toContain('cannot write /srv/store3/conf/mailctl.lease: no space');
    expect(full.stdout).toContain("ssh imap21 'df -h /srv/store3/conf'");
    expect(full.stdout).toContain("mailctl failover store3 --fenced 'switched off'");
    // Nobody is kept out by what it left.
    await sh('imap21', 'rm /srv/store3/conf/fill');
    expect((await failover('store3')).code).toBe(0);
    expect((await failover('store3')).code).toBe(0);
    // The lease has its block by now, and is written on a full disk; the record of the lane is not.
    await sh('imap21', 'dd if=/dev/zero of=/srv/store3/conf/fill bs=1k 2> /dev/null; :');
    const again = await failover('store3');
    expect(again.json.slots[0]).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/mailctl\.lane: no space/),
    });
    expect((await sh('imap21', 'cat /srv/store3/conf/mailctl.lease')).stdout).toMatch(/^token 3\nrun -\n/);
    expect(runningRole(lab, instanceOf(lab, 'store3', 'imap21'))).toBe('master');
    await fail(lab, 'imap21');
    const moved = await failover('store3', '--fenced', 'switched off');
    expect(moved.code, moved.stderr).toBe(0);
    await returnHost(lab, 'imap21');
    const rejoin = ['rejoin', 'imap21', '--yes', '-o', 'table'];
    const stuck = await mailctl(lab, rejoin);
    expect(stuck.code, stuck.stdout).toBe(1);
    expect(stuck.stdout).toContain("ssh imap21 'df -h /srv/store3/conf'");
    await sh('imap21', 'rm /srv/store3/conf/fill');
    const back = await mailctl(lab, rejoin);
    expect(back.code, back.stdout + back.stderr).toBe(0);
  }, 90_000);

  test('clocks ten minutes apart: a planned move goes, leases hold, and a dead master is judged by no such clock', async () => {
    for (const host of ['imap21', 'imap22'] as const)
      await sh(
        host,
        `mkdir /srv/shim && cp /usr/bin/date /srv/shim/real && echo 0 > /srv/shim/by &&
        printf '%s\\n' '#!/bin/sh' '[ "$1" = +%s ] || exec /srv/shim/real "$@"' 'echo $(($(/srv/shim/real +%s) + $(cat /srv/shim/by)))' > /srv/shim/date &&
        chmod 755 /srv/shim/date && mount --bind /srv/shim/date /usr/bin/date`,
      );
    const setClock = (host: StoreHost, by: number) => sh(host, 'echo "$1" > /srv/shim/by', String(by));
    await setClock('imap21', 600);
    const status = await mailctl(lab, ['replication', 'status', '-o', 'table']);
    expect(status.stdout).toMatch(/the clock of imap21 is (10m|9m59s) ahead/);
    for (const by of [600, -600]) {
      await setClock('imap21', by);
      expect((await failover('store3', '--to', 'imap21')).json).toMatchObject({ outcome: 'done' });
      expect((await failover('store3', '--to', 'imap22')).json).toMatchObject({ outcome: 'done' });
    }
    await setClock('imap21', 600);
    await mailctl(lab, ['slots', 'list']);
    await fail(lab, 'imap22');
    const refused = await failover('store3');
    expect(refused.code, refused.stderr).toBe(4);
    expect(refused.json.slots[0]?.reason).toMatch(/the clock of imap21 is (10m|9m59s) ahead/);
    expect((await failover('store3', '--accept-loss', 'store3')).code).toBe(0);
    await setClock('imap22', -600);
    await returnHost(lab, 'imap22', { boot: true });
    expect((await directoryOf(lab)).get('store3')?.master).toBe('imap21');
    const back = await mailctl(lab, ['rejoin', 'imap22', '--yes']);
    expect(back.code, back.stdout + back.stderr).toBe(0);
    const listed = await mailctl(lab, ['slots', 'list']);
    expect(listed.code, listed.stdout).toBe(0);
  }, 90_000);
});
