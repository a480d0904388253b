import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readInput } from '../../../../src/cli/slots/read-input.js';
import { tempDir } from '../../../support/temp-dir.js';

test('text comes back as it is, a byte-order mark and CRLF included', async () => {
  const file = join(await tempDir(), 'list');
  await writeFile(file, '\uFEFFä: 1\r\n');
  expect(await readInput(file)).toBe('\uFEFFä: 1\r\n');
});

test('what has no end is given up', async () => {
  await expect(readInput('/dev/zero')).rejects.toThrow('cannot read /dev/zero: it is larger than 32 MiB');
});

test('- reads standard input, from a pipe as from nothing', () => {
  const module = join(import.meta.dirname, '../../../../src/cli/slots/read-input.ts');
  const code = `import { readInput } from ${JSON.stringify(module)};\nprocess.stdout.write(JSON.stringify(await readInput('-')));`;
  const read = (input: string) =>
    spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      input,
      encoding: 'utf8',
    }).stdout;
  expect(read('- {slot: a}\n')).toBe('"- {slot: a}\\n"');
  expect(read('')).toBe('""');
});
