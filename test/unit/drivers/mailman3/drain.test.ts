// The look of a drain at Mailman's queues: where each message is, and what its runner has put aside under another name.
// And when it starts Mailman again, on a systemd of the test's own.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LOOK_SCRIPT, parseSight, RESTART_SCRIPT } from '../../../../src/drivers/mailman3/drain.js';
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

it.each([
  ['active', 'restarted', 'systemctl restart mailman3'],
  ['inactive', 'restarted', 'mailman -C CONF start --force'],
  ['deactivating', 'untouched', ''],
  ['activating', 'untouched', ''],
])('a Mailman without its runner that is %s to systemd is %s', async (state, said, did) => {
  const folder = await tempDir();
  const stubs = `cd '${folder}'
note() { [ "$1" != setsid ] || shift; echo "$@" >> did; case $* in *stop) : > stopped ;; *start*) : > runs ;; esac; }
masters() { [ -e stopped ] || echo 7; }
runners() { [ ! -e runs ] || echo 8; }
config_file() { echo CONF; }
as_owner() { note "$@"; }
systemctl() { case $* in *is-active*) case $* in *--quiet*) ;; *) echo ${state} ;; esac; [ ${state} = active ] ;; *) note systemctl "$@" ;; esac; }`;
  const script = RESTART_SCRIPT.replace(/^enter_queues$/m, () => stubs).replace(
    '/run/systemd/system',
    folder,
  );
  const { stdout } = spawnSync('sh', ['-c', script, 'sh', 'out'], { encoding: 'utf8' });
  expect(stdout).toBe(`${said}\n`);
  const file = join(folder, 'did');
  expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toContain(did);
  if (said === 'untouched') expect(existsSync(file)).toBe(false);
});
