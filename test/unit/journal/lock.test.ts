import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BusyError } from '../../../src/errors.js';
import { acquireLock, isHeld, type LockKind, lockHolder } from '../../../src/journal/lock.js';
import { systemClock } from '../../../src/lib/clock.js';
import { tempDir } from '../../support/temp-dir.js';
import { describeUnless } from '../../support/unless.js';

const onLinux = process.platform === 'linux';
const kinds: readonly LockKind[] = onLinux ? ['socket', 'file'] : ['file'];

describe.each(kinds)('the lock kept as a %s', (kind) => {
  const take = (file: string, operator = 'ann') => acquireLock(file, operator, systemClock, kind);

  test('keeps a second one out, which is told who holds it, and is free after its release', async () => {
    const file = join(await tempDir(), '7f3a.ndjson');
    expect(await isHeld(file, systemClock, kind)).toBe(false);
    const lock = await take(file);
    expect(await lockHolder(file, systemClock, kind)).toMatchObject({ pid: process.pid, operator: 'ann' });
    const second = take(file, 'bob');
    await expect(second).rejects.toBeInstanceOf(BusyError);
    await expect(second).rejects.toMatchObject({ exitCode: 6, hint: 'mailctl runs attach 7f3a' });
    await expect(second).rejects.toThrow(/run 7f3a is being executed by ann \(process \d+/);
    await lock.release();
    expect(await isHeld(file, systemClock, kind)).toBe(false);
    await (await take(file, 'bob')).release();
  });

  test('keeps one run, not its neighbours', async () => {
    const dir = await tempDir();
    const one = await take(join(dir, '0001.ndjson'));
    const two = await take(join(dir, '0002.ndjson'));
    await one.release();
    expect(await isHeld(join(dir, '0002.ndjson'), systemClock, kind)).toBe(true);
    await two.release();
  });

  test('of twenty that come at once lets one in', async () => {
    const file = join(await tempDir(), '7f3a.ndjson');
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => take(file)));
    const held = all.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(held).toHaveLength(1);
    await held[0]?.release();
  });
});

describeUnless(onLinux ? undefined : 'it needs Linux', 'the lock kept as a socket', () => {
  test('is the same by every path that leads to the directory', async () => {
    const dir = await tempDir();
    const other = await tempDir();
    await symlink(dir, join(other, 'link'));
    const lock = await acquireLock(join(dir, '7f3a.ndjson'), 'ann', systemClock);
    expect(await isHeld(join(other, 'link', '7f3a.ndjson'), systemClock)).toBe(true);
    await lock.release();
  });

  test('dies with its process, also by kill -9, and does not keep it alive', async () => {
    const file = join(await tempDir(), '7f3a.ndjson');
    const script = (hold: boolean): string => `
      import { acquireLock } from ${JSON.stringify(join(process.cwd(), 'src/journal/lock.ts'))};
      import { systemClock } from ${JSON.stringify(join(process.cwd(), 'src/lib/clock.ts'))};
      await acquireLock(${JSON.stringify(file)}, 'child', systemClock);
      process.stdout.write('held');
      ${hold ? 'setInterval(() => {}, 1000);' : ''}`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script(true)]);
    await once(child.stdout, 'data');
    expect(await lockHolder(file, systemClock)).toMatchObject({ pid: child.pid, operator: 'child' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isHeld(file, systemClock)).toBe(false);
    const second = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script(false)]);
    expect(await once(second, 'exit')).toEqual([0, null]);
  }, 30_000);

  test('of a stopped process is held, by somebody unknown', async () => {
    const file = join(await tempDir(), '7f3a.ndjson');
    const script = `
      import { acquireLock } from ${JSON.stringify(join(process.cwd(), 'src/journal/lock.ts'))};
      import { systemClock } from ${JSON.stringify(join(process.cwd(), 'src/lib/clock.ts'))};
      await acquireLock(${JSON.stringify(file)}, 'child', systemClock);
      process.stdout.write('held');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    expect(await lockHolder(file, systemClock)).toBe('unknown');
    await expect(acquireLock(file, 'bob', systemClock)).rejects.toThrow('another process of this machine');
    child.kill('SIGKILL');
    await once(child, 'exit');
  }, 30_000);

  test('survives those who connect and say nothing', async () => {
    const file = join(await tempDir(), '7f3a.ndjson');
    const lock = await acquireLock(file, 'ann', systemClock);
    const { createHash } = await import('node:crypto');
    const digest = createHash('sha256').update(file).digest('hex').slice(0, 40);
    const idle = Array.from({ length: 50 }, () => {
      const socket = connect({ path: `\0mailctl-run-${digest}`, allowHalfOpen: true });
      socket.on('error', () => {});
      return socket;
    });
    expect(await isHeld(file, systemClock)).toBe(true);
    for (const socket of idle) socket.destroy();
    await lock.release();
  });
});

describe('the lock kept as a file', () => {
  const hold = async (text: string): Promise<string> => {
    const file = join(await tempDir(), '7f3a.ndjson');
    await writeFile(file.replace('.ndjson', '.lock'), text);
    return file;
  };
  const since = new Date().toISOString();

  test('whose process is gone is nobody’s', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    const file = await hold(JSON.stringify({ pid: child.pid, operator: 'ann', since }));
    expect(await isHeld(file, systemClock, 'file')).toBe(false);
    await (await acquireLock(file, 'bob', systemClock, 'file')).release();
  });

  test('from before the last boot is nobody’s, whoever has its pid now', async () => {
    const file = await hold(
      JSON.stringify({ pid: process.pid, operator: 'ann', since: '2001-01-01T00:00:00Z' }),
    );
    await utimes(file.replace('.ndjson', '.lock'), 0, 0);
    expect(await isHeld(file, systemClock, 'file')).toBe(false);
  });

  test.each(['', '{}', 'null', '{"pid":"1"}', '\0', '{"pid":1,"operator":"a","since":"never"}'])(
    'that cannot be read is held by somebody unknown: %j',
    async (text) => {
      expect(await lockHolder(await hold(text), systemClock, 'file')).toBe('unknown');
    },
  );

  test('names its holder without what steers a terminal', async () => {
    const file = await hold(JSON.stringify({ pid: process.pid, operator: 'a\u001b[2Jb', since }));
    expect(await lockHolder(file, systemClock, 'file')).toMatchObject({ operator: 'a?[2Jb' });
  });
});
