// Who has a mailbox on which slot, and who is on the way, by the site's own word. It keeps a replay from bringing
// back somebody who was deleted or moved away since. Pure, but for the interface. A list that cannot be wholly
// understood, or says nothing at all, is an error: half a list would make strangers of the other half.
import { MailctlError, ParseError } from '../errors.js';
import { type Fields, readRows, userNameFault, wordOf } from './listed-rows.js';
import { isMoving, type UserMove } from './moves.js';
import { quoteName } from './slot-name.js';

/** The site's lists, as far as the configuration names them. Every call may throw a MailctlError. */
export interface UserSources {
  /** All users that the site places on a slot; null: no such list is configured. */
  usersOf(slot: string): Promise<readonly string[] | null>;
  /** All moves that the site knows, the older first; null: no such list is configured. */
  moves(): Promise<readonly UserMove[] | null>;
}

/** Nothing configured: nothing is known. */
export const noUserSources: UserSources = { usersOf: async () => null, moves: async () => null };

/**
 * Where the site has a user, seen from one slot. `moving`: a move from or to this slot is not over, so that both
 * sides count; `unknown`: no list says anything.
 */
export type Placement = 'here' | 'elsewhere' | 'moving' | 'unknown';

/** What the lists say of each user of a slot. The list of users, where there is one, has the last word. */
export function placements(
  slot: string,
  users: readonly string[] | null,
  moves: readonly UserMove[] | null,
): (user: string) => Placement {
  const listed = users === null ? null : new Set(users);
  const moving = new Set<string>();
  const lastDone = new Map<string, UserMove>();
  for (const move of moves ?? []) {
    if (isMoving(move) && (move.from === slot || move.to === slot)) moving.add(move.user);
    else if (move.state === 'done') lastDone.set(move.user, move);
  }
  return (user) => {
    if (moving.has(user)) return 'moving';
    if (listed !== null) return listed.has(user) ? 'here' : 'elsewhere';
    const move = lastDone.get(user);
    if (move === undefined) return 'unknown';
    return move.to === slot ? 'here' : 'elsewhere';
  };
}

/** Moves from or to a slot that are not over. */
export function movesInMotion(slot: string, moves: readonly UserMove[] | null): readonly UserMove[] {
  return (moves ?? []).filter((move) => isMoving(move) && (move.from === slot || move.to === slot));
}

/**
 * Reads what `directory.users` printed: a user a line, user TAB slot a line, a JSON list of users or of
 * `{user, slot}`, or such an object a line. Users of other slots are left out; `slot` is null where the command
 * was not told one, and then every row must name its own. `where` names the command in errors.
 * @throws ParseError, and `users.nothing` for an answer without a word: a slot without users prints `[]`
 */
export function parseUsers(output: string, where: string, slot: string, isTold: boolean): readonly string[] {
  const rows = readRows(output, where, ['user', 'slot'], 'users');
  if (rows === undefined) {
    throw new MailctlError(`${where}: it printed nothing, which would mean that nobody has a mailbox`, {
      code: 'users.nothing',
      exitCode: 3,
      hint: 'a slot without users is printed as []',
    });
  }
  const users = new Set<string>();
  for (const { value, at } of rows) {
    const row: Fields = typeof value === 'string' ? { user: value } : value;
    const user = wordOf(row.user);
    if (user === undefined) throw new ParseError(at, 'expected the name of a user, or {user, slot}');
    const wrong = userNameFault(user);
    if (wrong !== undefined) throw new ParseError(at, `user ${quoteName(user)} ${wrong}`);
    const of = wordOf(row.slot);
    if (of === undefined && !isTold) throw new ParseError(at, `user ${quoteName(user)} has no slot`);
    if (of === undefined || of === slot) users.add(user);
  }
  return [...users];
}
