// What only a server can do to us: to be away, slow, a standby, full of others' locks, or to refuse the login.
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { MailctlError } from '../../../src/errors.js';
import type { OpenOptions, StateDatabase } from '../../../src/state/database.js';
import { databaseDirectory } from '../../../src/state/directory.js';
import { tableMoves } from '../../../src/state/moves-table.js';
import { ensureSchema, openState } from '../../../src/state/open.js';
import { noPostgres, startPostgres, type TestPostgres } from '../../support/postgres.js';
import { tempDir } from '../../support/temp-dir.js';
import { describeUnless } from '../../support/unless.js';

const nameIn = (url: string) => /^postgres:\/\/[^/]*\/([^?]*)/.exec(url)?.[1] ?? '';

async function errorOf(act: Promise<unknown>): Promise<MailctlError> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MailctlError);
  return error as MailctlError;
}

describeUnless(noPostgres, 'openState on a server', () => {
  let server: TestPostgres;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    await server.psql("CREATE ROLE ann LOGIN PASSWORD 's3cret'");
  });
  afterAll(() => server.dispose());
  beforeEach(async () => {
    url = await server.freshDatabase();
  });

  async function open(location = url, options: Partial<OpenOptions> = {}): Promise<StateDatabase> {
    const state = await openState(location, { mode: 'write', ...options });
    onTestFinished(() => state.close());
    return state;
  }
  const makeSlot = (state: StateDatabase) =>
    databaseDirectory(state).applySlotMap({
      add: [{ slot: 'store1', master: 'imap21', instances: [], state: undefined }],
      change: [],
      remove: [],
      unlisted: [],
      same: [],
    });
  const tcp = (user: string, database: string) => `postgres://${user}@127.0.0.1:${server.port}/${database}`;

  it('names itself without a password, and tells the server who it is', async () => {
    const state = await open();
    expect(state.path).toMatch(/^postgres:\/\/super@.*\/fresh\d+$/);
    const { rows } = await state.run('asking', (queries) =>
      sql<{
        application_name: string;
      }>`SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()`.execute(queries),
    );
    expect(rows).toEqual([{ application_name: 'mailctl' }]);
  });

  it('takes the password of the file, of the url, and of ~/.pgpass', async () => {
    await server.psql('CREATE DATABASE anns OWNER ann');
    const folder = await tempDir();
    writeFileSync(join(folder, 'pgpass'), `127.0.0.1:${server.port}:*:ann:s3cret\n`);
    chmodSync(join(folder, 'pgpass'), 0o600);
    await open(tcp('ann', 'anns'), { password: () => 's3cret' });
    await open(tcp('ann:s3cret', 'anns'));
    process.env.PGPASSFILE = join(folder, 'pgpass');
    onTestFinished(() => {
      delete process.env.PGPASSFILE;
    });
    await open(tcp('ann', 'anns'));
  });

  it.each([['wrong'], [undefined]])(
    'names a login that is refused (password %s), not the password',
    async (password) => {
      process.env.PGPASSFILE = '/nonexistent';
      onTestFinished(() => {
        delete process.env.PGPASSFILE;
      });
      const error = await errorOf(
        open(tcp('ann', 'postgres'), password === undefined ? {} : { password: () => password }),
      );
      expect(error).toMatchObject({ code: 'state.login', hint: expect.stringContaining('password_file') });
      expect(`${error.message} ${error.detail} ${error.hint}`).not.toMatch(/s3cret|wrong/);
    },
  );

  it('names a database that is not there, and how to make it', async () => {
    expect(await errorOf(open(server.url("it's%20none")))).toMatchObject({
      code: 'state.missing',
      hint: "make it there: createdb -O super 'it'\\''s none'",
    });
  });

  it('names a user who may make no tables', async () => {
    const error = await errorOf(open(tcp('ann', nameIn(url)), { password: () => 's3cret' }));
    expect(error).toMatchObject({ code: 'state.permission', hint: expect.stringContaining('GRANT') });
  });

  it('names a server that is away, and one that takes connections and says nothing', async () => {
    expect(await errorOf(open('postgres://ann@127.0.0.1:1/x'))).toMatchObject({
      code: 'state.away',
      hint: 'see whether it is up: pg_isready -h 127.0.0.1 -p 1',
    });
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      mute.close();
    });
    const { port } = mute.address() as { port: number };
    const begun = performance.now();
    const error = await errorOf(open(`postgres://ann@127.0.0.1:${port}/x?connect_timeout=1`));
    expect(error.code).toBe('state.away');
    expect(performance.now() - begun).toBeLessThan(8_000);
  });

  it('tries its hosts in turn', async () => {
    const database = nameIn(url);
    const state = await open(`postgres://super@127.0.0.1:1,127.0.0.1:${server.port}/${database}`);
    expect(await databaseDirectory(state).list()).toEqual([]);
  });

  it('says so when a file of TLS cannot be had, and when the server has no TLS', async () => {
    const database = nameIn(url);
    const base = `postgres://super@127.0.0.1:${server.port}/${database}`;
    expect((await errorOf(open(`${base}?sslmode=require`))).code).toBe('state.tls');
    expect((await errorOf(open(`${base}?sslmode=verify-full&sslrootcert=/nonexistent`))).code).toBe(
      'config.database-url',
    );
  });

  it('changes nothing when it only reads, and makes no tables', async () => {
    const state = await open(url, { mode: 'read' });
    expect(await errorOf(databaseDirectory(state).list())).toMatchObject({ code: 'state.empty' });
    await makeSlot(await open());
    expect(await databaseDirectory(state).list()).toHaveLength(1);
    expect(await errorOf(databaseDirectory(state).raiseVersion('store1'))).toMatchObject({
      code: 'state.read-only',
    });
  });

  it('goes on after a server that was restarted, or that threw us out', async () => {
    const state = await open();
    await makeSlot(state);
    await server.psql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mailctl'",
    );
    expect(await databaseDirectory(state).raiseVersion('store1')).toBe(2);
    await server.stop('immediate');
    expect(await errorOf(databaseDirectory(state).list())).toMatchObject({ code: 'state.away' });
    await server.start();
    expect(await databaseDirectory(state).raiseVersion('store1')).toBe(3);
  });

  it('waits for the lock of another writer, and names who may hold one that does not end', async () => {
    const state = await open();
    await makeSlot(state);
    const other = await open();
    let release = () => {};
    const held = other.write('holding', async (queries) => {
      await queries.selectFrom('slots').selectAll().execute();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const waiting = databaseDirectory(state).raiseVersion('store1');
    await new Promise((resolve) => setTimeout(resolve, 200));
    release();
    await held;
    expect(await waiting).toBe(2);
  });

  it('ends a statement that takes for ever', async () => {
    const state = await open();
    const error = await errorOf(
      state.run('dreaming', (queries) => sql`SELECT pg_sleep(60)`.execute(queries)),
    );
    expect(error).toMatchObject({ code: 'state.slow', detail: expect.stringContaining('while dreaming') });
    expect(await databaseDirectory(state).list()).toEqual([]);
  });

  it('rolls a transaction back when its work fails, and goes on with the next', async () => {
    const state = await open();
    await makeSlot(state);
    const failing = state.write('trying', async (queries) => {
      await queries.deleteFrom('slots').execute();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await databaseDirectory(state).list()).toHaveLength(1);
  });

  it('reads a newer schema that says it can be read, and refuses to write it', async () => {
    await makeSlot(await open());
    await server.psql('UPDATE mailctl_schema SET version = 99, oldest_writer = 99', nameIn(url));
    await server.psql('ALTER TABLE slots ADD COLUMN mood TEXT', nameIn(url));
    const state = await open(url, { mode: 'read' });
    expect(await databaseDirectory(state).list()).toHaveLength(1);
    expect((await errorOf(open())).code).toBe('state.schema-new');
  });

  it('migrates once, and says from where to where', async () => {
    const state = await open();
    const { from, to } = await ensureSchema(state);
    expect(from).toBe(to);
  });

  it('keeps what no text of a server can hold', async () => {
    const state = await open();
    await state.run('writing', (queries) =>
      queries
        .insertInto('slots')
        .values({ slot: 'a\0b', master: 'm\u001b[31m', state: 'normal', version: 2 ** 40 })
        .execute(),
    );
    expect(await databaseDirectory(state).list()).toMatchObject([
      { slot: 'a\uFFFDb', master: 'm\u001b[31m', version: 2 ** 40 },
    ]);
  });

  it('reads moves from a table of the site, with and without a time', async () => {
    const database = nameIn(url);
    await server.psql('CREATE SCHEMA site', database);
    await server.psql(
      'CREATE TABLE site.moves (user_name text, from_slot text, to_slot text, state text)',
      database,
    );
    await server.psql("INSERT INTO site.moves VALUES ('ann', 'store1', 'store2', 'moving')", database);
    const state = await open(url, { mode: 'read' });
    expect(await tableMoves(state, 'site.moves')).toMatchObject([{ user: 'ann', at: null }]);
    await server.psql('ALTER TABLE site.moves ADD COLUMN at timestamptz', database);
    await server.psql("UPDATE site.moves SET at = '2026-03-12 04:28:26+00'", database);
    expect(await tableMoves(state, 'site.moves')).toMatchObject([
      { user: 'ann', at: '2026-03-12T04:28:26Z' },
    ]);
    expect((await errorOf(tableMoves(state, 'no_such'))).code).toBe('state.empty');
  });

  it('reads from a standby, refuses to write there, and writes on the primary that the url names too', async () => {
    await makeSlot(await open());
    const standby = await startPostgres({ from: server });
    onTestFinished(() => standby.dispose());
    const database = nameIn(url);
    const state = await open(standby.url(database), { mode: 'read' });
    expect(await databaseDirectory(state).list()).toHaveLength(1);
    expect(await errorOf(open(standby.url(database)))).toMatchObject({
      code: 'state.read-only',
      hint: expect.stringContaining('primary'),
    });
    const both = await open(
      `postgres://super@127.0.0.1:${standby.port},127.0.0.1:${server.port}/${database}`,
    );
    expect(await databaseDirectory(both).raiseVersion('store1')).toBe(2);
  }, 120_000);
});
