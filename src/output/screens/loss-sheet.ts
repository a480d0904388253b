// The loss sheet of one slot on the plan's screen: who would miss what, in numbers and a few names; all of them are
// in the document. Pure.
import { formatIso } from '../../lib/clock.js';
import type { LossSheet } from '../../slot/loss-sheet.js';
import { foldText, SCREEN_COLUMNS } from '../fold.js';
import type { Line } from '../line.js';

/** Names of each kind on the screen. */
const NAMES_SHOWN = 4;
const INDENT = '    ';
const ROOM = SCREEN_COLUMNS - INDENT.length;
const indented = (line: string) => INDENT + line;

/** Its lines, indented under the slot that they are about. */
export function lossSheetLines(sheet: LossSheet): readonly Line[] {
  const parts: string[] = [];
  const { users, events, newUsers, moving, oldest, at } = sheet;
  const many = users === null ? 0 : users.length + sheet.moreUsers;
  if (events === 0) parts.push('nothing waits: its replica has everything');
  else if (users === null)
    parts.push(events === null ? 'what waits is not known' : `${thousands(events)} events wait`);
  else {
    const names = users.map((one) => `${one.user} ${thousands(one.events)}`);
    const what = `${thousands(events ?? 0)} events of ${thousands(many)} ${many === 1 ? 'user' : 'users'}`;
    parts.push(`${what} wait${many === 0 ? '' : `: ${short(names, many)}`}`);
  }
  if ((sheet.movingEvents ?? 0) > 0)
    parts.push(`${thousands(sheet.movingEvents ?? 0)} of them by users on the way`);
  if (oldest !== null && events !== 0) parts.push(`the oldest from ${formatIso(oldest * 1000)}`);
  if (newUsers !== null && newUsers.length > 0) {
    const what = newUsers.length === 1 ? '1 user is' : `${thousands(newUsers.length)} users are`;
    parts.push(`${what} not on its replica at all: ${short(newUsers, newUsers.length)}`);
  } else if (newUsers !== null) parts.push('no new user');
  if (moving !== null && moving.length > 0) {
    const names = moving.map(({ user, from, to }) => `${user} (${from} to ${to})`);
    parts.push(`${moving.length} on the way: ${short(names, moving.length)}`);
  }
  if (at !== null && sheet.source === 'stored') parts.push(`as of ${formatIso(at * 1000)}`);
  const lines = foldText(parts.join('; '), ROOM).map(indented);
  return sheet.notKnown.length === 0
    ? lines
    : [...lines, ...foldText(`not known: ${sheet.notKnown.slice(0, 4).join('; ')}`, ROOM).map(indented)];
}

function short(names: readonly string[], total: number): string {
  const shown = names.slice(0, NAMES_SHOWN);
  return `${shown.join(', ')}${total > shown.length ? ` +${thousands(total - shown.length)}` : ''}`;
}

/** `41,220`. */
export function thousands(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
