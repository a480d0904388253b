import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { BusyError, ParseError } from '../../../src/errors.js';
import {
  createJournal,
  Journal,
  type JournalStorage,
  type OpenedRecord,
  openJournal,
} from '../../../src/journal/journal.js';
import { followJournal, readJournal } from '../../../src/journal/read-journal.js';
import { systemClock } from '../../../src/lib/clock.js';
import { fakeClock } from '../../support/fake-clock.js';
import { tempDir } from '../../support/temp-dir.js';

const opened: OpenedRecord = {
  kind: 'opened',
  format: 1,
  mailctl: '0.1.0',
  operator: 'ann',
  host: 'bastion1',
  bootId: 'b',
  plan: { id: '7f3a' },
};
const options = { operator: 'ann', clock: systemClock };
const began = (step: string) => ({ kind: 'began', lane: 'store1', step }) as const;

async function fresh(): Promise<{ file: string; journal: Journal }> {
  const file = join(await tempDir(), '7f3a.ndjson');
  return { file, journal: await createJournal(file, opened, options) };
}

test('what was appended is read back in order, numbered without a gap, by a file that only its owner reads', async () => {
  const { file, journal } = await fresh();
  await journal.append(began('lease'));
  await journal.append({ kind: 'did', lane: 'store1', step: 'lease', note: 'with \n a newline and ü' });
  await journal.close();
  const { records, tornBytes } = await readJournal(file);
  expect(records.map(({ seq, kind }) => [seq, kind])).toEqual([
    [1, 'opened'],
    [2, 'began'],
    [3, 'did'],
  ]);
  expect(records).toEqual(journal.records);
  expect(tornBytes).toBe(0);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('appends that come together share one write and keep their order', async () => {
  const writes: string[] = [];
  const storage: JournalStorage = {
    async append(text) {
      await new Promise((resolve) => setImmediate(resolve));
      writes.push(text);
    },
    async close() {},
  };
  const journal = new Journal('x.ndjson', storage, [], fakeClock());
  await Promise.all(Array.from({ length: 300 }, (_, n) => journal.append(began(`step${n}`))));
  expect(writes.length).toBeLessThanOrEqual(3);
  const seqs = writes
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).seq);
  expect(seqs).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
});

test('an append has not returned before its record is durable', async () => {
  let durable: () => void = () => {};
  const storage: JournalStorage = {
    append: () => new Promise((resolve) => (durable = resolve)),
    async close() {},
  };
  const journal = new Journal('x.ndjson', storage, [], fakeClock());
  let returned = false;
  const appended = journal.append(began('lease')).then(() => (returned = true));
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(returned).toBe(false);
  expect(journal.records).toEqual([]);
  durable();
  await appended;
  expect(journal.records).toHaveLength(1);
});

test('a failed write is a clear error that names the way on, and nothing is appended after it', async () => {
  let tries = 0;
  const storage: JournalStorage = {
    async append() {
      tries += 1;
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    },
    async close() {},
  };
  const journal = new Journal('/state/runs/7f3a.ndjson', storage, [], fakeClock());
  const both = await Promise.allSettled([journal.append(began('a')), journal.append(began('b'))]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const failure = {
    code: 'journal.write',
    exitCode: 5,
    hint: expect.stringContaining('mailctl runs resume 7f3a'),
  };
  await expect(journal.append(began('c'))).rejects.toMatchObject(failure);
  expect(journal.failure).toMatchObject({ message: expect.stringContaining('no space left') });
  expect(tries).toBe(1);
});

test('a torn last line is ignored when reading and cut off before the next append', async () => {
  const { file, journal } = await fresh();
  await journal.append(began('lease'));
  await journal.close();
  await appendFile(file, '{"seq":3,"at":"2026-03-12T04:28');
  expect(await readJournal(file)).toMatchObject({ tornBytes: 31, records: [{ seq: 1 }, { seq: 2 }] });
  const again = await openJournal(file, options);
  await again.append({ kind: 'did', lane: 'store1', step: 'lease' });
  await again.close();
  const { records, tornBytes } = await readJournal(file);
  expect(records.map(({ kind }) => kind)).toEqual(['opened', 'began', 'did']);
  expect(tornBytes).toBe(0);
});

test('a whole record without its newline is torn too: nobody was told that it is there', async () => {
  const { file, journal } = await fresh();
  await journal.append(began('lease'));
  await journal.close();
  await truncate(file, (await stat(file)).size - 1);
  expect((await readJournal(file)).records).toHaveLength(1);
});

test('every place where a journal may be cut gives the records before it', async () => {
  const { file, journal } = await fresh();
  await journal.append(began('lease'));
  await journal.append({ kind: 'did', lane: 'store1', step: 'lease', note: 'ümläut' });
  await journal.close();
  const bytes = await readFile(file);
  const first = bytes.indexOf(10) + 1;
  for (let length = first; length <= bytes.length; length += 1) {
    await writeFile(file, bytes.subarray(0, length));
    const whole = bytes.subarray(0, length).filter((byte) => byte === 10).length;
    expect((await readJournal(file)).records).toHaveLength(whole);
  }
});

const line = (record: object): string => `${JSON.stringify(record)}\n`;
const first = line({ seq: 1, at: '2026-03-12T04:28:00.000Z', ...opened });
const at = '2026-03-12T04:28:01.000Z';

test.each([
  [
    'garbage in the middle',
    `${first}\0\0\0\0\n${line({ seq: 3, at, ...began('a') })}`,
    2,
    'not a line of JSON',
  ],
  ['an empty line', `${first}\n`, 2, 'not a line of JSON'],
  ['a list', `${first}[]\n`, 2, 'not a JSON object'],
  ['null', `${first}null\n`, 2, 'not a JSON object'],
  ['a gap in the numbers', first + line({ seq: 3, at, ...began('a') }), 2, 'record number 3 where 2'],
  ['a number twice', first + line({ seq: 1, at, ...began('a') }), 2, 'record number 1 where 2'],
  ['a kind of tomorrow', first + line({ seq: 2, at, kind: 'paused' }), 2, 'does not know: "paused"'],
  ['a kind that every object has', first + line({ seq: 2, at, kind: 'constructor' }), 2, 'does not know'],
  ['no kind', first + line({ seq: 2, at }), 2, 'does not know'],
  ['no step', first + line({ seq: 2, at, kind: 'began', lane: 'x' }), 2, 'began without step'],
  [
    'a step that is no text',
    first + line({ seq: 2, at, kind: 'began', lane: 'x', step: {} }),
    2,
    'began without step',
  ],
  ['a time that is none', first + line({ seq: 2, at: 'soon', ...began('a') }), 2, '"soon" is none'],
  ['a state that is none', first + line({ seq: 2, at, kind: 'closed', state: 'ok' }), 2, 'closed as "ok"'],
  [
    'a way of resuming that is none',
    first + line({ seq: 2, at, kind: 'resumed', operator: '', host: '', bootId: '', how: 'x' }),
    2,
    'resumed by "x"',
  ],
  [
    'a reason that is no text',
    first + line({ seq: 2, at, kind: 'failed', lane: 'x', step: 'a', reason: 1 }),
    2,
    'failed without reason',
  ],
  [
    'a code that is no text',
    first + line({ seq: 2, at, kind: 'failed', lane: 'x', step: 'a', reason: '', code: 1 }),
    2,
    'code of failed',
  ],
  ['opened twice', first + line({ seq: 2, at, ...opened }), 2, 'the first record'],
  ['not opened', line({ seq: 1, at, ...began('a') }), 1, 'the first record'],
  ['another format', line({ seq: 1, at, ...opened, format: 2 }), 1, 'reads format 1'],
  ['no plan', line({ seq: 1, at, ...opened, plan: null }), 1, 'without a plan'],
  ['nothing', '', 1, 'before its first record'],
  ['half a first record', first.slice(0, 40), 1, 'before its first record'],
])('%s stops the reader at file and line', async (_, text, number, what) => {
  const file = join(await tempDir(), '7f3a.ndjson');
  await writeFile(file, text);
  await expect(readJournal(file)).rejects.toBeInstanceOf(ParseError);
  await expect(readJournal(file)).rejects.toThrow(`${file}:${number}: `);
  await expect(readJournal(file)).rejects.toThrow(what);
});

test('bytes that are no UTF-8 stop the reader', async () => {
  const file = join(await tempDir(), '7f3a.ndjson');
  await writeFile(file, Buffer.concat([Buffer.from(first), Buffer.from([0x22, 0xc3, 0x28, 0x22, 0x0a])]));
  await expect(readJournal(file)).rejects.toThrow(`${file}:2: not UTF-8`);
});

test('a line of 20 MB is refused before it is taken in whole', async () => {
  const file = join(await tempDir(), '7f3a.ndjson');
  await writeFile(file, first + 'x'.repeat(20 * 1024 * 1024));
  await expect(readJournal(file)).rejects.toThrow(`${file}:2: a line of more than`);
});

test('fields that this version does not know are kept', async () => {
  const file = join(await tempDir(), '7f3a.ndjson');
  await writeFile(file, first + line({ seq: 2, at, ...began('a'), colour: 'blue' }));
  expect((await readJournal(file)).records[1]).toMatchObject({ colour: 'blue' });
});

test('a journal that is not there is named', async () => {
  await expect(readJournal('/nowhere/7f3a.ndjson')).rejects.toMatchObject({ code: 'journal.read' });
});

test('a second process finds the journal busy, and whose it is', async () => {
  const { file, journal } = await fresh();
  const second = openJournal(file, { operator: 'bob', clock: systemClock });
  await expect(second).rejects.toBeInstanceOf(BusyError);
  await expect(second).rejects.toThrow(`ann (process ${process.pid}`);
  await journal.close();
  await (await openJournal(file, { operator: 'bob', clock: systemClock })).close();
});

test('an existing journal is not overwritten, and the lock is given back', async () => {
  const { file, journal } = await fresh();
  await journal.close();
  const before = await readFile(file);
  await expect(createJournal(file, opened, options)).rejects.toMatchObject({ code: 'journal.exists' });
  expect(await readFile(file)).toEqual(before);
  await (await openJournal(file, options)).close();
});

test('a damaged journal is not opened, and the lock is given back', async () => {
  const { file, journal } = await fresh();
  await journal.close();
  await appendFile(file, 'rubbish\n');
  for (let twice = 0; twice < 2; twice += 1) {
    await expect(openJournal(file, options)).rejects.toBeInstanceOf(ParseError);
  }
});

test('a closed journal refuses appends', async () => {
  const { journal } = await fresh();
  await journal.close();
  await expect(journal.append(began('a'))).rejects.toMatchObject({ code: 'journal.closed' });
});

test('a follower sees each record as it comes, also one that was written in two halves, and ends with its writer', async () => {
  const { file, journal } = await fresh();
  await journal.append(began('a'));
  await journal.close();
  let alive = true;
  let polls = 0;
  const isAlive = async (): Promise<boolean> => {
    polls += 1;
    return alive;
  };
  const seen: string[] = [];
  const following = (async () => {
    for await (const record of followJournal(file, { clock: systemClock, isAlive, pollMs: 2 })) {
      seen.push(`${record.seq} ${record.kind}`);
    }
  })();
  const until = (count: number): Promise<void> => vi.waitFor(() => expect(seen).toHaveLength(count), 5000);
  await until(2);
  const next = line({ seq: 3, at, kind: 'did', lane: 'store1', step: 'a' });
  await appendFile(file, next.slice(0, 20));
  const before = polls;
  await vi.waitFor(() => expect(polls).toBeGreaterThan(before + 2), 5000);
  expect(seen).toHaveLength(2);
  await appendFile(file, next.slice(20));
  await until(3);
  await appendFile(file, line({ seq: 4, at, kind: 'closed', state: 'done' }));
  alive = false;
  await following;
  expect(seen).toEqual(['1 opened', '2 began', '3 did', '4 closed']);
});

test('a follower that is told to stop ends quietly', async () => {
  const { file, journal } = await fresh();
  await journal.close();
  const stop = new AbortController();
  const seen = [];
  for await (const record of followJournal(file, {
    clock: systemClock,
    isAlive: async () => true,
    signal: stop.signal,
  })) {
    seen.push(record);
    stop.abort();
  }
  expect(seen).toHaveLength(1);
});
