/**
 * A real Postfix with 20,000 messages: its figures as qshape, the server's own list and the folders have them; acts on
 * 10,000 that touch no other; what was deleted comes back byte for byte; the log; texts made to hurt.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postfixQueue } from '../../src/drivers/postfix/queue.js';
import { systemClock } from '../../src/lib/clock.js';
import type { DeliveryEvent } from '../../src/queue/delivery-event.js';
import type { QueueDriver } from '../../src/queue/driver.js';
import type { QueueMessage } from '../../src/queue/message.js';
import { openTransport } from '../../src/transport/route.js';
import type { Transport } from '../../src/transport/transport.js';
import { describeUnless } from '../support/unless.js';
import { hostFile } from './hostfile.js';
import { inHost, type Lab, takeDown, up, whyNoLab } from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';

const reason = whyNoLab();

interface Group {
  readonly key: string;
  readonly messages: number;
  readonly recipients: number;
  readonly ages: readonly { readonly recipients: number }[];
}

interface Stats {
  readonly total: {
    readonly messages: number;
    readonly states: Readonly<Record<string, number>>;
    readonly malformed: number;
  };
  readonly groups: readonly Group[];
}

describeUnless(reason, 'a Postfix queue of 20,000 messages', () => {
  let lab: Lab;
  let transport: Transport;
  let driver: QueueDriver;
  const shell = async (script: string, input?: string) =>
    (await inHost(lab, 'mx1', ['sh', '-c', script], input === undefined ? {} : { input })).stdout;
  const inSpool = (script: string) => shell(`cd "$(postconf -hx queue_directory)" && ${script}`);
  /** Every file of the queue with all that Postfix knows it by; with `content` a digest of what is in it, too. */
  const everything = async (content = false) => {
    const stat = "find deferred hold active incoming defer -type f -printf '%p %i %m %U %s %T@\\n'";
    const digest = 'find deferred hold defer -type f -print0 | xargs -0 -n 4000 sha256sum';
    const files = await inSpool(content ? `${stat}; ${digest}` : stat);
    return new Set(files.split('\n'));
  };
  /** What one has and the other has not, the first few. */
  const difference = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
    [...[...one].filter((line) => !other.has(line)), ...[...other].filter((line) => !one.has(line))].slice(
      0,
      6,
    );
  const listed = async () => {
    const messages: QueueMessage[] = [];
    await driver.list((one) => messages.push(one));
    return messages;
  };
  /** A message by SMTP, from a client that says who it is. */
  const smtp = (lines: readonly string[]) =>
    shell(
      String.raw`perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new("127.0.0.1:25") or die; sub answer { my $l; do { $l = <$s> } while defined $l && $l =~ /^\d+-/; print $l } answer(); while (<STDIN>) { chomp; print $s "$_\r\n"; answer() unless $body; $body = 1 if $_ eq "DATA"; $body = 0, answer() if $_ eq "." }'`,
      `${lines.join('\n')}\n`,
    );

  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true });
    await shell(
      'postconf -e defer_transports=smtp,relay,lmtp transport_maps= queue_run_delay=1h minimal_backoff_time=1h maximal_backoff_time=2h smtpd_authorized_xclient_hosts=127.0.0.1 && postfix reload 2> /dev/null',
    );
    await shell('perl - 20000 deferred short', hostFile('fill-queue.pl'));
    await shell('perl - 500 hold short', hostFile('fill-queue.pl'));
    const { paths } = lab;
    transport = openTransport({
      clock: systemClock,
      env: { PATH: process.env.PATH ?? '' },
      sudoFor: () => false,
      defaults: { ssh: { config: paths.sshConfig, connectTimeoutMs: 5000, controlPersistMs: 20_000 } },
    });
    driver = postfixQueue({ transport, host: { name: 'mx1', transport: 'ssh', groups: [] }, name: 'mx1' });
  });
  afterAll(async () => {
    await transport?.close();
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test.each(['deferred', 'hold', 'active'])('has the figures of qshape %s, cell by cell', async (state) => {
    const [shape, { code, json }] = await Promise.all([
      shell(`qshape -w 200 ${state}`),
      mailctlJson<Stats>(lab, ['queue', 'stats', '-H', 'mx1', '--state', state, '--by', 'domain']),
    ]);
    const rows = shape
      .split('\n')
      .slice(2)
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [domain = '', ...cells] = line.trim().split(/\s+/);
        return [domain, cells.map(Number)] as const;
      });
    expect(code).toBe(0);
    expect(rows.length).toBe(state === 'active' ? 0 : 43);
    const ours = json.groups.map(({ key, recipients, ages }) => [
      key,
      [recipients, ...ages.map((age) => age.recipients)],
    ]);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(rows));
    if (state === 'deferred') await hasTheScreenOf(rows);
  });

  /** The screen of `--by domain,age` has qshape's rows, and so have its groups of two keys. */
  const hasTheScreenOf = async (rows: readonly (readonly [string, readonly number[]])[]) => {
    const words = ['queue', 'stats', '-H', 'mx1', '--state', 'deferred', '--by', 'domain,age'];
    const { stdout } = await mailctl(lab, [...words, '-o', 'table'], { env: { COLUMNS: '200' } });
    const shown = stdout
      .split('\n')
      .filter((line) => /^(?:gmail|outlook|yahoo|d\d)/.test(line))
      .map((line) => line.trim().split(/\s+/))
      .map(([domain = '', ...cells]) => [domain, cells.map(Number)] as const);
    expect(shown.length).toBeGreaterThan(10);
    expect(rows).toEqual(expect.arrayContaining(shown));
    const { json } = await mailctlJson<{
      groups: { key: [string, number | 'rest']; recipients: number }[];
    }>(lab, words);
    const steps = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 'rest'];
    const cells = new Map(json.groups.map(({ key, recipients }) => [key.join(' '), recipients]));
    for (const [domain, [total, ...counts]] of rows) {
      expect(counts.map((_, at) => cells.get(`${domain} ${steps[at]}`) ?? 0)).toEqual(counts);
      expect(counts.reduce((all, one) => all + one, 0)).toBe(total);
    }
  };

  test('has the counts of the folders and of the server’s own list', async () => {
    const [folders, list, { json }] = await Promise.all([
      inSpool('for q in incoming active deferred hold; do find $q -type f | wc -l; done'),
      shell('postqueue -j | wc -l'),
      mailctlJson<Stats>(lab, ['queue', 'stats', '-H', 'mx1']),
    ]);
    const { messages, states, malformed } = json.total;
    expect([states.incoming, states.active, states.deferred, states.hold]).toEqual(
      folders.trim().split('\n').map(Number),
    );
    expect([messages, malformed]).toEqual([Number(list), 0]);
  });

  test('has 10,000 held and released, and no other touched', async () => {
    const before = await everything();
    const old = ['-H', 'mx1', '--state', 'deferred', '--older-than', '90m'];
    const held = await mailctl(lab, ['queue', 'hold', ...old, '--yes']);
    expect([held.code, held.stderr.includes('10,000') || held.stdout.includes('10,000')]).toEqual([0, true]);
    const now = Math.floor(Date.now() / 1000);
    const messages = await listed();
    const isOld = ({ arrivedAt }: QueueMessage) => now - (arrivedAt ?? now) > 5400;
    expect(messages.filter((one) => one.state === 'hold')).toHaveLength(10_500);
    expect(messages.filter((one) => one.state === 'deferred' && isOld(one))).toEqual([]);
    expect(messages.filter((one) => one.state === 'deferred')).toHaveLength(10_000);
    const mine = messages
      .filter((one) => one.state === 'hold')
      .map(({ id, arrivedAt, sender }) => ({ id, arrivedAt, sender }));
    const kept = new Set([...before].flatMap((line) => /^hold\/(\w+) /.exec(line)?.[1] ?? []));
    const again = mine.filter(({ id }) => !kept.has(id));
    expect(await driver.act?.('hold', again)).toMatchObject({
      changed: 0,
      already: again.length,
      gone: [],
      failed: [],
    });
    expect(await driver.act?.('release', again)).toMatchObject({
      changed: again.length,
      gone: [],
      failed: [],
    });
    expect(difference(before, await everything())).toEqual([]);
  });

  test('has 10,000 deleted, saved where only root looks, and restored byte for byte', async () => {
    const before = await everything(true);
    const old = ['-H', 'mx1', '--older-than', '90m', '--state', 'deferred'];
    const deleted = await mailctl(lab, ['queue', 'delete', ...old, '--yes']);
    expect([deleted.code, deleted.stderr]).toEqual([0, expect.anything()]);
    expect(await listed()).toHaveLength(10_500);
    expect(
      await inSpool("stat -c '%a %U' mailctl-saved; postfix check; find bounce trace -type f | wc -l"),
    ).toBe('700 root\n0');
    const [run = ''] = (await inSpool('ls mailctl-saved')).trim().split('\n');
    const restored = await mailctl(lab, ['queue', 'restore', run, '--yes']);
    expect([restored.code, restored.stderr]).toEqual([0, expect.anything()]);
    expect(difference(before, await everything(true))).toEqual([]);
    // Names that do not fit their inode would be changed here.
    expect(await shell('postsuper -s 2>&1')).toBe('');
    expect(await inSpool('ls mailctl-saved')).toBe('');
  });

  test('has what was on hold before back on hold, and a second run of each act changes nothing', async () => {
    const keys = (await listed())
      .filter(({ state }) => state === 'hold')
      .map(({ id, arrivedAt, sender }) => ({ id, arrivedAt, sender }));
    const before = await everything();
    const save = { run: 'again', expiresAt: Date.now() / 1000 + 3600, maxBytes: 1e9 };
    expect(await driver.act?.('delete', keys, { save })).toMatchObject({ changed: 500, already: 0 });
    expect(await driver.act?.('delete', keys, { save })).toMatchObject({
      changed: 0,
      already: 500,
      gone: [],
    });
    expect(await driver.act?.('restore', keys, { save })).toMatchObject({
      changed: 500,
      gone: [],
      failed: [],
    });
    expect(await driver.act?.('restore', keys, { save })).toMatchObject({
      changed: 0,
      already: 500,
      gone: [],
    });
    expect(difference(before, await everything())).toEqual([]);
    await expect(driver.act?.('delete', keys, { save: { ...save, maxBytes: 1000 } })).rejects.toMatchObject({
      code: 'queue.save-full',
    });
    expect(difference(before, await everything())).toEqual([]);
  });

  test('takes no message for another one that had its id', async () => {
    const [one] = (await listed()).filter(({ state }) => state === 'deferred');
    if (one === undefined || one.arrivedAt === null) throw new Error('nothing is deferred');
    const { id, arrivedAt, sender } = one;
    const wrong = [
      { id, arrivedAt: arrivedAt + 1, sender },
      { id, arrivedAt, sender: 'x@y' },
      { id: 'F0F0F0F0F0', arrivedAt, sender },
    ];
    expect(await driver.act?.('hold', wrong)).toMatchObject({ changed: 0, gone: [id, id, 'F0F0F0F0F0'] });
    expect(await driver.act?.('hold', [{ id, arrivedAt, sender }])).toMatchObject({ changed: 1, gone: [] });
    expect(await driver.act?.('release', [{ id, arrivedAt: null, sender: null }])).toMatchObject({
      changed: 1,
    });
  });

  test('knows who handed a message in, and shows one with addresses and headers made to hurt', async () => {
    const to = Array.from({ length: 40 }, (_, index) => `RCPT TO:<u${index}@many.example>`);
    const said = await smtp([
      'EHLO x',
      'XCLIENT LOGIN=eve@example.net',
      'EHLO x',
      'MAIL FROM:<"a b\\"c$(id)"@example.net>',
      'RCPT TO:<"<x>, status=sent (ok)"@gmail.com>',
      ...to,
      'DATA',
      'Subject: \u001b[31m$(reboot)',
      ' `id`',
      'X-F: f hold 1 1 1',
      '',
      'text',
      '.',
      'QUIT',
    ]);
    const id = /queued as (\w+)/.exec(said)?.[1] ?? '';
    const logins = new Map<string | null, number>();
    let found: QueueMessage | undefined;
    const look = (one: QueueMessage) => {
      logins.set(one.submitter, (logins.get(one.submitter) ?? 0) + 1);
      if (one.id === id) found = one;
    };
    await driver.list(look, { submitter: true });
    expect([logins.get('carl@example.net'), logins.get('eve@example.net')]).toEqual([410, 1]);
    expect(found).toMatchObject({ sender: '"a b\\"c$(id)"@example.net', submitter: 'eve@example.net' });
    const shown = await driver.show?.(id);
    expect(shown?.message.recipients).toHaveLength(41);
    expect(shown?.message.recipients.map(({ address }) => address)).toContain(
      '"<x>, status=sent (ok)"@gmail.com',
    );
    expect(shown?.message.sender).toBe('"a b\\"c$(id)"@example.net');
    expect(shown?.headers).toContainEqual(['Subject', '\u001b[31m$(reboot) `id`']);
    expect(shown?.log.some((line) => line.includes('sasl_username=eve@example.net'))).toBe(true);
    const [key] = (await listed()).filter((one) => one.id === id);
    if (key === undefined) throw new Error('the message is gone');
    const whole = { id, arrivedAt: key.arrivedAt, sender: key.sender };
    expect(await driver.act?.('hold', [whole])).toMatchObject({ changed: 1, gone: [], failed: [] });
    expect(await driver.act?.('flush', [whole])).toMatchObject({
      failed: [{ id, why: 'is on hold: release it first' }],
    });
    expect(await driver.act?.('requeue', [whole])).toMatchObject({ changed: 1 });
  });

  test('is read from its log, each delivery once, and on from where the reading stopped', async () => {
    const events: DeliveryEvent[] = [];
    const first = await driver.readLog?.({ since: 0 }, (one) => events.push(one));
    const lines = Number(
      await shell("grep -cE ' status=(sent|deferred|bounced|expired)[ ,]' /var/log/mail.log"),
    );
    expect(events).toHaveLength(lines);
    expect(first?.incomplete).toMatch(/^the log begins at 20/);
    await smtp([
      'HELO x',
      'MAIL FROM:<>',
      'RCPT TO:<bo@outlook.com>',
      'RCPT TO:<x@[300.1]>',
      'DATA',
      '',
      '.',
      'QUIT',
    ]);
    await shell(
      'for i in 1 2 3 4 5 6 7 8 9 10; do tail -n 3 /var/log/mail.log | grep -q "to=<bo@outlook.com>" && break; sleep 0.3; done',
    );
    const later: DeliveryEvent[] = [];
    const second = await driver.readLog?.({ position: first?.position ?? '' }, (one) => later.push(one));
    expect(second?.incomplete).toBeNull();
    expect(
      later
        .filter(({ outcome }) => outcome === 'deferred')
        .map(({ recipient, sender, dsn }) => [recipient, sender, dsn]),
    ).toContainEqual(['bo@outlook.com', '', '4.3.2']);
  });
});
