import { expect, test } from 'vitest';
import { runCli } from '../../../support/run-cli.js';
import { at, doneLane, leaveRun, planOf } from '../../../support/run-files.js';
import { tempDir } from '../../../support/temp-dir.js';

const NOW = at('2026-03-12T04:43:00Z');

/** Without a terminal. */
const call = (dir: string, verb: string, ...argv: readonly string[]) =>
  runCli(['runs', verb, ...argv, '--state-dir', dir], { clock: NOW, env: { HOME: dir } });

async function leave(isClosed: boolean): Promise<string> {
  const dir = await tempDir();
  const closing = isClosed ? [{ kind: 'closed', state: 'done' } as const] : [];
  const records = isClosed ? [...doneLane('store1'), ...closing] : [];
  await leaveRun(dir, { plan: planOf(['store1']), records });
  return dir;
}

test('a run that is closed has nothing to do, and asks nothing', async () => {
  const { code, stdout } = await call(await leave(true), 'resume', '7f3a', '-o', 'table');
  expect(stdout).toContain('run 7f3a is closed (done): nothing to do');
  expect(code).toBe(0);
});

test.each(['resume', 'undo'])(
  '%s of an open run needs a terminal or --yes, before any host is asked',
  async (verb) => {
    const { code, stderr } = await call(await leave(false), verb, '7f3a');
    expect(stderr).toContain(`hint: mailctl runs ${verb} 7f3a`);
    expect(stderr).toContain('--yes');
    expect(code).toBe(2);
  },
);

test.each(['resume', 'undo'])(
  '%s of a run that is not there says so, with or without a terminal',
  async (verb) => {
    const { code, stderr } = await call(await leave(false), verb, 'zz');
    expect(stderr).toContain('error: there is no run "zz"');
    expect(code).toBe(2);
  },
);
