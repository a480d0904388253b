/** The third way on real servers: a stale slot is readable, nothing can change it, and it ends when its master is back. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import {
  count,
  directoryOf,
  fail,
  inHost,
  instanceOf,
  type Lab,
  lag,
  returnHost,
  runningRole,
  takeDown,
  unlag,
  up,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { journals, mailctl, mailctlJson, startMailctl } from './mailctl.js';

interface FailoverDocument {
  readonly run: string | null;
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly to: string | null;
    readonly outcome: string;
    readonly gate: string | null;
    readonly kind: string;
    readonly loss_sheet: {
      readonly source: string | null;
      readonly events: number | null;
      readonly users: readonly { readonly user: string; readonly events: number }[] | null;
      readonly new_users: readonly string[] | null;
      readonly moving: readonly { readonly user: string }[] | null;
      readonly not_known: readonly string[];
    } | null;
  }[];
  readonly safe_to_leave: boolean;
  readonly reasons: readonly string[];
  readonly to_end_reading: readonly { readonly host: string; readonly slot: string }[];
}
interface SlotsDocument {
  readonly slots: readonly {
    readonly slot: string;
    readonly verdict: string;
    readonly why: string;
    readonly owed: readonly string[];
    readonly readable: { readonly host: string; readonly since: string | null } | null;
  }[];
}

const failover = (lab: Lab, ...words: string[]) => mailctlJson<FailoverDocument>(lab, ['failover', ...words]);
const slotsList = async (lab: Lab) => (await mailctlJson<SlotsDocument>(lab, ['slots', 'list'])).json.slots;

/** A command of IMAP from another host, with what was answered to it. */
async function imap(lab: Lab, commands: readonly string[]): Promise<readonly string[]> {
  const password = fs.readFileSync(path.join(lab.paths.dir, 'secrets', 'probe.pw'), 'utf8').trim();
  const script = `import socket,sys
s=socket.create_connection(('198.51.100.22',10143),5);f=s.makefile('rb');f.readline()
for n,c in enumerate(sys.argv[1:]):
  s.sendall(('a%d %s\\r\\n'%(n,c)).encode())
  while True:
    l=f.readline().decode()
    if l.startswith('a%d '%n) or not l: print(l.strip().split(' ',1)[1][:60]); break`;
  const words = ['python3', '-c', script, `LOGIN probe ${password}`, ...commands];
  const out = await inHost(lab, 'imap22', words);
  return (typeof out === 'string' ? out : out.stdout).trim().split('\n').slice(1);
}

const reason = whyNoLab();

describeUnless(reason, 'a slot that is read only on its replica', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 3, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });
  const roleOn = (host: 'imap21' | 'imap22') => runningRole(lab, instanceOf(lab, 'store1', host));

  test('a stale slot is refused with its loss sheet, and both ways on are offered', async () => {
    fs.writeFileSync(path.join(lab.paths.dir, 'moves'), 'ann\tstore1\tstore9\tmoving\n', { mode: 0o600 });
    fs.appendFileSync(
      lab.paths.mailctlYaml,
      `  moves: { file: ${path.join(lab.paths.dir, 'moves')} }\n` +
        `  users: [sh, -c, 'echo probe; echo ann; echo newcomer', sh, '{slot}']\n`,
    );
    await lag(lab, 'store1', { messages: 5 });
    expect((await mailctl(lab, ['slots', 'sample'])).code).not.toBe(2);
    await fail(lab, 'imap21');
    const { code, json } = await failover(lab, 'imap21', '--yes', '--max-lag', '1s');
    expect(code).toBe(3);
    const store1 = json.slots.find(({ slot }) => slot === 'store1');
    expect(store1).toMatchObject({ outcome: 'refused', gate: 'lag' });
    expect(store1?.loss_sheet).toMatchObject({
      source: 'stored',
      events: 10,
      users: [{ user: 'ann', events: 10 }],
      new_users: ['newcomer'],
      moving: [{ user: 'ann' }],
      not_known: [],
    });
    const screen = await mailctl(lab, ['failover', 'store1', '--dry-run', '--max-lag', '1s', '-o', 'table']);
    expect(screen.stdout).toMatch(/mailctl failover store1 --read-only store1 .*\n.*--accept-loss store1/);
    expect(screen.stdout).toMatch(/10 events of 1 user wait: ann 10/);
  });

  test('a pattern is no slot: a word is for one slot only', async () => {
    const words = ['store1', '--read-only', 'store*'];
    expect((await failover(lab, ...words, '--yes')).code).toBe(2);
    expect(roleOn('imap22')).toBe('replica');
  });

  test('it is readable within seconds; what would change it is refused; delivery is told to wait', async () => {
    const { code, json } = await failover(
      lab,
      'store1',
      '--read-only',
      'store1',
      '--max-lag',
      '1s',
      '--yes',
      '--reason',
      'disk of imap21',
    );
    expect(json.slots).toMatchObject([
      { slot: 'store1', to: 'imap22', outcome: 'readable', kind: 'readonly' },
    ]);
    expect(code).toBe(0);
    expect(json.safe_to_leave).toBe(false);
    expect(json.reasons.join()).toMatch(/store1 can only be read/);
    expect(json.to_end_reading).toEqual([{ host: 'imap22', slot: 'store1' }]);
    expect(roleOn('imap22')).toBe('readonly');
    expect((await directoryOf(lab)).get('store1')).toMatchObject({
      master: 'imap21',
      state: 'readonly:imap22',
    });
    const answers = await imap(lab, [
      'SELECT INBOX',
      'UID STORE 1:* +FLAGS (\\Deleted)',
      'EXPUNGE',
      'CREATE folder',
      'EXAMINE INBOX',
    ]);
    expect(answers.map((line) => line.slice(0, 2))).toEqual(['OK', 'NO', 'NO', 'NO', 'OK']);
    const journal = journals(lab.paths.state).map((lines) => lines[0] ?? '');
    const opened = journal.find((line) => line.includes('disk of imap21'));
    expect(opened).toMatch(/"lossSheet":\{"source":"stored"/);
    const [store1] = (await slotsList(lab)).filter(({ slot }) => slot === 'store1');
    expect(store1).toMatchObject({ verdict: 'master-unreachable', readable: { host: 'imap22' } });
    expect(store1?.why).toMatch(/readable on imap22 since \d{4}/);
    expect(store1?.owed).toEqual(['imap22: readonly-end']);
  });

  test('the same again changes nothing; a plain failover is refused as before', async () => {
    const again = await failover(lab, 'store1', '--read-only', 'store1', '--max-lag', '1s', '--yes');
    expect(again.json.slots).toMatchObject([{ outcome: 'readable' }]);
    const plain = await failover(lab, 'store1', '--max-lag', '1s', '--yes');
    expect(plain.code).toBe(4);
    expect(roleOn('imap22')).toBe('readonly');
  });

  test('nobody ends it while its master is away', async () => {
    await mailctl(lab, ['slots', 'sample', '--do-owed']);
    expect(roleOn('imap22')).toBe('readonly');
  });

  test('the timer ends it when the master serves again: its log drains, and the directory is normal', async () => {
    await returnHost(lab, 'imap21', { boot: true });
    await waitUntil(() => roleOn('imap21') === 'master', 10_000);
    await unlag(lab, 'store1').catch(() => {});
    // Killed in the middle: the next turn of the timer finishes it.
    const first = startMailctl(lab, ['slots', 'sample', '--do-owed']);
    await waitUntil(() => roleOn('imap22') !== 'readonly', 15_000);
    first.child.kill('SIGKILL');
    await first.ended;
    for (let n = 0; n < 3 && (roleOn('imap22') !== 'replica' || n === 0); n += 1)
      await mailctl(lab, ['slots', 'sample', '--do-owed']);
    expect(roleOn('imap22')).toBe('replica');
    expect(roleOn('imap21')).toBe('master');
    expect((await directoryOf(lab)).get('store1')).toMatchObject({ master: 'imap21', state: 'normal' });
    const [store1] = (await slotsList(lab)).filter(({ slot }) => slot === 'store1');
    expect(store1).toMatchObject({ owed: [], readable: null });
    const missing = async () =>
      (await count(lab, 'store1', 'ann', 'imap21')) - (await count(lab, 'store1', 'ann', 'imap22'));
    expect(await waitUntil(async () => (await missing()) === 0, 20_000, 500)).toBe(true);
    expect(await count(lab, 'store1', 'ann', 'imap22')).toBe(5);
  });
});
