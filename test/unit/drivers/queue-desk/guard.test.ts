// What stands in front of an acting script: the script begins under the lease of its run and while no other act works
// on the queue, else not at all. Run by a real shell, with an `id` that says that we are no root, so that it stays in a
// folder of the test.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { guardScript } from '../../../../src/drivers/queue-desk/guard-script.js';
import { BusyError } from '../../../../src/errors.js';
import { guarded, mustBeOurs } from '../../../../src/queue/act-words.js';
import { tempDir } from '../../../support/temp-dir.js';

const KEY = '7f3a01234567';
const later = () => Math.floor(Date.now() / 1000) + 60;

async function world(lease: string | null) {
  const home = await tempDir();
  const desk = join(home, '.local/state/mailctl/queues/postfix');
  mkdirSync(desk, { recursive: true });
  writeFileSync(join(home, 'id'), '#!/bin/sh\necho 1000\n');
  chmodSync(join(home, 'id'), 0o755);
  if (lease !== null) writeFileSync(join(desk, 'lease'), lease);
  const env = { HOME: home, PATH: `${home}:${process.env.PATH ?? ''}` };
  const script = (text: string) => guarded(text, guardScript('postfix', KEY), undefined);
  return { desk, env, script };
}

describe('an act', () => {
  it('begins under the lease of its run', async () => {
    const { env, script } = await world(`key ${KEY}\noperator ann\nbastion b\nexpires ${later()}\n`);
    const { status, stdout } = spawnSync('sh', ['-c', script('echo "$1"'), 'sh', 'acts'], { env });
    expect([status, String(stdout)]).toEqual([0, 'acts\n']);
  });

  it.each([
    ['that another run has', `key eeee01234567\noperator eva\nbastion b2\nexpires ${later()}\n`],
    ['that has ended', `key ${KEY}\noperator ann\nbastion b\nexpires 1000\n`],
    ['that says nonsense', `key ${KEY}\nexpires $(date)\n`],
    ['that is not there', null],
  ])('does not begin under a lease %s', async (_, lease) => {
    const { env, script } = await world(lease);
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script('echo acts'), 'sh'], { env });
    expect([status, String(stdout)]).toEqual([75, '']);
    expect(() => mustBeOurs('mx1', { stderr: String(stderr) })).toThrow(BusyError);
  });

  it('waits for the act before it, whose mailctl is gone', async () => {
    const { desk, env, script } = await world(`key ${KEY}\nexpires ${later()}\n`);
    const order = join(desk, 'order');
    // The first is killed from outside as ssh would leave it: it works on.
    const first = spawn('sh', ['-c', script(`echo first >> ${order}; sleep 0.5; echo end >> ${order}`)], {
      env,
    });
    await new Promise((resolve) => first.once('spawn', resolve));
    spawnSync('sh', ['-c', `while ! [ -s ${order} ]; do sleep 0.02; done`]);
    const { stdout } = spawnSync('sh', ['-c', script(`echo second >> ${order}; cat ${order}`), 'sh'], {
      env,
    });
    expect(String(stdout)).toBe('first\nend\nsecond\n');
  });
});

it('goes without a guard where the files of the host cannot be seen', () => {
  expect(guarded('x', guardScript('postfix', KEY), ['podman', 'exec', 'mail'])).toBe('x');
  expect(guarded('x', undefined, undefined)).toBe('x');
});

it.each([
  ['../x', KEY],
  ['', KEY],
  ['postfix', '$(id)'],
  ['postfix', ''],
  ['a b', KEY],
])('is not made for %j and %j', (name, key) => {
  expect(() => guardScript(name, key)).toThrow(TypeError);
});
