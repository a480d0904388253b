// The Exim driver against a real Exim in its own host's root: figures beside Exim's own tools, acts and the way back,
// a spool with a header file that cannot be read, the log.
import net from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eximSoftware } from '../../src/drivers/exim/software.js';
import { systemClock } from '../../src/lib/clock.js';
import type { DeliveryEvent } from '../../src/queue/delivery-event.js';
import type { QueueDriver } from '../../src/queue/driver.js';
import type { MessageKey, QueueMessage } from '../../src/queue/message.js';
import { openTransport } from '../../src/transport/route.js';
import type { Transport } from '../../src/transport/transport.js';
import { describeUnless } from '../support/unless.js';
import { hostAddress, inHost, type Lab, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctlJson } from './mailctl.js';
import { RECEIVER_PORT } from './mta.js';

const HOST = 'exim1';
const SPOOL = '/var/spool/exim4';

describeUnless(whyNoLab(), 'Exim in the lab', () => {
  let lab: Lab;
  let transport: Transport;
  let exim: QueueDriver;

  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1, mtas: ['exim'] });
    transport = openTransport({
      defaults: { ssh: { config: lab.paths.sshConfig, connectTimeoutMs: 5000, controlPersistMs: 60_000 } },
      sudoFor: () => false,
      clock: systemClock,
      env: process.env,
    });
    exim = eximSoftware.open({ transport, host: { name: HOST, transport: 'ssh', groups: [] }, name: HOST });
  }, 300_000);
  afterAll(async () => {
    await transport?.close();
    await takeDown();
  });

  const sh = (script: string) => inHost(lab, HOST, ['sh', '-c', script]);

  /** Hands in messages without a try: `queue_only` and no runner. */
  async function inject(messages: readonly { from: string; to: readonly string[]; body?: string }[]) {
    const batch = messages.map(
      ({ from, to, body = 'hello\n' }) =>
        `MAIL FROM:<${from}>\n${to.map((one) => `RCPT TO:<${one}>\n`).join('')}DATA\nSubject: t\n\n${body}.\n`,
    );
    // An id is good for some milliseconds of a process: several are faster.
    const parts = Array.from({ length: 10 }, (_, part) => batch.filter((_one, at) => at % 10 === part));
    await Promise.all(
      parts.map((part) =>
        inHost(lab, HOST, ['exim4', '-odq', '-bS'], {
          input: `HELO gen.example.net\n${part.join('')}QUIT\n`,
        }),
      ),
    );
  }

  async function listed(): Promise<readonly QueueMessage[]> {
    const all: QueueMessage[] = [];
    const listing = await exim.list((message) => all.push(message));
    expect(listing.malformed.lines).toBe(0);
    expect(listing.warning).toBeNull();
    return all;
  }
  const keyOf = ({ id, arrivedAt, sender }: QueueMessage): MessageKey => ({ id, arrivedAt, sender });
  const spool = async () => (await sh(`cd ${SPOOL}/input && md5sum -- * && stat -c '%n %U %a' -- *`)).stdout;

  it('tells what Exim itself tells', async () => {
    const domains = ['gmail.com', 'web.de', 'outlook.com', 'aol.com'];
    await inject(
      Array.from({ length: 2000 }, (_, i) => ({
        from: i % 10 === 0 ? '' : `bounce-${i}@news.example.net`,
        to: [`user${i}@${domains[i % 4]}`, ...(i % 3 === 0 ? ['second@GMX.de'] : [])],
        body: `${'x'.repeat(i % 500)}\n`,
      })),
    );
    const all = await listed();
    expect(all.length).toBe(2000);
    expect(all.length).toBe(Number((await sh('exim -bpc')).stdout));
    expect(new Set(all.map(({ state }) => state))).toEqual(new Set(['incoming']));
    const summary = (await sh('exim -bp | exiqsumm')).stdout;
    const counts = Object.fromEntries(
      [...summary.matchAll(/^ *(\d+) +\S+ +\S+ +\S+ +(\S+)$/gm)].map(([, count, domain]) => [
        domain,
        Number(count),
      ]),
    );
    const ours: Record<string, number> = {};
    for (const { recipients } of all)
      for (const { address } of recipients) {
        const domain = address.split('@')[1]?.toLowerCase() ?? '';
        ours[domain] = (ours[domain] ?? 0) + 1;
      }
    delete counts.TOTAL;
    expect(ours).toEqual(counts);
    const logged = (await sh('cat /var/log/exim4/mainlog')).stdout;
    const sizes = new Map(
      [...logged.matchAll(/^\S+ \S+ (\S+) <= .* S=(\d+)/gm)].map(([, id = '', size]) => [id, Number(size)]),
    );
    expect(all.map(({ id, sizeBytes }) => [id, sizeBytes])).toEqual(all.map(({ id }) => [id, sizes.get(id)]));
  }, 60_000);

  it('holds, releases, deletes and brings back, each as it was', async () => {
    const all = await listed();
    const some = all.slice(0, 1000);
    const held = await exim.act?.('hold', some.map(keyOf));
    expect(held).toMatchObject({ changed: 1000, already: 0, gone: [], failed: [] });
    const now = await listed();
    expect(
      now
        .filter(({ state }) => state === 'hold')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(some.map(({ id }) => id).sort());
    expect(await exim.act?.('hold', some.map(keyOf))).toMatchObject({ changed: 0, already: 1000 });
    expect(await exim.act?.('release', some.slice(0, 500).map(keyOf))).toMatchObject({
      changed: 500,
      failed: [],
    });

    const before = await spool();
    const save = { run: 'r1', expiresAt: 4e9, maxBytes: 1e9 };
    // Frozen, thawed and never touched ones.
    const gone = [...all.slice(0, 50), ...all.slice(600, 650), ...all.slice(1500, 1600)].map(keyOf);
    expect(await exim.act?.('delete', gone, { save })).toMatchObject({ changed: 200, gone: [], failed: [] });
    expect(Number((await sh('exim -bpc')).stdout)).toBe(1800);
    expect(await exim.act?.('delete', gone, { save })).toMatchObject({ changed: 0, already: 200 });
    expect(await exim.act?.('restore', gone, { save })).toMatchObject({ changed: 200, gone: [], failed: [] });
    expect(await spool()).toBe(before);
    expect((await sh(`ls ${SPOOL}/mailctl-saved`)).stdout).toBe('');
  }, 60_000);

  it('leaves alone what is another message, gone, or no id', async () => {
    const [one, two] = await listed();
    if (one === undefined || two === undefined) throw new Error('an empty spool');
    const before = await spool();
    const answer = await exim.act?.(
      'delete',
      [
        { ...keyOf(one), sender: 'somebody@else.example' },
        { ...keyOf(two), arrivedAt: 1 },
        { id: '1xUrLz-0003Bl-1A', arrivedAt: null, sender: null },
        { id: '$(touch /tmp/evil)', arrivedAt: null, sender: null },
        { id: '-Mrm', arrivedAt: null, sender: null },
      ],
      { save: { run: 'r2', expiresAt: 4e9, maxBytes: 1e9 } },
    );
    expect(answer).toMatchObject({ changed: 0, gone: [one.id, two.id, '1xUrLz-0003Bl-1A'] });
    expect(answer?.failed.length).toBe(2);
    await expect(
      exim.act?.('delete', [keyOf(one)], { save: { run: 'r2', expiresAt: 4e9, maxBytes: 1 } }),
    ).rejects.toMatchObject({ code: 'queue.save-full' });
    expect(await spool()).toBe(before);
  }, 60_000);

  it('leaves alone what Exim has locked, and goes on with a deletion that was killed in the middle', async () => {
    const all = (await listed()).filter(({ state }) => state !== 'hold');
    const before = await spool();
    const keys = all.map(keyOf);
    const save = { run: 'killed', expiresAt: 4e9, maxBytes: 1e9 };
    const [busy, half, early] = keys;
    if (busy === undefined || half === undefined || early === undefined) throw new Error('an empty spool');
    // A delivery locks the data file of its message, as this does.
    const locks = `open my $f, "+<", "${SPOOL}/input/${busy.id}-D" or die; my $l = pack "ssx4qqix4", 1, 0, 0, 0, 0;
      fcntl($f, 6, $l) or die; open my $r, ">", "/tmp/locked"; close $r; sleep 60`;
    const delivery = sh(`perl -e '${locks}'`).catch(() => undefined);
    await waitUntil(async () => (await sh('ls /tmp/locked 2> /dev/null || true')).stdout !== '', 20_000);
    // One that was killed between the header and the data file.
    await sh(
      `mkdir -pm 700 ${SPOOL}/mailctl-saved/killed && mv ${SPOOL}/input/${half.id}-H ${SPOOL}/mailctl-saved/killed/`,
    );
    expect(await exim.act?.('delete', [busy, half, early], { save })).toEqual({
      changed: 1,
      already: 1,
      gone: [],
      failed: [{ id: busy.id, why: 'is being delivered at this moment' }],
    });
    await sh("kill $(ps -eo pid,args | awk '/ssx4qqix[4]/ && /^ *[0-9]+ perl/ { print $1 }')");
    await delivery;
    const first = exim.act?.('delete', keys, { save }).then(
      () => 'ended',
      () => 'stopped',
    );
    await waitUntil(
      async () => Number((await sh(`ls ${SPOOL}/mailctl-saved/killed | wc -l`)).stdout) > 20,
      20_000,
    );
    await sh("kill -9 $(ps -eo pid,args | awk '/mailctl[:]/ && /perl/ { print $1 }') 2> /dev/null || true");
    expect(['stopped', 'ended']).toContain(await first);
    const again = await exim.act?.('delete', keys, { save });
    expect((again?.changed ?? 0) + (again?.already ?? 0)).toBe(keys.length);
    expect(again?.failed).toEqual([]);
    expect((await listed()).length).toBe(2000 - keys.length);
    expect((await sh(`ls ${SPOOL}/input | grep -c -- ${half.id} || true`)).stdout.trim()).toBe('0');
    expect(
      (await sh(`grep -c 'removed by mailctl, saved in' /var/log/exim4/mainlog`)).stdout.trim(),
    ).not.toBe('0');
    expect(await exim.act?.('restore', keys, { save })).toMatchObject({
      changed: keys.length,
      failed: [],
      gone: [],
    });
    expect(await spool()).toBe(before);
  }, 90_000);

  it('tells logins, reasons and deliveries, tries again, and shows a message whole', async () => {
    const receiver = await receiveSmtp();
    try {
      const since = Number((await sh('date +%s')).stdout) - 1;
      await handIn('carl@x.example', ['a@gmail.com', 'b@web.de', 'c@outlook.com']);
      const mine = async () => (await listed()).filter(({ submitter }) => submitter === 'carl@x.example');
      await waitUntil(async () => (await mine())[0]?.recipients.length === 1, 20_000);
      const [message] = await mine();
      if (message === undefined) throw new Error('no message of the login');
      expect(message).toMatchObject({ state: 'deferred', sender: 's@x.example' });
      expect(message.recipients[0]).toMatchObject({ address: 'a@gmail.com' });
      expect(message.recipients[0]?.reason).toMatch(
        /^H=198\.51\.100\.1 \[198\.51\.100\.1\]: SMTP error .*450 4\.7\.1 later/,
      );

      const shown = await exim.show?.(message.id);
      expect(shown?.headers).toContainEqual(['Subject', 'one two']);
      expect(shown?.facts).toContainEqual(['auth_id', 'carl@x.example']);
      expect(shown?.log.some((line) => line.includes('450 4.7.1 later'))).toBe(true);

      const events: DeliveryEvent[] = [];
      const read = await exim.readLog?.({ since }, (event) => events.push(event));
      const of = (outcome: string) =>
        events.filter((one) => one.id === message.id && one.outcome === outcome);
      expect(of('sent')).toMatchObject([{ recipient: 'b@web.de', sender: 's@x.example', dsn: '2.0.0' }]);
      expect(of('deferred')).toMatchObject([{ recipient: 'a@gmail.com', dsn: '4.7.1' }]);
      expect(of('bounced')).toMatchObject([{ recipient: 'c@outlook.com', dsn: '5.7.1' }]);

      // The back-off is passed over, the log goes on where it was read.
      receiver.accept();
      await exim.retry([message.id]);
      expect(await waitUntil(async () => (await mine()).length === 0, 20_000)).toBe(true);
      const later: DeliveryEvent[] = [];
      const more = await exim.readLog?.({ position: read?.position ?? '' }, (event) => later.push(event));
      expect(later.filter(({ id }) => id === message.id)).toMatchObject([
        { outcome: 'sent', recipient: 'a@gmail.com' },
      ]);
      expect(more?.incomplete).toBeNull();
    } finally {
      receiver.close();
    }
  }, 60_000);

  it('counts a header file that cannot be read, and the command tells the same', async () => {
    await sh(
      `cd ${SPOOL}/input && echo garbage > 1xUqiE-0005Hm-01-H && chown Debian-exim: 1xUqiE-0005Hm-01-H`,
    );
    const all = await listed();
    expect(all.filter(({ state }) => state === 'corrupt').map(({ id }) => id)).toEqual(['1xUqiE-0005Hm-01']);
    expect(all.length).toBe(Number((await sh('exim -bpc')).stdout));
    const { json } = await mailctlJson<{
      total: { messages: number; recipients: number; states: Record<string, number> };
    }>(lab, ['queue', 'stats', '-H', HOST]);
    expect(json.total.messages).toBe(all.length);
    expect(json.total.states.corrupt).toBe(1);
    expect(json.total.recipients).toBe(all.reduce((sum, { recipients }) => sum + recipients.length, 0));
  }, 60_000);

  /** Hands in a message with a login, over the network. */
  async function handIn(login: string, to: readonly string[]) {
    const login64 = Buffer.from(`\0${login}\0secret`).toString('base64');
    const lines = [
      'EHLO client.example',
      `AUTH PLAIN ${login64}`,
      'MAIL FROM:<s@x.example>',
      ...to.map((one) => `RCPT TO:<${one}>`),
      'DATA',
      'Subject: one\r\n two\r\n\r\nhello\r\n.',
      'QUIT',
    ];
    await new Promise<void>((resolve, reject) => {
      const socket = net.connect({ host: hostAddress[HOST], port: 25 });
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
        // One line for each whole answer.
        for (
          let end = /^\d{3}(?: .*)?\r\n/m.exec(text);
          end !== null;
          end = /^\d{3}(?: .*)?\r\n/m.exec(text)
        ) {
          if (/^5/m.test(text)) reject(new Error(text));
          text = text.slice(end.index + end[0].length);
          const next = lines.shift();
          if (next !== undefined) socket.write(`${next}\r\n`);
        }
      });
      socket.on('error', reject);
      socket.on('close', () => resolve());
    });
  }
});

/** The far side: busy for gmail.com until `accept`, closed to outlook.com, open to all else. */
async function receiveSmtp() {
  let isOpen = false;
  const server = net.createServer((socket) => {
    let inData = false;
    let text = '';
    socket.on('error', () => {});
    socket.write('220 far.example ESMTP\r\n');
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (inData) {
          if (line !== '.') continue;
          inData = false;
          socket.write('250 2.0.0 taken\r\n');
        } else if (line === 'DATA') {
          inData = true;
          socket.write('354 go\r\n');
        } else if (/^RCPT .*@gmail\.com/i.test(line) && !isOpen) socket.write('450 4.7.1 later\r\n');
        else if (/^RCPT .*@outlook\.com/i.test(line)) socket.write('550 5.7.1 never\r\n');
        else if (line === 'QUIT') socket.end('221 bye\r\n');
        else socket.write('250 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(RECEIVER_PORT, '198.51.100.1', resolve));
  return {
    accept: () => {
      isOpen = true;
    },
    close: () => server.close(),
  };
}
