import { appendFile, chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.js';
import { ensureStateDir, stateDirPath } from '../../../src/journal/state-dir.js';
import {
  createRun,
  findRun,
  listRuns,
  type NewRun,
  pickRunId,
  type RunSummary,
} from '../../../src/journal/store.js';
import { type Clock, systemClock } from '../../../src/lib/clock.js';
import { tempDir } from '../../support/temp-dir.js';

type Head = { readonly id: string; readonly kind: string; readonly target: string };

/** The real clock's timers, a day of the test's choice. */
const on = (day: string): Clock => ({ ...systemClock, now: () => Date.parse(`${day}T04:28:00Z`) });

function newRun(stateDir: string, id: string, clock: Clock = on('2026-03-12')): NewRun<Head> {
  return {
    stateDir,
    plan: { id, kind: 'failover', target: 'imap21' },
    mailctl: '0.1.0',
    operator: 'ann',
    host: 'bastion1',
    bootId: 'b',
    clock,
  };
}

test('a new run keeps the id that its plan was shown with; the plan in the journal is the plan', async () => {
  const dir = await tempDir();
  const id = await pickRunId(dir);
  expect(id).toMatch(/^[0-9a-f]{4}$/);
  const { plan, journal, id: given } = await createRun(newRun(dir, id));
  expect(given).toBe(id);
  expect(journal.records).toMatchObject([{ kind: 'opened', operator: 'ann', plan }]);
  expect((await stat(join(dir, 'runs'))).mode & 0o777).toBe(0o700);
  await journal.close();
});

test('a taken id, and one that is none, are replaced by a free one', async () => {
  const dir = await tempDir();
  const first = await createRun(newRun(dir, '7f3a'));
  const second = await createRun(newRun(dir, '7f3a'));
  const third = await createRun(newRun(dir, '../../etc/x'));
  expect(first.id).toBe('7f3a');
  for (const { id, plan, journal } of [second, third]) {
    expect(id).toMatch(/^[0-9a-f]{4,5}$/);
    expect(id).not.toBe('7f3a');
    expect(plan.id).toBe(id);
    await journal.close();
  }
  await first.journal.close();
});

test('an id taken by a finished run is not used again', async () => {
  const dir = await tempDir();
  await (await createRun(newRun(dir, '7f3a'))).journal.close();
  const second = await createRun(newRun(dir, '7f3a'));
  expect(second.id).not.toBe('7f3a');
  await second.journal.close();
});

test('the list is newest first and tells running, incomplete and closed runs apart', async () => {
  const dir = await tempDir();
  const make = async (id: string, day: string) => (await createRun(newRun(dir, id, on(day)))).journal;
  const done = await make('0001', '2026-03-10');
  await done.append({ kind: 'closed', state: 'done' });
  await done.close();
  const reverted = await make('0002', '2026-03-11');
  await reverted.append({ kind: 'closed', state: 'reverted' });
  await reverted.close();
  await (await make('0003', '2026-03-12')).close();
  const running = await make('0004', '2026-03-13');
  const runs = await listRuns(dir, systemClock);
  expect(runs.map(({ run, state }) => `${run} ${state}`)).toEqual([
    '0004 running',
    '0003 incomplete',
    '0002 reverted',
    '0001 done',
  ]);
  expect(runs[0]).toMatchObject({ holder: { operator: 'ann', pid: process.pid }, endedAt: undefined });
  expect(runs[3]).toEqual({
    run: '0001',
    file: join(dir, 'runs/0001.ndjson'),
    kind: 'failover',
    target: 'imap21',
    operator: 'ann',
    host: 'bastion1',
    state: 'done',
    startedAt: '2026-03-10T04:28:00.000Z',
    endedAt: '2026-03-10T04:28:00.000Z',
    holder: undefined,
    damage: undefined,
  } satisfies RunSummary);
  await running.close();
});

test('a damaged journal is listed with the reason, an empty one too, and other files are no runs', async () => {
  const dir = await tempDir();
  await (await createRun(newRun(dir, '7f3a'))).journal.close();
  await appendFile(join(dir, 'runs/7f3a.ndjson'), 'rubbish\n');
  await writeFile(join(dir, 'runs/abcd.ndjson'), '');
  for (const name of ['notes.txt', 'XYZ.ndjson', '7f3a.ndjson.bak', '7f3a.lock'])
    await writeFile(join(dir, 'runs', name), '');
  const runs = await listRuns(dir, systemClock);
  expect(runs.map(({ run, state }) => `${run} ${state}`).sort()).toEqual([
    '7f3a incomplete',
    'abcd incomplete',
  ]);
  expect(runs.find(({ run }) => run === '7f3a')?.damage).toContain('7f3a.ndjson:2: not a line of JSON');
  expect(runs.find(({ run }) => run === 'abcd')?.damage).toContain('begun nothing');
});

test('without any run the list is empty', async () => {
  expect(await listRuns(await tempDir(), systemClock)).toEqual([]);
});

test('a run is found by its id or an unambiguous beginning; a whole id wins over longer ones', async () => {
  const dir = await tempDir();
  await mkdir(join(dir, 'runs'));
  for (const id of ['7f3a', '7f3ab', '7c00']) await writeFile(join(dir, `runs/${id}.ndjson`), '');
  expect((await findRun(dir, '7f3a')).run).toBe('7f3a');
  expect((await findRun(dir, '7C')).run).toBe('7c00');
  expect(await findRun(dir, '7f3ab')).toEqual({ run: '7f3ab', file: join(dir, 'runs/7f3ab.ndjson') });
  await expect(findRun(dir, '7')).rejects.toMatchObject({ code: 'runs.ambiguous', exitCode: 2 });
  await expect(findRun(dir, '7')).rejects.toThrow('7c00, 7f3a, 7f3ab');
  for (const none of ['beef', '', '../x', '\u001b[2J']) {
    await expect(findRun(dir, none)).rejects.toBeInstanceOf(UsageError);
    await expect(findRun(dir, none)).rejects.toMatchObject({ code: 'runs.unknown' });
  }
});

test('the state directory is the option, else XDG’s, else the machine’s for root and the home’s for others', () => {
  const base = { option: undefined, env: {}, uid: 1000, home: '/home/ann' };
  expect(stateDirPath({ ...base, option: '/x/y' })).toBe('/x/y');
  expect(stateDirPath({ ...base, env: { XDG_STATE_HOME: '/xdg' } })).toBe('/xdg/mailctl');
  expect(stateDirPath({ ...base, env: { XDG_STATE_HOME: 'relative' } })).toBe(
    '/home/ann/.local/state/mailctl',
  );
  expect(stateDirPath(base)).toBe('/home/ann/.local/state/mailctl');
  expect(stateDirPath({ ...base, uid: 0 })).toBe('/var/lib/mailctl');
});

test('the state directory is made for its owner alone, and refused if others can write it or it is a file', async () => {
  const dir = await tempDir();
  const uid = process.getuid?.() ?? -1;
  const state = join(dir, 'a/b');
  await ensureStateDir(state, uid);
  expect((await stat(state)).mode & 0o777).toBe(0o700);
  await ensureStateDir(state, uid);
  for (const mode of [0o777, 0o770, 0o702]) {
    await chmod(state, mode);
    await expect(ensureStateDir(state, uid)).rejects.toMatchObject({
      exitCode: 2,
      hint: `chmod go-w ${state}`,
    });
  }
  await writeFile(join(dir, 'file'), '');
  await expect(ensureStateDir(join(dir, 'file'), uid)).rejects.toMatchObject({ code: 'state-dir' });
  await symlink('/nonexistent', join(dir, 'dangling'));
  await expect(ensureStateDir(join(dir, 'dangling'), uid)).rejects.toMatchObject({ code: 'state-dir' });
  await chmod(state, 0o700);
  // Owned by us; asked for by somebody else.
  if (uid !== 0) await expect(ensureStateDir(state, uid + 1)).rejects.toThrow('belongs to user id');
});

test('a run whose journal cannot be created has changed nothing, and its hint names no run', async () => {
  const dir = await tempDir();
  await writeFile(join(dir, 'runs'), 'in the way');
  await expect(createRun(newRun(dir, '7f3a'))).rejects.toMatchObject({
    code: 'journal.write',
    exitCode: 1,
    hint: expect.stringMatching(/--state-dir(?!.*resume)/),
  });
});
