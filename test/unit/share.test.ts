// What is in share/ for a site's timers: its commands are ones that this program has, and the package carries it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { queueSampleCommand } from '../../src/cli/queue/sample.js';
import { slotsSampleCommand } from '../../src/cli/slots/sample.js';
import { tempDir } from '../support/temp-dir.js';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, 'share', file), 'utf8');

test('the package carries it', () => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  expect(files).toContain('share');
});

test.each([
  ['systemd/mailctl-sample.service', /^ExecStart=.*mailctl (.*)$/m, slotsSampleCommand],
  ['systemd/mailctl-queues.service', /^ExecStart=.*mailctl (.*)$/m, queueSampleCommand],
  ['cron/mailctl-sample', /mailctl (slots.*)$/m, slotsSampleCommand],
  ['cron/mailctl-sample', /mailctl (queue.*)$/m, queueSampleCommand],
])('%s runs a command of this program', (file, pattern, { name, options }) => {
  const words = pattern.exec(read(file))?.[1]?.split(' ') ?? [];
  expect(words.slice(0, 2).join(' ')).toBe(name);
  const known = [options.doOwed.flags, '-q'];
  expect(words.slice(2).every((word) => known.includes(word))).toBe(true);
  expect(words).toContain('--do-owed');
});

test('the guard starts replicas always, a master where the directory names this host, and no other', async () => {
  const base = await tempDir();
  const script = /^ExecCondition=\/bin\/sh -c '(.*)'$/m
    .exec(read('systemd/cyrus-slot-guard.conf'))?.[1]
    ?.replaceAll('$$', '$')
    .replaceAll('%i', 'store1')
    .replaceAll('/srv/', `${base}/`);
  const short = hostname().split('.')[0] ?? '';
  const ask = (role: string, slotGet: string) => {
    const home = join(base, `${role}-${slotGet.length}`);
    mkdirSync(join(home, 'store1'), { recursive: true });
    symlinkSync(role, join(home, 'store1/role'));
    writeFileSync(join(home, 'slot-get'), `#!/bin/sh\n${slotGet}\n`, { mode: 0o755 });
    writeFileSync(join(home, 'hostname'), `#!/bin/sh\necho ${short}\n`, { mode: 0o755 });
    return spawnSync('/bin/sh', ['-c', (script ?? 'exit 99').replaceAll(base, home)], {
      env: { PATH: `${home}:${process.env.PATH ?? ''}` },
    }).status;
  };
  expect(ask('role.replica', 'exit 7')).toBe(0);
  expect(ask('role.master', `echo ${short}`)).toBe(0);
  expect(ask('role.master', 'echo another-host')).toBe(1);
  expect(ask('role.master', 'exit 7')).toBe(1);
  expect(ask('role.master', ':')).toBe(1);
});
