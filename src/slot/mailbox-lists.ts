// Comparing the mailbox lists of two instances of a slot. Pure.
import type { Mailbox } from './driver.js';

/** Users whose live mailboxes are not the same on both sides; the second side may lack some or have others. */
export function differingUsers(here: readonly Mailbox[], there: readonly Mailbox[]): readonly string[] {
  const live = (list: readonly Mailbox[]) =>
    new Map(list.filter((mailbox) => !mailbox.deleted).map((mailbox) => [mailbox.name, mailbox.uniqueId]));
  const a = live(here);
  const b = live(there);
  const users = new Set<string>();
  for (const [name, uniqueId] of a) if (b.get(name) !== uniqueId) users.add(userOf(name));
  for (const name of b.keys()) if (!a.has(name)) users.add(userOf(name));
  users.delete('');
  return [...users].sort();
}

/** All that is there to be sent: users whole, and mailboxes that are no user's. */
export function sendTargets(list: readonly Mailbox[]): {
  readonly users: readonly string[];
  readonly mailboxes: readonly string[];
} {
  const live = list.filter((mailbox) => !mailbox.deleted);
  const users = [...new Set(live.map((mailbox) => userOf(mailbox.name)))]
    .filter((user) => user !== '')
    .sort();
  const mailboxes = live.map((mailbox) => mailbox.name).filter((name) => userOf(name) === '' && name !== '');
  return { users, mailboxes };
}

/** The user of an internal mailbox name (`user.d^e.Sent` is d.e's); empty for what is no user's. */
export function userOf(mailbox: string): string {
  const match = /^(?:([^!]+)!)?user[./]([^./]+)/.exec(mailbox);
  if (match === null) return '';
  const user = (match[2] ?? '').replaceAll('^', '.');
  return match[1] === undefined ? user : `${user}@${match[1]}`;
}
