// Users on the way from one slot to another, by the site's own list. A move half done makes lag that is no fault,
// and a user whom both slots have: a failover names them, and a replay leaves alone who has moved away. Pure.
import { MailctlError, ParseError } from '../errors.js';
import { formatIso } from '../lib/clock.js';
import { type Fields, fieldOf, readRows, userNameFault, wordOf } from './listed-rows.js';
import { quoteName, slotNameFault } from './slot-name.js';

/** One move. */
export interface UserMove {
  readonly user: string;
  /** Slot. */
  readonly from: string;
  /** Slot. */
  readonly to: string;
  /** `moving`, `done`, `failed`, or what the site calls it. */
  readonly state: string;
  /** When it was last said, ISO 8601 UTC; null: the list does not say. */
  readonly at: string | null;
}

/** A move that is not over; a state that only the site knows counts as one. One that failed has moved nobody. */
export function isMoving(move: UserMove): boolean {
  return move.state !== 'done' && move.state !== 'failed';
}

/**
 * Reads a list of moves: JSON, an object a line, or lines of user, from, to, state and (optional) at with tabs
 * between them. Nothing printed: nobody moves. The result has the older first, where the list says when.
 * @throws ParseError for a list that is not wholly understood
 */
export function parseMoves(output: string, where: string): readonly UserMove[] {
  const rows = readRows(output, where, ['user', 'from', 'to', 'state', 'at'], 'moves') ?? [];
  return inOrder(
    rows.map(({ value, at }) => {
      if (typeof value === 'string') throw new ParseError(at, 'expected {user, from, to, state}');
      return toMove(value, at);
    }),
  );
}

/** One row of a list or a table as a move. `where` is its place in errors. @throws ParseError */
export function toMove(row: Fields, where: string): UserMove {
  const word = (name: string, fault: (text: string) => string | undefined): string => {
    const text = wordOf(fieldOf(row, name));
    if (text === undefined) throw new ParseError(where, `the move has no "${name}"`);
    const wrong = fault(text);
    if (wrong !== undefined) throw new ParseError(where, `${name} ${quoteName(text)} ${wrong}`);
    return text;
  };
  return {
    user: word('user', userNameFault),
    from: word('from', slotNameFault),
    to: word('to', slotNameFault),
    state: stateOf(word('state', stateFault)),
    at: timeOf(fieldOf(row, 'at'), where),
  };
}

/** The older first; moves without a time stay where they stand in the list. */
export function inOrder(moves: readonly UserMove[]): readonly UserMove[] {
  if (moves.some(({ at }) => at === null)) return moves;
  return moves.toSorted((a, b) => ((a.at ?? '') < (b.at ?? '') ? -1 : a.at === b.at ? 0 : 1));
}

/** Our own three words in any case; a word that only the site knows stays as it is. */
function stateOf(text: string): string {
  const lower = text.toLowerCase();
  return ['moving', 'done', 'failed'].includes(lower) ? lower : text;
}

function stateFault(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(text)) return 'holds a control character';
  return text.length > 60 ? 'is longer than 60 characters' : undefined;
}

function timeOf(value: unknown, where: string): string | null {
  if (value === undefined || value === null || value === '') return null;
  // Seconds since 1970, as databases often keep them.
  const isSeconds = typeof value === 'number' || (typeof value === 'string' && /^\d{9,10}$/.test(value));
  const ms = isSeconds ? Number(value) * 1000 : value instanceof Date ? value.getTime() : toMs(String(value));
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) {
    throw new ParseError(where, `at ${quoteName(String(value))} is no ISO 8601 time`);
  }
  return formatIso(ms);
}

/** A time without a zone is taken for UTC: the reader's own zone means nothing to a list. */
function toMs(text: string): number {
  const isIso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d(:?\d\d)?))?)?$/i.test(text);
  if (!isIso) return Number.NaN;
  const iso = text
    .replace(' ', 'T')
    .replace(' ', '')
    .replace(/([+-]\d\d)$/, (zone, _all, at: number) => (at > 10 ? `${zone}:00` : zone));
  return Date.parse(/T/i.test(iso) && !/(Z|[+-]\d\d:?\d\d)$/i.test(iso) ? `${iso}Z` : iso);
}

/** A list of more moves is no list of moves. */
export const MOST_MOVES = 200_000;

/** The error about a list that is longer. */
export function tooManyMoves(where: string): MailctlError {
  return new MailctlError(`${where}: it has more than ${MOST_MOVES} moves`, {
    code: 'moves.too-many',
    exitCode: 3,
    hint: 'list those of the last weeks only',
  });
}
