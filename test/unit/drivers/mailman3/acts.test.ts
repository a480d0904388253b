// Acts on messages of Mailman 3: what cannot be saved is no failure without a way out, and a poisonous name comes with
// the commands that mend it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ACT_SCRIPT } from '../../../../src/drivers/mailman3/act-script.js';
import { mailman3Queue } from '../../../../src/drivers/mailman3/queue.js';
import { FakeTransport } from '../../../support/fake-transport.js';
import { tempDir } from '../../../support/temp-dir.js';
import { itUnless } from '../../../support/unless.js';

const host = { name: 'lists1', transport: 'local', groups: [] } as const;
const ID = 'out/1795289292.6499434+98ef2cc3705eb45ce841f6be0afeb4a81235ae19';
const key = { id: ID, arrivedAt: null, sender: null };

it('a deletion that cannot be saved says how much that is, and names the key that allows more', async () => {
  const transport = new FakeTransport();
  transport.expect(
    {
      host: 'lists1',
      name: 'mailman3.delete',
      args: ['delete', 'r1', '5', '30'],
      stdin: `${JSON.stringify(ID)}\n`,
    },
    { status: 3, stdout: 'full 10 25 30\n' },
  );
  const queue = mailman3Queue({ transport, host, name: 'lists1:mailman3' });
  const save = { run: 'r1', expiresAt: 5, maxBytes: 30 };
  await expect(queue.act?.('delete', [key], { save })).rejects.toMatchObject({
    code: 'queue.save-full',
    exitCode: 3,
    message: 'lists1: 25 bytes to save, 10 are saved already, 30 are allowed',
    hint: expect.stringContaining('queue.keep_at_most'),
  });
});

const noPython =
  spawnSync('python3', ['-c', '']).status === 0 ? undefined : 'it needs python3, as Mailman does';

itUnless(noPython, 'the script says so before it touches anything', async () => {
  const spool = await tempDir();
  mkdirSync(join(spool, 'out'));
  writeFileSync(join(spool, `${ID}.pck`), 'x'.repeat(100));
  const places = ACT_SCRIPT.replace(/^enter_queues$/m, `cd '${spool}'`);
  expect(places).not.toBe(ACT_SCRIPT);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', places, 'sh', 'delete', 'r1', '5', '30'], {
    input: `${JSON.stringify(ID)}\n`,
    encoding: 'utf8',
  });
  expect([status, stdout, stderr]).toEqual([3, 'full 0 100 30\n', '']);
  expect(readdirSync(spool)).toEqual(['out']);
});

it('a name that ends a runner is told with both commands', async () => {
  const transport = new FakeTransport();
  transport.expect({ host: 'lists1', name: 'mailman3.list' }, { stdout: 'f out/hello.pck\n' });
  const queue = mailman3Queue({ transport, host, name: 'lists1:mailman3' });
  const { warning } = await queue.list(() => {});
  expect(warning).toMatch(
    /mailctl queue hold -H lists1 --id out\/\S+\).*on lists1: systemctl restart mailman3$/,
  );
});
