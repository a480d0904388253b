// Queues in the bench: the start of `queue stats` beside a small queue, and a million lines of `postqueue -j` beside
// a bare loop with JSON.parse, python3 and jq, with the memory that it takes. The small queue is a postqueue of our own, so that no mail server is needed.
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const LINE = (id: string, domain: string) =>
  `{"queue_name": "deferred", "queue_id": "${id}", "arrival_time": 1795291580, "message_size": 2294, "forced_expire": false, "sender": "bounce-${id}@news.example.net", "recipients": [{"address": "user${id}@${domain}", "delay_reason": "host alt1.gmail-smtp-in.l.google.com[192.0.2.2] said: 450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered (in reply to RCPT TO command)"}]}\n`;

/** A folder for PATH with a postqueue that has three messages. */
export function smallQueue(scratch: string): string {
  const bin = join(scratch, 'bin');
  mkdirSync(bin);
  const lines = ['A1', 'A2', 'A3'].map((id) => LINE(id, 'gmail.com')).join('');
  writeFileSync(join(bin, 'postqueue'), `#!/bin/sh\ncat <<'X'\n${lines}X\n`);
  writeFileSync(join(bin, 'postconf'), '#!/bin/sh\nexit 0\n');
  for (const name of ['postqueue', 'postconf']) chmodSync(join(bin, name), 0o755);
  return bin;
}

/** A listing of that many messages in some two thousand domains. */
export function longListing(scratch: string, messages: number): string {
  const path = join(scratch, 'listing.json');
  const file = openSync(path, 'w');
  let text = '';
  for (let at = 0; at < messages; at += 1) {
    text += LINE(
      `4jX${at.toString(36).padStart(9, 'B')}z`,
      at % 3 > 0 ? 'gmail.com' : `d${at % 2000}.example`,
    );
    if (text.length < 1 << 20 && at + 1 < messages) continue;
    writeSync(file, text);
    text = '';
  }
  closeSync(file);
  return path;
}

const BARE = `
const counts = new Map(); let tail = Buffer.alloc(0);
require('node:fs').createReadStream(process.argv[1], { highWaterMark: 1 << 20 }).on('data', (chunk) => {
  const all = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk; let from = 0; let at;
  while ((at = all.indexOf(10, from)) !== -1) {
    for (const { address } of JSON.parse(all.toString('utf8', from, at)).recipients) {
      const domain = address.slice(address.lastIndexOf('@') + 1);
      counts.set(domain, (counts.get(domain) ?? 0) + 1);
    }
    from = at + 1;
  }
  tail = all.subarray(from);
});`;

const PYTHON = `
import json, sys
counts = {}
for line in open(sys.argv[1], encoding="utf-8"):
    for one in json.loads(line)["recipients"]:
        domain = one["address"].rpartition("@")[2]
        counts[domain] = counts.get(domain, 0) + 1
print(len(counts))`;
// Of a pipe the last one's status counts, and a jq that failed would be the fastest of all.
const JQ = `jq -r '.recipients[].address | sub(".*@"; "")' "$0" > "$0.jq" && sort "$0.jq" | uniq -c > /dev/null`;

/** What is asked for by hand: once each, in ms; undefined: it is not installed here. */
export function byHandTimes(listing: string): readonly (readonly [name: string, ms: number | undefined])[] {
  const time = (program: string, argv: readonly string[]): number | undefined => {
    const from = performance.now();
    const { status } = spawnSync(program, argv, { stdio: 'ignore', env: { ...process.env, LC_ALL: 'C' } });
    return status === 0 ? performance.now() - from : undefined;
  };
  return [
    ['python3, json.loads', time('python3', ['-c', PYTHON, listing])],
    ['jq, sort, uniq -c', time('sh', ['-c', `command -v jq > /dev/null && ${JQ}`, listing])],
  ];
}

/** Peak memory of `queue stats` of a listing, in MiB, as the kernel counts it. */
export function statsPeakMiB(bin: string, listing: string, scratch: string, env: NodeJS.ProcessEnv): number {
  const [hook, said] = [join(scratch, 'peak.cjs'), join(scratch, 'peak')];
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(said)}, String(process.resourceUsage().maxRSS)));`,
  );
  const argv = ['--require', hook, bin, 'queue', 'stats', '--input', listing, '-o', 'json'];
  const { status } = spawnSync(process.execPath, argv, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return status === 0 ? Number(readFileSync(said, 'utf8')) / 1024 : Number.POSITIVE_INFINITY;
}

/** Milliseconds of the bare loop and of `queue stats`, the best of some rounds. */
export function longListingTimes(
  bin: string,
  listing: string,
  rounds: number,
  env: NodeJS.ProcessEnv,
): { readonly bareMs: number; readonly statsMs: number } {
  const time = (argv: readonly string[]): number => {
    const from = performance.now();
    const { status } = spawnSync(process.execPath, argv, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return status === 0 ? performance.now() - from : Number.POSITIVE_INFINITY;
  };
  const best = { bareMs: Number.POSITIVE_INFINITY, statsMs: Number.POSITIVE_INFINITY };
  for (let round = 0; round < rounds; round += 1) {
    best.bareMs = Math.min(best.bareMs, time(['-e', BARE, listing]));
    best.statsMs = Math.min(best.statsMs, time([bin, 'queue', 'stats', '--input', listing, '-o', 'json']));
  }
  return best;
}
