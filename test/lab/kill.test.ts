/**
 * Failovers under which something dies, at twenty places drawn by a seed: mailctl itself, the target host's sshd, the
 * target instance, its network; and a dead master that boots in the middle. Mail comes in meanwhile.
 * Each is taken to its end, by this bastion or by another.
 *   MAILCTL_KILL_SEED=7    other places
 */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JournalRecord } from '../../src/journal/record.js';
import { pick, randomFrom } from '../support/random.js';
import { describeUnless } from '../support/unless.js';
import { runningInit } from './host.js';
import {
  crash,
  directoryOf,
  fail,
  flushMx,
  inHost,
  instanceOf,
  type Lab,
  masterOf,
  returnHost,
  runningRole,
  type StoreHost,
  sleep,
  slotOf,
  startDeliveries,
  takeDown,
  up,
  waitDelivered,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { journals, mailctl, type Ran, type Running, startMailctl } from './mailctl.js';
import { processesOf, signal } from './proc.js';

const seed = Number(process.env.MAILCTL_KILL_SEED ?? 3);

const victims = ['mailctl', 'sshd', 'instance', 'network'] as const;

/** Where something dies, what, and who goes on. */
interface Place {
  readonly slot: string;
  readonly victim: (typeof victims)[number];
  /** Lines of the journal after which it dies. */
  readonly lines: number;
  /** How long a network is gone. */
  readonly awayMs: number;
  /** The host behind it has lost its power, too, and boots. */
  readonly boot: boolean;
  readonly otherBastion: boolean;
}

/** What was struck, and the last line of the journal when it was. */
interface Strike {
  readonly place: Place;
  readonly killed: number;
  readonly after: JournalRecord;
}

describeUnless(whyNoLab(), `a failover under which things die (seed ${seed})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 10, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  const random = randomFrom(seed);
  const at = () => new Date().toISOString().slice(11, 21);

  /** A place for each slot, victim after victim, between the second line and the last but a few. */
  const draw = (lastLine: number): Place[] =>
    Array.from({ length: 10 }, (_, index) => ({
      slot: `store${index + 1}`,
      victim: victims[index % victims.length] as Place['victim'],
      lines: 2 + Math.floor(random() * (lastLine - 1)),
      awayMs: 1000 + random() * 3000,
      boot: random() < 0.3,
      otherBastion: random() < 0.5,
    }));

  /** The instance's process group, whatever it is doing; 0 if it does not run at this moment. */
  async function killInstance(slot: string, host: StoreHost): Promise<number> {
    if (masterOf(lab, instanceOf(lab, slot, host)) === undefined) return 0;
    try {
      await crash(lab, slot, host);
      return 1;
    } catch (error) {
      // mailctl stands still, and what it has sent does not: a stop that was on its way has ended it first.
      if (masterOf(lab, instanceOf(lab, slot, host)) !== undefined) throw error;
      return 0;
    }
  }

  /** Every sshd of a host with its sessions; then it is started again, as an init would. */
  async function killSshd(host: StoreHost): Promise<number> {
    const all = processesOf(runningInit(lab.paths, host)).filter(({ comm }) => comm.startsWith('sshd'));
    for (const { pid } of all) signal(pid, 'SIGKILL');
    return all.length;
  }

  /** Kills it; answers how much died. */
  async function strike({ slot, victim }: Place, running: Running, target: StoreHost): Promise<number> {
    if (victim === 'mailctl') return running.child.kill('SIGKILL') ? 1 : 0;
    if (victim === 'sshd') return killSshd(target);
    if (victim === 'instance') return killInstance(slot, target);
    await fail(lab, target);
    return 1;
  }

  /** What somebody else than mailctl brings back. */
  async function mend({ slot, victim, awayMs, boot }: Place, target: StoreHost): Promise<void> {
    if (victim === 'sshd') {
      await sleep(300);
      await inHost(lab, target, ['/usr/sbin/sshd']);
    } else if (victim === 'network') {
      await sleep(awayMs);
      await returnHost(lab, target, { boot });
    } else if (victim === 'instance') {
      // What a host's init does: its slots start as they are configured.
      await sleep(1000);
      const { pidFile, imapdConf, cyrusConf } = instanceOf(lab, slot, target);
      await inHost(
        lab,
        target,
        ['/usr/sbin/cyrmaster', '-C', imapdConf, '-M', cyrusConf, '-p', pidFile, '-d'],
        { mayFail: true },
      );
    }
  }

  const records = (home: string) =>
    (journals(home)[0] ?? []).map((line) => JSON.parse(line) as JournalRecord);

  /** Lets a run come to its place and strikes there, while it stands still; undefined: it was over before. */
  async function strikeAt(place: Place, running: Running, target: StoreHost, home: string) {
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    while (!over) {
      if ((journals(home)[0]?.length ?? 0) < place.lines) {
        await sleep(3);
        continue;
      }
      running.child.kill('SIGSTOP');
      const after = records(home).at(-1) as JournalRecord;
      // Turned back by what died at another place, with its last line at this very moment.
      const isClosed = after.kind === 'closed';
      const killed = isClosed ? 0 : await strike(place, running, target);
      running.child.kill('SIGCONT');
      if (isClosed) return undefined;
      if (killed > 0) return { place, killed, after } satisfies Strike;
      // The instance is between a stop and a start: the place is where it runs again.
      await sleep(20);
    }
    return undefined;
  }

  /** One place to its end. Throws with the whole story when it has none. */
  async function play(place: Place, round: string): Promise<Strike> {
    const { slot, otherBastion } = place;
    const from = (await directoryOf(lab)).get(slot)?.master;
    const target = slotOf(lab, slot).instances.find(({ host }) => host !== from)?.host as StoreHost;
    const failover = ['failover', slot, '--to', target, '--yes'];
    const story = [`${round} ${JSON.stringify(place)} to ${target}`];
    const tell = ({ code, stdout, stderr }: Ran, words: string) =>
      story.push(`${at()} ${words}: ${code}\n${stdout.slice(-1500)}\n${stderr}`);
    let home = '';
    let struck: Strike | undefined;
    let last: Ran | undefined;
    let before: string | undefined;
    // What dies at another place may get it refused or turned back before it has come to its own. A run that was
    // turned back while a host was away leaves its lease there: the next one takes over from it.
    for (let number = 0; struck === undefined && number < 6 && last?.code !== 0; number++) {
      home = path.join(lab.paths.dir, `home-${round}-${slot}-${number}`);
      const words = before === undefined ? failover : [...failover, '--take-over', before];
      const running = startMailctl(lab, words, { env: { XDG_STATE_HOME: home } });
      struck = await strikeAt(place, running, target, home);
      const mended = struck === undefined ? undefined : mend(place, target);
      last = await running.ended;
      await mended;
      tell(last, words.join(' '));
      const [opened] = records(home);
      if (opened?.kind === 'opened') before = (opened.plan as { readonly id: string }).id;
      // Held by a run of the round before, of which only the lease is left.
      else if (last.code === 6) before = /run ([0-9a-f]+) of/.exec(last.stdout)?.[1] ?? before;
    }
    const run = before;
    if (struck === undefined || run === undefined) throw new Error(`not struck: ${story.join('\n')}`);
    story.push(`struck after ${JSON.stringify(struck.after)}`);
    const isThere = async () =>
      last?.code === 0 &&
      (await directoryOf(lab)).get(slot)?.master === target &&
      runningRole(lab, instanceOf(lab, slot, target)) === 'master';
    for (let number = 0; !(await isThere()) && number < 6; number++) {
      const env = { XDG_STATE_HOME: otherBastion ? `${home}-of-another-bastion` : home };
      const words =
        !otherBastion && number === 0 ? ['runs', 'resume', run, '--yes'] : [...failover, '--take-over', run];
      last = await mailctl(lab, words, { env });
      tell(last, words.join(' '));
    }
    if (!(await isThere())) throw new Error(`not finished: ${story.join('\n')}`);
    return struck;
  }

  /** All places, four at a time; each was struck in a run that was not over. */
  async function playAll(places: readonly Place[], round: string): Promise<void> {
    const waiting = [...places];
    const struck: Strike[] = [];
    const failures: string[] = [];
    const worker = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await play(next, round).then(
          (one) => struck.push(one),
          (error: Error) => failures.push(error.message),
        );
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    expect(failures, `seed ${seed}`).toEqual([]);
    expect(struck).toHaveLength(places.length);
    for (const { place, killed, after } of struck) {
      const told = `${JSON.stringify(place)}: ${killed} after ${JSON.stringify(after)}`;
      expect(after.seq, told).toBeGreaterThanOrEqual(place.lines);
    }
  }

  /** One master for each slot, where the directory says. */
  async function oneMasterEach(): Promise<void> {
    const directory = await directoryOf(lab);
    for (const { slot, instances } of lab.slots) {
      const masters = instances.filter((one) => runningRole(lab, one) === 'master').map(({ host }) => host);
      expect(masters, `${slot}, seed ${seed}`).toEqual([directory.get(slot)?.master]);
    }
  }

  /** Mail comes in while the work is done, and all of it is on the masters then. */
  async function whileMailComesIn(work: () => Promise<void>): Promise<void> {
    const stream = startDeliveries(lab, { perSecond: 10 });
    try {
      await work();
    } finally {
      await stream.stop();
    }
    expect(stream.accepted.length).toBeGreaterThan(100);
    // What was put off a few times is not due for a while.
    await flushMx(lab);
    expect(await waitDelivered(lab, stream.accepted), `seed ${seed}`).toEqual([]);
  }

  test('planned ones: at ten places all end moved, with one master each and no message lost', async () => {
    await whileMailComesIn(async () => {
      await playAll(draw(19), 'planned');
      await oneMasterEach();
    });
  }, 400_000);

  test('of a dead host that boots meanwhile: the same, and what only its disk had is brought over', async () => {
    await mailctl(lab, ['slots', 'list']);
    const dead = pick(random, ['imap22', 'imap23'] as const);
    await whileMailComesIn(async () => {
      await sleep(1500);
      await fail(lab, dead);
      const boots = sleep(3000 + random() * 12_000).then(() => returnHost(lab, dead, { boot: true }));
      await playAll(draw(15), 'dead').finally(() => boots);
      const rejoined = await mailctl(lab, ['rejoin', dead, '--yes']);
      expect(rejoined.code, rejoined.stdout + rejoined.stderr).toBe(0);
      await oneMasterEach();
    });
    const isWell = async () => (await mailctl(lab, ['slots', 'list'])).code === 0;
    expect(await waitUntil(isWell, 30_000, 500), `seed ${seed}`).toBe(true);
  }, 400_000);
});
