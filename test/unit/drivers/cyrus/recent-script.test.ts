// The script that names the newest messages of an instance, by a real shell over a spool of ours.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RECENT_SCRIPT } from '../../../../src/drivers/cyrus/recent-script.js';

const NOW = Math.floor(Date.now() / 1000);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recent-'));
  writeFileSync(join(folder, 'imapd.conf'), `configdirectory: /x\npartition-default: ${folder}/spool one\n`);
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(mailbox: string, number: number, ago: number, text: string): void {
  const dir = join(folder, 'spool one', mailbox);
  mkdirSync(dir, { recursive: true });
  const file = join(dir, `${number}.`);
  writeFileSync(file, text);
  utimesSync(file, NOW - ago, NOW - ago);
}

function ask(since: number, most = 3000): string[][] {
  const request = ['0', join(folder, 'imapd.conf'), String(NOW - since), '8', String(most)].join('\x1f');
  const { stdout } = spawnSync('sh', ['-c', RECENT_SCRIPT], { input: `${request}\n`, encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\x1f').slice(1));
}

it('names each message since then with its arrival, the newest first, wherever it was filed', () => {
  put('user/ann', 1, 5000, 'Message-ID: <old@x>\r\n\r\n');
  put('user/ann', 2, 60, 'Received: x\r\nMessage-Id: <two@x>\r\nSubject: y\r\n\r\nMessage-ID: <body@x>\r\n');
  put("user/be'n $(id)/Sent Items", 7, 30, 'From: a\r\nMESSAGE-ID:\r\n <folded@x>\r\n\r\n');
  expect(ask(900)).toEqual([
    ['m', String(NOW - 30), '<folded@x>'],
    ['m', String(NOW - 60), '<two@x>'],
    ['end', 'yes'],
  ]);
});

it('says nothing of a message without an id, and survives what a message may be', () => {
  put('user/ann', 1, 10, 'Subject: none\r\n\r\nMessage-ID: <body@x>\r\n');
  put('user/ann', 2, 11, '');
  put('user/ann', 3, 12, `Message-ID: <x\u0007\u001fy@x>\n${'z'.repeat(200_000)}`);
  put('user/ann', 4, 13, `${'X: y\n'.repeat(2000)}Message-ID: <too-far@x>\n`);
  expect(ask(900)).toEqual([
    ['m', String(NOW - 12), '<xy@x>'],
    ['end', 'yes'],
  ]);
});

it('says that it did not see all, when there were more than it may read', () => {
  for (let number = 1; number <= 5; number++)
    put('user/ann', number, number, `Message-ID: <${number}@x>\n\n`);
  const found = ask(900, 3);
  expect(found.map(([kind]) => kind)).toEqual(['m', 'm', 'm', 'end']);
  expect(found.at(-1)).toEqual(['end', 'no']);
});

it('has nothing to walk without a configuration', () => {
  rmSync(join(folder, 'imapd.conf'));
  expect(ask(900)).toEqual([['end', 'none']]);
});
