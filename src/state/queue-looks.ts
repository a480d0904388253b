// The looks at queues on the state database. "Last" means stored last, not the highest time: a clock that once ran
// ahead must not hide what was seen after. Looks older than a day are taken out as new ones come; the last of each queue
// stays for half a year, since it is all that is known of a host that is away.
import { sql } from 'kysely';
import type { Clock } from '../lib/clock.js';
import type { LookStore, QueueLook } from '../queue/queue-look.js';
import type { Queries, StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

const ROWS_AT_ONCE = 500;
/** A day of one a minute, and what a clock may be wrong by. */
const KEEP_MS = 26 * 3_600_000;
const KEEP_LAST_MS = 180 * 86_400_000;
/** How many of the oldest rows each insert looks at, beside as many as it adds. */
const PRUNE_WINDOW = 500;

/** Looks in `state`. */
export function databaseLooks(state: StateDatabase, clock: Clock): LookStore {
  return {
    async store(looks) {
      if (looks.length === 0) return;
      const rows = looks.map(toRow);
      await state.write(
        'storing looks at queues',
        async (queries) => {
          for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
            await queries
              .insertInto('queue_looks')
              .values(rows.slice(i, i + ROWS_AT_ONCE))
              .execute();
          }
          await prune(queries, rows.length, clock.now());
        },
        { durable: false },
      );
    },
    since: (at) =>
      state.run('reading looks at queues', async (queries) =>
        (await select(queries).where('at', '>=', at).orderBy('id').execute()).map(fromRow),
      ),
    latest: () =>
      state.run('reading looks at queues', async (queries) => {
        const newest = queries
          .selectFrom('queue_looks')
          .select(({ fn }) => fn.max('id').as('id'))
          .groupBy(['host', 'queue']);
        return (await select(queries).where('id', 'in', newest).orderBy('id').execute()).map(fromRow);
      }),
  };
}

async function prune(queries: Queries, added: number, now: number): Promise<void> {
  await sql`DELETE FROM queue_looks WHERE id IN (
    SELECT id FROM (SELECT id, at, host, queue FROM queue_looks ORDER BY id LIMIT ${PRUNE_WINDOW + added}) AS old
    WHERE old.at < ${now - KEEP_LAST_MS} OR (old.at < ${now - KEEP_MS} AND EXISTS (
      SELECT 1 FROM queue_looks AS newer
      WHERE newer.host = old.host AND newer.queue = old.queue AND newer.id > old.id)))`.execute(queries);
}

function select(queries: Queries) {
  return queries
    .selectFrom('queue_looks')
    .select(({ ref }) => [
      textOf(ref('queue')).as('queue'),
      textOf(ref('host')).as('host'),
      textOf(ref('domains')).as('domains'),
    ])
    .select(['at', 'messages', 'recipients', 'size_bytes', 'oldest_at', 'held', 'is_whole']);
}

function fromRow(row: Awaited<ReturnType<ReturnType<typeof select>['execute']>>[number]): QueueLook {
  const domains = parseDomains(fromBytes(row.domains) ?? '');
  return {
    queue: fromBytes(row.queue) ?? '',
    host: fromBytes(row.host) ?? '',
    at: Number(row.at),
    messages: Number(row.messages),
    recipients: Number(row.recipients),
    sizeBytes: Number(row.size_bytes),
    oldestAt: row.oldest_at === null ? null : Number(row.oldest_at),
    held: Number(row.held),
    domains: domains ?? new Map(),
    isWhole: Number(row.is_whole) === 1 && domains !== null,
  };
}

/** What another tool may have written into it says nothing. */
function parseDomains(text: string): Map<string, number> | null {
  try {
    const pairs: unknown = JSON.parse(text);
    if (!Array.isArray(pairs)) return null;
    const isPair = (pair: unknown): pair is [string, number] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && Number.isFinite(pair[1]);
    return pairs.every(isPair) ? new Map(pairs) : null;
  } catch {
    return null;
  }
}

// Only numbers, text and null may reach the driver (schema.ts says why).
function toRow(look: QueueLook) {
  return {
    queue: look.queue,
    host: look.host,
    at: Math.trunc(look.at),
    messages: look.messages,
    recipients: look.recipients,
    size_bytes: look.sizeBytes,
    oldest_at: look.oldestAt,
    held: look.held,
    domains: JSON.stringify([...look.domains]),
    is_whole: look.isWhole ? 1 : 0,
  };
}
