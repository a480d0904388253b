import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openControlDir } from '../../../src/transport/control-dir.js';

const uid = process.getuid?.() ?? 0;
let runtime: string;
beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), 'mailctl-ctl-'));
});
afterEach(() => rmSync(runtime, { recursive: true, force: true }));

describe('the directory of ssh connections', () => {
  it('is made private in the runtime directory, and used again', () => {
    const dir = openControlDir(runtime, uid);
    expect(dir).toBe(join(runtime, 'mailctl'));
    expect(lstatSync(dir).mode & 0o777).toBe(0o700);
    expect(openControlDir(runtime, uid)).toBe(dir);
  });

  it('is refused when others may enter it, when it is a link or a file, or another owns it', () => {
    const dir = join(runtime, 'mailctl');
    mkdirSync(dir, { mode: 0o700 });
    chmodSync(dir, 0o750);
    expect(() => openControlDir(runtime, uid)).toThrow('others may enter it');
    chmodSync(dir, 0o700);
    expect(() => openControlDir(runtime, uid + 1)).toThrow('it is not yours');
    rmSync(dir, { recursive: true });
    const elsewhere = mkdtempSync(join(tmpdir(), 'mailctl-else-'));
    symlinkSync(elsewhere, dir);
    expect(() => openControlDir(runtime, uid)).toThrow('it is no directory');
    rmSync(elsewhere, { recursive: true });
  });

  it('is in /tmp where there is no runtime directory, or its path is too long for a socket', () => {
    const expected = `/tmp/mailctl-${uid}`;
    const existed = lstatSync(expected, { throwIfNoEntry: false }) !== undefined;
    for (const given of [
      undefined,
      '',
      'relative',
      join(runtime, 'nowhere'),
      join(runtime, 'x'.repeat(80)),
    ]) {
      expect(openControlDir(given, uid)).toBe(expected);
    }
    if (!existed) rmSync(expected, { recursive: true });
  });
});
