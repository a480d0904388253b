// Mutations of samples, the same for the same seed, and the loop that gives them to a parser.
import { pick, randomFrom } from '../support/random.js';
import type { Target } from './targets.js';

/** What a target came to. */
export interface Fuzzed {
  readonly inputs: number;
  /** The first input that did not hold, and why; null: all held. */
  readonly fault: { readonly input: string; readonly error: unknown } | null;
  readonly slowestMs: number;
}

/** No input of this size may take longer, however busy the machine. */
export const SLOW_MS = 2000;

const PIECES = [
  '',
  '\0',
  '\r',
  '\n',
  '\n\n',
  '\t',
  '"',
  "'",
  '\\',
  '\\u202e',
  '\u001b[2J',
  '\u009b',
  '\u202e',
  '\ud800',
  '\ufeff',
  '\ufffd',
  '{',
  '}',
  '[',
  ']',
  '<',
  '>',
  '<>',
  '@',
  '|',
  '*',
  '#',
  '!',
  ':',
  ',',
  '/',
  '../',
  '(',
  ')',
  '+',
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  '99999999999999999999',
  '4.7.1',
  '550 ',
  '__proto__',
  'constructor',
  'toString',
  '{"__proto__":{"polluted":1}}',
  'null',
  'postqueue: warning: Mail system is down -- accessing queue directly',
  '-- 6 Kbytes in 21 Requests.',
  'Total requests: 3',
  '*** frozen ***',
  '*** spool format error: size=8 ***',
];

/** One input: some lines of a sample, changed at a few places. */
export function mutate(random: () => number, samples: readonly string[]): string {
  const lines = pick(random, samples).split('\n');
  const from = Math.floor(random() * lines.length);
  const count = 1 + Math.floor(random() ** 3 * 30);
  let text = lines.slice(from, from + count).join('\n');
  const changes = Math.floor(random() * 6);
  for (let change = 0; change < changes; change += 1) {
    const at = Math.floor(random() * (text.length + 1));
    const length = Math.floor(random() ** 4 * 60);
    const piece =
      random() < 0.1
        ? text.slice(at, at + 200)
        : random() < 0.02
          ? pick(random, PIECES).repeat(Math.floor(random() * 2000))
          : pick(random, PIECES);
    text = text.slice(0, at) + piece + text.slice(at + length);
  }
  return random() < 0.05 ? text.slice(0, Math.floor(random() * text.length)) : text;
}

/** Gives `count` inputs to a target. `elapsed` is a clock in ms. */
export function fuzz(target: Target, count: number, seed: number, elapsed: () => number): Fuzzed {
  const random = randomFrom(seed);
  let slowestMs = 0;
  for (let inputs = 1; inputs <= count; inputs += 1) {
    const input = mutate(random, target.samples);
    const begun = elapsed();
    try {
      target.take(input);
      const extra = Object.keys(Object.prototype);
      if (extra.length > 0) throw new Error(`all objects have ${extra.join()} now`);
      const took = elapsed() - begun;
      slowestMs = Math.max(slowestMs, took);
      if (took > SLOW_MS) throw new Error(`it took ${Math.round(took)} ms`);
    } catch (error) {
      return { inputs, fault: { input, error }, slowestMs };
    }
  }
  return { inputs: count, fault: null, slowestMs };
}
