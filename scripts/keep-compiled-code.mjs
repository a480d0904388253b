// Runs commands of a built program in this process and writes what V8 compiled for them as FILE.code beside each of
// its files; dist/main.js reads it. Called by the build. Nothing of the machine is asked or changed: a mail server of
// its own with one message is on PATH, and the state lies in a folder that is removed.
// With --chunks it only prints the files that `queue stats` has loaded, one a line.
//   node scripts/keep-compiled-code.mjs DIST [--chunks]
import { chmodSync, mkdtempSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const dist = resolve(process.argv[2] ?? 'dist');
const onlyChunks = process.argv[3] === '--chunks';
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
  const ofStats = [
    ['queue', 'stats', '-o', 'json'],
    ['queue', 'stats', '-o', 'tsv'],
    // What a terminal gets.
    ['queue', 'stats', '-o', 'table'],
  ];
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
  // What they print is not wanted; where the chunks are told, stdout is for them.
  const out = { isTTY: false, write: () => true, on: () => {}, once: () => {}, off: () => {} };
  const streams = { ...bundle.processStreams(), stdout: out };
  for (const argv of onlyChunks ? ofStats : commands)
    await bundle.main([...argv, '--quiet'], process.env, streams, bundle.systemClock);
  for (const [file, script] of bundle.scripts) {
    if (onlyChunks) writeSync(1, `${file}\n`);
    else writeFileSync(join(dist, `${file}.code`), script.createCachedData());
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(0);
