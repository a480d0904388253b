// The comparison store on the state database: an upsert an owner and one a replica, in one transaction. Owners who
// are gone from both sides are taken out whenever everybody was listed.

import type { ComparisonStore, LastComparison } from '../slot/comparisons.js';
import { ownerLabel } from '../slot/content.js';
import type { Queries, StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

/** Rows of one statement. */
const ROWS_AT_ONCE = 500;

/** Comparisons in `state`. */
export function databaseComparisons(state: StateDatabase): ComparisonStore {
  return {
    store: ({ slot, replica, at, all, compared }) =>
      state.write(
        'storing a comparison',
        async (queries) => {
          const rows = compared.map(({ owner, differs }) => ({
            slot,
            replica,
            owner: ownerLabel(owner),
            at: Math.trunc(at),
            differs: differs ? 1 : 0,
          }));
          for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
            await queries
              .insertInto('compared_owners')
              .values(rows.slice(i, i + ROWS_AT_ONCE))
              .onConflict((conflict) =>
                conflict.columns(['slot', 'replica', 'owner']).doUpdateSet(({ ref }) => ({
                  at: ref('excluded.at'),
                  differs: ref('excluded.differs'),
                })),
              )
              .execute();
          }
          if (all !== null) await forget(queries, slot, replica, new Set(all.map(ownerLabel)));
          await sumUp(queries, slot, replica, at, all?.length);
        },
        { durable: false },
      ),
    latest: (slots) =>
      state.run('reading comparisons', async (queries) => {
        let rows = queries
          .selectFrom('comparisons')
          .select(({ ref }) => [textOf(ref('slot')).as('slot'), textOf(ref('replica')).as('replica')])
          .select(['at', 'total', 'compared', 'differing', 'oldest_at']);
        if (slots !== undefined && slots.length === 1) rows = rows.where('slot', '=', slots[0] as string);
        const wanted = slots === undefined ? undefined : new Set(slots);
        return (await rows.execute())
          .map(
            (row): LastComparison => ({
              slot: fromBytes(row.slot) ?? '',
              replica: fromBytes(row.replica) ?? '',
              at: Number(row.at),
              total: Number(row.total),
              compared: Number(row.compared),
              differing: Number(row.differing),
              oldestAt: row.oldest_at === null ? null : Number(row.oldest_at),
            }),
          )
          .filter(({ slot }) => wanted?.has(slot) ?? true);
      }),
    ownersAt: (slot, replica) =>
      state.run('reading comparisons', async (queries) => {
        const rows = await queries
          .selectFrom('compared_owners')
          .select(({ ref }) => textOf(ref('owner')).as('owner'))
          .select('at')
          .where('slot', '=', slot)
          .where('replica', '=', replica)
          .execute();
        return new Map(rows.map((row) => [fromBytes(row.owner) ?? '', Number(row.at)]));
      }),
  };
}

async function forget(
  queries: Queries,
  slot: string,
  replica: string,
  there: ReadonlySet<string>,
): Promise<void> {
  const known = await queries
    .selectFrom('compared_owners')
    .select(({ ref }) => textOf(ref('owner')).as('owner'))
    .where('slot', '=', slot)
    .where('replica', '=', replica)
    .execute();
  const gone = known.map((row) => fromBytes(row.owner) ?? '').filter((owner) => !there.has(owner));
  for (let i = 0; i < gone.length; i += ROWS_AT_ONCE) {
    await queries
      .deleteFrom('compared_owners')
      .where('slot', '=', slot)
      .where('replica', '=', replica)
      .where('owner', 'in', gone.slice(i, i + ROWS_AT_ONCE))
      .execute();
  }
}

async function sumUp(
  queries: Queries,
  slot: string,
  replica: string,
  at: number,
  total: number | undefined,
): Promise<void> {
  const sums = await queries
    .selectFrom('compared_owners')
    .select(({ fn }) => [
      fn.countAll<number>().as('compared'),
      fn.sum<number>('differs').as('differing'),
      fn.min<number>('at').as('oldest_at'),
    ])
    .where('slot', '=', slot)
    .where('replica', '=', replica)
    .executeTakeFirstOrThrow();
  const compared = Number(sums.compared);
  const before = await queries
    .selectFrom('comparisons')
    .select('total')
    .where('slot', '=', slot)
    .where('replica', '=', replica)
    .executeTakeFirst();
  const row = {
    at: Math.trunc(at),
    total: Math.max(total ?? Number(before?.total ?? 0), compared),
    compared,
    differing: Number(sums.differing ?? 0),
    oldest_at: compared === 0 ? null : Number(sums.oldest_at),
  };
  await queries
    .insertInto('comparisons')
    .values({ slot, replica, ...row })
    .onConflict((conflict) => conflict.columns(['slot', 'replica']).doUpdateSet(row))
    .execute();
}
