// A line for people as data: text with tones. Text is escaped and coloured only when the line is rendered, so
// that nothing from outside can reach a terminal raw, and nothing else has to remember to escape.
import { escapeText } from './escape.js';

/** What a word means; the colour follows from it. Plain text has none. */
export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'strong';

/** A stretch of a line. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A line that is rendered already; only renderLine and the table make these. */
export interface Rendered {
  readonly rendered: string;
}

/** One line of a screen, without its newline. */
export type Line = string | Rendered | readonly (string | Span)[];

const SGR: Readonly<Record<Tone, string>> = { good: '32', warn: '33', bad: '31', dim: '2', strong: '1' };

/** Escaped text in the tone's colour, if colours are wanted. */
export function paint(text: string, tone: Tone | undefined, color: boolean): string {
  const shown = escapeText(text);
  return color && tone !== undefined && shown !== '' ? `\x1b[${SGR[tone]}m${shown}\x1b[0m` : shown;
}

/** The line as a terminal gets it. */
export function renderLine(line: Line, color: boolean): string {
  if (typeof line === 'string') return escapeText(line);
  if ('rendered' in line) return line.rendered;
  return line
    .map((span) => (typeof span === 'string' ? escapeText(span) : paint(span.text, span.tone, color)))
    .join('');
}
