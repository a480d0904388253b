// The canary store on the state database: one row a slot and replica, replaced by each round.
import type { CanaryRecord, CanaryStore } from '../slot/canary.js';
import type { StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

/** Rows of one statement. */
const ROWS_AT_ONCE = 500;

/** Canaries in `state`. */
export function databaseCanaries(state: StateDatabase): CanaryStore {
  return {
    async store(records) {
      if (records.length === 0) return;
      const rows = records.map((record) => ({
        slot: record.slot,
        replica: record.replica,
        master: record.master,
        sent_at: record.sentAt === null ? null : Math.trunc(record.sentAt),
        found_at: record.foundAt === null ? null : Math.trunc(record.foundAt),
        seen_at: Math.trunc(record.seenAt),
      }));
      await state.write(
        'storing canaries',
        async (queries) => {
          for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
            await queries
              .insertInto('canaries')
              .values(rows.slice(i, i + ROWS_AT_ONCE))
              .onConflict((conflict) =>
                conflict.columns(['slot', 'replica']).doUpdateSet(({ ref }) => ({
                  master: ref('excluded.master'),
                  sent_at: ref('excluded.sent_at'),
                  found_at: ref('excluded.found_at'),
                  seen_at: ref('excluded.seen_at'),
                })),
              )
              .execute();
          }
        },
        { durable: false },
      );
    },
    latest: (slots) =>
      state.run('reading canaries', async (queries) => {
        const wanted = new Set(slots);
        const rows = await queries
          .selectFrom('canaries')
          .select(({ ref }) => [
            textOf(ref('slot')).as('slot'),
            textOf(ref('replica')).as('replica'),
            textOf(ref('master')).as('master'),
          ])
          .select(['sent_at', 'found_at', 'seen_at'])
          .execute();
        return rows
          .map(
            (row): CanaryRecord => ({
              slot: fromBytes(row.slot) ?? '',
              replica: fromBytes(row.replica) ?? '',
              master: fromBytes(row.master) ?? '',
              sentAt: row.sent_at === null ? null : Number(row.sent_at),
              foundAt: row.found_at === null ? null : Number(row.found_at),
              seenAt: Number(row.seen_at),
            }),
          )
          .filter(({ slot }) => wanted.has(slot));
      }),
  };
}
