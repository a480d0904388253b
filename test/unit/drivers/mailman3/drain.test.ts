// The look of a drain at Mailman's queues: where each message is, and what its runner has put aside under another name.
import { spawnSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LOOK_SCRIPT, parseSight } from '../../../../src/drivers/mailman3/drain.js';
import { tempDir } from '../../../support/temp-dir.js';

const STEM = '1795289292.6499434+98ef2cc3705eb45ce841f6be0afeb4a81235ae';

it('counts what went to shunt, bad or retry since it began, and nothing that was there before', async () => {
  const spool = await tempDir();
  const script = LOOK_SCRIPT.replace(/^enter_queues$/m, `cd '${spool}'`);
  expect(script).not.toBe(LOOK_SCRIPT);
  for (const folder of ['out', 'shunt', 'retry', '.mailctl-hold', '.mailctl-hold/out'])
    mkdirSync(join(spool, folder));
  const put = (path: string, mtime: number) => {
    writeFileSync(join(spool, path), 'x');
    utimesSync(join(spool, path), mtime, mtime);
  };
  const look = (...args: string[]) => {
    const input = `out/${STEM}01\nout/${STEM}02\nout/${STEM}03\n`;
    const { stdout } = spawnSync('sh', ['-c', script, 'sh', 'out', ...args], { input, encoding: 'utf8' });
    return parseSight('lists1', stdout);
  };
  put(`out/${STEM}01.pck`, 1000);
  put(`.mailctl-hold/out/${STEM}02.pck`, 1000);
  put(`shunt/${STEM}10.pck`, 1000);
  expect(look('')).toMatchObject({ aside: null, isDown: true });
  expect(look('2000').aside).toBe(0);
  put(`shunt/${STEM}11.pck`, 3000);
  put(`retry/${STEM}12.pck`, 3000);
  const seen = look('2000');
  expect(seen.aside).toBe(2);
  expect([...seen.fates]).toEqual([
    [`out/${STEM}01`, 'waiting'],
    [`out/${STEM}02`, 'held'],
  ]);
});
