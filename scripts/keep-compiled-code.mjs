// Runs commands of a built program in this process and writes what V8 compiled for them as FILE.code beside each of
// its files; dist/main.js reads it. Called by the build. Nothing of the machine is asked or changed: a mail server of
// its own with one message is on PATH, and the state lies in a folder that is removed.
//   node scripts/keep-compiled-code.mjs DIST
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const dist = resolve(process.argv[2] ?? 'dist');
const scratch = mkdtempSync(join(tmpdir(), 'mailctl-build-'));
const message = {
  queue_name: 'deferred',
  queue_id: '4jX28t1RZxzD00t',
  arrival_time: 1795288814,
  message_size: 1107,
};
const recipients = [{ address: 'ann@example.net', delay_reason: 'connection timed out' }];
const listing = JSON.stringify({ ...message, sender: 'bo@example.org', recipients });

try {
  writeFileSync(join(scratch, 'postqueue'), `#!/bin/sh\necho '${listing}'\n`);
  chmodSync(join(scratch, 'postqueue'), 0o755);
  const env = {
    PATH: `${scratch}:${process.env.PATH}`,
    HOME: scratch,
    XDG_STATE_HOME: scratch,
    XDG_CONFIG_HOME: scratch,
    XDG_RUNTIME_DIR: scratch,
    TMPDIR: scratch,
  };
  Object.assign(process.env, env);
  const bundle = createRequire(import.meta.url)(join(dist, 'main.js'));
  const commands = [
    ['--help'],
    ['queue', 'stats', '--help'],
    ['queue', 'stats'],
    ['queue', 'stats', '-o', 'table'],
    ['queue', 'list', '-o', 'json'],
    ['slots', 'list', '-o', 'table'],
    ['runs', 'list', '-o', 'table'],
    ['config', 'show'],
    ['failover', 'nobody', '--dry-run', '--quiet'],
  ];
  for (const argv of commands) {
    await bundle.main([...argv, '--quiet'], process.env, bundle.processStreams(), bundle.systemClock);
  }
  for (const [file, script] of bundle.scripts)
    writeFileSync(join(dist, `${file}.code`), script.createCachedData());
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(0);
