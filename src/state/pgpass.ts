// ~/.pgpass, where PostgreSQL's own programs look for passwords: host:port:database:user:password a line, * for any,
// a backslash before a colon or backslash. As they do, a file that others can read is left alone.
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a password is for. */
export interface PgpassKey {
  /** A socket's directory counts as localhost. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** The password of the first line that fits, from `text` as a file has it. Pure. */
export function findInPgpass(text: string, { host, port, database, user }: PgpassKey): string | undefined {
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = (line.match(/(?:\\.|[^:\\])*(?::|$)/g) ?? []).map((field) =>
      field.replace(/:$/, '').replace(/\\(.)/g, '$1'),
    );
    const raw = line.match(/^(?:(?:\\.|[^:\\])*:){4}/)?.[0];
    if (raw === undefined) continue;
    const fits = wanted.every((word, index) => fields[index] === '*' || fields[index] === word);
    // The rest is the password, colons and all.
    if (fits) return line.slice(raw.length).replace(/\\(.)/g, '$1');
  }
  return undefined;
}

/** The password of PGPASSFILE or ~/.pgpass; undefined: none fits, or others can read the file. */
export function readPgpass(key: PgpassKey): string | undefined {
  const file = process.env.PGPASSFILE || join(process.env.HOME || homedir(), '.pgpass');
  try {
    const { mode } = statSync(file);
    return (mode & 0o077) === 0 ? findInPgpass(readFileSync(file, 'utf8'), key) : undefined;
  } catch {
    return undefined;
  }
}
