import { describe, expect, it } from 'vitest';
import { ParseError } from '../../../src/errors.js';
import { parseMoves, toMove } from '../../../src/slot/moves.js';

const read = (output: string) => parseMoves(output, 'output of mover');
const ann = { user: 'ann', from: 'store1', to: 'store2', state: 'moving', at: null };

describe('parseMoves', () => {
  it.each([
    ['tabs', 'ann\tstore1\tstore2\tmoving\n'],
    ['tabs with a header', 'user_name\tfrom_slot\tto_slot\tstate\nann\tstore1\tstore2\tmoving\n'],
    ['a header in another order', 'state\tuser\tto\tfrom\nmoving\tann\tstore2\tstore1\n'],
    ['a JSON list', '[{"user":"ann","from":"store1","to":"store2","state":"Moving"}]'],
    ['one object', '{"user":"ann","from":"store1","to":"store2","state":"moving"}'],
    [
      'columns of a database',
      '{"moves":[{"user_name":"ann","from_slot":"store1","to_slot":"store2","state":"moving"}]}',
    ],
  ])('reads %s', (_form, output) => {
    expect(read(output)).toEqual([ann]);
  });

  it('takes silence for nobody', () => {
    expect(read('')).toEqual([]);
    expect(read('[]')).toEqual([]);
  });

  it.each([
    ['2026-03-12T04:28:26Z', '2026-03-12T04:28:26Z'],
    ['2026-03-12 04:28:26', '2026-03-12T04:28:26Z'],
    ['2026-03-12 04:28:26.5+00', '2026-03-12T04:28:26Z'],
    ['2026-03-12T05:28:26+01:00', '2026-03-12T04:28:26Z'],
    ['1773289706', '2026-03-12T04:28:26Z'],
    ['2026-03-12', '2026-03-12T00:00:00Z'],
  ])('reads the time %s', (at, iso) => {
    expect(read(`ann\tstore1\tstore2\tmoving\t${at}\n`)).toEqual([{ ...ann, at: iso }]);
  });

  it('puts the older first where all say when, and leaves the order alone where one does not', () => {
    const line = (user: string, at: string) => `${user}\tstore1\tstore2\tdone\t${at}\n`;
    const users = (output: string) => read(output).map(({ user }) => user);
    expect(users(line('b', '2026-03-12') + line('a', '2026-03-11'))).toEqual(['a', 'b']);
    expect(users(`${line('b', '2026-03-12')}c\tstore1\tstore2\tdone\n${line('a', '2026-03-11')}`)).toEqual([
      'b',
      'c',
      'a',
    ]);
  });

  it('keeps a state that only the site knows', () => {
    expect(read('ann\tstore1\tstore2\twaiting for XFER\n')[0]?.state).toBe('waiting for XFER');
  });

  it.each([
    ['ann\tstore1\n', 'output of mover: line 1: the move has no "to"'],
    ['ann\tstore1\tstore2\tmoving\tsoon\n', 'output of mover: line 1: at "soon" is no ISO 8601 time'],
    ['ann\t../x\tstore2\tmoving\n', 'output of mover: line 1: from "../x" must not hold a "/"'],
    ['["ann"]', 'output of mover: entry 1: expected {user, from, to, state}'],
    [
      '{"user":"ann","from":"store1","to":"store2","state":"mov\\u0007ing"}',
      /state "mov\\u0007ing" holds a control character/,
    ],
    ['a\tb\tc\td\te\tf\n', /line 1: expected user TAB from TAB to TAB state TAB at/],
  ])('refuses all of %j', (output, message) => {
    expect(() => read(output)).toThrow(message);
    expect(() => read(output)).toThrow(ParseError);
  });
});

it('a row of a table may hold a time as the database gives it', () => {
  const row = { user_name: 'ann', from_slot: 'store1', to_slot: 'store2', state: 'moving' };
  expect(toMove({ ...row, at: new Date(0) }, 'x')).toEqual({ ...ann, at: '1970-01-01T00:00:00Z' });
  expect(toMove({ ...row, at: null }, 'x').at).toBeNull();
});
