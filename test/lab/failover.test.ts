/** Failover on real servers: planned and unplanned, judged, interrupted, and resumed. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { runCli } from '../support/run-cli.js';
import { describeUnless } from '../support/unless.js';
import {
  deliver,
  directoryOf,
  fail,
  hang,
  inHost,
  type Lab,
  lag,
  missingOnMasters,
  returnHost,
  runningRole,
  sleep,
  startDeliveries,
  takeDown,
  unlag,
  up,
  waitDelivered,
  whyNoLab,
} from './lab.js';
import { journals, mailctl, mailctlJson, startMailctl } from './mailctl.js';
import { productEnv } from './product.js';
import { stateVariants } from './state-variants.js';

const reason = whyNoLab();

interface SlotsDocument {
  readonly schema: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly verdict: string;
    readonly master: { readonly host: string; readonly reachable: boolean; readonly running: boolean | null };
    readonly replicas: readonly { readonly host: string; readonly freshness: string }[];
    readonly owed: readonly string[];
  }[];
  readonly errors: readonly { readonly host: string; readonly code: string }[];
}

interface FailoverDocument {
  readonly schema: string;
  readonly run: string | null;
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly from: string;
    readonly to: string | null;
    readonly outcome: string;
    readonly gate: string | null;
    readonly possible_loss_s: number | null;
    readonly evidence: readonly { readonly kind: string; readonly at: string; readonly value: string }[];
  }[];
  readonly to_demote: readonly { readonly host: string; readonly slot: string }[];
  readonly safe_to_leave: boolean;
  readonly reasons: readonly string[];
}

const slotsList = (lab: Lab) => mailctlJson<SlotsDocument>(lab, ['slots', 'list']);
const failover = (lab: Lab, ...words: string[]) => mailctlJson<FailoverDocument>(lab, ['failover', ...words]);

/** Roles, files and processes that a command may not touch, on all hosts, as text. */
async function fingerprint(lab: Lab): Promise<string> {
  const hosts = await Promise.all(
    (['imap21', 'imap22', 'imap23'] as const).map((host) =>
      inHost(lab, host, [
        'sh',
        '-c',
        'for p in /run/cyrus/store*.pid; do echo "$p $(cat $p)"; done; ' +
          'find /srv -type l -printf "%p %l\\n" | sort; find /srv -name "mailctl.*" | sort; ' +
          'find /srv/*/role.* -type f -exec md5sum {} + | sort',
      ]),
    ),
  );
  const directory = [...(await directoryOf(lab))].map(([slot, entry]) => `${slot} ${JSON.stringify(entry)}`);
  return [...hosts.map((host) => (typeof host === 'string' ? host : host.stdout)), ...directory].join('\n');
}

/** At most one instance of each slot runs as master, and it is the directory's. */
async function oneMasterEach(lab: Lab): Promise<void> {
  const directory = await directoryOf(lab);
  for (const { slot, instances } of lab.slots) {
    const masters = instances
      .filter((instance) => runningRole(lab, instance) === 'master')
      .map((one) => one.host);
    expect(masters, slot).toEqual([directory.get(slot)?.master]);
  }
}

describeUnless(reason, 'failover on real servers', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 15, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('slots list calls every slot healthy and exits 0', async () => {
    const { code, json } = await slotsList(lab);
    expect(json.schema).toBe('mailctl/slots/v1');
    expect(json.slots.map(({ verdict }) => verdict)).toEqual(Array(15).fill('healthy'));
    expect(json.slots.every(({ replicas }) => replicas.every(({ freshness }) => freshness === 'fresh'))).toBe(
      true,
    );
    expect(code).toBe(0);
  });

  test('a dry run changes nothing on any host, in the directory or in the journal', async () => {
    const before = await fingerprint(lab);
    const { code, json } = await failover(lab, 'imap21', '--dry-run');
    expect(code).toBe(0);
    expect(json.outcome).toBe('planned');
    expect(await fingerprint(lab)).toBe(before);
    expect(journals(lab.paths.state)).toEqual([]);
  });

  test('a planned move of 15 slots loses no message under continuous delivery, and neither does the way back', async () => {
    const stream = startDeliveries(lab, { perSecond: 20 });
    await sleep(1000);
    const there = await failover(lab, 'imap21', '--yes');
    expect(there.json.slots.map(({ outcome }) => outcome)).toEqual(Array(15).fill('moved'));
    expect(there.code).toBe(0);
    expect(there.json.safe_to_leave).toBe(true);
    await oneMasterEach(lab);
    const back = await mailctlJson<FailoverDocument>(lab, [
      'runs',
      'undo',
      there.json.run as string,
      '--yes',
    ]);
    expect(back.code).toBe(0);
    await oneMasterEach(lab);
    const accepted = await stream.stop();
    expect(accepted.length).toBeGreaterThan(50);
    expect(await waitDelivered(lab, accepted)).toEqual([]);
  });

  test('a hung host, also behind a warm connection, costs its own rows and no more than the connect timeout', async () => {
    await mailctl(lab, ['slots', 'list']); // Connections are warm.
    await hang(lab, 'imap22');
    try {
      for (const _ of ['warm', 'cold']) {
        const { code, json, tookMs } = await slotsList(lab);
        expect(code).toBe(3);
        expect(json.errors.map(({ host }) => host)).toEqual(['imap22']);
        const others = json.slots.filter(({ replicas }) => replicas.every(({ host }) => host !== 'imap22'));
        expect(others.map(({ verdict }) => verdict)).toEqual(others.map(() => 'healthy'));
        expect(tookMs).toBeLessThan(8000);
      }
    } finally {
      await returnHost(lab, 'imap22');
    }
  });

  test('one lagging slot of fifteen is refused and the others pass, whatever evidence is left and whenever it is asked', async () => {
    const stream = startDeliveries(lab, { perSecond: 20 });
    await sleep(1500);
    await lag(lab, 'store7', { messages: 2 });
    await sleep(16_000);
    await mailctl(lab, ['slots', 'list']); // Stores samples.
    await sleep(1000);
    await fail(lab, 'imap21');
    await stream.stop();
    const { none, readOnly, cleanUp } = stateVariants(lab);
    try {
      for (const [name, env] of [
        ['with samples', {}],
        ['without samples', none],
        ['with a read-only state database', readOnly],
      ] as const) {
        for (const laterMs of [0, 15 * 60_000]) {
          const clock = { ...systemClock, now: () => systemClock.now() + laterMs };
          const words = ['failover', 'imap21', '--max-lag', '12s', '--dry-run', '-o', 'json'];
          const ran = await runCli(words, {
            env: { ...process.env, ...productEnv(lab), ...env } as Record<string, string>,
            clock,
          });
          const json = JSON.parse(ran.stdout) as FailoverDocument;
          const told = `${name}, ${laterMs / 1000} s later: ${ran.stdout}`;
          expect(
            json.slots.filter(({ outcome }) => outcome === 'refused').map(({ slot }) => slot),
            told,
          ).toEqual(['store7']);
          expect(
            json.slots.filter(({ outcome }) => outcome === 'planned'),
            told,
          ).toHaveLength(14);
          expect(
            json.slots.every(({ evidence }) => evidence.length >= 2),
            told,
          ).toBe(true);
          expect(ran.code).toBe(3);
        }
      }
    } finally {
      cleanUp();
    }
  });

  test('a dead master: 14 slots move in one command, one is refused and untouched', async () => {
    const { code, json } = await failover(lab, 'imap21', '--max-lag', '12s', '--yes');
    expect(code).toBe(3);
    expect(json.outcome).toBe('partial');
    expect(json.slots.filter(({ outcome }) => outcome === 'moved')).toHaveLength(14);
    const refused = json.slots.find(({ outcome }) => outcome === 'refused');
    expect(refused).toMatchObject({ slot: 'store7', gate: 'lag' });
    expect(json.to_demote).toHaveLength(14);
    expect(json.safe_to_leave).toBe(false);
    const directory = await directoryOf(lab);
    expect([...directory].filter(([, entry]) => entry.master === 'imap21').map(([slot]) => slot)).toEqual([
      'store7',
    ]);
  });

  test('the same again has nothing new to move and refuses the same slot, with the evidence that the first run left', async () => {
    const { none, cleanUp } = stateVariants(lab);
    try {
      const again = await mailctlJson<FailoverDocument>(
        lab,
        ['failover', 'imap21', '--max-lag', '12s', '--yes'],
        { env: none },
      );
      expect(again.code).toBe(4);
      expect(again.json.slots.map(({ slot, gate }) => [slot, gate])).toEqual([['store7', 'lag']]);
    } finally {
      cleanUp();
    }
  });

  test('imap21 comes back: its strays are named, then stopped and swapped, and their mail stays owed', async () => {
    await returnHost(lab, 'imap21', { boot: true });
    await sleep(1000);
    const named = await slotsList(lab);
    expect(named.json.slots.filter(({ verdict }) => verdict === 'two-masters')).toHaveLength(14);
    await unlag(lab, 'store7');
    const stopped = await failover(lab, 'imap21', '--max-lag', '12s', '--yes');
    expect(stopped.json.slots.filter(({ outcome }) => outcome === 'moved')).toHaveLength(15);
    expect(stopped.json.to_demote).toEqual([]);
    await oneMasterEach(lab);
    const after = await slotsList(lab);
    expect(after.json.slots.filter(({ owed }) => owed.includes('imap21: rejoin'))).toHaveLength(14);
  });
});

/** Kills mailctl when its journal has so many lines; `home` is a state directory in which it is the only run. */
async function killAt(lab: Lab, words: readonly string[], lines: number, home: string): Promise<string> {
  const { child, ended } = startMailctl(lab, words, { env: { XDG_STATE_HOME: home } });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const dir = path.join(home, 'mailctl', 'runs');
  for (;;) {
    const [file] = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
    const found =
      file === undefined ? 0 : fs.readFileSync(path.join(dir, file), 'utf8').split('\n').length - 1;
    if (found >= lines || over) {
      child.kill('SIGKILL');
      const ran = await ended;
      if (ran.code !== null)
        throw new Error(`it ended with ${ran.code} before it could be killed: ${ran.stderr}`);
      return (file as string).replace('.ndjson', '');
    }
    await sleep(2);
  }
}

/** Does the work for each place, a few at a time; each gets its number, its slot, and a state directory of its own. */
async function eachPlace(
  lab: Lab,
  places: readonly number[],
  work: (place: { index: number; lines: number; slot: string; home: string }) => Promise<void>,
): Promise<void> {
  const waiting = places.map((lines, index) => ({
    index,
    lines,
    slot: `store${index + 1}`,
    home: path.join(lab.paths.dir, `home-${index}`),
  }));
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

describeUnless(reason, 'a failover that is killed', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await up({ slots: 10, forTests: true });
  });
  afterEach(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  /** Lines of the journal after which it is killed: from the first lease to the last settling step. */
  const places = [2, 4, 6, 8, 10, 12, 14, 15, 17, 19];

  test('with the master dead, at ten places, is finished by resume or by another bastion', async () => {
    const accepted = (await Promise.all(lab.slots.map(({ slot }) => deliver(lab, slot, 'ann', 2)))).flat();
    expect(await waitDelivered(lab, accepted)).toEqual([]);
    await slotsList(lab);
    await fail(lab, 'imap21');
    await eachPlace(lab, places, async ({ index, lines, slot, home }) => {
      const run = await killAt(lab, ['failover', slot, '--yes'], lines, home);
      const here = { env: { XDG_STATE_HOME: home } };
      const elsewhere = { env: { XDG_STATE_HOME: `${home}-of-another-bastion` } };
      const ended =
        index % 2 === 0
          ? await mailctlJson<FailoverDocument>(lab, ['runs', 'resume', run, '--yes'], here)
          : await mailctlJson<FailoverDocument>(
              lab,
              ['failover', slot, '--yes', '--take-over', run],
              elsewhere,
            );
      expect(
        ended.json.slots.map(({ outcome }) => outcome),
        `${slot} after ${lines} lines: ${ended.stderr}`,
      ).toEqual(['moved']);
      expect(ended.code).toBe(0);
    });
    const directory = await directoryOf(lab);
    expect([...directory.values()].map(({ master }) => master)).not.toContain('imap21');
    expect(await missingOnMasters(lab, accepted)).toEqual([]);
  });

  test('with the master alive, at ten places, loses no message and ends done', async () => {
    const stream = startDeliveries(lab, { perSecond: 20 });
    await eachPlace(lab, [2, 5, 8, 10, 12, 14, 17, 19, 22, 25], async ({ lines, slot, home }) => {
      const run = await killAt(lab, ['failover', slot, '--yes'], lines, home);
      const here = { env: { XDG_STATE_HOME: home } };
      const ended = await mailctlJson<FailoverDocument>(lab, ['runs', 'resume', run, '--yes'], here);
      expect(
        ended.json.slots.map(({ outcome }) => outcome),
        `${slot} after ${lines} lines: ${ended.stderr}`,
      ).toEqual(['moved']);
    });
    await oneMasterEach(lab);
    expect(await waitDelivered(lab, await stream.stop())).toEqual([]);
  });

  test('whose host boots in the middle never leaves two masters once the next run has ended', async () => {
    await slotsList(lab);
    await fail(lab, 'imap21');
    // Before the commit: the host is back, its slots run as masters, and the lane can drain them after all.
    const homes = ['early', 'late'].map((name) => path.join(lab.paths.dir, name)) as [string, string];
    const early = await killAt(lab, ['failover', 'store1', '--yes'], 9, homes[0]);
    // After it: NEW serves, and what imap21 starts is a stray.
    const late = await killAt(lab, ['failover', 'store2', '--yes'], 18, homes[1]);
    await returnHost(lab, 'imap21', { boot: true });
    await sleep(1500);
    for (const [index, run] of [early, late].entries()) {
      const here = { env: { XDG_STATE_HOME: homes[index] as string } };
      const ended = await mailctlJson<FailoverDocument>(lab, ['runs', 'resume', run, '--yes'], here);
      expect(
        ended.json.slots.map(({ outcome }) => outcome),
        ended.stderr,
      ).toEqual(['moved']);
    }
    await oneMasterEach(lab);
  });
});
