/** Replication as it is seen on real servers: stuck, given up, proven by a canary; and what the timer does. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import {
  configuredRole,
  fail,
  inHost,
  instanceOf,
  type Lab,
  lag,
  processesOfInstance,
  returnHost,
  runningMaster,
  runningRole,
  sleep,
  srvFile,
  takeDown,
  unlag,
  up,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { journals, mailctl, mailctlJson } from './mailctl.js';

interface StatusDocument {
  readonly slots: readonly {
    readonly slot: string;
    readonly level: string;
    readonly reasons: readonly string[];
    readonly master: { readonly version: string | null };
    readonly replicas: readonly {
      readonly sender: string;
      readonly stuck_at: string | null;
      readonly lag_s: number | null;
      readonly lag_by: string | null;
    }[];
    readonly users_at_risk: { readonly count: number; readonly users: readonly { readonly user: string }[] };
  }[];
}
interface SampleDocument {
  readonly done: readonly { readonly slot: string; readonly host: string; readonly outcome: string }[];
  readonly canaries: readonly {
    readonly slot: string;
    readonly sent_at: string | null;
    readonly arrived_at: string | null;
  }[];
}
interface FailoverDocument {
  readonly slots: readonly {
    readonly slot: string;
    readonly outcome: string;
    readonly possible_loss_s: number | null;
    readonly evidence: readonly { readonly kind: string; readonly value: string }[];
  }[];
}

describeUnless(whyNoLab(), 'replication on real servers', () => {
  let lab: Lab;
  const status = async (...words: string[]) => {
    const ran = await mailctlJson<StatusDocument>(lab, ['replication', 'status', ...words]);
    return { ...ran, of: (slot: string) => ran.json.slots.find((one) => one.slot === slot) };
  };
  const sample = (...words: string[]) => mailctlJson<SampleDocument>(lab, ['slots', 'sample', ...words]);
  beforeAll(async () => {
    lab = await up({ slots: 3, forTests: true });
    const file = lab.paths.mailctlYaml;
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, text.replace('stores:\n', 'stores:\n  canary: { user: probe, every: 1s }\n'));
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('all is well, and the version that runs is known', async () => {
    const { code, json } = await status();
    expect(json.slots.map(({ level }) => level)).toEqual(['ok', 'ok', 'ok']);
    expect(json.slots[0]?.master.version).toMatch(/^3\.6\./);
    expect(code).toBe(0);
  });

  test('the timer is silent when all is well, and its canaries arrive', async () => {
    expect((await sample()).json.canaries.every(({ sent_at }) => sent_at !== null)).toBe(true);
    const arrived = async () => (await sample()).json.canaries.every(({ arrived_at }) => arrived_at !== null);
    expect(await waitUntil(arrived, 20_000, 500)).toBe(true);
    const quiet = await mailctl(lab, ['slots', 'sample', '--do-owed']);
    expect([quiet.code, quiet.stdout, quiet.stderr]).toEqual([0, '', '']);
  });

  test('a sender that its master has given up is told from one that is stopped', async () => {
    const master = runningMaster(lab, 'store2');
    const clients = () => processesOfInstance(lab, master).filter((one) => one.comm === 'sync_client');
    // Five deaths by signal, each within ten seconds of the one before.
    const isGivenUp = await waitUntil(
      async () => {
        for (const one of clients()) process.kill(one.pid, 'SIGKILL');
        await sleep(300);
        return clients().length === 0;
      },
      15_000,
      50,
    );
    expect(isGivenUp).toBe(true);
    const { code, of } = await status('store2');
    expect(of('store2')?.replicas[0]?.sender).toBe('disabled');
    expect(of('store2')?.level).toBe('warning');
    expect(code).toBe(1);
    await unlag(lab, 'store2');
  });

  test('a poisoned channel is stuck at once, at whom, and names the command that goes on', async () => {
    await lag(lab, 'store1', { messages: 2, user: 'ben' });
    const master = runningMaster(lab, 'store1');
    const spool = srvFile(lab, master, master.spool);
    const files = fs
      .readdirSync(spool, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\/\d+\.$/.test(file))
      .map((file) => path.join(spool, file));
    const ofBen = files.filter((file) => fs.readFileSync(file, 'utf8').includes('ben@'));
    expect(ofBen.length).toBeGreaterThan(0);
    for (const file of ofBen) fs.rmSync(file);
    await unlag(lab, 'store1');
    const stuck = await waitUntil(
      async () => (await status('store1')).of('store1')?.replicas[0]?.sender === 'looping',
      15_000,
      200,
    );
    expect(stuck).toBe(true);
    const { code, of } = await status();
    expect(of('store1')).toMatchObject({
      level: 'warning',
      replicas: [{ sender: 'looping', stuck_at: 'ben', lag_by: 'birth' }],
    });
    expect(of('store1')?.users_at_risk.users.map(({ user }) => user)).toContain('ben');
    expect(code).toBe(1);
    const screen = await mailctl(lab, ['replication', 'status', '-o', 'table']);
    expect(screen.stdout).toContain('stuck at ben');
    expect(screen.stdout).toContain('next  mailctl replication quarantine store1');
  });

  test('when the master dies the canary is evidence, and a stuck one is not', async () => {
    await sample();
    await sleep(1500);
    await sample();
    await fail(lab, 'imap21');
    const { json } = await mailctlJson<FailoverDocument>(lab, ['failover', 'imap21', '--dry-run']);
    const evidence = (slot: string) => json.slots.find((one) => one.slot === slot)?.evidence ?? [];
    expect(evidence('store3').map(({ kind }) => kind)).toContain('canary');
    expect(json.slots.find(({ slot }) => slot === 'store3')?.possible_loss_s).toBeLessThan(60);
  });

  test('of two timers at once one stops and swaps what has come back, and the other leaves it alone', async () => {
    const words = ['failover', 'imap21', '--yes', '--accept-loss', 'store1'];
    const moved = await mailctlJson<FailoverDocument>(lab, words);
    expect(moved.json.slots.map(({ outcome }) => outcome)).toEqual(['moved', 'moved', 'moved']);
    await returnHost(lab, 'imap21', { boot: true });
    const old = (slot: string) => instanceOf(lab, slot, 'imap21');
    expect(runningRole(lab, old('store1'))).toBe('master');
    const both = await Promise.all([sample('--do-owed'), sample('--do-owed')]);
    const done = both.flatMap(({ json }) => json.done).filter(({ outcome }) => outcome === 'done');
    expect(done.map(({ slot, host }) => `${slot} ${host}`).toSorted()).toEqual([
      'store1 imap21',
      'store2 imap21',
      'store3 imap21',
    ]);
    const others = both.flatMap(({ json }) => json.done).filter(({ outcome }) => outcome !== 'done');
    expect(others.every(({ outcome }) => outcome === 'busy')).toBe(true);
    for (const { slot } of lab.slots) {
      expect(runningRole(lab, old(slot))).toBe('stopped');
      expect(configuredRole(lab, old(slot))).toBe('replica');
    }
    expect(journals(lab.paths.state).some((lines) => lines.join().includes('--do-owed'))).toBe(true);
    // Nothing is due any more; what is left is rejoin's.
    const again = await sample('--do-owed');
    expect(again.json.done).toEqual([]);
    expect(again.code).toBe(1);
    expect(await inHost(lab, 'imap22', ['true'])).toBeDefined();
  });
});
