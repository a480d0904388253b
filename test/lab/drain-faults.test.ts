/**
 * A drain on a real Postfix while everything around it breaks: mailctl, the pump on the host and sshd's own process are
 * killed at random moments, the bastion changes, the host is rebooted, terminals hang up, others want the same messages.
 * What counts is what the receiver has counted. MAILCTL_LONG=1: twenty kills instead of six.
 */
// alone: receivers and guards are watched by the second.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { pick, randomFrom } from '../support/random.js';
import { describeUnless, isLong, longTest } from '../support/unless.js';
import { diskOf } from './host.js';
import {
  fail,
  type HostName,
  hostAddress,
  inHost,
  type Lab,
  returnHost,
  run,
  sleep,
  takeDown,
  up,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';
import {
  destinationsOf,
  fillQueue,
  type ProviderSpec,
  type Providers,
  queueCounts,
  startProviders,
  threeProviders,
} from './providers.js';

const KILLS = isLong ? 20 : 6;

const KINDS = ['mailctl', 'mailctl', 'pump', 'sshd', 'host', 'bastion'] as const;

interface DrainDocument {
  readonly outcome?: string;
  readonly runs: readonly {
    readonly run: string;
    readonly state: string;
    readonly total: number;
    readonly delivered: number;
    readonly held: number;
    readonly given_back: number;
    readonly in_flight: number;
    readonly guards: readonly { readonly guard: string; readonly state: string }[];
  }[];
  readonly plan?: { readonly queues: readonly { readonly queue: string; readonly messages: number }[] };
}

const specs: readonly ProviderSpec[] = [
  ...threeProviders,
  { name: 'idle', domains: ['idle.example'], limit: 20, ms: 5 },
];
const SECOND: HostName = 'imap22';

describeUnless(whyNoLab(), 'a drain when things break', () => {
  let lab: Lab;
  let providers: Providers;
  const on = async (host: HostName, script: string) =>
    (await inHost(lab, host, ['sh', '-c', script])).stdout.trim();
  const sh = (script: string) => on('mx1', script);
  const start = ['drain', 'start', '-H', 'mx1', '--all', '--yes', '--no-dns'];
  const elsewhere = (name: string) => ['--state-dir', path.join(lab.paths.state, name)];
  const status = async (more: readonly string[] = []) =>
    (await mailctlJson<DrainDocument>(lab, ['drain', 'status', ...more])).json.runs;
  const openRun = async (more: readonly string[] = []) =>
    (await status(more)).find(({ state }) => state !== 'done')?.run ?? '';
  const waiting = async () => Object.values(await queueCounts(lab)).reduce((sum, one) => sum + one, 0);
  const isEmpty = () => waitUntil(async () => (await waiting()) === 0, 20_000, 300);
  const seen = () => providers.all.reduce((sum, one) => sum + one.seen.size, 0);
  const slow = (ms: number) => {
    for (const one of providers.all) one.set({ ms });
  };
  /** Makes the host's word of a drain's last heartbeat so much older. */
  const silence = (seconds: number) =>
    sh(`cd /var/lib/mailctl/queues/postfix/drains || exit
for d in */; do read -r up boot at < "$d/beat" && echo "$((up - ${seconds})) $boot $((at - ${seconds}))" > "$d/beat"; done`);
  const expectAllOnce = async (count: number) => {
    expect(await isEmpty()).toBe(true);
    expect(providers.twice()).toEqual([]);
    expect(seen()).toBe(count);
  };

  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1 });
    const file = lab.paths.mailctlYaml;
    const config = parse(fs.readFileSync(file, 'utf8'));
    config.destinations = destinationsOf(specs);
    config.hosts[SECOND] = { ...config.hosts[SECOND], queues: ['postfix'] };
    fs.writeFileSync(file, stringify(config));
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });
  beforeEach(async () => {
    providers = await startProviders(lab, specs);
    await sh('postsuper -d ALL 2> /dev/null; : > /var/log/mail.log; rm -rf /var/lib/mailctl/queues');
    fs.rmSync(lab.paths.state, { recursive: true, force: true });
    fs.mkdirSync(lab.paths.state, { mode: 0o700 });
  });
  afterEach(async () => {
    await providers.close();
  });

  test('mailctl, the pump and sshd killed at random, from changing bastions: every message exactly once', async () => {
    const seed = Number(process.env.MAILCTL_SEED ?? 11);
    const random = randomFrom(seed);
    const count = KILLS * 130;
    await fillQueue(lab, count, { name: 'k' });
    slow(110);
    const more = ['--dead-after', '4s', '--on-death', 'hold'];
    let bastion: readonly string[] = [];
    let running = startMailctl(lab, [...start, ...more]);
    let code: number | null = null;
    // One that another bastion began, until a journal of its own is seen here.
    let taken = '';
    const killed: Record<string, number> = {};
    const left: (typeof KINDS)[number][] = [...KINDS];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(400 + random() * 2600);
      const what = pick(random, left);
      left.splice(left.indexOf(what), 1);
      if (left.length === 0) left.push(...KINDS);
      killed[what] = (killed[what] ?? 0) + 1;
      // What is found by its arguments must not find the shell that looks for it.
      if (what === 'pump') await sh('pkill -9 -f "One pump [a]t a time"; :');
      else if (what === 'sshd') await sh('pkill -9 -n -f "[s]shd: root"; :');
      else if (what === 'host') await sh('pkill -9 -f "[s]shd: root|One pump [a]t a time"; :');
      else {
        running.child.kill('SIGKILL');
        code = (await running.ended).code;
        const id = await openRun([...bastion, '--local']);
        if (what === 'bastion' && id !== '') {
          const next = elsewhere(`b${kill}`);
          expect(
            await waitUntil(
              async () => (await status(['-H', 'mx1', ...next])).some(({ state }) => state === 'dead'),
              15_000,
              300,
            ),
          ).toBe(true);
          if (taken === '') {
            // Whoever begins another one is told whose all of it is.
            const second = await mailctl(lab, [...start, ...next]);
            expect([second.code, second.stderr]).toEqual([6, expect.stringContaining(`drain resume ${id}`)]);
          }
          bastion = next;
          taken = id;
          running = startMailctl(lab, ['drain', 'resume', id, '-H', 'mx1', '--yes', ...next]);
        } else if (id !== '') running = startMailctl(lab, ['drain', 'resume', id, '--yes', ...bastion]);
        else if (code === null && taken !== '')
          running = startMailctl(lab, ['drain', 'resume', taken, '-H', 'mx1', '--yes', ...bastion]);
        else if (code === null) running = startMailctl(lab, [...start, ...more, ...bastion]);
      }
    }
    const end = await running.ended;
    const counts = providers.all.map((one) => `${one.name} at most ${one.most()}, refused ${one.refused()}`);
    process.stderr.write(`drain: seed ${seed}, killed ${JSON.stringify(killed)}; ${counts.join('; ')}\n`);
    expect([end.code, end.stderr]).toEqual([0, expect.anything()]);
    await expectAllOnce(count);
    // A pump that comes after one that was killed sees what it left open.
    for (const one of providers.all)
      expect([one.name, one.refused(), one.most() <= 20]).toEqual([one.name, 0, true]);
  }, 300_000);

  test('detached, hung up, told from elsewhere; a second drain is refused, and Ctrl-C leaves the rest held', async () => {
    const count = 300;
    await fillQueue(lab, count, { name: 'o' });
    slow(1500);
    const detached = await mailctlJson<DrainDocument & { readonly run: string }>(lab, [...start, '--detach']);
    expect([detached.code, detached.json.outcome]).toEqual([0, 'detached']);
    const { run: id } = detached.json;
    const attached = startMailctl(lab, ['drain', 'attach', id]);
    expect(await waitUntil(() => seen() > 20, 20_000, 50)).toBe(true);
    slow(2500);
    // The terminal of who looks is gone; the drain is not.
    attached.child.kill('SIGHUP');
    await attached.ended;
    expect((await status()).map(({ state }) => state)).toEqual(['running']);
    // The same messages, from here and from another bastion, and others of the same queue.
    const heldOnes = [...start.filter((one) => one !== '--all'), '--state', 'hold'];
    for (const more of [start, heldOnes, [...heldOnes, ...elsewhere('o2')]]) {
      const second = await mailctl(lab, more);
      expect([more, second.code, second.stderr]).toEqual([more, 6, expect.stringContaining(id)]);
    }
    await fillQueue(lab, 10, { name: 'p' });
    expect((await mailctl(lab, start)).code).toBe(6);
    const stopped = await mailctl(lab, ['drain', 'stop', id]);
    expect([stopped.code, stopped.stderr]).toEqual([0, expect.stringContaining('stays held')]);
    const held = (await queueCounts(lab)).hold ?? 0;
    expect(held).toBeGreaterThan(50);

    slow(250);
    // Gone on with at a terminal that hangs up: to its end, or until it is told to stop.
    const shown = startMailctl(lab, ['drain', 'resume', id, '--yes']);
    const before = seen();
    expect(await waitUntil(() => seen() > before + 10, 20_000, 50)).toBe(true);
    shown.child.stdout?.destroy();
    shown.child.stderr?.destroy();
    shown.child.kill('SIGHUP');
    const then = seen();
    expect(await waitUntil(() => seen() > then + 20, 20_000, 50)).toBe(true);
    expect((await mailctl(lab, ['drain', 'stop', id])).code).toBe(0);
    expect((await shown.ended).code).toBe(5);

    const third = startMailctl(lab, ['drain', 'resume', id, '--yes']);
    const now = seen();
    expect(await waitUntil(() => seen() > now + 10, 20_000, 50)).toBe(true);
    third.child.kill('SIGINT');
    const interrupted = await third.ended;
    expect([interrupted.code, interrupted.stdout]).toEqual([130, expect.stringContaining('stopped')]);
    expect((await status()).map(({ state }) => state)).toEqual(['stopped']);
    const given = await mailctlJson<DrainDocument>(lab, ['drain', 'stop', id, '--release-rest', '--yes']);
    expect(given.code).toBe(0);
    expect((await queueCounts(lab)).hold).toBe(0);
    expect(await status()).toEqual([]);
    // What is the server's again waits for its own next try, two hours away.
    slow(5);
    expect((await mailctl(lab, start)).code).toBe(0);
    await expectAllOnce(count + 10);
  }, 120_000);

  test('its bastion is lost: stopped and given back from another one, with the word that it is gone', async () => {
    const count = 200;
    await fillQueue(lab, count, { name: 's' });
    slow(2000);
    const first = startMailctl(lab, start);
    expect(await waitUntil(() => seen() > 10, 20_000, 50)).toBe(true);
    const there = ['-H', 'mx1', ...elsewhere('s2')];
    const id = await openRun(there);
    const stop = ['drain', 'stop', id, '--yes', ...there];
    const alive = await mailctl(lab, [...stop, '--take-over']);
    expect([alive.code, alive.stderr]).toEqual([6, expect.stringContaining('stop it there')]);
    first.child.kill('SIGKILL');
    await first.ended;
    // What it let the host do goes on for some seconds there. It counts as dead after ten minutes only.
    await sleep(4000);
    await silence(90);
    const silent = await mailctl(lab, stop);
    expect([silent.code, silent.stderr]).toEqual([6, expect.stringContaining('--take-over')]);
    const taken = await mailctl(lab, [...stop, '--take-over']);
    expect([taken.code, taken.stderr]).toEqual([0, expect.stringContaining('stays held until')]);
    const held = (await queueCounts(lab)).hold ?? 0;
    expect(held).toBeGreaterThan(40);
    expect((await status(there)).map(({ state, held: left }) => [state, left > 40])).toEqual([
      ['stopped', true],
    ]);
    const again = await mailctl(lab, start);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining(`drain resume ${id} -H mx1`)]);
    const given = await mailctl(lab, [...stop, '--release-rest']);
    expect([given.code, given.stderr]).toEqual([
      0,
      expect.stringContaining(`${held} messages were given back`),
    ]);
    expect([(await queueCounts(lab)).hold, await status(there)]).toEqual([0, []]);
    // Where it was begun it is known, and that its rest is gone from there.
    const own = await mailctl(lab, ['drain', 'stop', id, '--release-rest', '--yes']);
    expect([own.code, own.stderr]).toEqual([0, expect.stringContaining('0 messages were given back')]);
    slow(5);
    expect((await mailctl(lab, [...start, '--limit', 'rest=5'])).code).toBe(0);
    await expectAllOnce(count);
  }, 120_000);

  test('--take-over: gone on with from another bastion while its own does not answer', async () => {
    await fillQueue(lab, 150, { name: 't' });
    slow(400);
    const first = startMailctl(lab, start);
    expect(await waitUntil(() => seen() > 10, 20_000, 50)).toBe(true);
    // Its machine hangs, and comes back after another one has gone on.
    first.child.kill('SIGSTOP');
    await silence(90);
    const there = ['-H', 'mx1', ...elsewhere('t2')];
    const id = await openRun(there);
    const other = startMailctl(lab, ['drain', 'resume', id, '--yes', '--take-over', ...there]);
    const before = seen();
    expect(await waitUntil(() => seen() > before + 10, 20_000, 50)).toBe(true);
    first.child.kill('SIGCONT');
    const lost = await first.ended;
    expect([lost.code, lost.stderr + lost.stdout]).toEqual([6, expect.stringContaining('not this drain')]);
    slow(20);
    expect((await other.ended).code).toBe(0);
    await expectAllOnce(150);
    expect(await status(there)).toEqual([]);
  }, 120_000);

  test('the mail host is rebooted in the middle: the drain waits, goes on by itself, and nothing is lost', async () => {
    const count = 300;
    await fillQueue(lab, count, { name: 'r' });
    slow(200);
    const running = startMailctl(lab, [...start, '-o', 'json']);
    expect(await waitUntil(() => seen() > 60, 20_000, 50)).toBe(true);
    await returnHost(lab, 'mx1', { boot: true });
    const ended = await running.ended;
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('answers again')]);
    expect(await isEmpty()).toBe(true);
    expect(seen()).toBe(count);
    // What the receiver had taken and the server had not written down yet is sent again: by SMTP's own rules.
    process.stderr.write(`drain: ${providers.twice().length} came twice, by a loss of power\n`);
    expect(providers.twice().length).toBeLessThanOrEqual(16 * 3);
  }, 120_000);

  test('two hosts share what a destination takes; a dry run over both changes nothing', async () => {
    await secondMx();
    for (const host of ['mx1', SECOND] as const) await fillQueue(lab, 120, { name: host, host });
    const both = ['drain', 'start', '-H', 'mx1', '-H', SECOND, '--all', '--no-dns'];
    const dry = await mailctlJson<DrainDocument>(lab, [...both, '--dry-run']);
    expect([dry.code, dry.json.plan?.queues.map(({ messages }) => messages)]).toEqual([0, [120, 120]]);
    for (const host of ['mx1', SECOND] as const) {
      expect(await queueCounts(lab, host)).toMatchObject({ deferred: 120, hold: 0 });
      expect(await on(host, 'ls /var/lib/mailctl/queues 2> /dev/null; :')).toBe('');
    }
    for (const one of providers.all) one.set({ limit: 6 });
    const limits = ['gmail=6', 'microsoft=6', 'rest=6'].flatMap((one) => ['--limit', one]);
    const ran = await mailctl(lab, [...both, ...limits, '--yes']);
    expect([ran.code, ran.stderr]).toEqual([0, expect.anything()]);
    await expectAllOnce(240);
    for (const one of providers.all)
      expect([one.name, one.refused(), one.most() <= 6]).toEqual([one.name, 0, true]);
  }, 120_000);

  longTest(
    'stopped while one of its hosts is away, the others get theirs back',
    async () => {
      if ((await on(SECOND, 'command -v postfix; :')) === '') await secondMx();
      for (const host of ['mx1', SECOND] as const) await fillQueue(lab, 150, { name: `a${host}`, host });
      slow(3000);
      const both = startMailctl(lab, [
        'drain',
        'start',
        '-H',
        'mx1',
        '-H',
        SECOND,
        '--all',
        '--no-dns',
        '--yes',
      ]);
      expect(await waitUntil(() => seen() > 10, 30_000, 50)).toBe(true);
      both.child.kill('SIGKILL');
      await both.ended;
      await sleep(4000);
      const id = await openRun(['--local']);
      await fail(lab, SECOND);
      const stop = ['drain', 'stop', id, '--release-rest', '--yes'];
      const first = await mailctl(lab, stop);
      expect([first.code, first.stderr]).toEqual([
        5,
        expect.stringContaining(`the rest of ${SECOND} was not given back`),
      ]);
      expect(await queueCounts(lab)).toMatchObject({ hold: 0 });
      expect((await queueCounts(lab, SECOND)).hold).toBeGreaterThan(10);
      await returnHost(lab, SECOND);
      expect((await mailctl(lab, stop)).code).toBe(0);
      expect(await queueCounts(lab, SECOND)).toMatchObject({ hold: 0 });
      await on(SECOND, 'postsuper -d ALL 2> /dev/null; :');
    },
    120_000,
  );

  test('what would expire goes first, and the plan says how much it is', async () => {
    await fillQueue(lab, 100, { name: 'x', shares: { 'gmail.com': 1 } });
    // The oldest tenth is 100,000 s old.
    await sh('postconf -e maximal_queue_lifetime=100500s && postfix reload 2> /dev/null');
    const dry = await mailctl(lab, [...start.filter((one) => one !== '--yes'), '--dry-run', '-o', 'table']);
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/expires\s+10 messages reach/)]);
    expect((await mailctl(lab, [...start, '--limit', 'gmail=10'])).code).toBe(0);
    await expectAllOnce(100);
    const order = [...providers.of('gmail').seen.keys()].map((key) => Number(/-(\d+) /.exec(key)?.[1]) % 10);
    expect(order.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 9));
    await sh('postconf -e maximal_queue_lifetime=5d && postfix reload 2> /dev/null');
  }, 60_000);

  test('other mail that waits too long pauses the drain, and it goes on by itself', async () => {
    await fillQueue(lab, 250, { name: 'g' });
    slow(600);
    providers.of('idle').set({ ms: 60_000 });
    // The first takes the only place and is being delivered; the second waits for its turn.
    await sh('postconf -e smtp_destination_concurrency_limit=1 && postfix reload 2> /dev/null');
    const running = startMailctl(lab, start);
    expect(await waitUntil(() => seen() > 10, 20_000, 50)).toBe(true);
    for (const name of ['o', 'p']) await sh(`echo hi | sendmail -f o@x.example ${name}@idle.example`);
    const other = 'for f in $(grep -rlsa "[op]@idle.example" /var/spool/postfix/active); do';
    expect(await waitUntil(async () => (await sh(`${other} echo $f; done`)) !== '', 10_000, 100)).toBe(true);
    await sh(`${other} touch -d "400 seconds ago" $f; done`);
    const guard = async () =>
      (await status(['--local']))[0]?.guards.find(({ guard: name }) => name === 'other-mail')?.state;
    expect(await waitUntil(async () => (await guard()) === 'paused', 20_000, 300)).toBe(true);
    // What was in flight lands, then nothing more goes.
    const isQuiet = async () => {
      const before = seen();
      await sleep(1500);
      return seen() === before;
    };
    expect(await waitUntil(isQuiet, 20_000)).toBe(true);
    expect(seen()).toBeLessThan(250);
    slow(5);
    await sh(`${other} touch $f; done`);
    const ended = await running.ended;
    expect([ended.code, ended.stderr]).toEqual([
      0,
      expect.stringMatching(/other-mail.*PAUSED[\s\S]*other-mail.*clear/),
    ]);
    await sh('postconf -X smtp_destination_concurrency_limit && postfix reload 2> /dev/null');
    providers.of('idle').set({ ms: 5 });
    expect(seen()).toBeGreaterThanOrEqual(250);
  }, 120_000);

  test('a sender short of memory: flushed without control it is killed, drained it is not', async () => {
    const name = `mailctl-lab-${process.pid}`;
    const groups = controlGroups();
    const group = `${groups.dir}/${name}`;
    const read = (file: string) => fs.readFileSync(path.join(group, file), 'utf8');
    const kills = () => Number(/oom_kill (\d+)/.exec(read(groups.events))?.[1] ?? 0);
    const stopped = async () => {
      await sh('postfix stop 2> /dev/null; pkill -9 -x "smtp|qmgr|master|scache"; :');
      return waitUntil(() => read('cgroup.procs') === '', 10_000, 100);
    };
    const startInside = (limit: string) =>
      sh(`echo $$ > /tmp/cg/${name}/cgroup.procs && postfix start 2> /dev/null
echo ${limit} > /tmp/cg/${name}/${groups.limit}`);
    fs.mkdirSync(group);
    try {
      await sh(`postconf -e default_process_limit=300 smtp_destination_concurrency_limit=300 initial_destination_concurrency=100
postfix stop 2> /dev/null; mkdir -p /tmp/cg && mount -t ${groups.mount} none /tmp/cg`);
      await startInside('64M');
      // Two hundred senders at once, as the receiver would let them: they do not fit.
      for (const one of providers.all) one.set({ ms: 3000, limit: 400 });
      await fillQueue(lab, 400, { name: 'herd' });
      await sh('postqueue -f');
      expect(await waitUntil(() => kills() > 0, 20_000, 100)).toBe(true);
      await stopped();
      process.stderr.write(`memory: ${kills()} killed by the flush\n`);

      await sh('postsuper -d ALL 2> /dev/null; : > /var/log/mail.log');
      await startInside('64M');
      for (const one of providers.all) one.reset();
      slow(300);
      await fillQueue(lab, 600, { name: 'm' });
      const [before, sent] = [kills(), seen()];
      const came = () =>
        providers.all.reduce(
          (sum, one) => sum + [...one.seen.keys()].filter((key) => key.startsWith('m-')).length,
          0,
        );
      const running = startMailctl(lab, start);
      let most = 0;
      const states = new Set<string>();
      const watch = setInterval(() => {
        most = Math.max(most, Number(read(groups.usage)));
      }, 100);
      const look = async () => {
        for (const { guards } of await status(['--local']))
          for (const { guard, state } of guards) if (guard === 'memory') states.add(state);
      };
      while (running.child.exitCode === null) {
        await look();
        await sleep(500);
      }
      clearInterval(watch);
      const ended = await running.ended;
      process.stderr.write(
        `memory: drained in ${Math.round(ended.tookMs / 1000)} s, at most ${most >> 20} MiB, ${kills() - before} killed, guard ${[...states].join(' ')}\n${ended.stderr}\n`,
      );
      expect([ended.code, kills() - before]).toEqual([0, 0]);
      expect(await isEmpty()).toBe(true);
      expect([seen() >= sent + 600, came()]).toEqual([true, 600]);
      expect(providers.twice().filter((key) => key.startsWith('m-'))).toEqual([]);
    } finally {
      await stopped();
      await sh('umount /tmp/cg; postfix start 2> /dev/null; :');
      fs.rmdirSync(group);
    }
  }, 120_000);

  /** Postfix on a store host, as it is on mx1 at this moment. */
  async function secondMx(): Promise<void> {
    const disk = diskOf(lab.paths, SECOND, 'srv');
    const words = ['--exclude=usr/local', 'usr', 'etc/postfix', 'etc/lab'];
    await run(['tar', '-C', diskOf(lab.paths, 'mx1', 'upper'), '-cpf', path.join(disk, 'mx.tar'), ...words]);
    for (const file of ['passwd', 'group'])
      fs.writeFileSync(
        path.join(disk, file),
        `${await sh(`grep -e ^postfix: -e ^postdrop: /etc/${file}`)}\n`,
      );
    fs.writeFileSync(path.join(disk, 'hosts'), `${await sh('grep lab-provider /etc/hosts')}\n`);
    await on(
      SECOND,
      `tar -C / -xpf /srv/mx.tar && rm /srv/mx.tar && cat /srv/hosts >> /etc/hosts
for file in passwd group; do cat /srv/$file >> /etc/$file; done
postconf -e 'inet_interfaces=127.0.0.1, ${hostAddress[SECOND]}' myhostname=mx2.lab.example
mkdir -p "$(postconf -h queue_directory)" "$(postconf -h data_directory)" && chown postfix "$(postconf -h data_directory)"
: > /var/log/mail.log; postfix start 2> /dev/null`,
    );
  }
});

/** Control groups of memory, of either version. */
function controlGroups() {
  if (fs.existsSync('/sys/fs/cgroup/memory'))
    return {
      dir: '/sys/fs/cgroup/memory',
      mount: 'cgroup -o memory',
      limit: 'memory.limit_in_bytes',
      usage: 'memory.usage_in_bytes',
      events: 'memory.oom_control',
    };
  const dir = '/sys/fs/cgroup';
  fs.appendFileSync(`${dir}/cgroup.subtree_control`, '+memory');
  return { dir, mount: 'cgroup2', limit: 'memory.max', usage: 'memory.current', events: 'memory.events' };
}
