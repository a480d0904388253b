// The loss sheet: before the operator's word, who would miss what if a slot moved now. In numbers and names, from
// what can be read: the master's log where its host answers, else what was stored of it last. Pure. What is not
// known is said, never left out: a short list must not look like a complete one.
import { formatIso } from '../lib/clock.js';
import type { Decision } from './decide.js';
import { isMoving, type UserMove } from './moves.js';
import type { PendingRecord, PendingUser } from './pending-users.js';
import type { Sample } from './samples.js';

/** One slot's sheet. */
export interface LossSheet {
  readonly slot: string;
  /** Where it was read: the log itself, or what was stored; null: nowhere. */
  readonly source: 'log' | 'stored' | null;
  /** The moment that it is true of, epoch seconds by the master's clock. */
  readonly at: number | null;
  /** Events that its replica lacks; null: not known. */
  readonly events: number | null;
  /** Of these, about users on the way to or from another slot. */
  readonly movingEvents: number | null;
  /** Epoch seconds of the oldest of them. */
  readonly oldest: number | null;
  /** Users with changes that its replica lacks, the most events first; null: not known. */
  readonly users: readonly PendingUser[] | null;
  /** Users beyond the list. */
  readonly moreUsers: number;
  /** Users that its replica does not know at all; null: not known. */
  readonly newUsers: readonly string[] | null;
  /** Moves from or to the slot that are not over; null: not known. */
  readonly moving: readonly UserMove[] | null;
  /** What is not known, and why. */
  readonly notKnown: readonly string[];
}

/** What a sheet is made from; undefined or null where it could not be had, with the reason in `problems`. */
export interface LossSheetFacts {
  readonly slot: string;
  /** From the master's log, just now. */
  readonly live: PendingRecord | undefined;
  readonly stored: PendingRecord | undefined;
  /** The last sample of the master's log towards the replica. */
  readonly sample: Sample | undefined;
  /** Users that have a mailbox on the replica. */
  readonly replicaUsers: ReadonlySet<string> | undefined;
  /** Users that the site places on the slot. */
  readonly siteUsers: readonly string[] | null;
  readonly moves: readonly UserMove[] | null;
  readonly problems: readonly string[];
}

/** Does a decision need one? Where the operator decides on a loss, or was asked to. */
export function needsLossSheet({ kind, gates }: Decision): boolean {
  return kind === 'readonly' || gates.some(({ gate }) => gate === 'lag' || gate === 'quarantine');
}

/** Puts it together. */
export function lossSheet(facts: LossSheetFacts): LossSheet {
  const { slot, sample, siteUsers, replicaUsers, moves } = facts;
  const notKnown = [...facts.problems];
  const { record, source } = bestRecord(facts, notKnown);
  const isEmpty = record === undefined && sample?.pendingEvents === 0;
  const users = record?.users ?? (isEmpty ? [] : null);
  const moving = moves?.filter((move) => isMoving(move) && (move.from === slot || move.to === slot)) ?? null;
  const onTheWay = new Set(moving?.map(({ user }) => user));
  if ((record?.moreUsers ?? 0) > 0) notKnown.push(`names of ${record?.moreUsers} more users`);
  if ((record?.nameless ?? 0) > 0) notKnown.push(`whose ${record?.nameless} events are that name nobody`);
  return {
    slot,
    source: record === undefined ? (isEmpty ? 'stored' : null) : source,
    at: record?.at ?? sample?.at ?? null,
    events: record?.events ?? sample?.pendingEvents ?? null,
    movingEvents:
      users === null || moving === null
        ? null
        : users.filter(({ user }) => onTheWay.has(user)).reduce((sum, one) => sum + one.events, 0),
    oldest: record?.oldestBirth ?? sample?.oldestBirth ?? null,
    users,
    moreUsers: record?.moreUsers ?? 0,
    newUsers: newUsersOf(users, siteUsers, replicaUsers, notKnown),
    moving,
    notKnown,
  };
}

// What was stored holds when it was taken after the oldest event that the last sample saw waiting: a record of a
// backlog that has gone over since says nothing of this one.
function bestRecord(
  { live, stored, sample }: LossSheetFacts,
  notKnown: string[],
): { readonly record: PendingRecord | undefined; readonly source: 'log' | 'stored' | null } {
  if (live !== undefined) return { record: live, source: 'log' };
  if (sample?.pendingEvents === 0) return { record: undefined, source: null };
  const oldest = sample?.oldestBirth ?? null;
  if (stored !== undefined && (sample === undefined || (oldest !== null && stored.at >= oldest)))
    return { record: stored, source: 'stored' };
  notKnown.push(
    stored === undefined
      ? 'whose changes wait: nobody stored it (slots sample, once a minute, does)'
      : 'whose changes wait: what was stored is older than they are',
  );
  return { record: undefined, source: null };
}

// Who has changes waiting or a place on the slot, and no mailbox on its replica.
function newUsersOf(
  users: readonly PendingUser[] | null,
  siteUsers: readonly string[] | null,
  replicaUsers: ReadonlySet<string> | undefined,
  notKnown: string[],
): readonly string[] | null {
  if (replicaUsers === undefined || (users === null && siteUsers === null)) {
    if (replicaUsers !== undefined)
      notKnown.push('new users: no directory.users, and no names of those who wait');
    return null;
  }
  const candidates = new Set([...(siteUsers ?? []), ...(users ?? []).map(({ user }) => user)]);
  return [...candidates].filter((user) => !replicaUsers.has(user)).sort();
}

/** More names than this are no reading matter for a journal; the numbers stay. */
export const NAMES_KEPT = 500;

/** A sheet as documents and the journal have it. `most`: names kept of each list. */
export function lossSheetJson(sheet: LossSheet, most = Number.POSITIVE_INFINITY) {
  const iso = (seconds: number | null) => (seconds === null ? null : formatIso(seconds * 1000));
  return {
    source: sheet.source,
    at: iso(sheet.at),
    events: sheet.events,
    moving_events: sheet.movingEvents,
    oldest_at: iso(sheet.oldest),
    users: sheet.users?.slice(0, most).map(({ user, events }) => ({ user, events })) ?? null,
    users_total: sheet.users === null ? null : sheet.users.length + sheet.moreUsers,
    new_users: sheet.newUsers?.slice(0, most) ?? null,
    new_users_total: sheet.newUsers?.length ?? null,
    moving:
      sheet.moving?.slice(0, most).map(({ user, from, to, state }) => ({ user, from, to, state })) ?? null,
    not_known: sheet.notKnown,
  };
}
