/**
 * The ways of Exim and Mailman 3, and the place of a drain on the host, on real servers: windows that the receiver
 * counts, each message once, a runner that is dead, a dead man that gives back what is held, guards that see the server.
 */
// alone: a rate is measured.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eximSoftware } from '../../src/drivers/exim/software.js';
import { mailman3 } from '../../src/drivers/mailman3/software.js';
import { postfixQueue } from '../../src/drivers/postfix/queue.js';
import { queueDesk } from '../../src/drivers/queue-desk/desk.js';
import { drainPost } from '../../src/drivers/queue-desk/drain-post.js';
import type { Host } from '../../src/fleet/host.js';
import { systemClock } from '../../src/lib/clock.js';
import type { DeskPlace } from '../../src/queue/desk.js';
import type { DrainFate, DrainPost, DrainSide, DrainWay } from '../../src/queue/drain-way.js';
import type { QueueDriver } from '../../src/queue/driver.js';
import type { MessageKey, QueueMessage } from '../../src/queue/message.js';
import { openTransport } from '../../src/transport/route.js';
import type { Transport } from '../../src/transport/transport.js';
import { describeUnless, longTest } from '../support/unless.js';
import { type HostName, inHost, type Lab, sleep, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctlJson, startMailctl } from './mailctl.js';
import { RECEIVER_PORT } from './mta.js';
import { fillQueue, queueCounts, startProvider } from './providers.js';
import { bastionAddress } from './spec.js';

describeUnless(whyNoLab(), 'ways of a drain', () => {
  let lab: Lab;
  let transport: Transport;
  const host = (name: string): Host => ({ name, transport: 'ssh', groups: [] });
  const sh = (name: HostName, script: string) => inHost(lab, name, ['sh', '-c', script]);
  const listed = async (driver: QueueDriver) => {
    const all: QueueMessage[] = [];
    await driver.list((message) => all.push(message));
    return all;
  };
  const keyOf = ({ id, arrivedAt, sender }: QueueMessage): MessageKey => ({ id, arrivedAt, sender });
  const wayOf = async (driver: QueueDriver): Promise<DrainWay> => {
    const way = await driver.drain?.();
    if (way === undefined || 'cannot' in way) throw new Error('no way');
    return way;
  };
  /** Ticks until all have ended; the most that were in flight at a tick's end. */
  const drain = async (way: DrainWay, keys: readonly MessageKey[], window: number, forMs = 500) => {
    let left = [...keys];
    let watch: string[] = [];
    for (let turn = 0; turn < 200 && (left.length > 0 || watch.length > 0); turn += 1) {
      const look = await way.tick({ lots: [{ window, perSecond: null, release: left, watch }], forMs });
      expect(look.failed).toEqual([]);
      const of = (id: string): DrainFate => look.fates.get(id) ?? 'held';
      const flying = (id: string) => of(id) === 'active' || of(id) === 'waiting';
      watch = [...watch, ...left.map(({ id }) => id)].filter(flying);
      expect(watch.length).toBeLessThanOrEqual(window);
      left = left.filter(({ id }) => of(id) === 'held');
      if (left.length === 0 && watch.length > 0) await sleep(100);
    }
    expect([left, watch]).toEqual([[], []]);
  };

  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1, mtas: ['exim', 'mailman3'] });
    transport = openTransport({
      defaults: { ssh: { config: lab.paths.sshConfig, connectTimeoutMs: 5000, controlPersistMs: 60_000 } },
      sudoFor: () => false,
      clock: systemClock,
      env: process.env,
    });
  }, 300_000);
  afterAll(async () => {
    await transport?.close();
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('Exim: frozen, delivered by as many at once as the window says, each once, the deferred told', async () => {
    const { provider: far, close } = await farSide(8, 40);
    try {
      const driver = eximSoftware.open({ transport, host: host('exim1'), name: 'exim1' });
      const way = await wayOf(driver);
      const batch = Array.from(
        { length: 150 },
        (_, at) => `MAIL FROM:<s@x.example>\nRCPT TO:<u${at}@gmail.com>\nDATA\nX-Lab-Id: e-${at}\n\nhi\n.\n`,
      );
      const input = `HELO gen.example.net\n${batch.join('')}QUIT\n`;
      await inHost(lab, 'exim1', ['exim4', '-odq', '-bS'], { input });
      const keys = (await listed(driver)).map(keyOf);
      // The daemon's first turn may have taken some of them.
      const count = keys.length;
      const before = far.taken();
      expect(count).toBeGreaterThan(120);
      expect(await way.park(keys)).toMatchObject({ changed: count, gone: [], failed: [] });
      const guards = await postOf(way.side).guards({ host: 'exim1', queue: 'exim1', software: 'exim' });
      expect(guards.server).toMatchObject({ process: 'exim4' });
      expect(guards.disk?.freeBytes).toBeGreaterThan(0);
      await drain(way, keys.slice(0, 100), 8);
      expect([far.refused(), far.most() <= 8, far.taken()]).toEqual([0, true, before + 100]);
      // The far side turns hostile: the pump stops by itself, the rest is held.
      far.set({ mood: 'refuse' });
      const rest = keys.slice(100);
      const look = await way.tick({
        lots: [{ window: 8, perSecond: null, release: rest, watch: [] }],
        forMs: 3000,
      });
      const fates = [...look.fates.values()];
      expect(fates.filter((one) => one === 'held').length).toBeGreaterThan(5);
      expect(fates.filter((one) => one === 'gone')).toEqual([]);
      const ids = rest.map(({ id }) => id);
      const idle = async () => {
        const now = await way.tick({
          lots: [{ window: 0, perSecond: null, release: [], watch: ids }],
          forMs: 0,
        });
        return [...now.fates.values()].every((one) => one === 'held' || one === 'deferred');
      };
      expect(await waitUntil(idle, 20_000, 200)).toBe(true);
      expect(await way.park(rest)).toMatchObject({ gone: [], failed: [] });
      far.set({ mood: 'well' });
      await drain(way, rest, 8);
      const times = [...far.seen.values()];
      const all = before + count;
      expect([far.taken(), times.length, times.every((one) => one === 1)]).toEqual([all, all, true]);
    } finally {
      await close();
    }
  }, 90_000);

  test('a host whose drain has died gives back what is held, and nothing else', async () => {
    await sh('mx1', 'postconf -e defer_transports=smtp,lmtp && postfix reload 2> /dev/null');
    await fillQueue(lab, 500, { name: 'd' });
    const driver = postfixQueue({ transport, host: host('mx1'), name: 'mx1' });
    const way = await wayOf(driver);
    const all = (await listed(driver)).map(keyOf);
    // Somebody else's hold stays.
    const [others, mine] = [all.slice(0, 100), all.slice(100)];
    await driver.act?.('hold', others);
    const post = postOf(way.side);
    const place: DeskPlace = { host: 'mx1', queue: 'mx1', software: 'postfix' };
    const key = 'abcd00000001';
    const start = {
      holder: { key, operator: 'ann o', bastion: 'b1' },
      run: 'abcd',
      reason: "it's $(id) `x`\n\u001b[31m",
      onDeath: 'release' as const,
      deadAfterS: 3,
      dead: [],
    };
    expect(await post.begin(place, start)).toEqual({ granted: true });
    const second = { ...start, holder: { ...start.holder, key: 'ffff00000002' }, run: 'ffff' };
    expect(await post.begin(place, second)).toMatchObject({
      granted: false,
      held: { run: 'abcd', state: 'running' },
    });
    expect(await post.keep(place, key, 'p1', mine.slice(0, 250))).toBe(true);
    expect(await post.keep(place, key, 'p2', mine.slice(250))).toBe(true);
    await way.park(mine);
    // Two of them are somebody's by now: released, and deleted.
    await sh('mx1', `postsuper -H ${mine[0]?.id} && postsuper -d ${mine[1]?.id}`);
    const beat = await post.beat(place, key, { left: 400 });
    expect(beat).toMatchObject({ isOurs: true, guards: { server: { process: 'master' } } });
    expect(beat.guards.memory?.availableBytes).toBeGreaterThan(0);
    expect(beat.guards.files?.limit).toBeGreaterThan(0);
    expect(await queueCounts(lab)).toMatchObject({ hold: 498 });
    expect(await post.found(place)).toMatchObject([
      { run: 'abcd', messages: 400, isWatched: true, note: { left: 400 } },
    ]);
    expect(await waitUntil(async () => (await post.found(place))[0]?.state === 'released', 20_000, 300)).toBe(
      true,
    );
    expect(await queueCounts(lab)).toMatchObject({ hold: 100, deferred: 399 });
    expect((await post.beat(place, key, {})).isOurs).toBe(false);
    const kept: MessageKey[] = [];
    await post.keys(place, key, (one) => kept.push(one));
    expect(kept).toEqual(mine);
    const held = (await listed(driver)).filter(({ state }) => state === 'hold').map(({ id }) => id);
    expect(held.sort()).toEqual(others.map(({ id }) => id).sort());
    // The desk of the other acts is not disturbed.
    const desk = queueDesk(transport, host);
    expect(await desk.records(place)).toEqual([]);
    await post.begin(place, start);
    await post.end(place, key, 'done');
    expect(await post.found(place)).toEqual([]);
  }, 60_000);

  test('Mailman: parked, nothing released while its runner is dead, and back in batches', async () => {
    const list = (words: readonly string[]) =>
      inHost(lab, 'lists1', ['setpriv', '--reuid=list', '--regid=list', '--init-groups', '--', ...words]);
    await readyMailman();
    const { close } = await farSide(4, 20);
    try {
      await list(['python3', '-c', ENQUEUE, '40']);
      const driver = mailman3.open({ transport, host: host('lists1'), name: 'lists1' });
      const way = await wayOf(driver);
      const keys = (await listed(driver)).filter(({ queue }) => queue === 'lists1:out').map(keyOf);
      expect(keys).toHaveLength(40);
      // Nobody takes them, and no master is there that could have lost its runner.
      const look = { window: 5, perSecond: null, release: [], watch: keys.map(({ id }) => id) };
      const down = await way.tick({ lots: [look], forMs: 0 });
      expect([down.isDown, new Set(down.fates.values())]).toEqual([true, new Set(['waiting'])]);
      expect(await way.park(keys)).toMatchObject({ changed: 40, gone: [], failed: [] });
      const still = await way.tick({ lots: [{ ...look, release: keys, watch: [] }], forMs: 500 });
      expect([still.isDown, new Set(still.fates.values())]).toEqual([true, new Set(['held'])]);
      await list(['sh', '-c', `setsid ${RUNNER} > /dev/null 2>&1 < /dev/null &`]);
      const isUp = async () => !(await way.tick({ lots: [], forMs: 0 })).isDown;
      expect(await waitUntil(isUp, 30_000, 200)).toBe(true);
      await drain(way, keys, 5);
    } finally {
      await sh('lists1', 'pkill -f "[r]unner=out:" || :');
      await close();
    }
  }, 120_000);

  // It waits for Mailman's own start, which takes a minute where the machine is busy: with MAILCTL_LONG=1.
  longTest(
    'Mailman: mailctl and the runner are killed in the middle of a drain, each message comes once',
    async () => {
      const list = (words: readonly string[]) =>
        inHost(lab, 'lists1', ['setpriv', '--reuid=list', '--regid=list', '--init-groups', '--', ...words]);
      await readyMailman();
      const { provider: far, close } = await farSide(4, 60);
      try {
        await sh(
          'lists1',
          'pkill -f "[b]in/master" ; pkill -f "[r]unner=out:" ; rm -rf /var/lib/mailctl/queues',
        );
        await list(['python3', '-c', ENQUEUE, '45']);
        // A runner that is killed, as by the OOM killer, is not started again by its master: the drain does it.
        await list(['sh', '-c', `setsid ${MASTER} > /dev/null 2>&1 < /dev/null &`]);
        const start = ['drain', 'start', '-H', 'lists1', '--all', '--yes', '--no-dns', '--in-flight', '12'];
        let running = startMailctl(lab, start);
        for (const [kill, at] of [4, 14, 24].entries()) {
          expect(await waitUntil(() => far.seen.size > at, 90_000, 50)).toBe(true);
          if (kill === 1) {
            await sh('lists1', 'pkill -9 -f "[r]unner=out:"');
            continue;
          }
          running.child.kill('SIGKILL');
          await running.ended;
          const { json } = await mailctlJson<{ readonly runs: readonly { readonly run: string }[] }>(lab, [
            'drain',
            'status',
            '--local',
          ]);
          running = startMailctl(lab, ['drain', 'resume', json.runs[0]?.run ?? '', '--yes']);
        }
        const ended = await running.ended;
        expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
        expect(await waitUntil(() => far.seen.size === 45, 20_000, 100)).toBe(true);
        // The one in the hands of the runner that was killed may come again: Mailman itself sends it once more.
        const twice = [...far.seen.values()].filter((times) => times > 1);
        process.stderr.write(`drain: of Mailman ${twice.length} came twice\n`);
        expect(twice.length).toBeLessThanOrEqual(1);
      } finally {
        await sh('lists1', 'pkill -f "[b]in/master" ; pkill -f "[r]unner=out:"; :');
        await close();
      }
    },
    300_000,
  );

  /** Its folders are its own, and what it sends goes to the bastion. */
  const readyMailman = () =>
    sh(
      'lists1',
      `mkdir -p /run/mailman3 /var/log/mailman3; chown -R list:list /run/mailman3 /var/log/mailman3 /var/lib/mailman3
grep -q '^smtp_port: ${RECEIVER_PORT}' /etc/mailman3/mailman.cfg ||
  printf '[mta]\\nsmtp_host: 198.51.100.1\\nsmtp_port: ${RECEIVER_PORT}\\n' >> /etc/mailman3/mailman.cfg`,
    );
  const farSide = (limit: number, ms: number) =>
    startProvider({ name: 'far', domains: [], limit, ms }, bastionAddress, RECEIVER_PORT);
  const postOf = (side: DrainSide): DrainPost => drainPost(transport, host, () => side);
});

const MASTER = '/usr/lib/mailman3/bin/master -C /etc/mailman3/mailman.cfg --force';
const RUNNER = '/usr/lib/mailman3/bin/runner -C /etc/mailman3/mailman.cfg --runner=out:0:1';
const ENQUEUE = `
import sys
from mailman.core.initialize import initialize
initialize("/etc/mailman3/mailman.cfg")
from mailman.config import config
from email import message_from_string
from mailman.email.message import Message
from mailman.interfaces.domain import IDomainManager
from mailman.interfaces.listmanager import IListManager
from mailman.interfaces.styles import IStyleManager
from zope.component import getUtility
# The runner puts aside what is of a list that it does not know.
if getUtility(IListManager).get("list@example.com") is None:
    if getUtility(IDomainManager).get("example.com") is None:
        getUtility(IDomainManager).add("example.com")
    getUtility(IStyleManager).get("legacy-default").apply(getUtility(IListManager).create("list@example.com"))
    config.db.commit()
for i in range(int(sys.argv[1])):
    text = "From: ann%d@example.net\\nSubject: test\\nX-Lab-Id: l-%d\\nMessage-ID: <m%d@example.net>\\n\\nbody\\n" % (i, i, i)
    config.switchboards["out"].enqueue(
        message_from_string(text, Message), listid="list.example.com",
        recipients={"u%d@gmail.com" % i}, original_sender="ann%d@example.net" % i)
`;
