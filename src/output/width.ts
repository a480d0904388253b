// How many columns a terminal gives a text. The figures are cli-table3's own (string-width 4: wide characters
// and emoji two, combining marks none), so that what is cut here is what it pads. Load it by `await import` or
// from a module that is loaded so.
import utils from 'cli-table3/src/utils.js';

/** Columns of an escaped text; colour sequences count nothing. */
export function displayWidth(text: string): number {
  // Printable ASCII is what nearly every cell holds.
  return /^[\x20-\x7e]*$/.test(text) ? text.length : utils.strlen(text);
}

/** The text in at most `width` columns, an ellipsis at its end if it was cut. Plain text, no colours. */
export function cutText(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return '';
  let cut = '';
  let used = 0;
  for (const character of text) {
    const columns = displayWidth(character);
    if (used + columns > width - 1) break;
    cut += character;
    used += columns;
  }
  return `${cut.trimEnd()}…`;
}

/** As cutText for a line that renderLine has made: its colour sequences are kept whole, and end. */
export function cutRendered(line: string, width: number): string {
  if (displayWidth(line) <= width) return line;
  let cut = '';
  let used = 0;
  for (const part of line.split(/(\x1b\[\d*m)/)) {
    if (part.startsWith('\x1b')) {
      cut += part;
      continue;
    }
    const room = width - used;
    const piece = used < width && displayWidth(part) > room - 1 ? cutText(`${part} `, room) : part;
    if (used < width) cut += piece;
    used += displayWidth(piece);
  }
  return cut;
}
