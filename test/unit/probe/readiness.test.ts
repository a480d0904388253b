// Readiness of receivers: what a session means for mail, the comparison of both sides, and lists of receivers as people
// write them.
import { describe, expect, test } from 'vitest';
import {
  type Acceptance,
  judgeReceiver,
  parseReceivers,
  type SeenFrom,
} from '../../../src/probe/readiness.js';

const seen = (kind: Acceptance['kind'], uplink = 'a'): SeenFrom => ({
  uplink,
  host: 'mx1',
  acceptance: { kind, phase: 'rcpt', code: null, text: '', tookMs: 1 },
});

describe('a receiver', () => {
  test.each([
    [['accepts'], ['accepts'], 'ready'],
    [['accepts'], ['refuses'], 'ready'],
    [['refuses'], ['accepts'], 'refused'],
    [['defers'], ['accepts'], 'deferred'],
    [['defers'], ['defers'], 'deferred'],
    [['hangs'], ['accepts'], 'hangs'],
    [['unreachable'], ['accepts'], 'unreachable'],
    [['broken'], ['accepts'], 'broken'],
    // Nobody is let in: that is no difference between the places.
    [['refuses'], ['refuses'], 'nowhere'],
    [['hangs'], ['unreachable'], 'nowhere'],
    // Nothing to compare with: what was seen stands.
    [['refuses'], [], 'refused'],
    [['refuses'], ['unknown'], 'refused'],
    [['unknown'], ['accepts'], 'unknown'],
    [[], ['accepts'], 'unknown'],
    // One uplink of the new place that is not let in is enough, one of the old place that is let in as well.
    [['accepts', 'refuses'], ['refuses', 'accepts'], 'refused'],
    [['accepts', 'unknown'], ['accepts'], 'unknown'],
  ] as const)('%j against %j is %s', (candidates, usual, verdict) => {
    expect(
      judgeReceiver(
        candidates.map((kind) => seen(kind)),
        usual.map((kind) => seen(kind)),
      ).verdict,
    ).toBe(verdict);
  });
});

describe('a list of receivers', () => {
  test('has addresses, domains and servers, comments and blank lines', () => {
    const { receivers, faults } = parseReceivers(
      '# customers\r\nann@example.net\r\n\n  Example.ORG   # their postmaster\nbob@example.com mx.example.com:2525\nann@example.net\n',
    );
    expect(faults).toEqual([]);
    expect(receivers).toEqual([
      { name: 'ann@example.net', recipient: 'ann@example.net', domain: 'example.net', server: null },
      { name: 'Example.ORG', recipient: 'postmaster@Example.ORG', domain: 'example.org', server: null },
      {
        name: 'bob@example.com',
        recipient: 'bob@example.com',
        domain: 'example.com',
        server: 'mx.example.com:2525',
      },
    ]);
  });

  test.each([
    '<ann@example.net>',
    'a b c',
    'ann@',
    '@example.net',
    '-oProxyCommand=x',
    'a@b@c',
    'ann@x>\u0000',
  ])('%j is told with its line', (line) => {
    const { receivers, faults } = parseReceivers(`ok.example\n${line}`);
    expect(receivers).toHaveLength(1 + (faults.length === 0 ? 1 : 0));
    expect(faults.join()).toContain('line 2');
  });
});
