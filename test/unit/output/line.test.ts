import { expect, test } from 'vitest';
import { renderLine } from '../../../src/output/line.js';

test('text in a line is escaped, whatever its form', () => {
  expect(renderLine('a\x1bb', true)).toBe('a\\x1bb');
  expect(renderLine(['a\n', { text: 'b\r' }], true)).toBe('a\\nb\\r');
});

test('a tone is a colour where colours are wanted and nothing elsewhere', () => {
  const line = ['x ', { text: 'down', tone: 'bad' }] as const;
  expect(renderLine(line, true)).toBe('x \x1b[31mdown\x1b[0m');
  expect(renderLine(line, false)).toBe('x down');
  expect(renderLine([{ text: '', tone: 'bad' }], true)).toBe('');
});
