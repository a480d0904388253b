// The acts of a rejoin, by a real sh on this machine; a program of sync_client's name writes down what it was given.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CyrusHost, cyrusHost, type LocalSlot } from '../../../support/cyrus-host.js';

const timeout = 60_000;

/** Fails where its list names something that begins with `bad`; `down`: its server cannot be reached. */
const SYNC = `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in -C) conf=$2; shift ;; -f) list=$2; shift ;; -m|-u|-r) kind=$1 ;; --) shift; list=$conf.words; printf '%s\\n' "$@" > "$list"; kind="$kind words"; break ;; esac
  shift
done
dir=$(sed -n 's/^configdirectory: //p' "$conf")
{ echo "$kind"; cat "$list"; echo; } >> "$dir/replayed"
{ cat "$conf"; stat -c 'mode %a' "$conf"; } > "$dir/replay.conf"
if grep -q down "$list"; then echo 'Can not connect to server imap22'; exit 1; fi
if grep -q 'bad Connect' "$list"; then echo 'do_folders(): update failed for bad Connect'; exit 1; fi
if grep -q bad "$list"; then echo 'do_folders(): update failed'; exit 1; fi
exit 0
`;

async function stage(): Promise<{ on: CyrusHost; slot: LocalSlot; sync: string }> {
  const on = await cyrusHost();
  const slot = await on.slot('store1');
  writeFileSync(join(on.bin, 'sync_client'), SYNC, { mode: 0o755 });
  appendFileSync(
    join(slot.base, 'role.master/imapd.conf'),
    '# sync_authname: nobody\nimap23_sync_authname: third\nimap23_sync_password: drei\nsync_authname: mailproxy\nsync_log_channels: imap22\nunixhierarchysep: yes\n',
  );
  return { on, slot, sync: join(slot.conf, 'sync') };
}
const to = { address: 'imap22', port: 10143, channel: '' };

describe('setting logs aside', { timeout }, () => {
  it('moves every log and what is quarantined, each by its birth, and can be repeated', async () => {
    const { on, slot, sync } = await stage();
    mkdirSync(join(sync, 'imap22'));
    mkdirSync(join(sync, 'quarantine'));
    writeFileSync(join(sync, 'log'), 'APPEND user.bob\nMAILBOX user.bob\n');
    writeFileSync(
      join(sync, 'imap22/log-run'),
      'MAILBOX "user.d^e.Sent Items"\nMAILBOX user.bob\nMAILBOX "user.x',
    );
    writeFileSync(join(sync, 'quarantine/run.1'), 'MAILBOX user.ben\n');
    writeFileSync(join(sync, 'quarantine/run.1.json'), '{"birth":1795289820,"users":["ben"]}\n');
    expect((await on.driver.leftovers(on.host, slot.instance)).logs).toBe(3);
    const grip = await on.take(slot);
    await on.driver.setLeftoversAside(on.host, slot.instance, grip);
    await on.driver.setLeftoversAside(on.host, slot.instance, grip);
    expect(existsSync(join(sync, 'log'))).toBe(false);
    expect(readdirSync(join(sync, 'quarantine'))).toEqual([]);
    const found = await on.driver.leftovers(on.host, slot.instance);
    expect(found.logs).toBe(0);
    expect(found.files.map(({ name }) => name.replace(/^\d+-/, '')).sort()).toEqual([
      'imap22_log-run.1',
      'log.1',
      'quarantine_run.1.1',
    ]);
    expect(found.files.find(({ name }) => name.includes('quarantine'))?.birth).toBe(1_795_289_820);
    expect(found.unreadable).toBe(1);
    const counts = new Map(found.events.map(({ line, count }) => [line, count]));
    expect(Object.fromEntries(counts)).toEqual({
      'APPEND user.bob': 1,
      'MAILBOX user.bob': 2,
      'MAILBOX "user.d^e.Sent Items"': 1,
      'MAILBOX user.ben': 1,
    });
    // A log that was written after it: the next one is set aside beside the first.
    writeFileSync(join(sync, 'log'), 'MAILBOX user.late\n');
    await on.driver.setLeftoversAside(on.host, slot.instance, grip);
    expect((await on.driver.leftovers(on.host, slot.instance)).files).toHaveLength(4);
  });

  it('is refused while the instance runs, and goes through no link', async () => {
    const { on, slot, sync } = await stage();
    writeFileSync(join(sync, 'log'), 'MAILBOX user.bob\n');
    const grip = await on.take(slot);
    on.startMaster(slot);
    await expect(on.driver.setLeftoversAside(on.host, slot.instance, grip)).rejects.toMatchObject({
      stderr: expect.stringContaining('it is running'),
    });
    await on.driver.stop(on.host, slot.instance, grip, true);
    mkdirSync(join(on.base, 'elsewhere'));
    symlinkSync(join(on.base, 'elsewhere'), join(sync, 'rejoin'));
    await expect(on.driver.setLeftoversAside(on.host, slot.instance, grip)).rejects.toMatchObject({
      stderr: expect.stringContaining('is no directory'),
    });
    expect(readdirSync(join(on.base, 'elsewhere'))).toEqual([]);
  });

  it('bears NULs, control characters and lines that have no end', async () => {
    const { on, slot, sync } = await stage();
    mkdirSync(join(sync, 'rejoin'));
    writeFileSync(
      join(sync, 'rejoin/5-log.1'),
      `MAILBOX user.a\nMAILBOX user.b\u0000\u0000\u0000\nMAILBOX user.\u001fc\nMAILBOX user.\u001b[31m\n${'x'.repeat(5000)}\nMAILBOX user.torn`,
    );
    const found = await on.driver.leftovers(on.host, slot.instance);
    expect(found.events.map(({ line }) => line)).toEqual(['MAILBOX user.a']);
    expect(found.unreadable).toBe(5);
  });
});

describe('a replay', { timeout }, () => {
  it('speaks with the new master by a file that is gone afterwards, and names as the tools take them', async () => {
    const { on, slot, sync } = await stage();
    const grip = await on.take(slot);
    const failed = await on.driver.replay(
      on.host,
      slot.instance,
      grip,
      to,
      {
        mailboxes: [
          ['user.ann.A', 'DELETED.user.ann.A.6B01F3CD'],
          ["user.d^e.it's $(odd)"],
          ['example.com!user.bob.Sent Items'],
        ],
        users: ['new.user'],
        lines: ['SUB ann "user.ann.A b"'],
      },
      30,
    );
    expect(failed).toEqual([]);
    expect(readFileSync(join(slot.conf, 'replayed'), 'utf8')).toBe(
      [
        '-m',
        'user/ann/A',
        'DELETED/user/ann/A/6B01F3CD',
        "user/d.e/it's $(odd)",
        'user/bob/Sent Items@example.com',
        '',
        '-u',
        'new.user',
        '',
        '-r',
        'SUB ann "user.ann.A b"',
        '',
        '',
      ].join('\n'),
    );
    const conf = readFileSync(join(slot.conf, 'replay.conf'), 'utf8');
    expect(conf).toContain('mode 600');
    expect(conf).toContain(
      'sync_log: no\nsync_try_imap: yes\nsync_host: imap22\nsync_port: 10143\nsync_authname: mailproxy\nsync_password: geheim\n',
    );
    expect(conf).not.toContain('sync_log: yes');
    expect(conf).not.toContain('sync_log_channels');
    expect(readdirSync(join(sync, 'rejoin'))).toEqual([]);
  });

  it('uses the login of the channel, where it has one', async () => {
    const { on, slot } = await stage();
    const grip = await on.take(slot);
    const what = { mailboxes: [['user.a']], users: [], lines: [] };
    await on.driver.replay(on.host, slot.instance, grip, { ...to, channel: 'imap23' }, what, 30);
    expect(readFileSync(join(slot.conf, 'replay.conf'), 'utf8')).toContain(
      'sync_authname: third\nsync_password: drei\n',
    );
  });

  it('tries alone what failed among others, with both names of what was renamed', async () => {
    const { on, slot } = await stage();
    const grip = await on.take(slot);
    const failed = await on.driver.replay(
      on.host,
      slot.instance,
      grip,
      to,
      { mailboxes: [['user.a'], ['user.bad', 'user.b2'], ['user.c']], users: [], lines: [] },
      30,
    );
    expect(failed).toEqual([{ name: 'user.bad', said: 'do_folders(): update failed' }]);
    const runs = readFileSync(join(slot.conf, 'replayed'), 'utf8').trim().split('\n\n');
    expect(runs.slice(1)).toEqual(['-m\nuser/a', '-m\nuser/bad\nuser/b2', '-m\nuser/c']);
  });

  it('gives names that a list takes for comments as words', async () => {
    const { on, slot } = await stage();
    const grip = await on.take(slot);
    const what = { mailboxes: [['#news'], ['user.a']], users: ['#new', '-u', 'b'], lines: ['USER #new'] };
    expect(await on.driver.replay(on.host, slot.instance, grip, to, what, 30)).toEqual([]);
    const runs = readFileSync(join(slot.conf, 'replayed'), 'utf8').trim().split('\n\n');
    expect(runs).toEqual(['-m words\n#news\nuser/a', '-u words\n#new\n-u\nb', '-r\nUSER #new']);
  });

  it('is not held up by the name of a mailbox that looks like an error of the connection', async () => {
    const { on, slot } = await stage();
    const grip = await on.take(slot);
    const what = { mailboxes: [['user.bad Connect (authenticate)'], ['user.c']], users: [], lines: [] };
    expect(await on.driver.replay(on.host, slot.instance, grip, to, what, 30)).toEqual([
      { name: 'user.bad Connect (authenticate)', said: 'do_folders(): update failed for bad Connect' },
    ]);
  });

  it('says no at once when the new master cannot be spoken with, and leaves no password behind', async () => {
    const { on, slot, sync } = await stage();
    const grip = await on.take(slot);
    const what = { mailboxes: [['user.down'], ['user.a']], users: [], lines: [] };
    await expect(on.driver.replay(on.host, slot.instance, grip, to, what, 30)).rejects.toMatchObject({
      stderr: expect.stringContaining('Can not connect'),
    });
    expect(readdirSync(join(sync, 'rejoin'))).toEqual([]);
  });
});

describe('the end', { timeout }, () => {
  it('removes what was set aside, or keeps it for a person', async () => {
    const { on, slot, sync } = await stage();
    const grip = await on.take(slot);
    for (const keep of [true, false]) {
      writeFileSync(join(sync, 'log'), 'MAILBOX user.bob\n');
      await on.driver.setLeftoversAside(on.host, slot.instance, grip);
      await on.driver.endLeftovers(on.host, slot.instance, grip, keep);
    }
    expect(readdirSync(join(sync, 'rejoin'))).toEqual(['kept']);
    expect(readdirSync(join(sync, 'rejoin/kept'))).toHaveLength(1);
    expect((await on.driver.leftovers(on.host, slot.instance)).files).toEqual([]);
  });
});
