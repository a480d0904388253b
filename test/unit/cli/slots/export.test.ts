import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/lib/clock.js';
import { databaseDirectory } from '../../../../src/state/directory.js';
import { openState } from '../../../../src/state/open.js';
import { type CliOptions, runCli } from '../../../support/run-cli.js';
import { tempDir } from '../../../support/temp-dir.js';

async function site() {
  const dir = await tempDir();
  const state = join(dir, 'state');
  await mkdir(state, { mode: 0o700 });
  const config = join(dir, 'mailctl.yaml');
  await writeFile(config, 'hosts: {imap21: {}, imap22: {}}\n', { mode: 0o600 });
  const database = await openState(`sqlite:${join(state, 'mailctl.db')}`, {
    mode: 'write',
    clock: systemClock,
  });
  const instance = { slot: 'store1', host: 'imap21', instance: 'store1', address: undefined };
  await databaseDirectory(database).applySlotMap({
    add: [
      {
        slot: 'store1',
        master: 'imap21',
        state: undefined,
        instances: [instance, { ...instance, host: 'imap22', instance: 's1', address: '192.0.2.7' }],
      },
    ],
    change: [],
    remove: [],
    unlisted: [],
    same: [],
  });
  await database.close();
  return (argv: readonly string[], options?: CliOptions) =>
    runCli(['slots', 'export', ...argv, '--config', config, '--state-dir', state], options);
}

const YAML =
  '- { slot: store1, master: imap21, replicas: [ { host: imap22, instance: s1, address: 192.0.2.7 } ] }\n';

test('it prints YAML on a terminal and into a pipe', async () => {
  const run = await site();
  expect(await run([])).toEqual({ code: 0, stdout: YAML, stderr: '' });
  expect((await run([], { terminal: 80 })).stdout).toBe(YAML);
  expect((await run(['-o', 'table'])).stdout).toBe(YAML);
});

test('json is the list in a document, tsv a row a host, by option and by MAILCTL_OUTPUT', async () => {
  const run = await site();
  expect(JSON.parse((await run(['-o', 'json'])).stdout)).toEqual({
    schema: 'mailctl/slots-export/v1',
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    slots: [
      {
        slot: 'store1',
        master: 'imap21',
        replicas: [{ host: 'imap22', instance: 's1', address: '192.0.2.7' }],
      },
    ],
    errors: [],
  });
  const rows =
    'slot\thost\trole\tinstance\taddress\tstate\nstore1\timap21\tmaster\tstore1\t\tnormal\nstore1\timap22\treplica\ts1\t192.0.2.7\tnormal\n';
  expect((await run(['-o', 'tsv'])).stdout).toBe(rows);
  expect((await run([], { env: { MAILCTL_OUTPUT: 'tsv' } })).stdout).toBe(rows);
  expect((await run(['-o', 'ndjson'])).stdout.split('\n')[1]).toContain('"host":"imap22"');
});
