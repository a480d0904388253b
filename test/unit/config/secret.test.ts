import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPassword } from '../../../src/config/secret.js';
import { ConfigError } from '../../../src/errors.js';
import { itUnless, notRoot } from '../../support/unless.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailctl-secret-'));
  file = join(folder, 'probe.pw');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function read(bytes: string | Buffer, mode = 0o600, uid?: number): string {
  writeFileSync(file, bytes);
  chmodSync(file, mode);
  return readPassword({ user: 'probe', passwordFile: file }, uid);
}

function refusal(act: () => unknown): ConfigError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe('config.password-file');
    const told = `${(error as ConfigError).message} ${(error as ConfigError).detail} ${(error as ConfigError).hint}`;
    expect(told).not.toContain('s3cret');
    expect(told).toContain(file);
    return error as ConfigError;
  }
  throw new Error('it was not refused');
}

it.each([
  ['s3cret\n', 's3cret'],
  ['s3cret', 's3cret'],
  ['s3cret\r\n', 's3cret'],
  [' s3 cret ', ' s3 cret '],
  ['pässwörd\n', 'pässwörd'],
])('takes the line of %j without its newline', (text, password) => {
  expect(read(text)).toBe(password);
});

it('takes a file that only its owner can read', () => {
  expect(read('s3cret\n', 0o400)).toBe('s3cret');
});

it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666])('refuses mode %o', (mode) => {
  const error = refusal(() => read('s3cret\n', mode));
  expect(error.message).toContain('others can read or write it');
  expect(error.hint).toBe(`chmod 600 ${file}`);
});

it.each([
  ['', 'is empty'],
  ['\n', 'is empty'],
  ['s3cret\n\n', 'more than one line'],
  ['s3cret\nx', 'more than one line'],
  ['s3cret\0', 'control character'],
  ['s3cret\t', 'control character'],
  ['\uFEFFs3cret', 'control character'],
  [`s3cret${'x'.repeat(5_000)}`, 'more than 4096 bytes'],
  [Buffer.from([0x73, 0xff, 0xfe]), 'is not UTF-8'],
])('refuses what is no password: %#', (bytes, why) => {
  expect(refusal(() => read(bytes)).message).toContain(why);
});

it('refuses a file that is missing, and one that is no file', () => {
  expect(refusal(() => readPassword({ user: 'probe', passwordFile: file })).message).toContain(
    'there is no such file',
  );
  file = folder;
  expect(refusal(() => readPassword({ user: 'probe', passwordFile: folder })).message).toContain(
    'not a regular file',
  );
});

itUnless(notRoot, 'refuses a file of another user, and takes one of root', () => {
  expect(read('s3cret\n', 0o600, 12345)).toBe('s3cret');
  chownSync(file, 54321, 0);
  expect(refusal(() => readPassword({ user: 'probe', passwordFile: file }, 12345)).message).toContain(
    'belongs to user 54321, neither to root nor to you (12345)',
  );
});
