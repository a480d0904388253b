// Two hundred hosts at once, three of them with something wrong: all others answer, each of the three is named, and it
// takes no longer than without them and one connect timeout.
// alone: it compares how long runs take.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { ManyHosts } from '../support/many-hosts.js';
import { sshdMissing } from '../support/sshd.js';

const GOOD = 197;
const CONNECT_TIMEOUT_S = 5;
/** Other work on the machine between two runs; the figures themselves are printed. */
const NOISE = 1.5;

const missing = sshdMissing();
let hosts: ManyHosts;

beforeAll(async () => {
  if (missing !== undefined) return;
  hosts = await ManyHosts.start(GOOD);
  await hosts.addTrouble('dead1', 'dead');
  await hosts.addTrouble('hung1', 'hung');
  await hosts.addTrouble('closed1', 'refused-login');
}, 60_000);

afterAll(async () => hosts?.end(), 60_000);

interface Ran {
  readonly code: number | null;
  readonly tookMs: number;
  readonly stderr: string;
  readonly document: {
    readonly messages: readonly { readonly host: string; readonly id: string }[];
    readonly errors: readonly { readonly host: string; readonly code: string }[];
  };
}

function list(): Promise<Ran> {
  const begunAt = systemClock.monotonic();
  const bin = join(import.meta.dirname, '../../bin/mailctl.js');
  const args = [bin, '--config', hosts.configFile, 'queue', 'list', '-o', 'json', '-q'];
  const child = spawn(process.execPath, args, { env: hosts.world.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const pieces: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  child.stderr.on('data', (piece: Buffer) => said.push(piece));
  return new Promise((resolve) => {
    child.once('close', (code) => {
      const tookMs = systemClock.monotonic() - begunAt;
      resolve({
        code,
        tookMs,
        stderr: Buffer.concat(said).toString('utf8'),
        document: JSON.parse(Buffer.concat(pieces).toString('utf8')),
      });
    });
  });
}

test.skipIf(missing !== undefined)(
  '197 of 200 hosts answer, the three others are named, and none of them is waited for twice',
  async () => {
    const good = hosts.names.slice(0, GOOD);
    // The three stand apart, so that no two share a turn by luck.
    const all = [
      'closed1',
      ...good.slice(0, 90),
      'dead1',
      ...good.slice(90, 150),
      'hung1',
      ...good.slice(150),
    ];
    // 197 logins at once on one machine are no test of anything: they may take their time.
    hosts.configure(good, '30s');
    await list();
    hosts.configure(good, `${CONNECT_TIMEOUT_S}s`);
    const alone = await list();
    hosts.configure(all, `${CONNECT_TIMEOUT_S}s`);
    const together = await list();
    console.log(
      `197 hosts ${Math.round(alone.tookMs)} ms, with the three others ${Math.round(together.tookMs)} ms`,
    );

    expect(alone.document.errors).toEqual([]);
    expect(alone.code).toBe(0);
    // Quiet means quiet: nothing of node's own, either.
    expect(alone.stderr).toBe('');
    expect(new Set(alone.document.messages.map(({ id }) => id)).size).toBe(GOOD);
    expect(together.code).toBe(3);
    expect(together.document.messages.map(({ host }) => host).sort()).toEqual([...good].sort());
    const errors = together.document.errors.map(({ host, code }) => `${host} ${code}`).sort();
    expect(errors).toEqual(['closed1 transport.auth', 'dead1 transport.unreachable', 'hung1 transport.hung']);
    expect(together.tookMs).toBeLessThan(alone.tookMs * NOISE + CONNECT_TIMEOUT_S * 1000 + 1000);
  },
  120_000,
);
