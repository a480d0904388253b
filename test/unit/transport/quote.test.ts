// Quoting, judged by a real shell.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { quoteProxyCommand, quoteWord, quoteWords } from '../../../src/transport/quote.js';

const nasty = [
  '',
  ' ',
  "'",
  "''",
  "'\\''",
  '"',
  '\\',
  '\\\\',
  "\\'",
  '$HOME',
  '$(id)',
  '`id`',
  '$x{',
  '!!',
  '*',
  '?',
  '[a]',
  '~',
  '~root',
  '-n',
  '--',
  '-',
  '#',
  'a#b',
  '&',
  ';',
  '|',
  '<',
  '>',
  '(',
  ')',
  '{a,b}',
  'a=b',
  '\n',
  '\r',
  'a\nb',
  '\t',
  '\u001b[0m',
  '\u0007',
  '\u0001',
  '\u007f',
  '%',
  '%h',
  '%%',
  'ü',
  '😀',
  '\u202e',
  '\ufeff',
  'x\n\n',
  ' lead',
  'trail ',
  'x'.repeat(100_000),
];

function words(shell: string, line: string): readonly string[] {
  const script = `for a in ${line}; do printf '%s\\0' "$a"; done`;
  return execFileSync(shell, ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('quoting', () => {
  it.each(['sh', 'bash'])('brings every word intact through %s', (shell) => {
    for (const word of nasty) expect(words(shell, quoteWord(word))).toEqual([word]);
    expect(words(shell, quoteWords(['x', ...nasty.slice(0, -1)]))).toEqual(['x', ...nasty.slice(0, -1)]);
  });

  it('survives being quoted twice', () => {
    for (const word of nasty.slice(0, -1)) {
      const inner = `printf %s ${quoteWord(word)}`;
      expect(execFileSync('sh', ['-c', `sh -c ${quoteWord(inner)}`], { encoding: 'utf8' })).toBe(word);
    }
  });

  it('refuses NUL', () => {
    expect(() => quoteWord('a\0b')).toThrow('NUL');
    expect(() => quoteWords(['a\0b'])).toThrow('NUL');
  });

  it('leaves plain words as people type them, and no word that means something else', () => {
    expect(quoteWords(['ssh', '-o', 'A=b', '--', 'imap21', 'a b'])).toBe("ssh -o A=b -- imap21 'a b'");
    expect(quoteWords(['A=b', '~x', ''])).toBe("'A=b' '~x' ''");
  });

  it('keeps a percent sign from ssh, but for its own tokens', () => {
    expect(quoteProxyCommand(['ssh', '50%', '[%h]:%p'], ['[%h]:%p'])).toBe("'ssh' '50%%' '[%h]:%p'");
  });
});
