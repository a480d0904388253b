// Events that are set aside, by a real sh on this machine and a stand-in for sync_client (support/cyrus-host.ts).
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { causeOf, explainPoison } from '../../../../src/drivers/cyrus/poison.js';
import { parseContent, parseList } from '../../../../src/drivers/cyrus/quarantine.js';
import { parseNote, type QuarantineNote } from '../../../../src/slot/quarantine.js';
import { sortFile } from '../../../../src/slot/sort-events.js';
import { type CyrusHost, cyrusHost, type LocalSlot } from '../../../support/cyrus-host.js';
import { fakeClock } from '../../../support/fake-clock.js';
import { host } from '../../../support/slot-sight.js';

const timeout = 90_000;
const BLOCKED = 'MAILBOX user.ann\nAPPEND user.bad\nMAILBOX user.bad\nMAILBOX user.ann\nMAILBOX user.carl\n';

const note = (more: Partial<QuarantineNote> = {}): QuarantineNote => ({
  birth: 1_700_000_000,
  birthBy: 'birth',
  channel: '',
  replica: 'imap22',
  run: '7f3a',
  operator: 'ann@bastion1',
  reason: 'it\'s \u007f "bad"\n',
  owner: null,
  asideAt: 1_700_000_100,
  tries: 0,
  triedAt: null,
  kept: [],
  more: 0,
  ...more,
});

async function blocked(text = BLOCKED) {
  const on = await cyrusHost();
  const slot = await on.slot('store1');
  writeFileSync(join(slot.conf, 'sync/log-run'), text);
  const grip = await on.take(slot);
  return { on, slot, grip, folder: join(slot.conf, 'sync/quarantine') };
}

const sort = (on: CyrusHost, slot: LocalSlot, grip: Awaited<ReturnType<CyrusHost['take']>>, file = 'f') =>
  sortFile(file, note(), {
    quarantine: on.driver.quarantine,
    clock: fakeClock({ auto: true }),
    host: on.host,
    instance: slot.instance,
    grip: async () => grip,
    mailboxes: async () => [{ name: 'user.dora', uniqueId: 'x', deleted: false }],
    note: () => {},
    signal: new AbortController().signal,
  });

describe('setting aside', { timeout }, () => {
  it('moves the file at work by a rename, with a note that keeps its birth', async () => {
    const { on, slot, grip, folder } = await blocked();
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    expect(existsSync(join(slot.conf, 'sync/log-run'))).toBe(false);
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe(BLOCKED);
    const written = parseNote(readFileSync(join(folder, 'f.json'), 'utf8'));
    expect(written).toMatchObject({ reason: note().reason, replica: 'imap22' });
    // The disk's own figure where it has one, else what the look found.
    expect(written?.birth).toBeGreaterThan(1_600_000_000);
  });

  it('may be repeated, and does nothing when nothing is at work', async () => {
    const { on, slot, grip, folder } = await blocked();
    const again = () => on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    await again();
    writeFileSync(join(slot.conf, 'sync/log-run'), 'MAILBOX user.new\n');
    await again();
    expect(readFileSync(join(slot.conf, 'sync/log-run'), 'utf8')).toBe('MAILBOX user.new\n');
    renameSync(join(slot.conf, 'sync/log-run'), join(slot.conf, 'gone'));
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'g', note());
    expect(readdirSync(folder).sort()).toEqual(['f', 'f.json']);
  });

  it('goes through no link', async () => {
    const { on, slot, grip, folder } = await blocked();
    mkdirSync(join(slot.base, 'elsewhere'));
    symlinkSync(join(slot.base, 'elsewhere'), folder);
    await expect(on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note())).rejects.toThrow(
      'set-aside of store1',
    );
    expect(existsSync(join(slot.conf, 'sync/log-run'))).toBe(true);
  });

  it('counts in every look, by the birth in the note', async () => {
    const { on, slot, grip, folder } = await blocked();
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    const text = readFileSync(join(folder, 'f.json'), 'utf8');
    writeFileSync(join(folder, 'f.json'), text.replace(/"birth":\d+/, '"birth":1700000000'));
    writeFileSync(join(folder, 'byhand'), 'MAILBOX user.x\n');
    const state = await on.look(slot);
    expect(state.quarantined).toMatchObject({ files: 2, events: 6, oldestBirth: 1_700_000_000 });
    expect(state.quarantined.byChannel?.map(({ channel, events }) => [channel, events])).toEqual([
      [null, 1],
      ['', 5],
    ]);
    const [look] = await on.driver.replication(on.host, [slot.instance]);
    expect(look?.quarantined.map(({ file, birth }) => [file, birth])).toContainEqual(['f', 1_700_000_000]);
  });
});

describe('sorting', { timeout }, () => {
  it('sends what can be sent, and keeps the rest with its cause', async () => {
    const { on, slot, grip, folder } = await blocked();
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    const sorted = await sort(on, slot, grip);
    expect(sorted?.sent).toBe(2);
    expect(sorted?.kept).toMatchObject([{ who: 'bad', kind: 'message-file' }]);
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('APPEND user.bad\nMAILBOX user.bad\n');
    expect(readFileSync(join(slot.conf, 'sent-lines'), 'utf8').split('\n').filter(Boolean).sort()).toEqual([
      'MAILBOX user.ann',
      'MAILBOX user.ann',
      'MAILBOX user.carl',
    ]);
    const [[file] = []] = await on.driver.quarantine.list(on.host, [slot.instance]);
    expect(file).toMatchObject({ events: 2, users: ['bad'], note: { tries: 1, kept: [{ who: 'bad' }] } });
    expect(JSON.stringify(file)).not.toContain('somebody wrote this');
    expect(readdirSync(folder).sort()).toEqual(['f', 'f.json']);
  });

  it('removes the file when all of it went through', async () => {
    const { on, slot, grip, folder } = await blocked('MAILBOX user.ann\n');
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    expect(await sort(on, slot, grip)).toEqual({ sent: 1, kept: [], untried: 0 });
    expect(readdirSync(folder)).toEqual([]);
    expect(await sort(on, slot, grip)).toBeUndefined();
  });

  it('keeps everything while the replica is away', async () => {
    const { on, slot, grip, folder } = await blocked();
    writeFileSync(join(slot.conf, 'sync.plan'), 'away\n');
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    const sorted = await sort(on, slot, grip);
    expect(sorted).toMatchObject({ sent: 0, untried: 3, kept: [{ kind: 'away' }] });
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe(BLOCKED);
  });

  it('never gives a torn line to the sender, and loses nothing behind it', async () => {
    const torn = 'MAILBOX "user.do\nMAILBOX user.carl\nUSER {5\nMAILBOX user.ann\n';
    const { on, slot, grip, folder } = await blocked(torn);
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    const sorted = await sort(on, slot, grip);
    // Everybody whose name begins like the cut one was sent whole; the literal names nobody and is kept.
    expect(sorted?.kept.map(({ kind }) => kind)).toEqual(['unreadable-line']);
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('USER {5\n');
    const sent = readFileSync(join(slot.conf, 'sent-lines'), 'utf8');
    expect(sent.split('\n').filter(Boolean).sort()).toEqual([
      'MAILBOX user.ann',
      'MAILBOX user.carl',
      'USER dora',
    ]);
    expect(sent).not.toMatch(/[{"]/);
  });

  it('finds a few among thousands', async () => {
    const users = Array.from({ length: 2000 }, (_, n) => (n % 700 === 5 ? `bad${n}` : `u${n}`));
    const { on, slot, grip } = await blocked(users.map((user) => `MAILBOX user.${user}\n`).join(''));
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    const sorted = await sort(on, slot, grip);
    expect(sorted?.kept.map(({ who }) => who).sort()).toEqual(['bad1405', 'bad5', 'bad705']);
    expect(sorted?.sent).toBe(1997);
  });

  it('does not replace a file that is not as it was read', async () => {
    const { on, slot, grip, folder } = await blocked();
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    const content = await on.driver.quarantine.read(on.host, slot.instance, 'f');
    writeFileSync(join(folder, 'f'), `${BLOCKED}MAILBOX user.more\n`);
    const wish = { file: 'f', lines: [], seal: content?.seal ?? '', note: note() };
    await expect(on.driver.quarantine.keep(on.host, slot.instance, grip, wish)).rejects.toThrow();
    expect(readFileSync(join(folder, 'f'), 'utf8')).toContain('user.more');
  });

  it('tells lines apart that look alike', async () => {
    const { on, slot, grip, folder } = await blocked('MAILBOX user.bad\u0001\nMAILBOX user.bad\u0002\n');
    await on.driver.quarantine.setAside(on.host, slot.instance, grip, 'f', note());
    await sort(on, slot, grip);
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('MAILBOX user.bad\u0001\nMAILBOX user.bad\u0002\n');
  });
});

describe('what the sender says', () => {
  it.each([
    ['IOERROR: Failed to read file: sval=</x/2.> func=<printfile>; Bad protocol', 'message-file'],
    ['IOERROR: refreshing index failed: mailbox=<user.carl> error=<Mailbox has an invalid format>', 'index'],
    [
      'MAILBOX received NO response: IMAP_MAILBOX_MOVED Mailbox exists with another name or uniqueid',
      'two-mailboxes',
    ],
    ['USER received NO response: Unknown error;Error in do_sync(): bailing out!', 'replica'],
    ['IOERROR: zero length response: command=<MAILBOX> prot_error=<end of file reached>', 'protocol'],
    ['connect(imap22) failed: Connection refused', 'away'],
    ['', 'unknown'],
  ])('%s', (said, kind) => {
    expect(causeOf(said)).toBe(kind);
  });

  it('names repairs as commands whose words cannot be taken for others', () => {
    const { repair } = explainPoison({
      who: 'x',
      users: ["a'; rm -rf /"],
      said: 'Mailbox has an invalid format',
      master: 'imap21',
      replica: '',
      conf: '/srv/store 1/imapd.conf',
    });
    expect(repair[0]).toContain("'/srv/store 1/imapd.conf'");
    expect(repair[0]).toMatch(/'user\/a'.*'/);
  });
});

describe('hostile answers', () => {
  const instance = { slot: 'store1', host: 'imap21', instance: 'store1', address: undefined };
  it('a list that is cut off is an error, not an empty quarantine', () => {
    expect(() => parseList(host('imap21'), instance, '0', [['0', 'file', 'f', '1', '2']])).toThrow('cut off');
    expect(() => parseContent(host('imap21'), 'f', 'seal\x1f1:2\n')).toThrow('cut off');
  });

  it.each(['', 'null', '[]', '{', '{"birth":"x","kept":[null,1,{"who":2}],"more":"a"}'])(
    'a note %j',
    (text) => {
      const read = parseNote(text);
      if (read !== null) expect(read).toMatchObject({ birth: null, kept: [], tries: 0 });
    },
  );
});
