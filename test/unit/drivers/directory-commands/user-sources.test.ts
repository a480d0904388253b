import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  commandMoves,
  commandUsers,
  fileMoves,
} from '../../../../src/drivers/directory-commands/user-sources.js';
import { CommandError, TransportError } from '../../../../src/errors.js';
import { systemClock } from '../../../../src/lib/clock.js';
import { localTransport } from '../../../../src/transport/local.js';
import { fakeTransport } from '../../../support/fake-transport.js';
import { tempDir } from '../../../support/temp-dir.js';

const host = { name: 'bastion1', transport: 'local' as const, groups: [] };
const call = (name: string, ...args: string[]) =>
  ({ host: 'bastion1', name, args, readOnly: true, privileged: false }) as const;

describe('commandUsers', () => {
  it('tells the command the slot, word by word', async () => {
    const transport = fakeTransport().expect(call('directory.users', 'lister', '--slot=$(id)'), {
      stdout: 'ann\n',
    });
    expect(await commandUsers(['lister', '--slot={slot}'], { transport, host })('$(id)')).toEqual(['ann']);
  });

  it('asks a command that prints all once for all that ask at the same moment', async () => {
    const transport = fakeTransport().expect(call('directory.users', 'lister'), {
      stdout: 'ann\tstore1\nbob\tstore2\n',
    });
    const usersOf = commandUsers(['lister'], { transport, host });
    expect(await Promise.all([usersOf('store1'), usersOf('store2'), usersOf('store3')])).toEqual([
      ['ann'],
      ['bob'],
      [],
    ]);
  });

  it('never takes a list that is away for an empty one', async () => {
    const transport = fakeTransport().expect(call('directory.users', 'lister', 'store1'), {
      status: 127,
      stderr: 'sh: lister: not found\n',
    });
    const error = await commandUsers(['lister', '{slot}'], { transport, host })('store1').catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(CommandError);
    expect(error).toMatchObject({
      detail: 'sh: lister: not found',
      hint: 'directory.users in the configuration names a command that cannot be run',
    });
  });

  it.each(['-x', '../etc', 'a b', ''])('gives no command the name %j', async (slot) => {
    await expect(
      commandUsers(['lister', '{slot}'], { transport: fakeTransport(), host })(slot),
    ).rejects.toThrow('slot ');
  });
});

describe('moves', () => {
  it('come from a command', async () => {
    const transport = fakeTransport().expect(call('directory.moves', 'mover', '-a'), {
      stdout: 'ann\tstore1\tstore2\tmoving\n',
    });
    expect(await commandMoves(['mover', '-a'], { transport, host })).toMatchObject([
      { user: 'ann', to: 'store2' },
    ]);
  });

  it('come from a file, whatever its name', async () => {
    const transport = localTransport({
      clock: systemClock,
      env: process.env,
      sudoFor: () => false,
      helloMs: 5000,
    });
    const path = join(await tempDir(), "it's -f ; moves.tsv");
    writeFileSync(path, 'ann\tstore1\tstore2\tmoving\n');
    expect(await fileMoves(path, { transport, host })).toHaveLength(1);
    rmSync(path);
    await expect(fileMoves(path, { transport, host })).rejects.toMatchObject({
      code: 'command.failed',
      detail: expect.stringContaining('No such file'),
    });
  });

  it('that hang end with their time', async () => {
    const transport = localTransport({
      clock: systemClock,
      env: process.env,
      sudoFor: () => false,
      helloMs: 5000,
    });
    onTestFinished(() => transport.close());
    await expect(commandMoves(['sleep', '20'], { transport, host, timeoutMs: 300 })).rejects.toBeInstanceOf(
      TransportError,
    );
  });
});
