// Moves from a table that the site keeps beside the directory: columns user_name, from_slot, to_slot, state, and
// (optional) at. Read only; the table is the site's own, and its text is hostile like any other.
import { sql } from 'kysely';
import { inOrder, MOST_MOVES, toMove, tooManyMoves, type UserMove } from '../slot/moves.js';
import type { StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

/** All moves of `table`, which may be qualified by a schema. @throws ParseError, and state.* as every reading */
export async function tableMoves(state: StateDatabase, table: string): Promise<readonly UserMove[]> {
  const where = `${state.path}: table ${table}`;
  const rows = await state.run(`reading the moves of ${table}`, async (queries) => {
    const column = (name: string) => textOf(sql.ref<string | null>(`m.${name}`)).as(name);
    const select = async (names: readonly string[]) =>
      (
        await sql<
          Record<string, unknown>
        >`SELECT ${sql.join(names.map(column))} FROM ${sql.table(table)} AS m LIMIT ${MOST_MOVES + 1}`.execute(
          queries,
        )
      ).rows;
    const columns = ['user_name', 'from_slot', 'to_slot', 'state'];
    try {
      return await select([...columns, 'at']);
    } catch (error) {
      if (!isMissingAt(error)) throw error;
      return select(columns);
    }
  });
  if (rows.length > MOST_MOVES) throw tooManyMoves(where);
  const moves = rows.map((row, index) => {
    const fields = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromBytes(value)]));
    return toMove(fields, `${where}: row ${index + 1}`);
  });
  return inOrder(moves);
}

/** `no such column: m.at` of SQLite, 42703 (undefined column) of PostgreSQL. */
function isMissingAt(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  return (
    /no such column: m\.at/.test(String(message)) || (code === '42703' && /\bat\b/.test(String(message)))
  );
}
