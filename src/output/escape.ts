// Text from outside made fit for a terminal: control characters, invisible format characters (bidi overrides,
// zero widths, tags) and broken surrogates become visible escapes. Everything that is printed goes through
// here, data and messages alike; JSON does not, since JSON.stringify escapes for itself.

/** Fit as it is, and most text is; the expressions below are made by the first text that is not, since that takes time. */
const PLAIN = /^[ -~]*$/;

/** A backslash escape of one character: `\t \n \r`, else `\x1b`, `\u202e`, `\u{e0041}`. */
function visible(character: string): string {
  if (character === '\t') return '\\t';
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/** One line that a terminal shows as it is; newline and tab are escaped as well. */
export function escapeText(text: string): string {
  if (PLAIN.test(text)) return text;
  // Cc: C0, DEL and C1. Cf: bidi, zero width, soft hyphen, tags. Zl and Zp break lines in some terminals. Cs: with the u
  // flag only a surrogate without its partner matches.
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, visible);
}

/** As escapeText, but a tab stays. */
export function escapeLine(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, visible);
}

/** Several lines: newlines stay, everything else is escaped line by line (a CR before the newline too). */
export function escapeLines(text: string): string {
  return text.split('\n').map(escapeLine).join('\n');
}
