// The drain of a site's own sender: whether its daemon runs, by the name that the configuration tells, on real processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { execQueue } from '../../../../src/drivers/exec/queue.js';
import { systemClock } from '../../../../src/lib/clock.js';
import type { DrainWay } from '../../../../src/queue/drain-way.js';
import { localTransport } from '../../../../src/transport/local.js';
import { tempDir } from '../../../support/temp-dir.js';

const NAME = 'zz-mailctl-sender';
const transport = localTransport({
  clock: systemClock,
  env: { PATH: process.env.PATH ?? '' },
  sudoFor: () => false,
  helloMs: 20_000,
});
const wayOf = async (): Promise<DrainWay> => {
  const list = ['printf', '{"id":"a","state":"held"}\\n'];
  const commands = { list, hold: ['true'], release: ['true'] };
  const host = { name: 'out1', transport: 'local', groups: [] } as const;
  const way = await execQueue({ transport, host, name: 'out1', commands, process: NAME }).drain?.();
  if (way === undefined || 'cannot' in way) throw new Error('it cannot be drained');
  return way;
};
const isDown = async (way: DrainWay) => (await way.tick({ lots: [], forMs: 0 })).isDown;

let daemon: ChildProcess | undefined;
afterEach(() => daemon?.kill('SIGKILL'));

/** An interpreter with options of its own before the script. */
async function begin(): Promise<void> {
  const file = join(await tempDir(), NAME);
  await writeFile(file, 'setInterval(() => {}, 1000); console.log("runs");');
  daemon = spawn(process.execPath, ['--no-warnings', '--stack-size=900', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(daemon.stdout as NodeJS.ReadableStream, 'data');
}

it('is down once it has run and does not any more, and never by a name that nobody has', async () => {
  const way = await wayOf();
  expect(await isDown(way)).toBe(false);
  await begin();
  expect(await isDown(way)).toBe(false);
  daemon?.kill('SIGKILL');
  await once(daemon as ChildProcess, 'exit');
  expect(await isDown(way)).toBe(true);
  await begin();
  expect(await isDown(way)).toBe(false);
});
