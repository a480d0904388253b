import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import Database from 'libsql';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MailctlError } from '../../../src/errors.js';
import { databaseDirectory } from '../../../src/state/directory.js';
import { CURRENT_VERSION } from '../../../src/state/migrations/list.js';
import { ensureSchema, openState } from '../../../src/state/open.js';
import { buildStateChild, runForJson } from '../../support/state-process.js';
import { itUnless, notRoot } from '../../support/unless.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailctl-state-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function makeDatabase(path: string): Promise<void> {
  const state = await openState(path, { mode: 'write' });
  await databaseDirectory(state).applySlotMap({
    add: [
      {
        slot: 'store1',
        master: 'imap21',
        instances: [{ slot: 'store1', host: 'imap21', instance: 'store1', address: undefined }],
        state: undefined,
      },
    ],
    change: [],
    remove: [],
    unlisted: [],
    same: [],
  });
  await state.close();
}

async function errorOf(act: Promise<unknown>): Promise<MailctlError> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MailctlError);
  return error as MailctlError;
}

/** Binds the folder onto itself read-only, in a mount namespace of its own, and runs the argv there. */
const inReadOnly = (path: string, argv: readonly string[]) => [
  'unshare',
  '-m',
  'sh',
  '-c',
  'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"',
  'sh',
  path,
  ...argv,
];
/** Root without its rights: it may what others may, on files that are nobody's. */
const asStranger = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
const giveAway = (...paths: string[]) => {
  for (const path of paths) chownSync(path, 65534, 65534);
};
const cannotMount =
  notRoot ?? (spawnSync('unshare', ['-m', 'true']).status === 0 ? undefined : 'it makes a mount namespace');

describe('openState', () => {
  it('makes a private file in a private folder, in WAL mode, with the tables that other tools read', async () => {
    const path = join(folder, 'new/deep/mailctl.db');
    await makeDatabase(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'new/deep')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
    const raw = new Database(path);
    expect(raw.prepare('PRAGMA journal_mode').all()).toEqual([{ journal_mode: 'wal' }]);
    expect(raw.prepare('SELECT * FROM slots').all()).toEqual([
      { slot: 'store1', master: 'imap21', state: 'normal', version: 1 },
    ]);
    const columns = raw.prepare("SELECT name FROM pragma_table_info('samples')").all() as { name: string }[];
    expect(columns.map(({ name }) => name)).toEqual([
      'id',
      'slot',
      'host',
      'role',
      'channel',
      'at',
      'seen_at',
      'pending_events',
      'oldest_birth',
      'quarantined',
      'running',
      'replicating',
      'problem',
    ]);
    raw.close();
  });

  it('keeps the mode and the journal mode of a database that exists', async () => {
    const path = join(folder, 'mailctl.db');
    // The journal mode that a file has when nobody asks for another, as an administrator may want it.
    const raw = new Database(path);
    raw.exec('CREATE TABLE of_the_site (a)');
    chmodSync(path, 0o644);
    await makeDatabase(path);
    const state = await openState(path, { mode: 'write' });
    expect(await databaseDirectory(state).raiseVersion('store1')).toBe(2);
    await state.close();
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(raw.prepare('PRAGMA journal_mode').all()).toEqual([{ journal_mode: 'delete' }]);
    raw.close();
  });

  it('takes tables that a site made itself by the documented names', async () => {
    const path = join(folder, 'site.db');
    const raw = new Database(path);
    raw.exec(`CREATE TABLE slots(slot TEXT PRIMARY KEY, master TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'normal', version INTEGER NOT NULL);
      CREATE TABLE instances(slot TEXT, host TEXT, instance TEXT NULL, address TEXT NULL, position INTEGER NOT NULL, PRIMARY KEY(slot, host));
      INSERT INTO slots VALUES('store1','imap21','normal',7); INSERT INTO instances VALUES('store1','imap21',NULL,NULL,0)`);
    raw.close();
    const reading = await openState(path, { mode: 'read' });
    expect(await databaseDirectory(reading).get('store1')).toMatchObject({ master: 'imap21', version: 7 });
    await reading.close();
    const state = await openState(path, { mode: 'write' });
    expect(await databaseDirectory(state).raiseVersion('store1')).toBe(8);
    await state.close();
  });

  it('makes nothing when it only reads', async () => {
    const path = join(folder, 'none/mailctl.db');
    expect(await errorOf(openState(path, { mode: 'read' }))).toMatchObject({
      code: 'state.missing',
      hint: 'mailctl slots import FILE',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves the folder as it was after reading', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const before = readFileSync(path);
    const state = await openState(path, { mode: 'read' });
    await databaseDirectory(state).list();
    await state.close();
    // SQLite's own: the lock file and an empty log.
    expect(readdirSync(folder).filter((name) => !/-(shm|wal)$/.test(name))).toEqual(['mailctl.db']);
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('refuses to write through a database opened for reading', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const state = await openState(path, { mode: 'read' });
    expect(await errorOf(databaseDirectory(state).raiseVersion('store1'))).toMatchObject({
      code: 'state.read-only',
    });
    await state.close();
  });

  it.each(['read', 'write'] as const)('names a file that is no database (%s)', async (mode) => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'Dear diary,\n'.repeat(1000));
    const error = await errorOf(openState(path, { mode }));
    expect(error.code).toBe('state.not-a-database');
    expect(error.message).toContain(path);
    expect(readFileSync(path, 'utf8')).toBe('Dear diary,\n'.repeat(1000));
  });

  it.each(['read', 'write'] as const)('names a directory that is no database (%s)', async (mode) => {
    expect(await errorOf(openState(folder, { mode }))).toMatchObject({ code: 'state.not-a-database' });
  });

  it.each(['read', 'write'] as const)('names a path that goes through a file (%s)', async (mode) => {
    writeFileSync(join(folder, 'file'), '');
    const error = await errorOf(openState(join(folder, 'file/x.db'), { mode }));
    expect(error.code).toMatch(/^state\.(missing|failed)$/);
  });

  it('names a loop of symbolic links', async () => {
    symlinkSync('b.db', join(folder, 'a.db'));
    symlinkSync('a.db', join(folder, 'b.db'));
    for (const mode of ['read', 'write'] as const) {
      expect((await errorOf(openState(join(folder, 'a.db'), { mode }))).code).toMatch(/^state\./);
    }
  });

  it('says so when the file is empty and only read', async () => {
    const path = join(folder, 'mailctl.db');
    writeFileSync(path, '');
    const state = await openState(path, { mode: 'read' });
    expect(await errorOf(databaseDirectory(state).list())).toMatchObject({ code: 'state.empty' });
    await state.close();
  });

  it('names a damaged database at the call that meets the damage', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096);
    writeFileSync(path, bytes);
    const error = await errorOf(
      openState(path, { mode: 'read' }).then((state) => databaseDirectory(state).list()),
    );
    expect(error.code).toBe('state.corrupt');
    expect(error.hint).toContain('.recover');
  });

  it('names a database cut in the middle', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    writeFileSync(path, readFileSync(path).subarray(0, 5000));
    const error = await errorOf(
      openState(path, { mode: 'read' }).then((state) => databaseDirectory(state).list()),
    );
    expect(error.code).toMatch(/^state\.(corrupt|io|not-a-database)$/);
  });

  it('reads text that is no UTF-8 instead of ending the process', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const raw = new Database(path);
    raw.exec("UPDATE instances SET address = cast(x'61ff62' as text)");
    raw.close();
    const state = await openState(path, { mode: 'read' });
    expect((await databaseDirectory(state).get('store1'))?.instances[0]?.address).toBe('a\ufffdb');
    await state.close();
  });

  it('reads a newer schema that says it can be read, and refuses one that cannot', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const set = (version: number, reader: number, writer: number) => {
      const raw = new Database(path);
      raw.exec(
        `UPDATE mailctl_schema SET version=${version}, oldest_reader=${reader}, oldest_writer=${writer}`,
      );
      raw.close();
    };
    set(9, 1, 9);
    const raw = new Database(path);
    raw.exec('ALTER TABLE slots ADD COLUMN colour TEXT');
    raw.close();
    const state = await openState(path, { mode: 'read' });
    expect(await databaseDirectory(state).get('store1')).toMatchObject({ master: 'imap21' });
    await state.close();
    const error = await errorOf(openState(path, { mode: 'write' }));
    expect(error).toMatchObject({ code: 'state.schema-new' });
    expect(error.message).toContain('schema 9');
    set(9, 1, 1);
    await (await openState(path, { mode: 'write' })).close();
    set(9, 9, 9);
    expect(await errorOf(openState(path, { mode: 'read' }))).toMatchObject({ code: 'state.schema-new' });
  });

  it('says who may hold a lock that does not end, after its patience and not before', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const raw = new Database(path);
    raw.exec('BEGIN IMMEDIATE');
    const state = await openState(path, { mode: 'write', patienceMs: 300 });
    const began = performance.now();
    const error = await errorOf(databaseDirectory(state).raiseVersion('store1'));
    expect(performance.now() - began).toBeGreaterThan(290);
    expect(error).toMatchObject({ code: 'state.busy' });
    expect(error.hint).toContain(path);
    raw.exec('ROLLBACK');
    expect(await databaseDirectory(state).raiseVersion('store1')).toBe(2);
    raw.close();
    await state.close();
  });

  it('lets timers of this process run while it waits for a lock', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const raw = new Database(path);
    raw.exec('BEGIN IMMEDIATE');
    const state = await openState(path, { mode: 'write', patienceMs: 20_000 });
    const waiting = databaseDirectory(state).raiseVersion('store1');
    // Nothing else would end the lock: if the wait stopped the process, this would never run.
    setTimeout(() => raw.exec('ROLLBACK'), 50);
    expect(await waiting).toBe(2);
    raw.close();
    await state.close();
  });

  it('waits for readers where the administrator wants no WAL, and goes on after them', async () => {
    const path = join(folder, 'mailctl.db');
    const raw = new Database(path);
    raw.exec('CREATE TABLE of_the_site (a)');
    await makeDatabase(path);
    const state = await openState(path, { mode: 'write', patienceMs: 20_000 });
    const directory = databaseDirectory(state);
    raw.exec('BEGIN; SELECT * FROM slots');
    setTimeout(() => raw.exec('COMMIT'), 250);
    expect(await directory.raiseVersion('store1')).toBe(2);
    raw.exec('BEGIN EXCLUSIVE');
    setTimeout(() => raw.exec('ROLLBACK'), 250);
    expect(await directory.get('store1')).toMatchObject({ version: 2 });
    expect(await directory.raiseVersion('store1')).toBe(3);
    raw.close();
    await state.close();
  });

  it('rolls a transaction back when its work fails, and goes on with the next', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    const state = await openState(path, { mode: 'write' });
    await expect(
      state.write('trying', async (queries) => {
        await sql`DELETE FROM slots`.execute(queries);
        throw new TypeError('a fault of ours');
      }),
    ).rejects.toThrow(TypeError);
    expect(await databaseDirectory(state).list()).toHaveLength(1);
    await state.close();
  });

  it('migrates once, and says from where to where', async () => {
    const state = await openState(join(folder, 'mailctl.db'), { mode: 'write' });
    expect(await ensureSchema(state)).toEqual({ from: CURRENT_VERSION, to: CURRENT_VERSION });
    await state.close();
  });

  it('takes a path with characters that mean something in a url', async () => {
    const path = join(folder, 'a b?mode=ro#x%41&.db');
    await makeDatabase(path);
    expect(existsSync(path)).toBe(true);
    const state = await openState(`sqlite:${path}`, { mode: 'read' });
    expect(await databaseDirectory(state).list()).toHaveLength(1);
    await state.close();
  });
});

describe('a database that cannot be written', () => {
  let child: string;
  beforeAll(async () => {
    child = await buildStateChild();
  });

  // In a process of its own: libsql really closes a file when its statements are collected, and what it tidies up
  // then, some time later, is what these tests lay out.
  const makeDatabase = (path: string) => runForJson([process.execPath, child, 'make', path]);
  const run = (task: string, path: string) =>
    runForJson(inReadOnly(folder, [process.execPath, child, task, path]));

  itUnless(cannotMount, 'is read on a read-only file system after a clean close', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    expect(await run('list', path)).toMatchObject([{ slot: 'store1', master: 'imap21' }]);
  });

  itUnless(
    cannotMount,
    'is read on a read-only file system with all that an unclean end left in its log',
    async () => {
      const path = join(folder, 'mailctl.db');
      await makeDatabase(path);
      leaveLog(path);
      expect(await run('list', path)).toMatchObject([{ slot: 'store1', master: 'imap22' }]);
    },
  );

  itUnless(cannotMount, 'is not read when its newest changes cannot be', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    leaveLog(path);
    rmSync(`${path}-shm`);
    expect(await run('list', path)).toMatchObject({ error: 'state.unreadable' });
  });

  itUnless(cannotMount, 'refuses writing with a clear error', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    expect(await run('open-write', path)).toMatchObject({ error: 'state.read-only' });
    const missing = (await run('open-write', join(folder, 'none.db'))) as { error: string };
    expect(missing.error).toBe('state.read-only');
  });

  itUnless(cannotMount, 'is read by a user who may only read it', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    chmodSync(folder, 0o755);
    chmodSync(path, 0o644);
    giveAway(folder, path);
    const byStranger = (task: string) => runForJson([...asStranger, process.execPath, child, task, path]);
    expect(await byStranger('list')).toMatchObject([{ slot: 'store1' }]);
    expect(await byStranger('open-write')).toMatchObject({ error: 'state.read-only' });
    // While a writer has it open, and with what is only in its log.
    const state = await openState(path, { mode: 'write' });
    await databaseDirectory(state).raiseVersion('store1');
    expect(await byStranger('list')).toMatchObject([{ slot: 'store1', version: 2 }]);
    await state.close();
    chmodSync(path, 0o600);
    expect(await byStranger('list')).toMatchObject({ error: 'state.permission' });
    expect(await byStranger('open-write')).toMatchObject({ error: 'state.permission' });
    chmodSync(folder, 0o700);
    expect(await byStranger('list')).toMatchObject({ error: 'state.permission' });
  });

  itUnless(cannotMount, 'sees what was changed under a file that it reads as unchanging', async () => {
    const path = join(folder, 'mailctl.db');
    await makeDatabase(path);
    chmodSync(folder, 0o755);
    chmodSync(path, 0o644);
    giveAway(folder, path);
    // The reader may not write; between its two reads the owner, here, moves the slot and closes again.
    const reading = runForJson([...asStranger, process.execPath, child, 'list-twice', path], {}, async () => {
      const state = await openState(path, { mode: 'write' });
      await databaseDirectory(state).raiseVersion('store1');
      await state.close();
    });
    expect(await reading).toEqual([1, 2]);
  });

  itUnless(cannotMount, 'says that the disk is full, and has changed nothing', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const path = join(disk, 'mailctl.db');
    const answer = await runForJson([
      'unshare',
      '-m',
      'sh',
      '-c',
      'mount -t tmpfs -o size=400k tmpfs "$1" && cd "$1" && "$2" "$3" fill "$4"',
      'sh',
      disk,
      process.execPath,
      child,
      path,
    ]);
    expect(answer).toMatchObject({ error: 'state.full', kept: true });
  });
});

/** Changes a row in a process that dies before it can tidy up. */
function leaveLog(path: string): void {
  spawnSync(process.execPath, [
    '-e',
    `const D=require('libsql');const d=new D(process.argv[1]);d.exec("UPDATE slots SET master='imap22'");process.kill(process.pid,'SIGKILL')`,
    path,
  ]);
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
}
