import { describe, expect, test } from 'vitest';
import {
  ChangeFold,
  fits,
  KeyedMessages,
  mergeSamples,
  NamedMessages,
  SAMPLE_SIZE,
  sumTotals,
  topDomains,
} from '../../../src/queue/change.js';
import { ChangeResults, parseResults } from '../../../src/queue/change-results.js';
import { KeyParts, keyLine, parseKeys } from '../../../src/queue/key-parts.js';
import type { QueueMessage } from '../../../src/queue/message.js';
import { changeFacts, oppositeOf, planChange, runKey } from '../../../src/queue/plan-change.js';

const all = { matches: () => true, wantsHeld: false };

function message(id: string, more: Partial<QueueMessage> = {}): QueueMessage {
  return {
    queue: 'mx1',
    host: 'mx1',
    id,
    state: 'deferred',
    arrivedAt: 1000,
    sizeBytes: 100,
    sender: 'a@x.example',
    submitter: null,
    recipients: [{ address: 'b@Y.example', reason: null }],
    ...more,
  };
}

describe('what an act would touch', () => {
  test('a message that is held already is not held again, and a hold is not requeued unless it is asked for', () => {
    expect(fits('hold', 'hold', false)).toBe(false);
    expect(fits('hold', 'active', false)).toBe(true);
    expect(fits('release', 'deferred', false)).toBe(false);
    expect(fits('requeue', 'hold', false)).toBe(false);
    expect(fits('requeue', 'hold', true)).toBe(true);
    expect(fits('flush', 'active', false)).toBe(false);
  });

  test('a listing with an id twice counts it once, and domains count a message once', () => {
    const fold = new ChangeFold('hold', all);
    const two = [
      { address: 'b@y.example', reason: null },
      { address: 'c@Y.EXAMPLE.', reason: null },
    ];
    fold.add(message('A1', { recipients: two }));
    fold.add(message('A1', { state: 'active' }));
    fold.add(message('A2', { state: 'hold' }));
    fold.add(message('A3', { arrivedAt: 10, recipients: [{ address: '__proto__', reason: null }] }));
    expect(fold.totals).toEqual({ messages: 2, recipients: 3, sizeBytes: 200, oldestAt: 10, already: 1 });
    expect(topDomains([fold.domains], 5)).toEqual([
      { domain: '', messages: 1 },
      { domain: 'y.example', messages: 1 },
    ]);
    expect(sumTotals([fold.totals, fold.totals]).messages).toBe(4);
  });

  test('the sample is spread over the whole listing', () => {
    const fold = new ChangeFold('delete', all);
    for (let at = 0; at < 100_000; at += 1) fold.add(message(`M${at}`));
    const ids = mergeSamples([fold.sample]).map(({ id }) => Number(id.slice(1)));
    expect(ids).toHaveLength(SAMPLE_SIZE);
    expect(Math.max(...ids)).toBeGreaterThan(50_000);
  });
});

describe('messages by id', () => {
  test('an id that two queues have is ambiguous, one that none has is missing', () => {
    const named = new NamedMessages();
    named.add('', 'A1');
    named.add('mx2', 'A2');
    named.add('mx1', '$(id)');
    expect(named.takes(message('A1'))).toBe(true);
    expect(named.takes(message('A1', { queue: 'mx2', host: 'mx2' }))).toBe(true);
    expect(named.takes(message('A2'))).toBe(false);
    expect(named.ambiguous()).toEqual([{ id: 'A1', queues: ['mx1', 'mx2'] }]);
    expect(named.missing()).toEqual(['mx2/A2', 'mx1/$(id)']);
  });

  test('an id that was used again meanwhile is another message', () => {
    const keyed = new KeyedMessages();
    const mx1 = { name: 'mx1', host: 'mx1' };
    keyed.add(mx1, { id: 'A1', arrivedAt: 1000, sender: 'a@x.example' });
    keyed.add(mx1, { id: 'A2', arrivedAt: null, sender: null });
    expect(keyed.takes(message('A1'))).toBe(true);
    expect(keyed.takes(message('A1', { arrivedAt: 1001 }))).toBe(false);
    expect(keyed.takes(message('A1', { sender: 'eve@x.example' }))).toBe(false);
    expect(keyed.takes(message('A2', { arrivedAt: 7 }))).toBe(true);
    expect(keyed.takes(message('A1', { queue: 'mx2', host: 'mx2' }))).toBe(false);
    // Mailman has queues within the one that the configuration names.
    expect(keyed.takes(message('A1', { queue: 'mx1:out' }))).toBe(true);
  });
});

describe('keys as text', () => {
  test('any sender survives, and parts are of the size that was asked for', () => {
    const senders = ['', '"a b"@x', 'ü@x\u202e', 'a\n["B"]', '\u0000', null];
    const parts = new KeyParts(4);
    for (const [at, sender] of senders.entries()) parts.add({ id: `A${at}`, arrivedAt: at, sender });
    const written = parts.parts();
    expect(written.map(({ count }) => count)).toEqual([4, 2]);
    const read = written.flatMap(({ bytes }) => parseKeys(bytes.toString('utf8'), 'x'));
    expect(read.map(({ sender }) => sender)).toEqual(senders);
  });

  test.each(['{}', '["A1"]', '["",1,"a"]', '[1,2,"a"]', '["A1","x","a"]', '["A1",1', '["A1",1,{}]'])(
    '%s is no key',
    (line) => {
      const good = keyLine({ id: 'A0', arrivedAt: 1, sender: '' });
      expect(() => parseKeys(`${good}\n${line}\n`, 'file')).toThrow(/file:2: not a key/);
    },
  );
});

describe('what became of a run', () => {
  const part = (step: string, more: object) => ({
    kind: 'part',
    lane: 'mx1',
    step,
    asked: 10,
    changed: 10,
    already: 0,
    gone: [],
    failed: [],
    ...more,
  });

  test('a count that is not what was asked for is doubtful, whatever the exit status', () => {
    const results = new ChangeResults(
      parseResults([
        part('part-1', {}),
        part('part-2', { changed: 8, gone: ['A1'] }),
        part('part-3', { changed: null }),
        part('part-4', { changed: 4, already: 5, failed: [{ id: 'A2', why: 'no' }] }),
        { kind: 'part', lane: 'mx1' },
        null,
        'x',
      ]),
    );
    expect(results.doubtful('mx1').map(({ step }) => step)).toEqual(['part-2', 'part-3']);
    results.add({ kind: 'seen', lane: 'mx1', step: 'see', left: ['A9'], gone: 2 });
    expect(results.sum('mx1')).toMatchObject({ asked: 40, counted: null, done: 35, gone: 3, left: ['A9'] });
  });

  test('a part that was done twice counts by its last answer', () => {
    const results = new ChangeResults(
      parseResults([part('part-1', { changed: 3 }), part('part-1', { changed: 7, already: 3 })]),
    );
    expect(results.doubtful('mx1')).toEqual([]);
    expect(results.sum('mx1')).toMatchObject({ asked: 10, done: 10, counted: 7 });
  });
});

describe('the plan', () => {
  test('says where its keys are and holds none, whatever its size', () => {
    const places = Array.from({ length: 100 }, (_, at) => ({
      offset: at * 600_000,
      bytes: 600_000,
      count: 10_000,
      digest: 'ab'.repeat(16),
    }));
    const facts = {
      act: 'hold',
      key: runKey('7f3a', 'bastion1', '2026-01-01T00:00:00Z'),
      until: 5,
      meanwhile: ['--sender', 'x'],
      maxSaved: 1,
      from: null,
      ends: [],
      undoes: null,
    } as const;
    const head = { id: '7f3a', operator: 'ann', bastion: 'bastion1', createdAt: '2026-01-01T00:00:00Z' };
    const queue = { queue: 'mx1', host: 'mx1', software: 'postfix' };
    const plan = planChange({ ...head, reason: undefined }, facts, [
      { ...queue, places, messages: 1_000_000, recipients: 1, sizeBytes: 1 },
    ]);
    expect(facts.key).toMatch(/^7f3a[0-9a-f]{8}$/);
    expect(JSON.stringify(plan).length).toBeLessThan(50_000);
    expect(changeFacts(plan)).toEqual(facts);
    expect(changeFacts({ ...plan, kind: 'queue-delete' })).toBeUndefined();
    expect(changeFacts({ ...plan, facts: null })).toBeUndefined();
  });

  test('what is tried or requeued cannot be taken back', () => {
    expect(
      ['hold', 'release', 'delete', 'requeue', 'flush', 'restore'].map((act) => oppositeOf(act as 'hold')),
    ).toEqual(['release', 'hold', 'restore', undefined, undefined, undefined]);
  });
});
