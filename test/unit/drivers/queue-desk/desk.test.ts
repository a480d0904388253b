// The desk's script is run for real, in a home of its own.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRecordLine } from '../../../../src/drivers/queue-desk/desk.js';
import { DESK_SCRIPT } from '../../../../src/drivers/queue-desk/desk-script.js';
import { tempDir } from '../../../support/temp-dir.js';

/** As a user who is not root: `id` says so. */
function desk(home: string, words: readonly string[], input = '') {
  const script = `id() { echo 1000; }\n${DESK_SCRIPT}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...words], {
    input,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: home },
  });
  return { status, stdout: stdout.trim(), stderr };
}

const A = 'aaaa00000001';
const B = 'bbbb00000002';
const take = (key: string, ...dead: readonly string[]) => [
  'take',
  'postfix',
  key,
  'ann',
  'bastion1',
  '90',
  ...dead,
];

describe('the desk', () => {
  test('one run at a time, unless the one that holds it is known to be dead', async () => {
    const home = await tempDir();
    expect(desk(home, take(A)).stdout).toBe('granted');
    expect(desk(home, take(A)).stdout).toBe('granted');
    expect(desk(home, take(B)).stdout).toMatch(new RegExp(`^held ${A} (?:89|90) bastion1 ann$`));
    expect(desk(home, ['renew', 'postfix', B, '90']).stdout).toBe('lost');
    expect(desk(home, ['keep', 'postfix', B, '90', 'part1'], 'x\n').stdout).toBe('lost');
    expect(desk(home, take(B, A)).stdout).toBe('granted');
    expect(desk(home, ['renew', 'postfix', A, '90']).stdout).toBe('lost');
    expect(desk(home, ['end', 'postfix', B, '1']).stdout).toBe('granted');
    expect(desk(home, take(A)).stdout).toBe('granted');
  });

  test('keeps a record and its keys until it is dropped', async () => {
    const home = await tempDir();
    const record = {
      key: A,
      run: 'aaaa',
      act: 'hold',
      operator: 'ann',
      bastion: 'b',
      reason: 'a"b\n$(id)',
      at: 5,
      until: 9,
      meanwhile: ['--sender', 'x'],
    };
    expect(desk(home, take(A), JSON.stringify(record)).stdout).toBe('granted');
    expect(desk(home, ['keep', 'postfix', A, '90', 'part1'], '["A1",1,"a"]\n["A2",1,"a"]\n').stdout).toBe(
      'granted',
    );
    expect(desk(home, ['keep', 'postfix', A, '90', 'part1'], '["A1",1,"a"]\n["A2",1,"a"]\n').stdout).toBe(
      'granted',
    );
    expect(desk(home, ['keys', 'postfix', A]).stdout).toBe('["A1",1,"a"]\n["A2",1,"a"]');
    desk(home, ['end', 'postfix', A, '1']);
    const line = desk(home, ['records', 'postfix', '']).stdout;
    expect(parseRecordLine(line)).toEqual({ record, messages: 2, complete: true });
    desk(home, ['end', 'postfix', B, '0', A, '../..', '']);
    expect(desk(home, ['records', 'postfix', '']).stdout).toBe('');
    expect(desk(home, ['keys', 'postfix', A]).status).toBe(66);
  });

  test.each([
    ['../x', A],
    ['', A],
    ['.x', A],
    ['a b', A],
    ['postfix', '../../x'],
    ['postfix', 'zz'],
    ['postfix', 'a'.repeat(17)],
  ])('no name %s with key %s becomes a path', async (name, key) => {
    const home = await tempDir();
    mkdirSync(join(home, 'x'));
    expect(desk(home, ['take', name, key, 'ann', 'b', '90']).status).toBe(64);
    expect(readdirSync(home)).toEqual(['x']);
  });

  test.each([
    'record',
    'record aaaa 1 1 {',
    'record aaaa 1 1 []',
    'record aaaa 1 1 {"act":"rm","at":1}',
    'record ../x 1 1 {"act":"hold","at":1}',
    'record aaaa 1 1 {"act":"hold","at":"1"}',
  ])('%s is no record', (line) => {
    expect(parseRecordLine(line)).toBeUndefined();
  });
});
