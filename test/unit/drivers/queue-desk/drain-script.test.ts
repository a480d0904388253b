// The drains' place is made for real, in a home of its own, with a dead man that lives.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFound } from '../../../../src/drivers/queue-desk/drain-post.js';
import { DRAIN_SCRIPT } from '../../../../src/drivers/queue-desk/drain-script.js';
import { tempDir } from '../../../support/temp-dir.js';
import { until } from '../../../support/until.js';

const A = 'aaaa00000001';
const B = 'bbbb00000002';

/** As a user who is not root: `id` says so. Dead men end with their folder. */
function drain(home: string, words: readonly string[], input = '') {
  const script = `id() { echo 1000; }\n${DRAIN_SCRIPT}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...words], {
    input,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home },
  });
  return { status, stdout: stdout.trim(), stderr };
}

const folder = (home: string, key = A) => join(home, '.local/state/mailctl/queues/postfix/drains', key);

/** Begins one; what is given back goes into a file. */
function begin(home: string, key: string, seconds: number, onDeath = 'release', ...dead: readonly string[]) {
  return beginWith(home, key, seconds, '', onDeath, ...dead);
}
/** The same; what is given back goes through these words of a shell first. */
function beginWith(
  home: string,
  key: string,
  seconds: number,
  first: string,
  onDeath = 'release',
  ...dead: readonly string[]
) {
  onTestFinished(() => {
    drain(home, ['end', 'postfix', key, 'done']);
  });
  const start = `${JSON.stringify({ run: key.slice(0, 4), reason: 'a"b\n$(id)', onDeath, deadAfterS: seconds, holder: { key, operator: 'ann', bastion: 'b1' } })}\n`;
  const give = `${first}cat >> '${home}/given'; echo changed 1\n`;
  const words = [
    'begin',
    'postfix',
    key,
    String(seconds),
    onDeath,
    String(Buffer.byteLength(start)),
    ...dead,
  ];
  return drain(home, words, start + give);
}
const found = (home: string) => parseFound(drain(home, ['found', 'postfix', '']).stdout);
const given = (home: string) =>
  existsSync(join(home, 'given')) ? readFileSync(join(home, 'given'), 'utf8') : '';

describe('the drains’ place', () => {
  test('one drain a queue, and whose it is is told', async () => {
    const home = await tempDir();
    expect(begin(home, A, 600).stdout).toBe('granted');
    expect(begin(home, A, 600).stdout).toBe('granted');
    const refused = begin(home, B, 600).stdout;
    expect(parseFound(refused)).toMatchObject([
      {
        run: 'aaaa',
        holder: { key: A, operator: 'ann', bastion: 'b1' },
        reason: 'a"b\n$(id)',
        state: 'running',
      },
    ]);
    expect(begin(home, B, 600, 'release', A).stdout).toBe('granted');
    expect(drain(home, ['beat', 'postfix', A], '{}').stdout).toBe('lost');
    expect(drain(home, ['keep', 'postfix', A, 'p1'], 'x\ty\n').stdout).toBe('lost');
    expect(found(home).map(({ run, state }) => [run, state])).toEqual([
      ['aaaa', 'held'],
      ['bbbb', 'running'],
    ]);
  });

  test('keeps its manifest by parts, beats, and is gone at its end', async () => {
    const home = await tempDir();
    begin(home, A, 600);
    expect(
      drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a\n["A2",1,"a"]\tA2 1 =a\n').stdout,
    ).toBe('granted');
    expect(drain(home, ['keep', 'postfix', A, 'p2'], '["A3",1,null]\tA3 1 *\n').stdout).toBe('granted');
    expect(drain(home, ['keys', 'postfix', A]).stdout).toBe('["A1",1,"a"]\n["A2",1,"a"]\n["A3",1,null]');
    expect(drain(home, ['beat', 'postfix', A, 'echo', 'at\t5'], '{"left":3}').stdout).toBe('granted\nat\t5');
    expect(found(home)).toMatchObject([
      { messages: 3, note: { left: 3 }, isWatched: true, state: 'running' },
    ]);
    expect(statSync(folder(home)).mode & 0o777).toBe(0o700);
    expect(drain(home, ['end', 'postfix', A, 'done']).stdout).toBe('granted');
    expect(found(home)).toEqual([]);
    expect(existsSync(folder(home))).toBe(false);
    expect(given(home)).toBe('');
  });

  test('without a heartbeat the dead man gives the rest back, once, and a late heartbeat is told', async () => {
    const home = await tempDir();
    begin(home, A, 2);
    drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a b\n');
    drain(home, ['keep', 'postfix', A, 'p2'], '["A2",1,null]\tA2 1 *\n');
    await until(() => found(home)[0]?.state === 'released', 10_000);
    expect(given(home)).toBe('A1 1 =a b\nA2 1 *\n');
    expect(drain(home, ['beat', 'postfix', A], '{}').stdout).toBe('lost');
    expect(drain(home, ['keep', 'postfix', A, 'p3'], '["A3",1,null]\tA3 1 *\n').stdout).toBe('lost');
    // The same run goes on, with all of its manifest.
    expect(begin(home, A, 600).stdout).toBe('granted');
    expect(found(home)).toMatchObject([{ messages: 2, state: 'running' }]);
    expect(given(home)).toBe('A1 1 =a b\nA2 1 *\n');
  });

  test('one that is stopped while its dead man gives back ends him first, and what he had not come to stays', async () => {
    const home = await tempDir();
    beginWith(home, A, 1, 'sleep 1; ');
    drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a\n');
    drain(home, ['keep', 'postfix', A, 'p2'], '["A2",1,null]\tA2 1 *\n');
    await until(() => readFileSync(join(folder(home), 'state'), 'utf8') === 'releasing\n', 10_000);
    expect(drain(home, ['end', 'postfix', A, 'held']).stdout).toBe('granted');
    expect(spawnSync('flock', ['-n', join(folder(home), 'watch.lock'), 'true']).status).toBe(0);
    expect([found(home)[0]?.state, given(home)]).toEqual(['held', 'A1 1 =a\n']);
    expect(drain(home, ['end', 'postfix', A, 'held']).stdout).toBe('granted');
  });

  test('a drain whose last part is being given back lets go of its lock before it is waited for', async () => {
    const home = await tempDir();
    beginWith(home, A, 1, 'sleep 1; ');
    drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a\n');
    await until(() => readFileSync(join(folder(home), 'state'), 'utf8') === 'releasing\n', 10_000);
    const { status, stdout } = begin(home, B, 600, 'hold', A);
    expect([status, stdout, given(home)]).toEqual([0, 'granted', 'A1 1 =a\n']);
  });

  test('one whose rest was given back is nobody’s to hold, and is put away at its end', async () => {
    const home = await tempDir();
    begin(home, A, 1);
    drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a\n');
    await until(() => found(home)[0]?.state === 'released', 10_000);
    expect(drain(home, ['end', 'postfix', A, 'held']).stdout).toBe('lost');
    expect(found(home)[0]?.state).toBe('released');
    expect(drain(home, ['end', 'postfix', A, 'done']).stdout).toBe('granted');
    expect(existsSync(folder(home))).toBe(false);
    expect(drain(home, ['end', 'postfix', A, 'done']).stdout).toBe('lost');
  });

  test('what was stopped stays held, and so does all of a drain that was begun with hold', async () => {
    const home = await tempDir();
    begin(home, A, 600);
    drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a\n');
    expect(drain(home, ['end', 'postfix', A, 'held']).stdout).toBe('granted');
    expect(begin(home, B, 1, 'hold').stdout).toBe('granted');
    await until(() => found(home)[1]?.state === 'dead', 10_000);
    expect(found(home).map(({ state, isWatched }) => [state, isWatched])).toEqual([
      ['held', false],
      ['dead', false],
    ]);
    expect(given(home)).toBe('');
  });

  test('a reboot takes the dead man away, and the next look brings him back', async () => {
    const home = await tempDir();
    begin(home, A, 600);
    drain(home, ['keep', 'postfix', A, 'p1'], '["A1",1,"a"]\tA1 1 =a\n');
    const of = (pid: string) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      } catch {
        return [];
      }
    };
    const parentOf = (pid: string) => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) \S+ /s, '')
          .split(' ')[0];
      } catch {
        return undefined;
      }
    };
    const all = readdirSync('/proc').filter(
      (pid) => /^\d+$/.test(pid) && of(pid)[1] === `${folder(home)}/watch`,
    );
    // What it runs in a subshell has its words for a moment, too.
    const pids = all.filter((pid) => !all.includes(parentOf(pid) ?? ''));
    expect(pids).toHaveLength(1);
    process.kill(Number(pids[0]), 'SIGKILL');
    await until(() => found(home)[0]?.isWatched === false, 5000);
    // Before another boot, on a clock of epoch seconds.
    writeFileSync(join(folder(home), 'beat'), `5 other-boot ${Math.floor(Date.now() / 1000) - 601}\n`);
    expect(found(home)).toMatchObject([{ state: 'dead' }]);
    expect(drain(home, ['wake', 'postfix', '']).stdout).toBe('woke 1');
    await until(() => found(home)[0]?.state === 'released', 10_000);
    expect(given(home)).toBe('A1 1 =a\n');
    expect(drain(home, ['wake', 'postfix', '']).stdout).toBe('woke 0');
  });

  test.each([
    ['../x', A],
    ['', A],
    ['postfix', '../../x'],
    ['postfix', 'zz'],
    ['postfix', ''],
  ])('no name %s with key %s becomes a path', async (name, key) => {
    const home = await tempDir();
    mkdirSync(join(home, 'x'));
    expect(drain(home, ['begin', name, key, '5', 'release', '0']).status).toBe(64);
    expect(readdirSync(home)).toEqual(['x']);
  });

  test.each([
    'drain',
    'drain ../x running 1 1 1',
    'drain aaaa running x 1 1',
    'drain aaaa run\u001bning 1 1 1',
  ])('%s is no drain', (line) => expect(parseFound(line)).toEqual([]));

  test('a drain whose description cannot be read is one all the same', () => {
    expect(
      parseFound('drain aaaa running 7 9999 0\nstart {"holder":5,"onDeath":[]\nnote \u0000'),
    ).toMatchObject([
      {
        run: 'aaaa',
        holder: { operator: '?', bastion: '?' },
        onDeath: 'hold',
        state: 'dead',
        messages: 7,
        note: null,
      },
    ]);
  });
});

test('what a drain was told and what it had parked at its last sign is read, and nothing hostile is', () => {
  const line = (start: object, note: object) =>
    parseFound(
      `drain ${A} running 600 3 1\nstart ${JSON.stringify(start)}\nnote ${JSON.stringify(note)}\nwhole\n`,
    )[0];
  expect(
    line(
      {
        run: 'aaaa',
        limits: { perSecond: 5, destinations: [['gmail', 8, null], ['x', -1, 'y'], 7, ['', 3]] },
      },
      { counts: { held: 420 } },
    ),
  ).toMatchObject({
    held: 420,
    messages: 600,
    limits: {
      perSecond: 5,
      destinations: [
        ['gmail', 8, null],
        ['x', null, null],
      ],
    },
  });
  expect(line({ run: 'aaaa', limits: 'all' }, { counts: { held: -3 } })).toMatchObject({
    held: null,
    limits: { perSecond: null, destinations: [] },
  });
});
