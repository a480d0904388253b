// The sample store on the state database. "Last" means stored last, not the highest time: a host, or a bastion,
// whose clock once ran ahead must not hide what was seen after. Old samples are thinned out as new ones come, a
// little each time; the last of each series (slot, host, channel) stays for half a year, since it is the evidence
// about a master that is away.
import { sql } from 'kysely';
import { type Clock, systemClock } from '../lib/clock.js';
import type { Sample, SampleStore } from '../slot/samples.js';
import type { Queries, StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

/** Rows of one INSERT: SQLite takes 32,766 values in a statement. */
const ROWS_AT_ONCE = 500;
/** Names of one query; more are looked for among all. */
const NAMES_AT_ONCE = 5000;
/** A series keeps its newest samples: two days of one a minute. */
const KEEP_PER_SERIES = 3000;
const KEEP_MS = 14 * 86_400_000;
const KEEP_LAST_MS = 180 * 86_400_000;
/** How many of the oldest rows each insert looks at. */
const PRUNE_WINDOW = 500;

/** Samples in `state`. */
export function databaseSamples(state: StateDatabase, clock: Clock = systemClock): SampleStore {
  return {
    async store(samples) {
      if (samples.length === 0) return;
      const rows = samples.map(toRow);
      await state.write(
        'storing samples',
        async (queries) => {
          for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
            await queries
              .insertInto('samples')
              .values(rows.slice(i, i + ROWS_AT_ONCE))
              .execute();
          }
          await prune(queries, rows, clock.now());
        },
        { durable: false },
      );
    },
    latest: async (slots) => {
      const wanted = slots === undefined ? undefined : new Set(slots);
      if (wanted?.size === 0) return [];
      return state.run('reading samples', async (queries) => {
        let newest = queries.selectFrom('samples').select(({ fn }) => fn.max('id').as('id'));
        if (wanted !== undefined && wanted.size <= NAMES_AT_ONCE)
          newest = newest.where('slot', 'in', [...wanted]);
        const last = newest.groupBy(['slot', 'host', 'channel']);
        const rows = await selectSamples(queries).where('id', 'in', last).orderBy('id').execute();
        return rows.map(fromRow).filter(({ slot }) => wanted?.has(slot) ?? true);
      });
    },
    lastEmpty: async (slots) => {
      if (slots.length === 0) return [];
      return state.run('reading samples', async (queries) => {
        const rows = await queries
          .selectFrom('samples')
          .select(({ ref }) => [
            textOf(ref('slot')).as('slot'),
            textOf(ref('host')).as('host'),
            textOf(ref('channel')).as('channel'),
          ])
          .select(({ fn }) => fn.max<number>('at').as('at'))
          .$if(slots.length <= NAMES_AT_ONCE, (query) => query.where('slot', 'in', [...slots]))
          .where('channel', '<>', '')
          .where('pending_events', '=', 0)
          .groupBy(['slot', 'host', 'channel'])
          .execute();
        return rows.map((row) => ({
          slot: fromBytes(row.slot) ?? '',
          host: fromBytes(row.host) ?? '',
          channel: fromBytes(row.channel) ?? '',
          at: Number(row.at),
        }));
      });
    },
    history: (slot, sinceSeconds) =>
      state.run('reading samples', async (queries) =>
        (
          await selectSamples(queries)
            .where('slot', '=', slot)
            .where('seen_at', '>=', clock.now() - sinceSeconds * 1000)
            .orderBy('id')
            .execute()
        ).map(fromRow),
      ),
  };
}

type Row = ReturnType<typeof toRow>;

async function prune(queries: Queries, rows: readonly Row[], now: number): Promise<void> {
  const { last } = await queries
    .selectFrom('samples')
    .select(({ fn }) => fn.max<number>('id').as('last'))
    .executeTakeFirstOrThrow();
  // One series a call, each in its turn when the calls are alike, as a timer's are.
  const turn = Math.floor(last / rows.length) % rows.length;
  const { slot, host, channel } = rows[turn] as Row;
  await sql`DELETE FROM samples WHERE slot = ${slot} AND host = ${host} AND channel = ${channel} AND id <= (
    SELECT id FROM samples WHERE slot = ${slot} AND host = ${host} AND channel = ${channel}
    ORDER BY id DESC LIMIT 1 OFFSET ${KEEP_PER_SERIES})`.execute(queries);
  await sql`DELETE FROM samples WHERE id IN (
    SELECT id FROM (SELECT * FROM samples ORDER BY id LIMIT ${PRUNE_WINDOW}) AS old
    WHERE old.seen_at < ${now - KEEP_LAST_MS} OR (old.seen_at < ${now - KEEP_MS} AND EXISTS (
      SELECT 1 FROM samples AS newer
      WHERE newer.slot = old.slot AND newer.host = old.host AND newer.channel = old.channel AND newer.id > old.id)))`.execute(
    queries,
  );
}

function selectSamples(queries: Queries) {
  return queries
    .selectFrom('samples')
    .select(({ ref }) => [
      textOf(ref('slot')).as('slot'),
      textOf(ref('host')).as('host'),
      textOf(ref('role')).as('role'),
      textOf(ref('channel')).as('channel'),
      textOf(ref('problem')).as('problem'),
    ])
    .select(['at', 'seen_at', 'pending_events', 'oldest_birth', 'quarantined', 'running', 'replicating']);
}

function fromRow(row: Awaited<ReturnType<ReturnType<typeof selectSamples>['execute']>>[number]): Sample {
  const role = fromBytes(row.role);
  return {
    slot: fromBytes(row.slot) ?? '',
    host: fromBytes(row.host) ?? '',
    role: role === 'master' || role === 'replica' ? role : null,
    channel: fromBytes(row.channel) ?? '',
    at: row.at,
    seenAt: row.seen_at,
    pendingEvents: row.pending_events,
    oldestBirth: row.oldest_birth,
    quarantined: row.quarantined,
    running: toBoolean(row.running),
    replicating: toBoolean(row.replicating),
    problem: fromBytes(row.problem),
  };
}

function toBoolean(value: number | null): boolean | null {
  return value === null ? null : value !== 0;
}

// Only numbers, text and null may reach the driver (schema.ts says why); in the table they are whole numbers.
function toRow(sample: Sample) {
  return {
    slot: sample.slot,
    host: sample.host,
    role: sample.role,
    channel: sample.channel,
    at: whole(sample.at) ?? 0,
    seen_at: whole(sample.seenAt) ?? 0,
    pending_events: whole(sample.pendingEvents),
    oldest_birth: whole(sample.oldestBirth),
    quarantined: whole(sample.quarantined),
    running: fromBoolean(sample.running),
    replicating: fromBoolean(sample.replicating),
    problem: sample.problem,
  };
}

/** What is no number says nothing. */
function whole(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? Math.trunc(value) : null;
}

function fromBoolean(value: boolean | null): number | null {
  return value === null ? null : value ? 1 : 0;
}
