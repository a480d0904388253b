import { expect, test } from 'vitest';
import { cutRendered, cutText, displayWidth } from '../../../src/output/width.js';

test('wide characters and emoji take two columns, combining marks none', () => {
  expect(displayWidth('store1')).toBe(6);
  expect(displayWidth('日本')).toBe(4);
  expect(displayWidth('e\u0301')).toBe(1);
  expect(displayWidth('😀')).toBe(2);
  expect(displayWidth('\x1b[31mred\x1b[0m')).toBe(3);
});

test('a text is cut to its width with an ellipsis, and never in the middle of a wide character', () => {
  expect(cutText('abcdef', 6)).toBe('abcdef');
  expect(cutText('abcdef', 4)).toBe('abc…');
  expect(cutText('日本語', 4)).toBe('日…');
  expect(cutText('abc', 1)).toBe('…');
  expect(cutText('abc', 0)).toBe('');
});

test('a coloured line is cut by what is seen of it, and its colour ends', () => {
  expect(cutRendered('ab\x1b[31mcdef\x1b[0mgh', 8)).toBe('ab\x1b[31mcdef\x1b[0mgh');
  const cut = cutRendered('ab\x1b[31mcdef\x1b[0mgh', 5);
  expect(cut).toBe('ab\x1b[31mcd…\x1b[0m');
  expect(displayWidth(cut)).toBe(5);
  expect(displayWidth(cutRendered('ab\x1b[31mcd\x1b[0mefgh', 5))).toBe(5);
  expect(cutRendered('ab\x1b[31mcd\x1b[0mef', 4)).toBe('ab\x1b[31mc…\x1b[0m');
});
