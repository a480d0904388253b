// A log read on this machine by the real script: files with their rotations, a journal that a small program plays,
// and a site's own command.
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { localTransport } from '../../../src/transport/local.js';
import { type LogEnd, type LogStart, readLogLines } from '../../../src/transport/log-source.js';

const host = { name: 'mx1', transport: 'local', groups: [] } as const;
const now = Math.floor(Date.now() / 1000);
/** A line written so many seconds ago. */
const line = (ago: number, text: string) =>
  `${new Date((now - ago) * 1000).toISOString().slice(0, 19)}+00:00 mx1 postfix/smtp[7]: ${text}\n`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  file = join(folder, 'mail.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function read(
  from: LogStart,
  more: { readonly command?: readonly string[]; readonly maxBytes?: number; readonly pattern?: string } = {},
): Promise<LogEnd & { lines: readonly string[]; zone: string }> {
  const env = { PATH: `${folder}:${process.env.PATH}`, TZ: 'UTC' };
  const transport = localTransport({ clock: systemClock, env, sudoFor: () => false, helloMs: 10_000 });
  const lines: string[] = [];
  let zone = '';
  const end = await readLogLines(
    transport,
    host,
    {
      locate: 'log=$1; [ -f "$log" ] || log=',
      journal: 'SYSLOG_FACILITY=2',
      pattern: more.pattern ?? 'want',
      command: more.command,
    },
    from,
    (text, clock) => {
      lines.push(text.replace(/^.*?\]: /, ''));
      zone = clock.zone;
    },
    { args: [file], maxBytes: more.maxBytes },
  );
  return { ...end, lines, zone };
}

const rotate = (from: string, to: string, ago: number) => {
  renameSync(from, to);
  utimesSync(to, now - ago, now - ago);
};

describe('a log in a file', () => {
  it('gives what the pattern keeps, and goes on where it stopped, after the last whole line', async () => {
    writeFileSync(file, line(900, 'want 1') + line(800, 'other') + line(700, 'want 2'));
    appendFileSync(file, line(600, 'want 3').trimEnd());
    const first = await read({ since: now - 850 });
    expect(first).toMatchObject({ lines: ['want 1', 'want 2'], incomplete: null, zone: '+0000' });
    appendFileSync(file, `\n${line(500, 'want 4')}`);
    const second = await read(first);
    expect(second).toMatchObject({ lines: ['want 3', 'want 4'], incomplete: null });
    expect(await read(second)).toMatchObject({ lines: [], incomplete: null, position: second.position });
  });

  it('is followed through its rotations by the inode', async () => {
    writeFileSync(file, line(900, 'want 1'));
    const first = await read({ since: now - 900 });
    appendFileSync(file, line(800, 'want 2'));
    rotate(file, `${file}.2`, 800);
    writeFileSync(file, line(700, 'want 3'));
    rotate(file, `${file}.1`, 700);
    writeFileSync(file, line(600, 'want 4'));
    expect(await read(first)).toMatchObject({ lines: ['want 2', 'want 3', 'want 4'], incomplete: null });
  });

  it('that was rotated away, or cut short, is incomplete', async () => {
    writeFileSync(file, line(900, 'want 1'));
    const first = await read({ since: now - 900 });
    rotate(file, join(folder, 'gone'), 800);
    writeFileSync(file, line(600, 'want 4') + line(500, 'want 5'));
    const second = await read(first);
    expect(second.lines).toEqual(['want 4', 'want 5']);
    expect(second.incomplete).toMatch(/rotated, and the file .* is gone/);
    truncateSync(file);
    appendFileSync(file, line(400, 'want 6'));
    const third = await read(second);
    expect([third.lines, third.incomplete]).toEqual([['want 6'], 'the log was cut short since']);
  });

  it('is read back to the time asked for, through older files, compressed ones too', async () => {
    writeFileSync(`${file}.2.gz`, gzipSync(line(9000, 'want 0') + line(2000, 'want 1')));
    utimesSync(`${file}.2.gz`, now - 2000, now - 2000);
    writeFileSync(`${file}.1`, line(1900, 'want 2'));
    utimesSync(`${file}.1`, now - 1900, now - 1900);
    writeFileSync(file, line(100, 'want 3'));
    expect(await read({ since: now - 3000 })).toMatchObject({
      lines: ['want 0', 'want 1', 'want 2', 'want 3'],
      incomplete: null,
    });
    expect((await read({ since: now - 1950 })).lines).toContain('want 2');
    expect((await read({ since: now - 50 })).lines).toEqual(['want 3']);
    expect((await read({ since: now - 20_000 })).incomplete).toMatch(/^the log begins at 20/);
  });

  it('of many megabytes is begun near the time, and never before its limit', async () => {
    const filler = line(5000, `want ${'x'.repeat(900)}`).repeat(12_000);
    writeFileSync(file, filler + line(100, 'want 1'));
    const near = await read({ since: now - 200 });
    expect(near.lines.at(-1)).toBe('want 1');
    expect(near.lines.length).toBeLessThan(6000);
    const end = await read({ since: now - 200 }, { maxBytes: 100 });
    expect(end.lines.length).toBeLessThan(3);
  });

  it('says what the logger dropped, by the logger’s own tag only', async () => {
    const at = new Date((now - 60) * 1000).toISOString().slice(0, 19);
    writeFileSync(
      file,
      line(900, 'want imuxsock lost 9 messages') +
        `${at}+00:00 mx1 rsyslogd: imuxsock lost 77 messages from pid 5 due to rate-limiting\n`,
    );
    const { lines, incomplete } = await read({ since: now - 900 });
    expect(lines).toEqual(['want imuxsock lost 9 messages']);
    expect(incomplete).toMatch(/^the logger dropped lines: rsyslogd: imuxsock lost 77 messages/);
  });

  it('is not mistaken by hostile lines', async () => {
    writeFileSync(
      file,
      `${line(900, 'want \u0000nul \u001b[31m $(id) `id`')}log now 1 +0000\nlog position file 1 1 want\n${line(800, 'want 2')}`,
    );
    const { lines, position } = await read({ since: now - 900 });
    expect(lines).toHaveLength(3);
    expect(position).toMatch(/^file \d+ \d+$/);
    expect(position).not.toBe('file 1 1');
  });

  it('that is empty is not known to be complete, and none is said', async () => {
    writeFileSync(file, '');
    expect(await read({ since: now - 900 })).toMatchObject({ lines: [], incomplete: 'the log is empty' });
    rmSync(file);
    writeFileSync(join(folder, 'journalctl'), '#!/bin/sh\n', { mode: 0o755 });
    expect((await read({ since: now - 900 })).incomplete).toBe('the journal is empty');
  });
});

describe('a log in the journal', () => {
  const cursor = 's=abc;i=1f;b=def;m=1;t=2;x=3';
  const play = (script: string) =>
    writeFileSync(join(folder, 'journalctl'), `#!/bin/sh\necho "$*" >> ${folder}/asked\n${script}`, {
      mode: 0o755,
    });

  it('is read by its cursor', async () => {
    play(`case "$*" in
  *--cursor=*) echo x; echo '-- cursor: ${cursor}' ;;
  *short-unix*) echo ${now - 9000}.5 x ;;
  *) echo '2026-11-27T06:46:13+0000 mx1 postfix/smtp[7]: want 1'; echo '-- cursor: ${cursor}' ;;
esac`);
    const first = await read({ since: now - 900 });
    expect(first).toMatchObject({ lines: ['want 1'], incomplete: null, position: `journal ${cursor}` });
    expect(await read(first)).toMatchObject({
      lines: ['want 1'],
      incomplete: null,
      position: `journal ${cursor}`,
    });
  });

  it('that does not reach back to its cursor is incomplete, and one without news keeps it', async () => {
    play(`case "$*" in *--cursor=*) echo x; echo '-- cursor: s=other' ;; esac`);
    expect(await read({ position: `journal ${cursor}` })).toMatchObject({
      lines: [],
      incomplete: 'the journal does not reach back to where it was read last',
      position: `journal ${cursor}`,
    });
  });

  it('is read instead of a file that nobody writes any more', async () => {
    writeFileSync(file, line(90_000, 'want old'));
    utimesSync(file, now - 90_000, now - 90_000);
    play(`case "$*" in
  *'-n 1 '*) echo ${now - 5}.1 x ;;
  *short-unix*) echo ${now - 100_000}.5 x ;;
  *) echo '2026-11-27T06:46:13+0000 mx1 postfix/smtp[7]: want new'; echo '-- cursor: ${cursor}' ;;
esac`);
    expect((await read({ since: now - 900 })).lines).toEqual(['want new']);
  });
});

describe('a log that was a file and is gone', () => {
  it('is said to be, and what the journal has from now on is read', async () => {
    writeFileSync(file, line(900, 'want 1'));
    const first = await read({ since: now - 900 });
    rmSync(file);
    const asked = join(folder, 'asked');
    writeFileSync(join(folder, 'journalctl'), `#!/bin/sh\necho "$*" >> ${asked}\n`, { mode: 0o755 });
    const second = await read(first);
    expect(second.incomplete).toMatch(/^the log file that was read is gone/);
    expect(second.position).toMatch(/^since \d+$/);
    expect(readFileSync(asked, 'utf8')).toMatch(/--since=@\d+ /);
  });
});

describe('a log by a site’s own command', () => {
  it('is asked for the last seconds, and goes on by time', async () => {
    const tool = join(folder, 'lines');
    writeFileSync(tool, '#!/bin/sh\necho "want $1 $(($2 > 890 && $2 < 950))"\necho other\n', { mode: 0o755 });
    const { lines, position, incomplete } = await read({ since: now - 900 }, { command: [tool, 'a b'] });
    expect([lines, incomplete]).toEqual([['want a b 1'], null]);
    expect(position).toMatch(/^since \d+$/);
  });

  it('that fails is an error', async () => {
    await expect(read({ since: now }, { command: ['false'] })).rejects.toMatchObject({
      code: 'command.failed',
    });
  });
});
