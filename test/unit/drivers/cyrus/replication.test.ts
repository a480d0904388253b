// The near look at replication by a real sh on this machine, and what is made of its two looks at a sender.
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { instancePaths } from '../../../../src/drivers/cyrus/paths.js';
import { motionOf, parseHostLog, parseReplication } from '../../../../src/drivers/cyrus/replication.js';
import { type CyrusHost, cyrusHost, type LocalSlot } from '../../../support/cyrus-host.js';

const timeout = 60_000;

async function look(on: CyrusHost, slot: LocalSlot) {
  const [seen] = await on.driver.replication(on.host, [slot.instance]);
  if (seen === undefined) throw new Error('nothing seen');
  return seen;
}

describe('the near look', { timeout }, () => {
  it('tells whose events wait, by file and channel, each distinct line once', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    on.startMaster(slot);
    const append = 'APPEND user.bob\nMAILBOX user.bob\n';
    writeFileSync(join(slot.conf, 'sync/log-run'), `${append.repeat(300)}MAILBOX "user.d^e.Sent Items"\n`);
    writeFileSync(join(slot.conf, 'sync/log'), 'MAILBOX shared.all\nMAILBOX user.cut');
    mkdirSync(join(slot.conf, 'sync/imap23'));
    writeFileSync(join(slot.conf, 'sync/imap23/log'), 'USER carl\n');
    writeFileSync(join(slot.conf, 'sync/skipuser-dora'), '');
    writeFileSync(join(slot.conf, 'sync/imap23/skipuser-eve'), '');
    const seen = await look(on, slot);
    expect(seen.problem).toBeNull();
    expect(seen.channels.map(({ channel, events, birthBy }) => [channel, events, birthBy])).toEqual([
      ['', 603, 'birth'],
      ['imap23', 1, 'birth'],
    ]);
    expect(seen.channels[0]?.pending).toMatchObject({
      users: [
        { user: 'bob', events: 600 },
        { user: 'cut', events: 1 },
        { user: 'd.e', events: 1 },
      ],
      shared: 1,
      torn: null,
    });
    expect(seen.channels[0]?.motion).toBe('waiting');
    expect(seen.channels[1]?.motion).toBe('stopped');
    expect(seen.skipped).toEqual([
      { channel: '', user: 'dora' },
      { channel: 'imap23', user: 'eve' },
    ]);
  });

  it('reads quarantined files and their births from the notes beside them, never through a link', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const quarantine = join(slot.conf, 'sync/quarantine');
    mkdirSync(quarantine);
    writeFileSync(join(quarantine, 'run.1'), 'MAILBOX user.ben\n');
    writeFileSync(join(quarantine, 'run.1.json'), '{"format":1,"birth":1773289000,"channel":""}\n');
    writeFileSync(join(quarantine, 'run.2'), 'MAILBOX "user.x\n');
    symlinkSync('/etc/passwd', join(quarantine, 'run.3'));
    const { quarantined } = await look(on, slot);
    expect(quarantined.map(({ file, events, birth }) => [file, events, birth === 1773289000])).toEqual([
      ['run.1', 1, true],
      ['run.2', 1, false],
    ]);
    expect(quarantined[1]?.pending.torn).toBe('MAILBOX "user.x');
  });

  it('bears names and lines that are meant to hurt', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const dir = join(slot.conf, `sync/it's $(touch mailctl-hit) \`x\` "q" \\n`);
    mkdirSync(dir);
    writeFileSync(
      join(dir, 'log'),
      Buffer.from('MAILBOX user.a\0b\nMAILBOX user.c\x1fd\n\n\xff\xfe\n', 'latin1'),
    );
    writeFileSync(
      join(slot.conf, 'sync/log'),
      `MAILBOX user.${'x'.repeat(1_000_000)}\n${'y'.repeat(5_000_000)}`,
    );
    const seen = await look(on, slot);
    expect(seen.problem).toBeNull();
    expect(seen.channels.map(({ events }) => events)).toEqual([1, 4]);
    expect(seen.channels[0]?.pending.readBytes).toBeLessThan(seen.channels[0]?.pending.sizeBytes ?? 0);
    expect(seen.channels[0]?.pending.users[0]?.user).toHaveLength(387);
    expect(seen.channels[1]?.pending.users.map(({ user }) => user)).toEqual(['a?b', 'c?d']);
    expect(existsSync('mailctl-hit')).toBe(false);
  });

  it('is nothing of an instance without a folder of its own', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    rmSync(slot.conf, { recursive: true });
    expect(await look(on, slot)).toMatchObject({ channels: [], quarantined: [], problem: null });
  });

  it('has births by the system call where stat knows none', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    on.startMaster(slot);
    writeFileSync(join(slot.conf, 'sync/log'), 'USER ann\n');
    const known = await on.look(slot);
    // coreutils before 8.31 print 0 for %W.
    writeFileSync(
      join(on.bin, 'stat'),
      '#!/bin/sh\nfor word; do shift; set -- "$@" "$(printf %s "$word" | sed s/%W/0/g)"; done\nexec /usr/bin/stat "$@"\n',
      { mode: 0o755 },
    );
    const seen = await on.look(slot);
    const birth = known.channels[0]?.oldestBirth ?? 0;
    expect(birth).toBeGreaterThan(0);
    expect(seen.channels[0]).toMatchObject({ oldestBirth: birth, birthBy: 'statx' });
    expect((await look(on, slot)).channels[0]).toMatchObject({ oldestBirth: birth, birthBy: 'statx' });
    // Without perl nothing is made up; the last change is what is left.
    for (const tool of ['perl']) writeFileSync(join(on.bin, tool), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const blind = await on.look(slot);
    expect(blind.channels[0]?.oldestBirth).toBeNull();
    expect(Math.abs((blind.channels[0]?.changedAt ?? 0) - birth)).toBeLessThan(5);
  });
});

describe('a sender', () => {
  const one = (pid: string, woke = 0) => ({ pid, woke });
  const base = {
    isPending: true,
    isSame: true,
    failures: 0,
    before: [one('7')],
    after: [one('7', 1)],
    ageS: 5,
    isGivenUp: false,
  };
  test.each([
    ['idle', { isPending: false }],
    ['working', { isSame: false }],
    ['waiting', {}],
    ['working', { after: [one('7', 300)] }],
    ['busy', { after: [one('7', 300)], ageS: 60 }],
    ['looping', { failures: 1 }],
    ['looping', { after: [one('8')] }],
    ['looping', { before: [], after: [one('8')] }],
    ['working', { isSame: false, failures: 3 }],
    ['stopped', { before: [], after: [] }],
    ['stopped', { before: [], after: [], isPending: false }],
    ['disabled', { before: [], after: [], isGivenUp: true }],
    ['looping', { before: [], after: [], failures: 2 }],
  ])('is %s by %j', (motion, more) => {
    expect(motionOf({ ...base, ...more })).toBe(motion);
  });

  it('is stuck at whom the system log names, and given up by its own master alone', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const paths = instancePaths(on.config, slot.instance);
    const file = `${paths.configDir}/sync/log-run`;
    const log = parseHostLog([
      ['failing', '9', file],
      ['culprit', file, "user.d^e.Sent Items 'Bad protocol'"],
      ['complaint', file, 'IOERROR'],
      ['disabled', '99', 'too many failures for service sync/daemon, disabling until next SIGHUP'],
    ]);
    const records = [
      ['pid', '12'],
      ['file', '1773289000', '1773289001', '4', file],
      ['again', '4', file],
      ['end'],
    ];
    const seen = parseReplication(slot.instance, paths, records, 1773289100, log);
    expect(seen.channels).toMatchObject([{ motion: 'looping', stuckAt: 'd.e', complaint: 'IOERROR' }]);
    const quiet = parseReplication(slot.instance, paths, records, 1773289100, parseHostLog([]));
    expect(quiet.channels[0]?.motion).toBe('stopped');
    const given = parseHostLog([['disabled', '12', 'disabling until next SIGHUP']]);
    expect(parseReplication(slot.instance, paths, records, 1773289100, given).channels[0]?.motion).toBe(
      'disabled',
    );
    expect(parseReplication(slot.instance, paths, [], 0, log)).toMatchObject({
      channels: [],
      problem: 'what was seen of its replication is cut off',
    });
  });
});
