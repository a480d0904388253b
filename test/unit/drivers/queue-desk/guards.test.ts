// What a host has left, as its script tells it: figures of both kinds of control groups, and lines made to hurt; and
// the script itself, on this machine, beside a process of our own.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseGuards } from '../../../../src/drivers/queue-desk/guards.js';
import { guardsScript } from '../../../../src/drivers/queue-desk/guards-script.js';
import { tempDir } from '../../../support/temp-dir.js';

const GB = 1024 ** 3;
const lines = (...rows: readonly (readonly (string | number)[])[]) =>
  rows.map((row) => `${row.join('\t')}\n`).join('');

const HOST = lines(
  ['at', 1_790_000_000],
  ['mem', 'MemTotal:', 8 * 1024 * 1024],
  ['mem', 'MemAvailable:', 4 * 1024 * 1024],
  ['oom', 7],
  ['sock', 'inuse', 100],
  ['sock', 'orphan', 3],
  ['sock', 'tw', 40],
  ['sock', 'mem', 12],
  ['sock', 'inuse', 5],
  ['load', '3.10'],
  ['ip_local_port_range', 32768, 60999],
  ['tcp_max_orphans', 131072],
  ['tcp_mem', 1, 2, 3],
  ['nf_conntrack_count', 50],
  ['nf_conntrack_max', 262144],
  ['cpus', 2],
  ['disk', 1000, 250],
  ['inodes', 0, 0],
);

test('the host’s own figures, where no server was found', () => {
  expect(parseGuards(HOST)).toEqual({
    at: 1_790_000_000,
    memory: { availableBytes: 4 * GB, totalBytes: 8 * GB },
    memories: [{ availableBytes: 4 * GB, totalBytes: 8 * GB }],
    oomKills: 7,
    sockets: {
      inUse: 105,
      orphans: 3,
      mostOrphans: 131072,
      timeWait: 40,
      ports: 28232,
      memoryPages: 12,
      mostMemoryPages: 3,
    },
    files: null,
    addressSpace: null,
    server: null,
    tracked: { connections: 50, most: 262144 },
    load: { one: 3.1, cpus: 2 },
    disk: { freeBytes: 250 * 1024, totalBytes: 1000 * 1024, freeInodes: null, totalInodes: null },
  });
});

const SERVER = lines(
  ['proc', 20, 1, 1_780_000_000, 5000, 1000, 'master'],
  ['proc', 21, 0, 1_789_999_999, 9000, 2000, 'smtp (x)'],
  ['fds', 20, 10],
  ['fds', 21, 90],
  ['nofile', 20, 1024],
  ['nofile', 21, 100],
  ['as', 20, 'unlimited'],
  ['as', 21, 10000],
);

test('of the server’s processes those that are nearest to their limits', () => {
  expect(parseGuards(`${HOST}${SERVER}end\n`)).toMatchObject({
    files: { process: 'smtp (x) (pid 21)', open: 90, limit: 100 },
    addressSpace: { process: 'smtp (x) (pid 21)', bytes: 9000, limit: 10000 },
    server: { process: 'master', pid: 20, startedAt: 1_780_000_000, processes: 2, residentBytes: 3000 },
  });
  // Cut in the middle: how many processes there are is not known.
  expect(parseGuards(HOST + SERVER)).toMatchObject({ files: null, server: null, oomKills: 7 });
});

test.each([
  [
    'of its own',
    [
      ['group', GB, 0.9 * GB, 0.1 * GB, 2, '/mail'],
      ['group', '', 5 * GB, 0, '', '/'],
    ],
    0.2 * GB,
    2,
    '/mail',
  ],
  [
    'of the one above',
    [
      ['group', 4 * GB, GB, 0, 1, '/a/b'],
      ['group', 2 * GB, 1.9 * GB, 0, 3, '/a'],
    ],
    0.1 * GB,
    1,
    '/a',
  ],
  ['none: v1 says a huge number', [['group', '9223372036854771712', GB, 0, 1, '/x']], 4 * GB, 7, undefined],
  ['a generous one', [['group', 6 * GB, GB, 0, 1, '/x']], 4 * GB, 1, undefined],
] as const)('the tighter of host and control group: %s', (_what, groups, available, oomKills, group) => {
  const rounded = groups.map((one) =>
    one.map((word) => (typeof word === 'number' ? Math.round(word) : word)),
  );
  const guards = parseGuards(`${HOST}${lines(...rounded)}end\n`);
  expect(guards.memory?.availableBytes).toBeCloseTo(available, -1);
  expect([guards.oomKills, guards.memory?.group]).toEqual([oomKills, group]);
});

test('every limit of memory and of processes is told, not the nearest alone', () => {
  const rows = [
    ['group', GB, 0.25 * GB, 0, 2, '/mail'],
    ['tasks', 512, 40, '/mail'],
    ['tasks', 'max', 90, '/'],
    ['tasks', 4096, '', '/x'],
  ];
  expect(parseGuards(`${HOST}${lines(...rows)}end\n`)).toMatchObject({
    memories: [{ totalBytes: 8 * GB }, { availableBytes: 0.75 * GB, totalBytes: GB, group: '/mail' }],
    tasks: [{ tasks: 40, most: 512, group: '/mail' }],
  });
});

test.each([
  '',
  'at\n',
  'at\t-5\nmem\tMemTotal:\tNaN\n',
  'mem\tMemTotal:\t99999999999999999999999\n',
  'proc\t1\t1\t1\nproc\nfds\t\t\ngroup\nend\n',
  `sock\t\u001b[31m\t5\n`,
  `proc\t${'9'.repeat(400)}\t1\t1\t1\t1\t\u009b\n`,
])('%j is nothing known', (text) => {
  expect(parseGuards(text)).toMatchObject({
    at: 0,
    memory: null,
    oomKills: null,
    sockets: null,
    files: null,
    server: null,
    load: null,
    disk: null,
  });
});

test('the script sees a process, its children and their limits, whatever they are called', async () => {
  const dir = await tempDir();
  const evil = join(dir, 'x) S 1 (y');
  writeFileSync(evil, '#!/bin/sh\nulimit -n 64\nsleep 60 & sleep 60 & wait\n', { mode: 0o700 });
  const child = spawn(evil, { stdio: 'ignore', detached: true });
  onTestFinished(() => {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  });
  mkdirSync(join(dir, 'spool'));
  const script = guardsScript('main=$1 spool=$2');
  const look = () =>
    parseGuards(
      spawnSync('sh', ['-c', `LC_ALL=C\n${script}`, 'sh', String(child.pid), join(dir, 'spool')], {
        encoding: 'utf8',
      }).stdout,
    );
  let seen = look();
  for (let turn = 0; turn < 50 && seen.server?.processes !== 3; turn += 1) seen = look();
  expect(seen.server).toMatchObject({ pid: child.pid, processes: 3, process: 'x) S 1 (y' });
  expect(seen.files?.limit).toBe(64);
  expect(Math.abs((seen.server?.startedAt ?? 0) - Date.now() / 1000)).toBeLessThan(120);
  expect(seen.memory?.totalBytes).toBeGreaterThan(0);
  expect(seen.disk?.totalBytes).toBeGreaterThan(0);
});
