// Where the file of a queue id is, by the perl that looks for it on the host. The pairs are of real queues of 3.7.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { QUEUE_FILES_PERL } from '../../../../src/drivers/postfix/queue-files.js';

/** Folders of these ids in `deferred`. */
function paths(depth: number, ids: readonly string[]): readonly string[] {
  const perl = `${QUEUE_FILES_PERL}\nprint path('deferred', $_), "\\n" for @ARGV;`;
  const { stdout } = spawnSync('perl', ['-e', perl, '--', `/\n${depth}\ndeferred defer`, ...ids]);
  return String(stdout).trim().split('\n');
}

test.each([
  // The microseconds of a long id, hexadecimal: 5 digits, whatever the digits of its inode are.
  ['4jX28t1RZxzD00t', '3'],
  ['4jZm9Z74HMz2mMZ', 'F'],
  ['4jZm9Z74y9z2lZy', 'F'],
  ['4jb3ry721tz2lZw', 'F'],
  // A short id: its own first digits.
  ['B9A8339457', 'B'],
  ['0C0FFEE11', '0'],
])('the file of %s is in %s', (id, letter) => {
  expect(paths(1, [id])).toEqual([`deferred/${letter}/${id}`]);
});

test('two levels of folders take two digits', () => {
  expect(paths(2, ['B9A8339457'])).toEqual(['deferred/B/9/B9A8339457']);
});
