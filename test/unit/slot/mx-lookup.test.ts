// Two errors count the same: a replica that is passed and lacks mail, and one that is refused and has it all. Every
// row says which of the two it would be.
import { describe, expect, it } from 'vitest';
import { estimateLoss, signsOfLife } from '../../../src/slot/evidence.js';
import {
  describeLookup,
  judgeLookup,
  type MxDelivery,
  type RecentMessages,
} from '../../../src/slot/mx-lookup.js';
import type { Sample } from '../../../src/slot/samples.js';
import { NOW_S } from '../../support/slot-sight.js';

const DEATH = NOW_S - 900;
const LIMIT = 300;

/** Deliveries `ago` seconds before the death; a word is user:ago, `-` in front: not on the replica, `?`: no id. */
function lookup(words: string, more: { complete?: boolean; mxAhead?: number } = {}) {
  const all = words
    .split(' ')
    .filter(Boolean)
    .map((word, index) => {
      const [, mark, user = '', ago = ''] = /^([-?]?)(\w+):(\d+)$/.exec(word) ?? [];
      const at = DEATH - Number(ago);
      const id = `<${index}@x>`;
      const delivery: MxDelivery = {
        mx: 'mx1',
        slot: 'store1',
        at: at + (more.mxAhead ?? 0),
        recipient: `${user}@x`,
        queueId: `Q${index}`,
        messageId: mark === '?' ? null : id,
      };
      return { delivery, there: mark === '' ? { messageId: id, arrivedAt: at } : undefined };
    });
  const recent: RecentMessages = {
    slot: 'store1',
    messages: all.flatMap(({ there }) => (there === undefined ? [] : [there])),
    complete: more.complete ?? true,
  };
  return judgeLookup(
    all.map(({ delivery }) => delivery),
    recent,
  );
}

const ago = (at: number | null | undefined) => (at === null || at === undefined ? at : DEATH - at);
const judged = (words: string, more?: Parameters<typeof lookup>[1]) => {
  const found = lookup(words, more);
  return [ago(found?.foundUntil), ago(found?.missingSince)];
};

describe('what is proven by deliveries that are there, and what is missed', () => {
  it.each<[string, string, (number | null)[]]>([
    ['all are there', 'ann:50 ben:30 ann:5', [5, null]],
    ['the newest are not: the log had not got there', 'ann:50 -ben:30 -ann:5', [50, 30]],
    ['none is', '-ann:50 -ben:30', [null, 50]],
    ['one was filtered: its user’s later mail is there', '-ann:500 ann:490 ben:5', [5, null]],
    ['one was deleted: others’ mail of a minute later is there', '-ann:500 ben:400 ben:5', [5, null]],
    ['one of the same moment is not: the batch may be half over', 'carl:600 -ann:50 ben:45', [600, 50]],
    [
      'a user’s mail stopped while others’ goes on: poison set aside',
      'ann:900 -ann:500 -ann:300 ben:100 -ann:5',
      [900, 500],
    ],
    ['one without an id says nothing', 'ann:50 ?ben:30 ann:5', [5, null]],
    ['the order of the logs of several MXs does not matter', 'ann:5 ben:30 ann:50', [5, null]],
  ])('%s', (_, words, result) => {
    expect(judged(words)).toEqual(result);
  });

  it('absence says nothing when not everything was walked', () => {
    expect(judged('ann:50 -ben:30 -ann:5', { complete: false })).toEqual([50, null]);
    expect(judged('-ann:50', { complete: false })).toEqual([null, null]);
  });

  it('no delivery is no evidence', () => {
    expect(lookup('')).toBeUndefined();
  });

  it('an MX whose clock is wrong is found out by what is there', () => {
    const found = lookup('ann:50 ben:30 -ann:5', { mxAhead: 400 });
    expect([ago(found?.foundUntil), ago(found?.missingSince)]).toEqual([30, 5]);
    expect(describeLookup(found as NonNullable<typeof found>)).toMatch(
      /^2 of the last 3 deliveries are there, 1 missing since .*Z, the clock of mx1 is 400 s ahead$/,
    );
    // Beyond the tolerance it is no clock but another message with the same id.
    expect(lookup('ann:50', { mxAhead: 4000 })?.skews.get('mx1')).toBe(0);
  });

  it('a message that was sent twice counts by its nearest arrival', () => {
    const at = DEATH - 10;
    const delivery = { mx: 'mx1', slot: 's', at, recipient: 'a@x', queueId: 'Q', messageId: '<1@x>' };
    const messages = [
      { messageId: '<1@x>', arrivedAt: at - 700 },
      { messageId: '<1@x>', arrivedAt: at },
    ];
    expect(judgeLookup([delivery], { slot: 's', messages, complete: true })).toMatchObject({
      foundUntil: at,
    });
  });
});

describe('the possible loss with it', () => {
  const sample = (agoS: number, more: Partial<Sample> = {}): Sample => ({
    slot: 'store1',
    host: 'imap21',
    role: 'master',
    channel: 'imap22',
    at: DEATH - agoS,
    seenAt: (DEATH - agoS) * 1000,
    pendingEvents: 0,
    oldestBirth: null,
    quarantined: 0,
    running: true,
    replicating: true,
    problem: null,
    ...more,
  });
  const files = (arrived: number) => ({
    slot: 'store1',
    newestApplied: DEATH - arrived + 1,
    newestArrival: DEATH - arrived,
    complete: true,
  });
  const stuck = (agoS: number) => sample(agoS, { pendingEvents: 9, oldestBirth: DEATH - 172_800 });
  const alive = signsOfLife('imap21', [], [], [], [{ mx: 'mx1', at: DEATH }]);
  const estimate = (words: string, more: Partial<Parameters<typeof estimateLoss>[0]> = {}) =>
    estimateLoss({
      slot: 'store1',
      sample: undefined,
      files: undefined,
      signs: alive,
      recorded: null,
      maxLagS: LIMIT,
      lookup: lookup(words),
      ...more,
    });

  it.each<[string, string, object, number | null, string | null]>([
    ['would be refused wrongly: nothing else is left, and all is there', 'ann:60 ben:4', {}, 4, 'mx-lookup'],
    [
      'would be refused wrongly: an old sample, and all since is there',
      'ann:60 ben:4',
      { sample: sample(7200) },
      4,
      'mx-lookup',
    ],
    [
      'would be refused wrongly: seen stuck, and repaired since',
      'ann:60 ben:4',
      { sample: stuck(900) },
      4,
      'mx-lookup',
    ],
    [
      'would be refused wrongly: a fresh sample says more than an old delivery',
      'ann:4000',
      { sample: sample(20) },
      20,
      'sample',
    ],
    [
      'would be passed wrongly: seen stuck, and nothing later is there',
      'ann:5000 -ben:100',
      { sample: stuck(900) },
      172_800,
      'sample',
    ],
    ['would be passed wrongly: nothing of what was accepted is there', '-ann:60 -ben:4', {}, null, null],
    [
      'would be passed wrongly: a user’s own APPEND makes the files look fresh',
      'ann:4000 -ann:600 -ben:4',
      { files: files(3) },
      601,
      'replica-files',
    ],
    [
      'the newest are missing: what was there before them counts',
      'ann:100 -ben:90 -ann:4',
      {},
      100,
      'mx-lookup',
    ],
    [
      'quiet: the files are newer than the last delivery',
      'ann:4000',
      { files: files(30) },
      30,
      'replica-files',
    ],
  ])('%s', (_, words, more, loss, by) => {
    expect(estimate(words, more)).toMatchObject({ possibleLossS: loss, provenBy: by });
  });

  it('an MX’s clock that is ahead makes no loss of itself', () => {
    const signs = signsOfLife('imap21', [], [], [], [{ mx: 'mx1', at: DEATH - 4 + 400 }]);
    const ahead = lookup('ann:60 ben:4', { mxAhead: 400 });
    expect(estimate('', { lookup: ahead, signs })).toMatchObject({ possibleLossS: 0, provenBy: 'mx-lookup' });
  });
});
