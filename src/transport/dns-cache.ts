// DNS answers kept in a file from one program run to the next, since a queue has the same domains every time. It is a
// convenience: a file that cannot be read or written costs lookups and nothing else. Only what is true for a while is
// kept: an hour what was found, some minutes what is not there. What is read back is checked.
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { DnsAnswer, DnsCache } from './dns.js';

/** A cache that is open. */
export interface DnsCacheFile extends DnsCache {
  /** Writes what is new. Never throws. */
  save(): Promise<void>;
}

const FOUND_MS = 3_600_000;
const NONE_MS = 300_000;
/** Entries of a file; the oldest go first. */
const MOST = 20_000;
const MOST_BYTES = 16 * 1024 * 1024;

interface Entry {
  /** Epoch ms until which it holds. */
  readonly until: number;
  readonly answer: DnsAnswer<unknown>;
}

/** Opens the file; `now` is epoch ms. */
export async function openDnsCache(file: string, now: () => number): Promise<DnsCacheFile> {
  const entries = await readEntries(file, now());
  let isNew = false;
  return {
    get(key) {
      const entry = entries.get(key);
      return entry === undefined || entry.until <= now() ? undefined : entry.answer;
    },
    set(key, answer) {
      entries.delete(key);
      entries.set(key, { until: now() + (answer.kind === 'found' ? FOUND_MS : NONE_MS), answer });
      isNew = true;
    },
    async save() {
      if (!isNew) return;
      isNew = false;
      const temporary = `${file}.${process.pid}`;
      try {
        await writeFile(temporary, `${JSON.stringify([...entries].slice(-MOST))}\n`, { mode: 0o600 });
        await rename(temporary, file);
      } catch {
        // It is asked again next time.
      }
    },
  };
}

async function readEntries(file: string, now: number): Promise<Map<string, Entry>> {
  let text: string;
  let parsed: unknown;
  try {
    text = await readFile(file, 'utf8');
    parsed = text.length > MOST_BYTES ? [] : JSON.parse(text);
  } catch {
    return new Map();
  }
  if (!Array.isArray(parsed)) return new Map();
  return new Map(
    parsed.flatMap((one): readonly [string, Entry][] => {
      if (!Array.isArray(one) || typeof one[0] !== 'string' || !isEntry(one[0], one[1])) return [];
      // A clock that was wrong must not keep an answer for years.
      return one[1].until > now && one[1].until <= now + FOUND_MS ? [[one[0], one[1]]] : [];
    }),
  );
}

function isEntry(key: string, value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { until, answer } = value as { until?: unknown; answer?: unknown };
  if (typeof until !== 'number' || typeof answer !== 'object' || answer === null) return false;
  const { kind, values } = answer as { kind?: unknown; values?: unknown };
  if (kind === 'none') return true;
  if (kind !== 'found' || !Array.isArray(values)) return false;
  return values.every((one) =>
    key.startsWith('mx ')
      ? typeof one === 'object' &&
        one !== null &&
        typeof one.name === 'string' &&
        typeof one.preference === 'number'
      : typeof one === 'string',
  );
}
