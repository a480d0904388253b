import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/transport/line-splitter.js';

function split(chunks: readonly Buffer[]): readonly string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('the line splitter', () => {
  it('gives the same lines wherever the chunks are cut', () => {
    const bytes = Buffer.from('eins\n\nzwei ü😀\r\n\n\ndrei');
    const expected = ['eins', '', 'zwei ü😀\r', '', '', 'drei'];
    for (let first = 0; first <= bytes.length; first += 1) {
      for (let second = first; second <= bytes.length; second += 1) {
        expect(
          split([bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]),
        ).toEqual(expected);
      }
    }
  });

  it('gives nothing for nothing, and no line after a last newline', () => {
    expect(split([])).toEqual([]);
    expect(split([Buffer.from('a\n')])).toEqual(['a']);
    expect(split([Buffer.from('\n')])).toEqual(['']);
  });

  it('replaces bytes that are no UTF-8 and goes on', () => {
    expect(split([Buffer.from([0x61, 0xff, 0x0a, 0x62])])).toEqual(['a\ufffd', 'b']);
  });

  it('holds a line of ten megabytes in pieces and says how much it holds', () => {
    const splitter = new LineSplitter(() => {});
    for (let i = 0; i < 160; i += 1) splitter.push(Buffer.alloc(65_536, 0x61));
    expect(splitter.pendingBytes).toBe(160 * 65_536);
    splitter.push(Buffer.from('\nx'));
    expect(splitter.pendingBytes).toBe(1);
  });
});
