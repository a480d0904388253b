/** The end of a failover on real servers: waiting mail, the road, the MXs' log as evidence, and what says NO. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { describeUnless } from '../support/unless.js';
import {
  type Accepted,
  deliver,
  fail,
  inHost,
  type Lab,
  lag,
  sleep,
  takeDown,
  up,
  waitDelivered,
  waitingOnMx,
  whyNoLab,
} from './lab.js';
import { mailctlJson, startMailctl } from './mailctl.js';

const reason = whyNoLab();

interface EndDocument {
  readonly run: string;
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly outcome: string;
    readonly possible_loss_s: number | null;
    readonly evidence: readonly { readonly kind: string; readonly value: string }[];
  }[];
  readonly safe_to_leave: boolean;
  readonly reasons: readonly string[];
  readonly waiting:
    | readonly {
        readonly mx: string;
        readonly slot: string;
        readonly messages: number;
        readonly released: number;
        readonly left: number;
        readonly problem: string | null;
      }[]
    | null;
  readonly roads: readonly {
    readonly slot: string;
    readonly imap: { readonly ok: boolean; readonly detail: string } | null;
    readonly lmtp: { readonly ok: boolean; readonly detail: string } | null;
  }[];
}

/** Mail that was deferred stays so: an MTA's back-off can be an hour. */
async function backOffForAnHour(lab: Lab): Promise<void> {
  const words = 'minimal_backoff_time=1h maximal_backoff_time=2h queue_run_delay=1h';
  await inHost(lab, 'mx1', ['sh', '-c', `postconf -e ${words} && postfix reload`]);
}

/** Changes `stores` of the product's configuration. */
function setStores(lab: Lab, more: Readonly<Record<string, unknown>>): void {
  const config = parse(fs.readFileSync(lab.paths.mailctlYaml, 'utf8')) as { stores: object };
  config.stores = { ...config.stores, ...more };
  fs.writeFileSync(lab.paths.mailctlYaml, stringify(config), { mode: 0o600 });
}

async function allDeferred(lab: Lab): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    const { stdout } = await inHost(lab, 'mx1', ['postqueue', '-j']);
    if (!/"queue_name": "(?:active|incoming)"/.test(stdout)) return;
    await sleep(500);
  }
  throw new Error('mail is still being tried');
}

describeUnless(reason, 'the end of a failover', () => {
  let lab: Lab;
  const accepted: Accepted[] = [];
  beforeAll(async () => {
    lab = await up({ slots: 3, forTests: true });
    await backOffForAnHour(lab);
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('without samples, the deliveries that the MX logged last tell the slot that lacks some from those that do not', async () => {
    for (const slot of ['store1', 'store2', 'store3']) accepted.push(...(await deliver(lab, slot, 'ann', 5)));
    expect(await waitDelivered(lab, accepted)).toEqual([]);
    await sleep(2000);
    await lag(lab, 'store2', { messages: 4 });
    await sleep(13_000);
    const late = [...(await deliver(lab, 'store1', 'ben', 2)), ...(await deliver(lab, 'store3', 'ben', 2))];
    expect(await waitDelivered(lab, late)).toEqual([]);
    accepted.push(...late);
    await sleep(2000);
    await fail(lab, 'imap21');
    const { json } = await mailctlJson<EndDocument>(lab, [
      'failover',
      'imap21',
      '--dry-run',
      '--max-lag',
      '12s',
    ]);
    const found = json.slots.map(({ slot, outcome, evidence }) => [
      slot,
      outcome,
      evidence.find(({ kind }) => kind === 'mx-lookup')?.value.replace(/ since .*/, ''),
    ]);
    expect(found).toEqual([
      ['store1', 'planned', '7 of the last 7 deliveries are there'],
      ['store2', 'refused', '5 of the last 9 deliveries are there, 4 missing'],
      ['store3', 'planned', '7 of the last 7 deliveries are there'],
    ]);
  });

  test('mail that waits is counted by slot, released, and all of it arrives; the road of each slot is tried', async () => {
    // A frontend of one slot: the new master itself, as the MX reaches it.
    const imap = { host: '198.51.100.22', port: 10_143, from: 'mx1' };
    setStores(lab, { road: { imap, lmtp: { host: 'mx1' } } });
    const waiting = [
      ...(await deliver(lab, 'store1', 'ann', 30)),
      ...(await deliver(lab, 'store2', 'ann', 3)),
    ];
    await allDeferred(lab);
    const { code, json } = await mailctlJson<EndDocument>(lab, [
      'failover',
      'store1',
      '--max-lag',
      '5m',
      '--yes',
    ]);
    expect([code, json.outcome]).toEqual([0, 'done']);
    expect(json.waiting).toEqual([
      { mx: 'mx1', slot: 'store1', messages: 30, released: 30, left: 0, held: 0, problem: null },
    ]);
    expect(json.roads).toMatchObject([{ slot: 'store1', imap: { ok: true }, lmtp: { ok: true } }]);
    expect(json.safe_to_leave).toBe(false);
    expect(json.reasons).toEqual(['1 slot has one copy', 'nobody watches for what is owed']);
    // Mail of the slot that was not meant is left alone.
    expect(await waitingOnMx(lab)).toBe(3);
    const moved = waiting.filter(({ slot }) => slot !== 'store2');
    expect(await waitDelivered(lab, moved, 5000)).toEqual([]);
  });

  test('Ctrl-C ends a release after the batch in hand, and a resume goes on with it', async () => {
    // Nobody listens there: a road that is wrong is told, and makes it no failure.
    setStores(lab, { release_rate: '2/s', road: { imap: { host: '198.51.100.22', port: 9, from: 'mx1' } } });
    const waiting = await deliver(lab, 'store3', 'carl', 30);
    await allDeferred(lab);
    const { child, ended } = startMailctl(lab, ['failover', 'store3', '--yes', '-o', 'json']);
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (text) => {
        if (/releasing mail|gets no mail/.test(String(text))) resolve();
      });
    });
    child.kill('SIGINT');
    const ran = await ended;
    const json = JSON.parse(ran.stdout) as EndDocument;
    expect([ran.code, json.outcome], ran.stderr).toEqual([130, 'incomplete']);
    expect(json.slots.map(({ outcome }) => outcome)).toEqual(['moved']);
    const row = json.waiting?.find(({ slot }) => slot === 'store3');
    expect(row?.left).toBeGreaterThan(0);
    expect(json.reasons.join()).toMatch(/messages .*on mx1/);
    setStores(lab, { release_rate: '20/s' });
    const again = await mailctlJson<EndDocument>(lab, ['runs', 'resume', json.run, '--yes']);
    expect(again.code, again.stderr).toBe(0);
    expect(again.json.roads).toMatchObject([{ imap: { ok: false, via: '198.51.100.22' }, lmtp: null }]);
    expect(again.json.reasons).toContain('no login to store3 through 198.51.100.22');
    expect(again.json.waiting?.find(({ slot }) => slot === 'store3')?.left).toBe(0);
    expect(await waitDelivered(lab, waiting, 5000)).toEqual([]);
  });
});
