// Runs commands of a built program in this process and writes what V8 compiled for them as FILE.code beside each of
// its files; dist/main.js reads it. Called by the build. Nothing of the machine is asked or changed: a mail server of
// its own with one message is on PATH, and the state lies in a folder that is removed.
// With a name (help, stats, listing, parser, config, table) it only prints the chunks that these commands have loaded, one a line.
//   node scripts/keep-compiled-code.mjs DIST [NAME]
import { chmodSync, mkdtempSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const dist = resolve(process.argv[2] ?? 'dist');
const wanted = process.argv[3];
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
  const listingFile = join(scratch, 'listing');
  writeFileSync(listingFile, `${listing}\n`);
  const config = join(scratch, 'config.yaml');
  const stores = 'store1: { groups: [store], location: row-a }';
  writeFileSync(config, `hosts:\n  ${stores}\n  here: { transport: local, queues: [postfix] }\n`, {
    mode: 0o600,
  });
  const nothing = { PATH: join(scratch, 'nothing') };
  const named = {
    help: [['--help'], ['queue', 'stats', '--help']],
    stats: [
      ['queue', 'stats', '-o', 'json'],
      ['queue', 'stats', '-o', 'tsv'],
    ],
    listing: [
      ['queue', 'stats', '-o', 'json', '--input', listingFile],
      ['queue', 'list', '-o', 'json'],
    ],
    // A line that is not plain.
    parser: [['queue', 'stats', '-ojson']],
    config: [['queue', 'stats', '-o', 'json', '--config', config, '-H', 'here']],
    // What a terminal gets.
    table: [['queue', 'stats', '-o', 'table']],
  };
  const commands = [
    ...Object.values(named).flat(),
    ['slots', 'list', '-o', 'table'],
    ['runs', 'list', '-o', 'table'],
    ['config', 'show'],
    ['failover', 'nobody', '--dry-run', '--quiet'],
  ];
  // What they print is not wanted; where the chunks are told, stdout is for them.
  const out = { isTTY: false, write: () => true, on: () => {}, once: () => {}, off: () => {} };
  const streams = { ...bundle.processStreams(), stdout: out };
  const run = (argv, more = {}) =>
    bundle.main([...argv, '--quiet'], { ...process.env, ...more }, streams, bundle.systemClock);
  // Help is help only at the end of the line.
  for (const argv of wanted === undefined ? commands : named[wanted])
    await (argv.at(-1) === '--help'
      ? bundle.main(argv, process.env, streams, bundle.systemClock)
      : run(argv));
  // A machine without a mail server, whose error is told as a document.
  if (wanted !== 'help') await run(['queue', 'stats', '-o', 'json'], nothing);
  if (wanted !== undefined) for (const name of bundle.loaded.keys()) writeSync(1, `${name}\n`);
  else
    for (const [file, script] of bundle.scripts)
      writeFileSync(join(dist, `${file}.code`), script.createCachedData());
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(0);
