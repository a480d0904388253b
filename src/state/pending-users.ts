// The store of whose changes wait, on the state database: the last record of each slot and replica. The users are
// one JSON text, since nobody asks for one of them.
import { ParseError } from '../errors.js';
import type { PendingRecord, PendingStore, PendingUser } from '../slot/pending-users.js';
import type { StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

/** Names kept by name: a record is written once a minute while something waits. */
const MOST_USERS = 5000;

/** Records in `state`. */
export function databasePendingUsers(state: StateDatabase): PendingStore {
  return {
    async store(records) {
      if (records.length === 0) return;
      await state.write(
        'storing whose changes wait',
        async (queries) => {
          for (const record of records) {
            const row = toRow(record);
            const { slot: _slot, replica: _replica, ...changed } = row;
            await queries
              .insertInto('pending_users')
              .values(row)
              .onConflict((conflict) => conflict.columns(['slot', 'replica']).doUpdateSet(changed))
              .execute();
          }
        },
        { durable: false },
      );
    },
    latest: (slots) =>
      state.run('reading whose changes wait', async (queries) => {
        const wanted = new Set(slots);
        const rows = await queries
          .selectFrom('pending_users')
          .select(({ ref }) => [
            textOf(ref('slot')).as('slot'),
            textOf(ref('replica')).as('replica'),
            textOf(ref('host')).as('host'),
            textOf(ref('users')).as('users'),
          ])
          .select(['at', 'seen_at', 'events', 'oldest_birth', 'more_users', 'nameless'])
          .execute();
        return rows
          .map((row): PendingRecord => {
            const slot = fromBytes(row.slot) ?? '';
            return {
              slot,
              replica: fromBytes(row.replica) ?? '',
              host: fromBytes(row.host) ?? '',
              at: Number(row.at),
              seenAt: Number(row.seen_at),
              events: Number(row.events),
              oldestBirth: row.oldest_birth === null ? null : Number(row.oldest_birth),
              users: wanted.has(slot) ? parseUsers(fromBytes(row.users) ?? '[]', slot) : [],
              moreUsers: Number(row.more_users),
              nameless: Number(row.nameless),
            };
          })
          .filter(({ slot }) => wanted.has(slot));
      }),
  };
}

// Only numbers, text and null may reach the driver (schema.ts says why); times and counts are whole.
function toRow(record: PendingRecord) {
  const kept = record.users.slice(0, MOST_USERS);
  return {
    slot: record.slot,
    replica: record.replica,
    host: record.host,
    at: Math.trunc(record.at),
    seen_at: Math.trunc(record.seenAt),
    events: Math.trunc(record.events),
    oldest_birth: record.oldestBirth === null ? null : Math.trunc(record.oldestBirth),
    users: JSON.stringify(kept.map(({ user, events }) => [user, events])),
    more_users: record.moreUsers + record.users.length - kept.length,
    nameless: Math.trunc(record.nameless),
  };
}

/** What we wrote; another tool may have written something else. */
function parseUsers(text: string, slot: string): readonly PendingUser[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const isUser = (one: unknown): one is [string, number] =>
    Array.isArray(one) && typeof one[0] === 'string' && Number.isSafeInteger(one[1]);
  if (!Array.isArray(parsed) || !parsed.every(isUser))
    throw new ParseError(`pending_users of ${slot}`, 'users is no list of names and numbers');
  return parsed.map(([user, events]) => ({ user, events }));
}
