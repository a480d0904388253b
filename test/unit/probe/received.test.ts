// Received headers as hops: the oldest first, times between them, and lines as strangers write them.
import { describe, expect, test } from 'vitest';
import { receivedHops } from '../../../src/probe/received.js';

const HANDED_AT = Date.parse('2026-11-27T10:00:00Z');

describe('Received headers', () => {
  test('are the hops of a message, the oldest first', () => {
    const header = [
      'Return-Path: <a@example.net>',
      'Received: from mx.example.com (mx.example.com [192.0.2.1])',
      '\tby store.example.com (Cyrus) with LMTPA;',
      '\tFri, 27 Nov 2026 11:00:09 +0100',
      'Received: from mx1.example.net (unknown [198.51.100.1]) by mx.example.com (Postfix) with ESMTPS id 1',
      ' for <probe@example.com>; Fri, 27 Nov 2026 10:00:02 +0000 (UTC)',
      'Subject: x',
      '',
    ].join('\r\n');
    expect(receivedHops(header, HANDED_AT)).toEqual([
      { from: 'mx1.example.net', by: 'mx.example.com', at: '2026-11-27T10:00:02Z', seconds: 2 },
      { from: 'mx.example.com', by: 'store.example.com', at: '2026-11-27T10:00:09Z', seconds: 7 },
    ]);
  });

  test('a clock that is behind gives a negative time, a date that is none gives none', () => {
    const header = [
      'Received: by b.example; 27 Nov 2026 10:00:30 +0000',
      'Received: by a.example; yesterday',
      'Received: by c.example; 27 Nov 2026 09:59:50 +0000',
    ].join('\n');
    expect(receivedHops(header, HANDED_AT).map(({ by, seconds }) => [by, seconds])).toEqual([
      ['c.example', -10],
      ['a.example', null],
      ['b.example', 40],
    ]);
  });

  test.each([
    '',
    'Received:',
    'Received: ;',
    `Received: from ${'x'.repeat(100_000)} by`,
    'Received: \0\x1b[2J; (((((',
    '\n\n\n',
  ])('anything is read: %#', (header) => expect(Array.isArray(receivedHops(header, HANDED_AT))).toBe(true));

  test('not more than fifty of them', () => {
    expect(receivedHops('Received: by a; 27 Nov 2026 10:00:00 +0000\n'.repeat(500), HANDED_AT)).toHaveLength(
      50,
    );
  });
});
