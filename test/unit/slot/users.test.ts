import { describe, expect, it } from 'vitest';
import { MailctlError, ParseError } from '../../../src/errors.js';
import type { UserMove } from '../../../src/slot/moves.js';
import { movesInMotion, parseUsers, placements } from '../../../src/slot/users.js';

const read = (output: string, isTold = true) => parseUsers(output, 'output of lister', 'store1', isTold);
const move = (user: string, from: string, to: string, state = 'moving'): UserMove => ({
  user,
  from,
  to,
  state,
  at: null,
});

describe('parseUsers', () => {
  it.each([
    ['lines', 'ann\nbob\nd.e@example.org\n'],
    [
      'lines with carriage returns, a comment and a byte-order mark',
      '\uFEFF# users\r\nann\r\nbob\r\nd.e@example.org',
    ],
    ['tabs with a header', 'user\tslot\nann\tstore1\nbob\tstore1\neve\tstore2\nd.e@example.org\tstore1\n'],
    ['a JSON list of names', '["ann", "bob", "d.e@example.org"]'],
    ['a JSON list of objects', '[{"user":"ann","slot":"store1"},{"user":"bob"},{"user":"d.e@example.org"}]'],
    ['a wrapped list', '{"users": ["ann", "bob", "d.e@example.org"]}'],
    ['an object a line', '{"user":"ann"}\n{"user":"bob","slot":"store1"}\n\n{"user":"d.e@example.org"}\n'],
  ])('reads %s', (_form, output) => {
    expect(read(output)).toEqual(['ann', 'bob', 'd.e@example.org']);
  });

  it('names each user once, and takes numbers for names', () => {
    expect(read('[1001, "ann", "ann"]'.replace('1001', '{"user":1001}'))).toEqual(['1001', 'ann']);
  });

  it('leaves out the users of other slots', () => {
    expect(read('ann\tstore1\nbob\tstore2\n', false)).toEqual(['ann']);
  });

  it('takes an explicit empty list for one, and silence for an error', () => {
    expect(read('[]')).toEqual([]);
    for (const nothing of ['', '\n \n', '\uFEFF']) {
      expect(() => read(nothing)).toThrow(expect.objectContaining({ code: 'users.nothing' }));
    }
  });

  it.each([
    ['ann\nb ob\n', 'output of lister: line 2: user "b ob" must not hold blanks'],
    ['ann\n-f\n', 'output of lister: line 2: user "-f" must not begin with "-"'],
    ['["../../etc"]', 'output of lister: entry 1: user "../../etc" must not hold a "/"'],
    ['["\\u001b[31mann"]', 'output of lister: entry 1: user "\\u001b[31mann" holds a control character'],
    ['ann\tstore1\tx\n', 'output of lister: line 1: expected user TAB slot'],
    ['[["ann"]]', 'output of lister: entry 1: expected text or an object'],
    ['[{"name":"ann"}]', 'output of lister: entry 1: expected the name of a user, or {user, slot}'],
    ['{"user":"ann"}\n{"user":', /^output of lister: line 2: no valid JSON: /],
    ['["ann"', /^output of lister: no valid JSON: /],
  ])('refuses all of %j', (output, message) => {
    expect(() => read(output)).toThrow(message);
    expect(() => read(output)).toThrow(ParseError);
  });

  it('asks for the slot of every user where the command was told none', () => {
    expect(() => read('ann\nbob\n', false)).toThrow('line 1: user "ann" has no slot');
  });

  it('bears a line of ten million characters', () => {
    expect(() => read('x'.repeat(10_000_000))).toThrow('is longer than 255 characters');
  });
});

describe('placements', () => {
  it('believes the list of users', () => {
    const where = placements('store1', ['ann'], [move('ann', 'store1', 'store2', 'done')]);
    expect([where('ann'), where('bob')]).toEqual(['here', 'elsewhere']);
  });

  it('drops nobody who is on the way', () => {
    const where = placements(
      'store1',
      ['ann'],
      [move('bob', 'store1', 'store2'), move('eve', 'store9', 'store1')],
    );
    expect([where('bob'), where('eve'), where('ann')]).toEqual(['moving', 'moving', 'here']);
    expect(placements('store1', null, [move('bob', 'store1', 'store2', 'paused')])('bob')).toBe('moving');
  });

  it('without a list of users believes the last move that is done', () => {
    const there = move('ann', 'store1', 'store2', 'done');
    const back = move('ann', 'store2', 'store1', 'done');
    expect(placements('store1', null, [there])('ann')).toBe('elsewhere');
    expect(placements('store1', null, [there, back])('ann')).toBe('here');
    expect(placements('store1', null, [there, { ...back, state: 'failed' }])('ann')).toBe('elsewhere');
    expect(placements('store1', null, [there])('bob')).toBe('unknown');
  });

  it('knows nothing where nothing is configured', () => {
    expect(placements('store1', null, null)('ann')).toBe('unknown');
  });

  it('names moves in motion of a slot only', () => {
    const moves = [
      move('a', 'store1', 'store2'),
      move('b', 'store2', 'store3'),
      move('c', 'store3', 'store1', 'copying'),
      move('d', 'store1', 'store2', 'done'),
      move('e', 'store1', 'store2', 'failed'),
    ];
    expect(movesInMotion('store1', moves).map(({ user }) => user)).toEqual(['a', 'c']);
    expect(movesInMotion('store1', null)).toEqual([]);
  });
});

it('is an error of ours in every case', () => {
  expect(() => read('')).toThrow(MailctlError);
});
