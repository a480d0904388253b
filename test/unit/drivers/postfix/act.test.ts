// Acts on a Postfix queue: what is sent to the host, and what its answers come to. The script itself runs on a real
// Postfix in the lab.
import { describe, expect, it } from 'vitest';
import { postfixQueue } from '../../../../src/drivers/postfix/queue.js';
import { comparableSender } from '../../../../src/drivers/postfix/queue-files.js';
import { CommandError, MailctlError } from '../../../../src/errors.js';
import type { Command, Transport } from '../../../../src/transport/transport.js';

const host = { name: 'mx1', transport: 'ssh', groups: [] } as const;
const save = { run: '20261127-0612-a1b2', expiresAt: 1_795_800_000.7, maxBytes: 1e9 };
const key = (id: string, arrivedAt: number | null = 1_795_747_881, sender: string | null = 'a@x') => ({
  id,
  arrivedAt,
  sender,
});

/** A host that answers each command with the next of these texts. */
function answering(...answers: readonly (readonly [status: number, stdout: string, stderr?: string])[]) {
  const asked: Command[] = [];
  const transport: Transport = {
    run: async (_, command) => {
      const [status, stdout, stderr = ''] = answers[asked.length] ?? [0, 'changed 0\n'];
      asked.push(command);
      return { status, stdout, stderr };
    },
    close: async () => {},
  };
  return { driver: postfixQueue({ transport, host, name: 'mx1' }), asked };
}

describe('an act', () => {
  it('sends id, arrival and sender, and nothing that cannot be an id', async () => {
    const { driver, asked } = answering([0, 'gone B9A83394 other\nchanged 2\n']);
    const keys = [
      key('B9A83394'),
      key('4jX28t1RZxzD00t', null, ''),
      key('C0FFEE11', 7, null),
      key('ALL deferred'),
      key('$(id)'),
      key('-'),
      key(''),
      key('x\ny'),
    ];
    expect(await driver.act?.('hold', keys)).toEqual({
      changed: 2,
      already: 0,
      gone: ['B9A83394'],
      failed: ['ALL deferred', '$(id)', '-', '', 'x\ny'].map((id) => ({
        id,
        why: 'is no queue id of Postfix',
      })),
    });
    expect(
      asked.map(({ stdin, args, readOnly, privileged }) => ({ stdin, args, readOnly, privileged })),
    ).toEqual([
      {
        stdin: 'B9A83394 1795747881 =a@x\n4jX28t1RZxzD00t - =\nC0FFEE11 7 *\n',
        args: ['', 'hold'],
        readOnly: false,
        privileged: true,
      },
    ]);
  });

  it('goes in chunks with a deadline by their count, and adds up', async () => {
    const { driver, asked } = answering(
      [0, 'changed 9999\nalready A0000\n'],
      [0, 'failed A0001 is on hold\nchanged 4\n'],
    );
    const keys = Array.from({ length: 10_005 }, (_, index) => key(`A${String(index).padStart(6, '0')}`));
    expect(await driver.act?.('release', keys)).toEqual({
      changed: 10_003,
      already: 1,
      gone: [],
      failed: [{ id: 'A0001', why: 'is on hold' }],
    });
    expect(asked.map(({ stdin = '', timeoutMs }) => [stdin.split('\n').length - 1, timeoutMs])).toEqual([
      [10_000, 80_000],
      [5, 60_010],
    ]);
  });

  it('of no message asks nobody', async () => {
    const { driver, asked } = answering();
    expect(await driver.act?.('requeue', [])).toEqual({ changed: 0, already: 0, gone: [], failed: [] });
    expect(asked).toEqual([]);
  });

  it('says of a flush that the server does not count', async () => {
    const { driver } = answering([0, 'changed 1\n']);
    expect((await driver.act?.('flush', [key('B9A83394')]))?.changed).toBeNull();
  });

  it('saves with run, expiry and limit, and throws before anything is deleted when that is too much', async () => {
    const { driver, asked } = answering([0, 'changed 1\n'], [3, 'full 900 200 1000\n']);
    await driver.act?.('delete', [key('B9A83394')], { save });
    expect(asked[0]?.args).toEqual(['', 'delete', '20261127-0612-a1b2', '1795800000', '1000000000']);
    await expect(driver.act?.('delete', [key('B9A83394')], { save })).rejects.toMatchObject({
      code: 'queue.save-full',
      message: 'mx1: 200 bytes to save, 900 are saved already, 1000 are allowed',
      detail: 'nothing of it was deleted',
    });
  });

  it.each(['', '..', '../x', '.hidden', 'a/b', '-rf'])('does not save below %j', async (run) => {
    const { driver, asked } = answering();
    await expect(driver.act?.('delete', [key('B9A83394')], { save: { ...save, run } })).rejects.toThrow(
      TypeError,
    );
    expect(asked).toEqual([]);
  });

  it('that fails says so, and one without a count is not known', async () => {
    const refused = 'mailctl: postsuper: use of this command is reserved for the superuser\n';
    const { driver } = answering([255, '', refused], [0, 'gone B9A83394\n']);
    await expect(driver.act?.('hold', [key('B9A83394')])).rejects.toThrow(CommandError);
    await expect(driver.act?.('hold', [key('B9A83394')])).rejects.toMatchObject({
      hint: 'what it did is not known: look at the queue',
    });
  });

  it('on an instance names it, and refuses what no instance can be called', async () => {
    const commands: Command[] = [];
    const transport: Transport = {
      run: async (_, command) => {
        commands.push(command);
        return { status: 0, stdout: 'changed 1\n', stderr: '' };
      },
      close: async () => {},
    };
    await postfixQueue({ transport, host, name: 'x', instance: 'postfix-out' }).act?.('hold', [
      key('B9A83394'),
    ]);
    await postfixQueue({ transport, host, name: 'x', instance: 'postfix' }).act?.('hold', [key('B9A83394')]);
    expect(commands.map(({ args }) => args)).toEqual([
      ['postfix-out', 'hold'],
      ['', 'hold'],
    ]);
    for (const instance of ['-c /tmp', '$(id)', '', 'a b'])
      expect(() => postfixQueue({ transport, host, name: 'x', instance })).toThrow(MailctlError);
  });
});

describe('a sender', () => {
  it.each([
    ['"a b"@x', 'a?b@x'],
    ['a b@x', 'a?b@x'],
    ['"<angle>"@x', '<angle>@x'],
    ['"q\\"uo"@x', 'quo@x'],
    ['bücher@x', 'b?cher@x'],
    ['b\u001b[0m?@x', 'b?[0m?@x'],
    ['MAILER-DAEMON', ''],
    ['', ''],
  ])('%j is compared as %j, in a listing and in its file', (sender, compared) => {
    expect(comparableSender(sender)).toBe(compared);
  });
});
