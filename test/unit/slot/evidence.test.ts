// Two errors count the same: a slot passed that loses more than the limit, and a slot refused that was fresh when
// its master died. Every row says which of the two it would be.
import { describe, expect, it } from 'vitest';
import type { ReplicaFiles } from '../../../src/slot/driver.js';
import { estimateLoss, type LossFacts, lastAliveFor, signsOfLife } from '../../../src/slot/evidence.js';
import type { Sample } from '../../../src/slot/samples.js';
import { NOW_S } from '../../support/slot-sight.js';

/** The moment at which the master died. */
const DEATH = NOW_S - 900;
const LIMIT = 300;

/** A sample of the master's log; `ago` seconds before the death. */
function sample(ago: number, more: Partial<Sample> = {}): Sample {
  return {
    slot: 'store1',
    host: 'imap21',
    role: 'master',
    channel: 'imap22',
    at: DEATH - ago,
    seenAt: (DEATH - ago) * 1000,
    pendingEvents: 0,
    oldestBirth: null,
    quarantined: 0,
    running: true,
    replicating: true,
    problem: null,
    ...more,
  };
}

/** A log whose oldest event had waited for `behind` seconds when it was sampled, `ago` before the death. */
const pending = (ago: number, behind: number) =>
  sample(ago, { pendingEvents: 40, oldestBirth: DEATH - ago - behind });

function files(
  slot: string,
  appliedAgo: number | null,
  arrivedAgo = appliedAgo,
  complete = true,
): ReplicaFiles {
  const at = (ago: number | null) => (ago === null ? null : DEATH - ago);
  return { slot, newestApplied: at(appliedAgo), newestArrival: at(arrivedAgo), complete };
}

/** Another slot's replica of the same host applied something this long before the death. */
const neighbour = (ago: number) =>
  signsOfLife('imap21', [], [{ ...files('store7', ago), host: 'imap22' }], []);

function estimate(facts: Partial<LossFacts>) {
  const whole = {
    slot: 'store1',
    sample: undefined,
    files: undefined,
    signs: [],
    recorded: null,
    maxLagS: LIMIT,
  };
  return estimateLoss({ ...whole, ...facts });
}

const isFresh = (loss: ReturnType<typeof estimate>) =>
  loss.possibleLossS !== null && loss.possibleLossS < LIMIT;
const alive = neighbour(0);

describe('would be refused wrongly', () => {
  it.each<[string, Partial<LossFacts>]>([
    ['the log was empty when it was last seen, just before', { sample: sample(10), signs: alive }],
    ['the same, at the edge of the limit', { sample: sample(299), signs: alive }],
    ['a little was pending just before', { sample: pending(20, 5), signs: alive }],
    [
      'no sample at all, and its replica applied the newest mail at once',
      { files: files('store1', 4, 5), signs: alive },
    ],
    [
      'an old empty log, and its replica went on applying until the end',
      { sample: sample(7200), files: files('store1', 6), signs: alive },
    ],
    [
      'a log stuck long ago, repaired since: its replica is up to date',
      { sample: pending(7200, 9000), files: files('store1', 6), signs: alive },
    ],
    [
      'the log of a quiet slot, sampled as empty shortly before, with old mail',
      { sample: sample(30), files: files('store1', 86_400), signs: alive },
    ],
    [
      'everything stopped at once: no later sign of life than its own',
      { files: files('store1', 0, 1), signs: neighbour(50) },
    ],
    [
      'a walk that met its deadline: what was found is proof enough',
      { files: files('store1', 6, 6, false), signs: alive },
    ],
    [
      'log unknown (no birth times), and its replica applied until the end',
      { sample: sample(5, { pendingEvents: null }), files: files('store1', 6), signs: alive },
    ],
    [
      'the run that began the lane had proof, and today’s is weaker',
      { recorded: { provenUntil: DEATH - 4, lastAlive: DEATH }, signs: [] },
    ],
  ])('%s: fresh', (_, facts) => {
    expect(isFresh(estimate(facts))).toBe(true);
  });
});

describe('would be passed wrongly', () => {
  it.each<[string, Partial<LossFacts>, number | null]>([
    ['nothing is known at all', {}, null],
    ['its own files only: a stuck slot would prove itself fresh', { files: files('store1', 3) }, null],
    [
      'its own files, told twice (as the host’s sign of life)',
      {
        files: files('store1', 3),
        signs: signsOfLife('imap21', [], [{ ...files('store1', 3), host: 'imap22' }], []),
      },
      null,
    ],
    ['signs of life, and nothing that proves the replica', { signs: alive }, null],
    [
      'a log of unknown state, and nothing else',
      { sample: sample(5, { pendingEvents: null }), signs: alive },
      null,
    ],
    [
      'a log of unknown age, and nothing else',
      { sample: sample(5, { pendingEvents: 3 }), signs: alive },
      null,
    ],
    ['pending for hours', { sample: pending(20, 10_000), signs: alive }, 10_020],
    ['pending at the limit exactly', { sample: pending(0, 300), signs: alive }, 300],
    ['the log was empty once, and nobody looked since', { sample: sample(4000), signs: alive }, 4000],
    [
      'stuck, while a single repaired user made its newest file look fresh',
      { sample: pending(20, 10_000), files: files('store1', 3), signs: alive },
      10_020,
    ],
    [
      'its replica fell silent long before its neighbours did',
      { files: files('store1', 5000), signs: alive },
      5000,
    ],
    [
      'its replica applied late what had arrived long ago',
      { files: files('store1', 3, 4000), signs: alive },
      4000,
    ],
    [
      'the earlier run proved little, and moved on with the operator’s word',
      { recorded: { provenUntil: DEATH - 9000, lastAlive: DEATH }, signs: [] },
      9000,
    ],
    ['files that hold nothing', { files: files('store1', null), signs: alive }, null],
  ])('%s: not fresh', (_, facts, lossS) => {
    const loss = estimate(facts);
    expect(isFresh(loss)).toBe(false);
    expect(loss.possibleLossS).toBe(lossS);
  });

  it('a log from the future of a clock that was set back proves nothing: what else speaks decides', () => {
    const future = sample(4000, { pendingEvents: 2, oldestBirth: DEATH + 500 });
    expect(estimate({ sample: future, signs: alive }).possibleLossS).toBeNull();
    expect(isFresh(estimate({ sample: future, files: files('store1', 3), signs: alive }))).toBe(true);
  });

  it('a stuck log holds against files for an hour after it was seen, and no longer', () => {
    const judge = (ago: number) =>
      isFresh(estimate({ sample: pending(ago, 5000), files: files('store1', 3), signs: alive }));
    expect(judge(3599)).toBe(false);
    expect(judge(3600)).toBe(true);
  });
});

describe('the figures', () => {
  it('do not grow with the operator’s clock: loss ended with the master', () => {
    const facts = { sample: pending(20, 40), signs: alive };
    expect(estimate(facts)).toMatchObject({
      possibleLossS: 60,
      provenUntil: DEATH - 60,
      provenBy: 'sample',
      lastAlive: DEATH,
    });
    // The same judged 15 minutes later from the same evidence: nothing in it says now.
    expect(JSON.stringify(estimate(facts).evidence)).not.toContain(String(new Date().getUTCFullYear() + 1));
  });

  it('are never negative, whatever the clocks say', () => {
    expect(
      estimate({ sample: sample(0), signs: [{ at: DEATH - 500, what: 'x', bySlot: null }] }).possibleLossS,
    ).toBe(0);
    expect(estimate({ files: files('store1', -500), signs: alive }).possibleLossS).toBe(0);
  });

  it('name the strongest proof: the later of log and files', () => {
    expect(estimate({ sample: sample(10), files: files('store1', 50), signs: alive }).provenBy).toBe(
      'sample',
    );
    expect(estimate({ sample: sample(60), files: files('store1', 5), signs: alive }).provenBy).toBe(
      'replica-files',
    );
    expect(
      estimate({ sample: sample(60), recorded: { provenUntil: DEATH - 1, lastAlive: DEATH }, signs: alive })
        .provenBy,
    ).toBe('record');
  });

  it('count the quarantine, which no lag shows', () => {
    expect(estimate({ sample: sample(3, { quarantined: 12 }), signs: alive })).toMatchObject({
      possibleLossS: 3,
      quarantinedEvents: 12,
    });
  });

  it('let its own replica’s file move the last sign of life on, but never be the only one', () => {
    const loss = estimate({ sample: sample(200), files: files('store1', 0, 150), signs: neighbour(100) });
    expect(loss.lastAlive).toBe(DEATH);
    expect(loss.evidence[0]).toMatchObject({ kind: 'last-alive', value: 'its own replica' });
    expect(loss.possibleLossS).toBe(150);
  });

  it('tell each kind of evidence with its time, in words', () => {
    const loss = estimate({
      sample: sample(10, { pendingEvents: 3, oldestBirth: DEATH - 15, quarantined: 2 }),
      files: files('store1', 8, 11, false),
      signs: alive,
      recorded: { provenUntil: DEATH - 2, lastAlive: DEATH - 1 },
    });
    expect(loss.evidence).toEqual([
      { kind: 'last-alive', at: '2026-03-12T04:13:00Z', value: 'store7 applied on imap22' },
      {
        kind: 'sample',
        at: '2026-03-12T04:12:50Z',
        value: '3 events pending, oldest from 2026-03-12T04:12:45Z, 2 quarantined',
      },
      {
        kind: 'replica-files',
        at: '2026-03-12T04:12:49Z',
        value: 'newest message applied 3 s after it arrived; not all was walked',
      },
      { kind: 'record', at: '2026-03-12T04:12:58Z', value: 'proven by the run that began this lane' },
    ]);
  });

  it('say of a log that could not be known why', () => {
    const loss = estimate({
      sample: sample(5, { pendingEvents: null, problem: 'sync_log is off' }),
      signs: alive,
    });
    expect(loss.evidence.at(-1)?.value).toBe('log not known (sync_log is off)');
  });
});

describe('signsOfLife', () => {
  it('takes the newest sample of that host, whatever slot or channel, and none of another host', () => {
    const samples = [sample(50), sample(9, { slot: 'store9', channel: '' }), sample(0, { host: 'imap22' })];
    expect(signsOfLife('imap21', samples, [], [])).toEqual([
      { at: DEATH - 9, what: 'last observed', bySlot: null },
    ]);
  });

  it('takes each replica’s newest file as a sign, with the slot that it cannot judge', () => {
    const signs = signsOfLife(
      'imap21',
      [],
      [
        { ...files('store1', 3), host: 'imap22' },
        { ...files('store2', null), host: 'imap22' },
      ],
      [],
    );
    expect(signs).toEqual([{ at: DEATH - 3, what: 'store1 applied on imap22', bySlot: 'store1' }]);
    expect(lastAliveFor('store1', signs)).toBeNull();
    expect(lastAliveFor('store2', signs)?.at).toBe(DEATH - 3);
  });

  it('takes the newest of what earlier runs wrote down', () => {
    expect(signsOfLife('imap21', [], [], [DEATH - 9, DEATH - 2])).toEqual([
      { at: DEATH - 2, what: 'recorded by an earlier run', bySlot: null },
    ]);
  });

  it('is none without any', () => {
    expect(signsOfLife('imap21', [], [], [])).toEqual([]);
    expect(lastAliveFor('store1', [])).toBeNull();
  });
});
