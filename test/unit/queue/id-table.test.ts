// Ids by the million: each once, numbered as they came, whatever they are made of.
import { expect, test } from 'vitest';
import { IdTable, TextList } from '../../../src/queue/id-table.js';
import { randomFrom } from '../../support/random.js';

test('does what a map does, with any text', () => {
  const random = randomFrom(7);
  const letters = ['a', 'B', '0', 'ü', '\u{1f600}', '\0', '/', '__proto__'];
  const table = new IdTable();
  const map = new Map<string, number>();
  for (let at = 0; at < 20_000; at += 1) {
    const id = Array.from({ length: Math.floor(random() * 5) }, () => letters[Math.floor(random() * 8)]).join(
      '',
    );
    const known = map.get(id);
    expect(table.find(id)).toBe(known ?? -1);
    expect(table.add(id)).toEqual({ number: known ?? map.size, isNew: known === undefined });
    if (known === undefined) map.set(id, map.size);
  }
  expect(table.count).toBe(map.size);
  expect([...map].every(([id, number]) => table.text(number) === id)).toBe(true);
});

test('a text that is taken away again leaves no trace', () => {
  const list = new TextList();
  list.add('one');
  list.add('x'.repeat(100_000));
  list.drop();
  list.add('two');
  expect([list.count, list.get(0), list.get(1)]).toEqual([2, 'one', 'two']);
});
