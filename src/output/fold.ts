// Folding text for screens: at blanks, never inside a word, since a cut address or path would be a wrong one.
import type { Line, Span } from './line.js';

/** Columns of a screen that everybody has. */
export const SCREEN_COLUMNS = 79;

/** The words of a text in lines: the first of `first` columns, all others of `rest`. Never empty. */
export function foldText(text: string, first: number, rest = first): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const room = lines.length === 0 ? first : rest;
    if (line === '') line = word;
    else if (line.length + 1 + word.length <= room) line = `${line} ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

/** Spans and a text behind them, folded at the screen's width; further lines stand under `indent`. */
export function folded(head: readonly (string | Span)[], text: string, indent: string): readonly Line[] {
  const blank = text.startsWith(' ') ? ' ' : '';
  const width = head.reduce((sum, span) => sum + (typeof span === 'string' ? span : span.text).length, 0);
  const lines = foldText(text, SCREEN_COLUMNS - width - blank.length, SCREEN_COLUMNS - indent.length);
  return lines.map((line, index) => (index === 0 ? [...head, `${blank}${line}`] : `${indent}${line}`));
}
