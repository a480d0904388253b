/**
 * Every slot with two replicas, one of them far away: which slots a failover refuses, and where it moves the others,
 * whatever is left of the bastion's state and whenever it is asked. Wrongly refused and wrongly passed count the same.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { runCli } from '../support/run-cli.js';
import { describeUnless } from '../support/unless.js';
import {
  delay,
  directoryOf,
  fail,
  type Lab,
  lag,
  missingOnMasters,
  returnHost,
  sleep,
  startDeliveries,
  takeDown,
  up,
  waitDelivered,
  whyNoLab,
} from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';
import { productEnv } from './product.js';
import { stateVariants } from './state-variants.js';

interface FailoverDocument {
  readonly slots: readonly {
    readonly slot: string;
    readonly to: string | null;
    readonly outcome: string;
    readonly gate: string | null;
  }[];
}

/** store7: no replica has its last mail. store9: only imap22 lacks it. */
const [STUCK, HALF] = ['store7', 'store9'];

describeUnless(whyNoLab(), 'a dead master with two replicas, one of them 150 ms away', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 15, replicas: 2, forTests: true });
    await delay(lab, 'imap23', 150);
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('the one slot that is behind on both is refused, the one that is behind on one goes to the other', async () => {
    const stream = startDeliveries(lab, { perSecond: 20 });
    await sleep(1500);
    await lag(lab, STUCK, { messages: 2 });
    await lag(lab, HALF, { messages: 2, towards: 'imap22' });
    await sleep(16_000);
    await mailctl(lab, ['slots', 'list']); // Stores samples.
    await sleep(1000);
    await fail(lab, 'imap21');
    await stream.stop();
    const { none, readOnly, cleanUp } = stateVariants(lab);
    const wrong: string[] = [];
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
          expect(json.slots, ran.stdout).toHaveLength(15);
          for (const { slot, outcome, gate, to } of json.slots) {
            const told = `${name}, ${laterMs / 1000} s later: ${slot} ${outcome} ${gate} to ${to}`;
            if ((slot === STUCK) !== (outcome === 'refused')) wrong.push(told);
            if (slot === HALF && to !== 'imap23') wrong.push(told);
          }
          expect(ran.code).toBe(3);
        }
      }
    } finally {
      cleanUp();
    }
    expect(wrong).toEqual([]);
  });

  test('then 14 move, the third replica follows the new master, and what waited is delivered', async () => {
    const { code, json, stderr } = await mailctlJson<FailoverDocument>(lab, [
      'failover',
      'imap21',
      '--max-lag',
      '12s',
      '--yes',
    ]);
    expect(
      json.slots.filter(({ outcome }) => outcome === 'moved'),
      stderr,
    ).toHaveLength(14);
    expect(code).toBe(3);
    const directory = await directoryOf(lab);
    expect(directory.get(STUCK)?.master).toBe('imap21');
    expect(directory.get(HALF)?.master).toBe('imap23');
    const list = await mailctlJson<{
      readonly slots: readonly {
        readonly slot: string;
        readonly replicas: readonly { readonly host: string; readonly freshness: string }[];
      }[];
    }>(lab, ['slots', 'list']);
    for (const { slot, replicas } of list.json.slots.filter((one) => one.slot !== STUCK)) {
      const third = replicas.find(({ host }) => host !== 'imap21');
      expect(third?.freshness, `${slot} on ${third?.host}`).toBe('fresh');
    }
  });

  test('and nothing that was accepted is lost', async () => {
    const stream = startDeliveries(lab, {
      perSecond: 20,
      slots: lab.slots.map(({ slot }) => slot).filter((slot) => slot !== STUCK),
    });
    await sleep(2000);
    const accepted = await stream.stop();
    expect(await waitDelivered(lab, accepted)).toEqual([]);
    expect(await missingOnMasters(lab, accepted)).toEqual([]);
    await returnHost(lab, 'imap21');
  });
});
