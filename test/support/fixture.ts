// Files below test/fixtures, for tests and for programs that are none.
import { readFileSync } from 'node:fs';

/** Text of a file below test/fixtures, e.g. `cyrus/3.6/observe.txt`. */
export function fixture(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8');
}
