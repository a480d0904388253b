// The kinds of database that the suites of the state run on, each with a fresh, empty one for every test. A server is
// started once for a file of tests. Where there is none, the title says why.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { noPostgres, startPostgres, type TestPostgres } from './postgres.js';
import { describeUnless } from './unless.js';

/** Where a new database is made. */
export interface Fresh {
  /** What openState takes: a path, or a url of a database without tables. */
  readonly location: () => Promise<string>;
}

/** Runs a suite on a file and on a server. */
export function describeOnEveryState(name: string, body: (fresh: Fresh) => void): void {
  describeUnless(undefined, `${name} (SQLite)`, () => {
    const folders: string[] = [];
    afterEach(() => {
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    });
    body({
      async location() {
        const folder = mkdtempSync(join(tmpdir(), 'mailctl-state-'));
        folders.push(folder);
        return join(folder, 'mailctl.db');
      },
    });
  });
  describeUnless(noPostgres, `${name} (PostgreSQL)`, () => {
    let server: TestPostgres;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.dispose());
    body({ location: () => server.freshDatabase() });
  });
}
