// The Exim driver against a real Exim in its own host's root: figures beside Exim's own tools, acts and the way back,
// a spool with a header file that cannot be read, the log.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eximSoftware } from '../../src/drivers/exim/software.js';
import { systemClock } from '../../src/lib/clock.js';
import type { QueueDriver } from '../../src/queue/driver.js';
import type { MessageKey, QueueMessage } from '../../src/queue/message.js';
import { openTransport } from '../../src/transport/route.js';
import type { Transport } from '../../src/transport/transport.js';
import { inHost, type Lab, takeDown, up, whyNoLab } from './lab.js';

const HOST = 'exim1';
const SPOOL = '/var/spool/exim4';

describe.skipIf(whyNoLab() !== undefined && process.env.CI !== 'true')('Exim in the lab', () => {
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
});
