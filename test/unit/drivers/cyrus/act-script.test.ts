// The acts, by a real sh on this machine: leases, and what ends, starts and swaps instances. Programs of Cyrus's
// names stand in for it (support/cyrus-host.ts).
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACT_SCRIPT } from '../../../../src/drivers/cyrus/act-script.js';
import { CommandError, MailctlError } from '../../../../src/errors.js';
import {
  type CyrusHost,
  cyrusHost,
  isAlive,
  type LocalSlot,
  leaseWish,
} from '../../../support/cyrus-host.js';

const timeout = 90_000;
const leaseOf = (slot: LocalSlot) => readFileSync(slot.lease, 'utf8');
const now = () => Math.floor(Date.now() / 1000);

/** Waits until it is so, looking every few ms. */
async function until(what: () => boolean, ms = 20_000): Promise<void> {
  const end = Date.now() + ms;
  while (!what()) {
    if (Date.now() > end) throw new Error(`not so within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The processes of a group, zombies apart. */
function groupOf(pgid: number): readonly number[] {
  const lines = execFileSync('ps', ['-e', '-o', 'pgid=', '-o', 'pid='], { encoding: 'utf8' }).split('\n');
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.filter(([group, pid]) => group === pgid && isAlive(pid ?? 0)).map(([, pid]) => pid ?? 0);
}

/** A process of ours that has nothing to do with Cyrus, in a group of its own. */
function bystander(on: CyrusHost, words: readonly string[] = ['sleep', '1000']): number {
  const child = spawn(words[0] ?? '', words.slice(1), { detached: true, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  on.owns(pid);
  return pid;
}

describe('the lease', { timeout }, () => {
  it('is written with a token that grows, and renewed in place', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    expect(leaseOf(slot)).toMatch(
      /^token 1\nrun 7f3a\noperator ann\nbastion bastion1\nfrom imap21\nto imap22\nphase prepare\nexpires \d+\n *\n$/,
    );
    const inode = lstatSync(slot.lease).ino;
    writeFileSync(slot.lease, leaseOf(slot).replace(/expires \d+/, `expires ${now() + 3}`));
    await on.driver.renewLease(on.host, slot.instance, { ...grip, phase: 'settle' });
    expect(leaseOf(slot)).toMatch(/phase settle/);
    expect(Number(/expires (\d+)/.exec(leaseOf(slot))?.[1])).toBeGreaterThan(now() + 50);
    expect(lstatSync(slot.lease).ino).toBe(inode);
    expect((await on.take(slot)).token).toBe(2);
  });

  it('is held against others until it expires, by the host’s clock, and says by whom', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    await on.take(slot);
    const ask = (run: string, more = {}) => on.driver.takeLease(on.host, slot.instance, leaseWish(run, more));
    expect(await ask('9c01')).toMatchObject({
      granted: false,
      held: { run: '7f3a', operator: 'ann', token: 1 },
    });
    expect(await ask('9c01', { takeOver: ['aaaa'] })).toMatchObject({ granted: false });
    expect(await ask('9c01', { takeOver: ['aaaa', '7f3a'] })).toEqual({ granted: true, token: 2 });
    writeFileSync(slot.lease, leaseOf(slot).replace(/expires \d+/, `expires ${now() - 1}`));
    expect(await ask('bbbb')).toEqual({ granted: true, token: 3 });
  });

  it('given back leaves on record whose place another one has taken, whatever else is written', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const former =
      '{"kind":"former","slot":"store1","host":"imap21","instance":"store1","run":"r*","at":"x"}';
    const owed = '{"kind":"owed","host":"imap23"}';
    for (const lines of [[owed, former], [owed], []]) {
      await on.driver.giveLeaseBack(on.host, slot.instance, await on.take(slot), lines);
      const kept = readFileSync(slot.lane, 'utf8').trimEnd().split('\n');
      expect(kept).toEqual([...lines.filter((line) => line !== former), former]);
    }
  });

  it('is granted to exactly one of two who ask at once', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    for (let round = 0; round < 3; round += 1) {
      writeFileSync(slot.lease, '');
      const other = await cyrusHost(() => on.config);
      const answers = await Promise.all([
        on.driver.takeLease(on.host, slot.instance, leaseWish('7f3a')),
        other.driver.takeLease(on.host, slot.instance, leaseWish('9c01')),
      ]);
      expect(answers.filter((answer) => answer.granted)).toHaveLength(1);
      expect(answers.find((answer) => answer.granted)).toEqual({ granted: true, token: 1 });
    }
  });

  it('refuses every act of whoever lost it, and nothing is done', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    await on.driver.takeLease(on.host, slot.instance, leaseWish('9c01', { takeOver: ['7f3a'] }));
    const before = [leaseOf(slot), readFileSync(slot.lane, 'utf8'), readlinkSync(join(slot.base, 'role'))];
    for (const stale of [grip, { ...grip, token: 2 }, { ...grip, run: '9c01' }]) {
      for (const act of [
        () => on.driver.setRole(on.host, slot.instance, stale, 'replica'),
        () => on.driver.start(on.host, slot.instance, stale, 'master'),
        () => on.driver.stop(on.host, slot.instance, stale, true),
        () => on.driver.recordLane(on.host, slot.instance, { ...stale, record: 'x' }),
        () => on.driver.giveLeaseBack(on.host, slot.instance, stale, []),
        () => on.driver.renewLease(on.host, slot.instance, stale),
      ]) {
        await expect(act()).rejects.toMatchObject({
          code: 'slot.lease-lost',
          message: expect.stringMatching(/run 9c01 of ann on bastion1 has it/),
        });
      }
    }
    expect([leaseOf(slot), readFileSync(slot.lane, 'utf8'), readlinkSync(join(slot.base, 'role'))]).toEqual(
      before,
    );
    expect(existsSync(slot.pidFile)).toBe(false);
  });

  it('is moved behind the act’s own deadline before it acts', async () => {
    const on = await cyrusHost((base) => ({
      stop: ['sh', '-c', `cp ${base}/store1/conf/mailctl.lease ${base}/seen`],
      plannedStopTimeoutMs: 200_000,
    }));
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    await on.driver.stop(on.host, slot.instance, grip, true);
    expect(Number(/expires (\d+)/.exec(readFileSync(join(on.base, 'seen'), 'utf8'))?.[1])).toBeGreaterThan(
      now() + 195,
    );
  });

  it('waits for another act on the instance, gives way as a renewal, and says so in the end', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    const over = join(on.base, 'locker-over');
    const locker = bystander(on, ['flock', slot.lease, 'sh', '-c', 'sleep 4; : >"$1"', 'sh', over]);
    await until(() => {
      try {
        execFileSync('flock', ['-n', slot.lease, 'true'], { stdio: 'ignore' });
        return false;
      } catch {
        return true;
      }
    });
    await expect(on.driver.renewLease(on.host, slot.instance, grip)).rejects.toThrow(/renew of store1/);
    expect(isAlive(locker)).toBe(true);
    await on.driver.recordLane(on.host, slot.instance, {
      ...grip,
      record: '{"kind":"began","run":"7f3a","step":"stop-old"}',
    });
    // It ended before the act was let in, though nobody may have waited for it yet.
    expect(existsSync(over)).toBe(true);
    await until(() => !isAlive(locker));
  });

  it('is not held by a daemon that an act started', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    await on.driver.start(on.host, slot.instance, grip, 'master');
    on.owns(Number(readFileSync(slot.pidFile, 'utf8')));
    execFileSync('flock', ['-w', '5', slot.lease, 'true']);
    await on.driver.renewLease(on.host, slot.instance, grip);
  });

  it('is never written through a link, nor the lane file', async () => {
    const on = await cyrusHost();
    for (const file of ['mailctl.lease', 'mailctl.lane'] as const) {
      const slot = await on.slot(`s-${file}`);
      const victim = join(on.base, `victim-${file}`);
      writeFileSync(victim, 'precious');
      symlinkSync(victim, join(slot.conf, file));
      await expect(on.take(slot)).rejects.toThrow(CommandError);
      expect(readFileSync(victim, 'utf8')).toBe('precious');
      rmSync(join(slot.conf, file));
      symlinkSync(join(on.base, 'nowhere'), join(slot.conf, file));
      await expect(on.take(slot)).rejects.toThrow(CommandError);
      expect(existsSync(join(on.base, 'nowhere'))).toBe(false);
      rmSync(join(slot.conf, file));
      mkdirSync(join(slot.conf, file));
      await expect(on.take(slot)).rejects.toThrow(CommandError);
    }
  });

  it('says that there is no such directory', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    rmSync(slot.conf, { recursive: true });
    await expect(on.take(slot)).rejects.toMatchObject({ detail: `no directory ${slot.conf}` });
  });

  it.each([
    ['empty', ''],
    ['no numbers', 'token abc\nrun -\nexpires soon\n'],
    ['numbers that a shell takes for octal', 'token 08\nrun -\nexpires 09\n'],
    ['numbers that no integer holds', `token ${'9'.repeat(40)}\nrun -\nexpires ${'9'.repeat(40)}\n`],
    ['arithmetic', 'token $((1+1))\nrun -\nexpires a[$(touch /dev/shm/mailctl-owned)]\n'],
    ['bytes', '\u0000\u001b[2J\r\n\u0000token'],
  ])('can be taken whatever its file holds: %s', async (_, text) => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    writeFileSync(slot.lease, text);
    const { token } = await on.take(slot);
    expect(token).toBe(1);
    expect(existsSync('/dev/shm/mailctl-owned')).toBe(false);
  });

  it('keeps texts of people apart from commands', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const operator = '$(touch x); `id` "quoted" \'single\' * -e \\n %s';
    await on.take(slot, '7f3a', { operator, record: '{"kind":"opened","operator":"$(id) %s \\\\n"}' });
    expect(leaseOf(slot)).toContain(`operator ${operator}\n`);
    expect(readFileSync(slot.lane, 'utf8')).toBe('{"kind":"opened","operator":"$(id) %s \\\\n"}\n');
    const seen = await on.look(slot);
    expect(seen.lease?.operator).toBe(operator);
    await expect(on.take(slot, '7f3a', { operator: 'a\nrun evil' })).rejects.toThrow(/control character/);
  });
});

describe('the lane file', { timeout }, () => {
  it('keeps debts, and a lane that was not given back, when a run takes the lease', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const owed = '{"kind":"owed","host":"imap21"}';
    const old = ['{"kind":"opened","run":"old"}', '{"kind":"began","run":"old","step":"x"}'];
    writeFileSync(slot.lane, `${[owed, ...old].join('\n')}\n`);
    const grip = await on.take(slot);
    const lines = () => readFileSync(slot.lane, 'utf8').trimEnd().split('\n');
    expect(lines()).toEqual([owed, ...old, '{"kind":"opened","run":"7f3a"}']);
    await on.driver.recordLane(on.host, slot.instance, {
      ...grip,
      record: '{"kind":"began","run":"7f3a","step":"start-new"}',
    });
    await on.take(slot);
    expect(lines().map((line) => JSON.parse(line).kind)).toEqual([
      'owed',
      'opened',
      'began',
      'opened',
      'began',
      'opened',
    ]);
  });

  it('ends with what is owed, or not at all', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    await on.driver.giveLeaseBack(on.host, slot.instance, await on.take(slot), [
      '{"kind":"owed","a":1}',
      '{"kind":"owed","b":2}',
    ]);
    expect(readFileSync(slot.lane, 'utf8')).toBe('{"kind":"owed","a":1}\n{"kind":"owed","b":2}\n');
    expect(leaseOf(slot)).toMatch(/run -\n[\s\S]*expires 0\n *\n$/);
    await on.driver.giveLeaseBack(on.host, slot.instance, await on.take(slot, '9c01'), []);
    expect(existsSync(slot.lane)).toBe(false);
    expect((await on.take(slot)).token).toBe(3);
  });

  it('that cannot be written fails the act', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    rmSync(slot.lane);
    symlinkSync('/dev/full', slot.lane);
    await expect(on.driver.giveLeaseBack(on.host, slot.instance, grip, ['x'])).rejects.toThrow(CommandError);
  });
});

describe('stop', { timeout }, () => {
  async function running(...lines: string[]) {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    for (const line of lines) slot.addTo('master', line);
    const pid = on.startMaster(slot);
    const grip = await on.take(slot);
    return {
      on,
      slot,
      pid,
      grip,
      stop: (planned = true) => on.driver.stop(on.host, slot.instance, grip, planned),
    };
  }

  it('ends an instance and its children', async () => {
    const { on, slot, pid, stop } = await running();
    expect((await on.look(slot)).running).toBe(true);
    await stop();
    expect(isAlive(pid)).toBe(false);
    expect(await on.look(slot)).toMatchObject({ running: false, configuredRole: 'master' });
    await stop();
  });

  it('ends one that ignores QUIT by SIGKILL to its own group, and nothing else', async () => {
    const { on, slot, pid, stop } = await running('# ignores-quit', 'x cmd="stubborn"');
    const others = [bystander(on), bystander(on, ['sh', '-c', 'sleep 1000 & sleep 1000'])];
    const second = await on.slot('store2');
    others.push(on.startMaster(second));
    const started = Date.now();
    await stop(false);
    expect(Date.now() - started).toBeGreaterThan(1500);
    expect(isAlive(pid)).toBe(false);
    expect(groupOf(pid)).toEqual([]);
    for (const other of others) expect(isAlive(other)).toBe(true);
    expect((await on.look(slot)).running).toBe(false);
  });

  it('does not touch a stranger that has the pid of its pid file', async () => {
    const { on, slot, pid, stop } = await running();
    process.kill(-pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    const stranger = bystander(on);
    writeFileSync(slot.pidFile, `${stranger}\n`);
    await stop();
    expect(isAlive(stranger)).toBe(true);
    expect((await on.look(slot)).running).toBe(false);
  });

  it('does not touch another instance whose pid is in its pid file', async () => {
    const { on, slot, stop } = await running();
    const second = await on.slot('store2');
    const other = on.startMaster(second);
    writeFileSync(slot.pidFile, `${other}\n`);
    await stop();
    expect(isAlive(other)).toBe(true);
  });

  it('does not touch strangers whose group has the number of a stale pid file', async () => {
    const { on, slot, pid, stop } = await running();
    process.kill(-pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    // A leader that has gone, and a daemon that it left in its group.
    const leader = bystander(on, ['sh', '-c', 'sleep 1000 & exit 0']);
    await until(() => !isAlive(leader));
    await until(() => groupOf(leader).length === 1);
    writeFileSync(slot.pidFile, `${leader}\n`);
    await stop().catch(() => {});
    expect(groupOf(leader)).toHaveLength(1);
  });

  it('ends what a dead master left behind in its group', async () => {
    const { on, slot, pid, stop } = await running(`x cmd="stubborn -C BASE"`);
    expect(readFileSync(join(slot.base, 'role/cyrus.conf'), 'utf8')).toContain('stubborn');
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    expect(await on.look(slot)).toMatchObject({
      running: null,
      problem: expect.stringMatching(/its master process is gone/),
    });
    await stop(false);
    expect(await on.look(slot)).toMatchObject({ running: false });
  });

  it.each([
    ['no pid file', undefined],
    ['an empty one', ''],
    ['a zombie’s', 'zombie'],
    ['pid 1', '1\n'],
    ['pid 0', '0'],
    ['a negative number', '-1\n'],
    ['words', '12 ; kill -9 -1\n'],
    ['a number with zeros before it', '0000001'],
    ['a binary', '\u0000\u0001\u0002'],
  ])('has nothing to end with %s', async (_, text) => {
    const { on, slot, pid, stop } = await running();
    process.kill(-pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    rmSync(slot.pidFile);
    if (text === 'zombie') {
      // A child that nobody waits for, until its parent ends.
      const parent = bystander(on, [
        'perl',
        '-e',
        'my $p = fork; exit 0 unless $p; open F, ">", $ARGV[0]; print F "$p\\n"; close F; sleep 1000',
        slot.pidFile,
      ]);
      await until(() => existsSync(slot.pidFile) && readFileSync(slot.pidFile, 'utf8').endsWith('\n'));
      expect(isAlive(parent)).toBe(true);
    } else if (text !== undefined) writeFileSync(slot.pidFile, text);
    const other = bystander(on);
    await stop();
    expect(isAlive(other)).toBe(true);
    expect((await on.look(slot)).running).toBe(false);
  });

  it('runs the site’s own command, its words as they are, and tells what it said', async () => {
    const on = await cyrusHost((base) => ({
      stop: [join(base, 'bin/site-stop'), '{instance}', '$(id)', 'a b'],
    }));
    writeFileSync(
      join(on.bin, 'site-stop'),
      `#!/bin/sh\nprintf '<%s>' "$@" > ${on.base}/args; [ "$1" = store1 ] || { printf '\\033[2Jno such slot\\n' >&2; exit 3; }\n`,
      { mode: 0o755 },
    );
    const slot = await on.slot('store1');
    await on.driver.stop(on.host, slot.instance, await on.take(slot), true);
    expect(readFileSync(join(on.base, 'args'), 'utf8')).toBe('<store1><$(id)><a b>');
    const other = await on.slot('store2');
    const failed = await on.driver
      .stop(on.host, other.instance, await on.take(other), true)
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ detail: 'status 3:  [2Jno such slot' });
  });
});

describe('start', { timeout }, () => {
  it('starts what the role says, and says what cyrmaster said', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    await on.driver.start(on.host, slot.instance, grip, 'master');
    on.owns(Number(readFileSync(slot.pidFile, 'utf8')));
    expect(await on.look(slot)).toMatchObject({
      running: true,
      started: true,
      role: 'master',
      problem: null,
    });
    const bad = await on.slot('store2');
    bad.addTo('master', '# fail');
    await expect(on.driver.start(on.host, bad.instance, await on.take(bad), 'master')).rejects.toMatchObject({
      detail: 'cyrmaster: status 75: no such luck',
    });
  });

  it('that returns without its ports is not started', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    slot.addTo('master', '# deaf');
    await on.driver.start(on.host, slot.instance, await on.take(slot), 'master');
    on.owns(Number(readFileSync(slot.pidFile, 'utf8')));
    expect(await on.look(slot)).toMatchObject({
      running: true,
      started: false,
      role: null,
      problem: expect.stringMatching(/tell no role/),
    });
  });

  it('does not wait for a daemon that a site’s command leaves with its output open', async () => {
    const on = await cyrusHost((base) => ({
      start: ['sh', '-c', `setsid sleep 30 & echo $! > ${base}/daemon`],
    }));
    const slot = await on.slot('store1');
    const started = Date.now();
    await on.driver.start(on.host, slot.instance, await on.take(slot), 'master');
    const daemon = Number(readFileSync(join(on.base, 'daemon'), 'utf8'));
    on.owns(daemon);
    expect(Date.now() - started).toBeLessThan(15_000);
    expect(isAlive(daemon)).toBe(true);
  });

  it('makes the directory of the pid file, which a boot has emptied', async () => {
    const on = await cyrusHost((base) => ({ pidFile: `${base}/gone/deep/{slot}.pid` }));
    const slot = await on.slot('store1');
    await on.driver.start(on.host, slot.instance, await on.take(slot), 'master');
    on.owns(Number(readFileSync(join(on.base, 'gone/deep/store1.pid'), 'utf8')));
    expect(await on.look(slot)).toMatchObject({ running: true });
  });
});

describe('set-role', { timeout }, () => {
  it('swaps the link, whole or not at all, and leaves nothing beside it', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    const names = readdirSync(slot.base);
    await on.driver.setRole(on.host, slot.instance, grip, 'replica');
    expect(readlinkSync(join(slot.base, 'role'))).toBe('role.replica');
    await on.driver.setRole(on.host, slot.instance, grip, 'master');
    expect(readlinkSync(join(slot.base, 'role'))).toBe('role.master');
    expect(readdirSync(slot.base)).toEqual(names);
  });

  it('is never without a link while it swaps', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    const watcher = bystander(on, [
      'sh',
      '-c',
      `while [ -L "$1/role" ]; do :; done; echo gone > "$1/gap"`,
      'sh',
      slot.base,
    ]);
    for (let n = 0; n < 6; n += 1)
      await on.driver.setRole(on.host, slot.instance, grip, n % 2 === 0 ? 'replica' : 'master');
    expect(existsSync(join(slot.base, 'gap'))).toBe(false);
    expect(isAlive(watcher)).toBe(true);
  });

  it('refuses while the instance runs', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const pid = on.startMaster(slot);
    const grip = await on.take(slot);
    await expect(on.driver.setRole(on.host, slot.instance, grip, 'replica')).rejects.toMatchObject({
      detail: `it is running (pid ${pid})`,
    });
    expect(readlinkSync(join(slot.base, 'role'))).toBe('role.master');
  });

  it('refuses while its children run, though their master has gone', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const pid = on.startMaster(slot);
    const grip = await on.take(slot);
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
    await expect(on.driver.setRole(on.host, slot.instance, grip, 'replica')).rejects.toThrow(CommandError);
    expect(readlinkSync(join(slot.base, 'role'))).toBe('role.master');
  });

  it('replaces a link that points nowhere, and no directory', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    const link = join(slot.base, 'role');
    rmSync(link);
    symlinkSync('/nowhere', link);
    await on.driver.setRole(on.host, slot.instance, grip, 'replica');
    expect(readlinkSync(link)).toBe('role.replica');
    rmSync(link);
    mkdirSync(link);
    await expect(on.driver.setRole(on.host, slot.instance, grip, 'master')).rejects.toMatchObject({
      detail: `${link} is not a link`,
    });
    expect(lstatSync(link).isDirectory()).toBe(true);
  });
});

describe('drain', { timeout }, () => {
  async function stoppedMaster(plan: string) {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    writeFileSync(join(slot.conf, 'sync/log'), 'MAILBOX user.ann\n');
    writeFileSync(join(slot.conf, 'sync/log-run'), 'MAILBOX user.bob\n');
    writeFileSync(join(slot.conf, 'sync.plan'), plan);
    const grip = await on.take(slot);
    return {
      on,
      slot,
      drain: (seconds: number) => on.driver.drain(on.host, slot.instance, grip, [''], seconds),
    };
  }

  it('ends when no log is left', async () => {
    const { slot, drain } = await stoppedMaster('');
    expect(await drain(20)).toMatchObject({ left: [] });
    expect(readdirSync(join(slot.conf, 'sync'))).toEqual([]);
  });

  it('goes on after a failure that says 0', async () => {
    const { slot, drain } = await stoppedMaster('failed\nfailed\nsent\n');
    expect(await drain(20)).toMatchObject({ left: [] });
    expect(readFileSync(join(slot.conf, 'sync.calls'), 'utf8').trim().split('\n')).toHaveLength(4);
  });

  it('ends at its deadline, with what is left and what was said', async () => {
    const { drain } = await stoppedMaster('failed\n'.repeat(100));
    const started = Date.now();
    expect(await drain(2)).toMatchObject({
      left: [{ pending: true, events: 2 }],
      said: 'connect(imap22) failed: Connection refused',
    });
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it.each(['hangs', 'deaf'])('ends at its deadline when sync_client %s', async (word) => {
    const { drain } = await stoppedMaster(`${word}\n`);
    const started = Date.now();
    const { left } = await drain(2);
    expect(left).toHaveLength(1);
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it('sends many names by one process, and each by itself only when that failed', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const grip = await on.take(slot);
    const send = (kind: 'users' | 'mailboxes', names: readonly string[], seconds = 20) =>
      on.driver.sendMany(on.host, slot.instance, grip, 'imap22', kind, names, seconds);
    const sent = () => readFileSync(join(slot.base, 'conf/sent-many'), 'utf8').trimEnd().split('\n');
    expect(await send('users', ['ann', '-n', "o'neil $(x)"])).toEqual({ failed: [], left: [] });
    expect(sent()).toEqual(["imap22 -u ann -n o'neil $(x)"]);
    expect(await send('mailboxes', ['shared.a^b', 'example.net!shared.x y'])).toEqual({
      failed: [],
      left: [],
    });
    expect(sent().at(-1)).toBe('imap22 -m shared/a.b shared/x y@example.net');
    expect(await send('users', ['ann', 'bad-bob', 'zoe'])).toEqual({
      failed: [{ name: 'bad-bob', said: 'bad-bob is broken' }],
      left: [],
    });
    expect(sent().slice(-3)).toEqual(['imap22 -u ann', 'imap22 -u bad-bob', 'imap22 -u zoe']);
    expect(await send('users', ['slow-ann', 'zoe'], 2)).toEqual({ failed: [], left: ['slow-ann', 'zoe'] });
    appendFileSync(join(slot.base, 'role.master/imapd.conf'), '\nunixhierarchysep: no\n');
    await send('mailboxes', ['shared.a']);
    expect(sent().at(-1)).toBe('imap22 -m shared.a');
  });

  it('sends whole users, and tells which could not be sent', async () => {
    const { on, slot } = await stoppedMaster('');
    const grip = await on.take(slot);
    const users = ['ann', 'bad-bob', "o'brien", '$(id)', '-x'];
    expect(await on.driver.sendUsers(on.host, slot.instance, grip, '', users, 20)).toEqual(['bad-bob']);
    expect(readFileSync(join(slot.conf, 'sent-many'), 'utf8')).toBe(
      users.map((user) => ` -u ${user}\n`).join(''),
    );
  });
});

describe('restarting replication', { timeout }, () => {
  it('ends the sync_clients of its own master alone', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const other = await on.slot('store2');
    const kidOf = (pid: number) =>
      Number(
        execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid), '--sort', 'pid'], { encoding: 'utf8' })
          .trim()
          .split('\n')[0],
      );
    const own = on.startMaster(slot);
    const foreign = on.startMaster(other);
    await until(() => kidOf(own) > 0 && kidOf(foreign) > 0);
    const [mine, theirs] = [kidOf(own), kidOf(foreign)];
    await until(() => readFileSync(`/proc/${mine}/comm`, 'utf8').trim() === 'sync_client');
    await on.driver.restartReplication(on.host, slot.instance, await on.take(slot));
    await until(() => !isAlive(mine));
    expect([isAlive(own), isAlive(theirs), isAlive(foreign)]).toEqual([true, true, true]);
  });
});

it('has no function twice: the later one would serve the callers of both', () => {
  const names = [...ACT_SCRIPT.matchAll(/^ *([a-z_]+)\(\) *[({]/gm)].map(([, name]) => name as string);
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

describe('acts together', { timeout }, () => {
  it('answer each as it is done: a slow one does not hold up the others', async () => {
    const on = await cyrusHost((base) => ({
      stop: ['sh', '-c', '[ "$1" != slow ] || sleep 2', 'sh', '{instance}'],
      configDir: `${base}/{slot}/conf`,
    }));
    const slots = [await on.slot('slow'), await on.slot('quick1'), await on.slot('quick2')];
    const grips = await Promise.all(slots.map((slot) => on.take(slot)));
    const done: string[] = [];
    await Promise.all(
      slots.map(async (slot, index) => {
        await on.driver.stop(on.host, slot.instance, grips[index] as NonNullable<(typeof grips)[0]>, true);
        done.push(slot.slot);
      }),
    );
    expect(done.at(-1)).toBe('slow');
  });

  it('fail each for itself', async () => {
    const on = await cyrusHost();
    const [good, bad] = [await on.slot('good'), await on.slot('bad')];
    const grips = [await on.take(good), await on.take(bad)];
    appendFileSync(bad.lease, '');
    writeFileSync(bad.lease, 'token 99\nrun other\nexpires 0\n');
    const results = await Promise.allSettled(
      [good, bad].map((slot, n) =>
        on.driver.setRole(on.host, slot.instance, grips[n] as (typeof grips)[0] & object, 'replica'),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(MailctlError);
  });
});
