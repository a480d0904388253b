// What of a former master's disk is sent to the new master, and what is not, since it was deleted, renamed or moved
// away there meanwhile. Pure: from the lines that its logs hold and the mailbox lists of both sides. The rules:
//   a mailbox is known by its unique id, never by its name; what the new master has deleted stays deleted;
//   what only the old disk has comes over, whether a log knows of it or not (field notes, "Silent loss");
//   one name with two ids is two mailboxes, and nobody but a person can say which is meant.
import type { LeftoverEvent, Leftovers, Mailbox, Replay } from './driver.js';
import { userOf } from './mailbox-lists.js';
import type { Placement } from './users.js';

/** What a replay is planned from. */
export interface ReplayFacts {
  readonly leftovers: Pick<Leftovers, 'events'>;
  /** All that the old master's list has, also what is deleted. */
  readonly old: readonly Mailbox[];
  /** The same of the new one. */
  readonly next: readonly Mailbox[];
  readonly placement: (user: string) => Placement;
}

/** A mailbox that is not sent, and its changes with it. */
export interface Dropped {
  /** Internal name. */
  readonly mailbox: string;
  /** Empty: a shared one. */
  readonly user: string;
  readonly why: string;
  /** Lines of the logs that name it: changes that no replica has. */
  readonly events: number;
}

/** One name, two mailboxes. */
export interface Conflict {
  readonly mailbox: string;
  readonly user: string;
  readonly oldId: string;
  readonly nextId: string;
}

/** What is to be done. */
export interface ReplayPlan {
  readonly replay: Replay;
  readonly dropped: readonly Dropped[];
  readonly conflicts: readonly Conflict[];
  /** Users that the logs or the lists speak of: made equal in the end. */
  readonly users: readonly string[];
  /** The same of mailboxes that are no user's. */
  readonly shared: readonly string[];
  /** Changed on both sides in a way that only the new master's own replication brings together. */
  readonly renamed: readonly string[];
}

/** A mailbox that was deleted and waits for its clean-up bears this in front of its name. */
const DELETED = /^(?:[^!]+!)?DELETED\./;

/** A user's INBOX, by its internal name. */
const INBOX = /^(?:[^!]+!)?user\.[^.]+$/;

type Standing = 'live' | 'deleted' | 'tombstone';

interface Known {
  readonly name: string;
  readonly standing: Standing;
}

/** Plans it. */
export function planReplay({ leftovers, old, next, placement }: ReplayFacts): ReplayPlan {
  const nextById = byId(next);
  const nextLive = live(next);
  const renames = renamesOf(leftovers.events);
  const events = countsByMailbox(leftovers.events);
  const usersOnNext = new Set(next.map((mailbox) => userOf(withoutDeleted(mailbox.name))));
  const goneUsers = usersDeletedSince(old, nextById, nextLive);

  const units: (readonly string[])[] = [];
  const wholeUsers = new Set<string>();
  const dropped: Dropped[] = [];
  const conflicts: Conflict[] = [];
  const renamed = new Set<string>();
  const users = new Set<string>();
  const shared = new Set<string>();
  const named = namedBy(leftovers.events, old);
  const isLeftOut = new Set<string>();

  const drop = (mailbox: Mailbox, user: string, why: string) => {
    isLeftOut.add(mailbox.name);
    const count = events.get(mailbox.name) ?? 0;
    dropped.push({ mailbox: mailbox.name, user, why, events: count });
  };
  for (const mailbox of old) {
    const standing = standingOf(mailbox);
    if (standing === 'tombstone' || mailbox.uniqueId === '') continue;
    const isNamed = named.has(mailbox.name);
    const there = nextById.get(mailbox.uniqueId);
    const isSame = there?.standing === 'live' && there.name === mailbox.name;
    if (!isNamed && (isSame || standing === 'deleted')) continue;
    const user = userOf(withoutDeleted(mailbox.name));
    const touch = () => {
      if (user !== '') users.add(user);
      else if (standing === 'live') shared.add(mailbox.name);
    };
    if (standing === 'live' && user !== '' && placement(user) === 'elsewhere') {
      drop(mailbox, user, 'its user has moved away, or is no user of the site any more');
      continue;
    }
    if (isSame) {
      units.push([mailbox.name]);
      touch();
    } else if (there === undefined) {
      const other = nextLive.get(mailbox.name);
      // Made and deleted again before anybody had a copy.
      if (standing === 'deleted') continue;
      if (other !== undefined) {
        isLeftOut.add(mailbox.name);
        conflicts.push({ mailbox: mailbox.name, user, oldId: mailbox.uniqueId, nextId: other });
      } else if (goneUsers.has(user)) drop(mailbox, user, 'its user was deleted on the new master');
      else {
        if (user !== '' && !usersOnNext.has(user)) wholeUsers.add(user);
        else units.push([mailbox.name]);
        touch();
      }
    } else if (there.standing === 'live') {
      touch();
      // The old master's own rename, or its own delete: what the new one has is the state before it.
      const isOurs = comesFrom(mailbox.name, there.name, renames);
      // Somebody whom the new master has served since is not deleted by what the old one did not get to say.
      if (isOurs && !(standing === 'deleted' && INBOX.test(there.name)))
        units.push([there.name, mailbox.name]);
      else if (standing === 'live') renamed.add(mailbox.name);
    } else if (standing === 'live') drop(mailbox, user, 'it was deleted on the new master');
  }

  // What the logs name and is gone on the old side as well: the new master's own replication took it, after a rejoin that
  // was interrupted had attached it.
  const sources = new Set(
    leftovers.events.flatMap(({ kind, mailboxes }) => (kind === 'rename' ? mailboxes.slice(0, 1) : [])),
  );
  const oldLive = live(old);
  for (const mailbox of old) {
    if (standingOf(mailbox) !== 'tombstone' || !named.has(mailbox.name) || sources.has(mailbox.name))
      continue;
    const there = nextById.get(mailbox.uniqueId);
    if (there === undefined || there.standing === 'live') continue;
    if (isLeftOut.has(mailbox.name) || oldLive.has(mailbox.name)) continue;
    drop(mailbox, userOf(mailbox.name), 'it was deleted on the new master');
  }

  const inConflict = new Set(conflicts.map(({ user }) => user));
  const isOut = (user: string) =>
    goneUsers.has(user) ||
    inConflict.has(user) ||
    wholeUsers.has(user) ||
    (user !== '' && placement(user) === 'elsewhere') ||
    !usersOnNext.has(user);
  const lines = leftovers.events.flatMap((event) => {
    if (event.kind !== 'settings') return [];
    const user = event.user ?? userOf(event.mailboxes[0] ?? '');
    if (isOut(user)) return [];
    // A mark or a subscription of what is not sent would be sent to nowhere.
    const isKnown = event.mailboxes.every((name) => oldLive.has(name) && !isLeftOut.has(name));
    if (!isKnown || event.mailboxes.some((name) => renamed.has(name))) return [];
    if (user !== '') users.add(user);
    return [event.line];
  });
  for (const event of leftovers.events) {
    if (event.kind !== 'user' || event.user === null || isOut(event.user)) continue;
    users.add(event.user);
  }
  return {
    replay: {
      mailboxes: units.toSorted((a, b) => compare(a[0] ?? '', b[0] ?? '')),
      users: [...wholeUsers].sort(),
      lines: [...new Set(lines)].sort(),
    },
    dropped: dropped.toSorted((a, b) => compare(a.mailbox, b.mailbox)),
    conflicts: conflicts.toSorted((a, b) => compare(a.mailbox, b.mailbox)),
    users: [...users].filter((user) => !inConflict.has(user)).sort(),
    shared: [...shared].sort(),
    renamed: [...renamed].sort(),
  };

  /** Mailboxes of the old list that the logs speak of. */
  function namedBy(of: readonly LeftoverEvent[], list: readonly Mailbox[]): ReadonlySet<string> {
    const names = new Set(of.flatMap((event) => (event.kind === 'settings' ? [] : event.mailboxes)));
    const whole = new Set(of.flatMap((event) => (event.kind === 'user' && event.user ? [event.user] : [])));
    for (const { name } of list) if (whole.has(userOf(name))) names.add(name);
    return names;
  }
}

/** One name with two ids on both sides: replication from one to the other would be stuck there for ever. */
export function conflictsOf(old: readonly Mailbox[], next: readonly Mailbox[]): readonly Conflict[] {
  const there = live(next);
  const known = byId(next);
  return [...live(old)].flatMap(([mailbox, oldId]) => {
    const nextId = there.get(mailbox);
    if (nextId === undefined || nextId === oldId || known.has(oldId)) return [];
    return [{ mailbox, user: userOf(mailbox), oldId, nextId }];
  });
}

/**
 * Users whose INBOX the new master has deleted, and has no other in its place. On the old side it may be a tombstone by
 * now, where a rejoin was interrupted after it had been attached.
 */
function usersDeletedSince(
  old: readonly Mailbox[],
  nextById: ReadonlyMap<string, Known>,
  nextLive: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  const gone = new Set<string>();
  const kept = new Set<string>();
  for (const mailbox of old) {
    if (!INBOX.test(mailbox.name)) continue;
    const there = nextById.get(mailbox.uniqueId);
    if (nextLive.has(mailbox.name) || (there?.standing === 'live' && !mailbox.deleted)) continue;
    if (there === undefined && !mailbox.deleted) kept.add(userOf(mailbox.name));
    else if (there !== undefined) gone.add(userOf(mailbox.name));
  }
  for (const user of kept) gone.delete(user);
  return gone;
}

// A tombstone is left at each name that a mailbox had: what is alive under its id says more.
function byId(list: readonly Mailbox[]): ReadonlyMap<string, Known> {
  const rank: { readonly [standing in Standing]: number } = { live: 2, deleted: 1, tombstone: 0 };
  const known = new Map<string, Known>();
  for (const mailbox of list) {
    if (mailbox.uniqueId === '') continue;
    const standing = standingOf(mailbox);
    const before = known.get(mailbox.uniqueId);
    if (before === undefined || rank[before.standing] < rank[standing])
      known.set(mailbox.uniqueId, { name: mailbox.name, standing });
  }
  return known;
}

function standingOf(mailbox: Mailbox): Standing {
  if (!mailbox.deleted) return 'live';
  return DELETED.test(mailbox.name) ? 'deleted' : 'tombstone';
}

function live(list: readonly Mailbox[]): ReadonlyMap<string, string> {
  return new Map(
    list.filter((mailbox) => !mailbox.deleted).map((mailbox) => [mailbox.name, mailbox.uniqueId]),
  );
}

/** `DELETED.user.bob.Out.6B01F0C1` without its first word: whose it was. */
function withoutDeleted(name: string): string {
  return name.replace(/^((?:[^!]+!)?)DELETED\./, '$1');
}

/** Old names by the new one. */
function renamesOf(events: readonly LeftoverEvent[]): ReadonlyMap<string, ReadonlySet<string>> {
  const renames = new Map<string, Set<string>>();
  for (const { kind, mailboxes } of events) {
    const [before, after] = mailboxes;
    if (kind !== 'rename' || before === undefined || after === undefined) continue;
    renames.set(after, (renames.get(after) ?? new Set()).add(before));
  }
  return renames;
}

/** Did the logs rename `before` to `after`, at once or by several steps? */
function comesFrom(
  after: string,
  before: string,
  renames: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const seen = new Set<string>();
  const waiting = [after];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const sources = renames.get(name);
    if (sources?.has(before)) return true;
    if (sources !== undefined) waiting.push(...sources);
  }
  return false;
}

function countsByMailbox(events: readonly LeftoverEvent[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (event.kind !== 'mailbox') continue;
    for (const name of event.mailboxes) counts.set(name, (counts.get(name) ?? 0) + event.count);
  }
  return counts;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
