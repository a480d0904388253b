// The Mailman 3 driver against a real Mailman in its own host's root: every queue directory, acts and the way back, one
// message whole, and a name that ends a real runner.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIND_MAILMAN } from '../../src/drivers/mailman3/find-queues.js';
import { mailman3 } from '../../src/drivers/mailman3/software.js';
import { systemClock } from '../../src/lib/clock.js';
import type { QueueDriver } from '../../src/queue/driver.js';
import type { MessageKey, QueueMessage } from '../../src/queue/message.js';
import { openTransport } from '../../src/transport/route.js';
import type { Transport } from '../../src/transport/transport.js';
import { inHost, type Lab, takeDown, up, whyNoLab } from './lab.js';

const HOST = 'lists1';
const QUEUES = '/var/lib/mailman3/queue';

// Messages as Mailman itself writes them: `3 out 2 retry`.
const ENQUEUE = `
import sys
from mailman.core.initialize import initialize
initialize("/etc/mailman3/mailman.cfg")
from mailman.config import config
from email import message_from_string
from mailman.email.message import Message
words = sys.argv[1:]
for count, queue in zip(words[::2], words[1::2]):
    for i in range(int(count)):
        text = "From: ann%d@example.net\\nSubject: test\\nMessage-ID: <m%d@example.net>\\n\\nbody\\n" % (i, i)
        config.switchboards[queue].enqueue(
            message_from_string(text, Message), listid="list.example.com",
            recipients={"a@example.org", "b@gmail.com"}, original_sender="ann%d@example.net" % i)
`;

describe.skipIf(whyNoLab() !== undefined && process.env.CI !== 'true')('Mailman 3 in the lab', () => {
  let lab: Lab;
  let transport: Transport;
  let driver: QueueDriver;

  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1, mtas: ['mailman3'] });
    transport = openTransport({
      defaults: { ssh: { config: lab.paths.sshConfig, connectTimeoutMs: 5000, controlPersistMs: 60_000 } },
      sudoFor: () => false,
      clock: systemClock,
      env: process.env,
    });
    driver = mailman3.open({ transport, host: { name: HOST, transport: 'ssh', groups: [] }, name: HOST });
    await sh(
      'mkdir -p /run/mailman3 /var/log/mailman3; chown -R list:list /run/mailman3 /var/log/mailman3 /var/lib/mailman3',
    );
    await asList(['python3', '-c', ENQUEUE, '3', 'out', '2', 'retry', '2', 'shunt']);
  }, 300_000);
  afterAll(async () => {
    await transport?.close();
    await takeDown();
  });

  const sh = (script: string) => inHost(lab, HOST, ['sh', '-c', script]);
  const asList = (words: readonly string[]) =>
    inHost(lab, HOST, ['setpriv', '--reuid=list', '--regid=list', '--init-groups', '--', ...words]);
  async function listed() {
    const all: QueueMessage[] = [];
    const listing = await driver.list((message) => all.push(message));
    return { all, listing };
  }
  const of = (all: readonly QueueMessage[], queue: string) =>
    all.filter((one) => one.queue === `${HOST}:${queue}`);
  const keyOf = ({ id, arrivedAt, sender }: QueueMessage): MessageKey => ({ id, arrivedAt, sender });
  const sums = async () => (await sh(`cd ${QUEUES} && find . -name '*.pck' -exec md5sum {} + | sort`)).stdout;

  it('is found by itself, and lists every queue directory', async () => {
    expect((await sh(FIND_MAILMAN)).stdout.trim()).toBe('mailman3');
    const { all, listing } = await listed();
    expect(listing).toMatchObject({ malformed: { lines: 0 }, warning: null });
    expect(['out', 'retry', 'shunt'].map((queue) => of(all, queue).map(({ state }) => state))).toEqual([
      ['incoming', 'incoming', 'incoming'],
      ['deferred', 'deferred'],
      ['shunt', 'shunt'],
    ]);
  });

  it('shows a message whole, read by Mailman as its own user', async () => {
    const [first] = of((await listed()).all, 'out');
    const detail = await driver.show?.(first?.id ?? '');
    expect(detail?.message.sender).toMatch(/^ann\d@example\.net$/);
    expect(detail?.message.recipients.map(({ address }) => address).sort()).toEqual([
      'a@example.org',
      'b@gmail.com',
    ]);
    expect(detail?.headers).toContainEqual(['Subject', 'test']);
    expect(await driver.show?.('out/none')).toBeNull();
    expect((await sh(`find /var/lib/mailman3 -user root -not -path '*/.mailctl-*'`)).stdout).toBe('');
  });

  it('holds and releases, deletes and brings back the same bytes', async () => {
    const before = await sums();
    const [first, second] = of((await listed()).all, 'out').map(keyOf);
    if (first === undefined || second === undefined) throw new Error('no message');
    expect(await driver.act?.('hold', [first, { ...first, id: 'out/none' }])).toEqual({
      changed: 1,
      gone: ['out/none'],
      failed: [],
    });
    expect((await listed()).all.find(({ id }) => id === first.id)?.state).toBe('hold');
    expect((await driver.show?.(first.id))?.message.sender).toMatch(/^ann/);
    const save = { run: 'r1', expiresAt: 4_000_000_000, maxBytes: 1_000_000 };
    await expect(
      driver.act?.('delete', [first, second], { save: { ...save, maxBytes: 10 } }),
    ).rejects.toMatchObject({ code: 'queue.save-full', message: expect.stringMatching(/, 10 are allowed$/) });
    expect((await driver.act?.('delete', [first, second], { save }))?.changed).toBe(2);
    expect(of((await listed()).all, 'out')).toHaveLength(1);
    expect((await driver.act?.('restore', [first, second], { save }))?.changed).toBe(2);
    expect((await driver.act?.('release', [first]))?.changed).toBe(1);
    expect(await sums()).toBe(before);
  });

  it('requeues the shunted message that is named and no other, and tries retried mail at once', async () => {
    const { all } = await listed();
    const [shunted] = of(all, 'shunt').map(keyOf);
    const [waiting] = of(all, 'retry').map(keyOf);
    if (shunted === undefined || waiting === undefined) throw new Error('no message');
    expect(await driver.act?.('requeue', [shunted])).toEqual({ changed: 1, gone: [], failed: [] });
    expect((await driver.act?.('flush', [waiting, shunted]))?.changed).toBe(1);
    const after = (await listed()).all;
    expect([of(after, 'shunt').length, of(after, 'in').length, of(after, 'retry').length]).toEqual([1, 1, 1]);
    expect(of(after, 'out')).toHaveLength(4);
  });

  it('names the file that ends a runner, and holding it lets the runner live', async () => {
    await sh(`touch '${QUEUES}/out/po ison.pck'`);
    const { all, listing } = await listed();
    expect(listing.warning).toContain("mailctl queue hold -H lists1 --id 'out/po ison.pck'");
    expect(listing.malformed.lines).toBe(1);
    const poison = all.find(({ state }) => state === 'corrupt');
    const once = () =>
      asList([
        '/usr/lib/mailman3/bin/runner',
        '-C',
        '/etc/mailman3/mailman.cfg',
        '--runner=out:0:1',
        '--once',
      ]).then(
        () => 0,
        () => 1,
      );
    expect(await once()).toBe(1);
    if (poison === undefined) throw new Error('the poison is not listed');
    expect((await driver.act?.('hold', [keyOf(poison)]))?.changed).toBe(1);
    expect((await listed()).listing.warning).toBeNull();
    expect(await once()).toBe(0);
  });
});
