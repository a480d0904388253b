import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandDirectory } from '../../../../src/drivers/directory-commands/directory.js';
import { CommandError, ConfigError, TransportError } from '../../../../src/errors.js';
import type { Host } from '../../../../src/fleet/host.js';
import { systemClock } from '../../../../src/lib/clock.js';
import { localTransport } from '../../../../src/transport/local.js';
import { type FakeTransport, fakeTransport } from '../../../support/fake-transport.js';

const here: Host = { name: 'bastion1', transport: 'local', groups: [] };
const commands = {
  list: ['site-dir', 'list'],
  get: ['site-dir', 'get', '{slot}'],
  set: ['site-dir', 'set', '--cas={from}:{to}', '{slot}', '{from}', '{to}', '{state}'],
};
const over = (transport: FakeTransport) => commandDirectory({ commands, transport, host: here });

const getCall = (slot: string) =>
  ({
    host: 'bastion1',
    name: 'directory.get',
    args: ['site-dir', 'get', slot],
    readOnly: true,
    privileged: false,
  }) as const;
const listCall = {
  host: 'bastion1',
  name: 'directory.list',
  args: ['site-dir', 'list'],
  readOnly: true,
} as const;
const setCall = (slot: string, from: string, to: string) =>
  ({
    host: 'bastion1',
    name: 'directory.set',
    args: ['site-dir', 'set', `--cas=${from}:${to}`, slot, from, to, 'normal'],
    readOnly: false,
  }) as const;
const change = { slot: 'store1', from: 'imap21', to: 'imap22', version: undefined };

describe('commandDirectory', () => {
  it('lists slots with their masters first', async () => {
    const transport = fakeTransport().expect(listCall, {
      stdout: 'store1\timap21\timap22\nstore2\timap22\timap21\treadonly:imap21\n',
    });
    expect(await over(transport).list()).toMatchObject([
      {
        slot: 'store1',
        master: 'imap21',
        state: 'normal',
        version: undefined,
        instances: [{ host: 'imap21' }, { host: 'imap22' }],
      },
      { slot: 'store2', master: 'imap22', state: 'readonly:imap21' },
    ]);
  });

  it('gets a slot whose command names no replicas with those of the list, the master of get counting', async () => {
    const transport = fakeTransport()
      .expect(getCall('store1'), { stdout: 'imap22\n' })
      .expect(listCall, { stdout: 'store1\timap21\timap22,imap23\n' });
    const slot = await over(transport).get('store1');
    expect(slot).toMatchObject({ master: 'imap22', state: 'normal' });
    expect(slot?.instances.map(({ host }) => host)).toEqual(['imap22', 'imap21', 'imap23']);
  });

  it('asks for the list once when many ask at the same time, and anew later', async () => {
    const transport = fakeTransport();
    const slots = ['s1', 's2', 's3'];
    for (const slot of [...slots, 's1']) transport.expect(getCall(slot), { stdout: 'a' });
    const output = slots.map((slot) => `${slot}\ta\tb`).join('\n');
    transport.expect(listCall, { stdout: output }).expect(listCall, { stdout: 's1\ta\tc' });
    const directory = over(transport);
    const answers = await Promise.all(slots.map((slot) => directory.get(slot)));
    expect(answers.map((slot) => slot?.instances[1]?.host)).toEqual(['b', 'b', 'b']);
    expect((await directory.get('s1'))?.instances[1]?.host).toBe('c');
  });

  it('takes an empty answer with exit 0 for a slot that is not there', async () => {
    expect(await over(fakeTransport().expect(getCall('nope'), {})).get('nope')).toBeUndefined();
  });

  it('never takes a directory that is away for a slot that is not there', async () => {
    for (const status of [1, 3, 4, 127]) {
      const transport = fakeTransport().expect(getCall('store1'), { status, stderr: 'ldap: no route\n' });
      const error = await over(transport)
        .get('store1')
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CommandError);
      expect((error as CommandError).message).toContain(`ended with status ${status}`);
      expect((error as CommandError).detail).toBe('ldap: no route');
      if (status === 127) expect((error as CommandError).hint).toContain('cannot be run');
    }
  });

  it.each(['-x', '../etc', 'a b', '', 'a\nb', 'x\0'])('gives no command the name %j', async (slot) => {
    const directory = over(fakeTransport());
    expect(await directory.get(slot)).toBeUndefined();
    await expect(directory.setMaster({ ...change, slot })).rejects.toThrow();
  });

  it('fills in placeholders once and word by word', async () => {
    const transport = fakeTransport()
      .expect(setCall('{to}', '$(id)', "';reboot;'"), {})
      .expect(getCall('{to}'), { stdout: '{"master":"\';reboot;\'"}' });
    const odd = { slot: '{to}', from: '$(id)', to: "';reboot;'", version: 7 };
    expect(await over(transport).setMaster(odd)).toEqual({ outcome: 'set', version: undefined });
  });

  it('believes that a master is set when get says so', async () => {
    const transport = fakeTransport()
      .expect(setCall('store1', 'imap21', 'imap22'))
      .expect(getCall('store1'), { stdout: 'imap22' });
    expect(await over(transport).setMaster(change)).toEqual({ outcome: 'set', version: undefined });
  });

  it('does not believe a set that reads back otherwise', async () => {
    for (const stdout of ['imap21', 'imap23', '']) {
      const transport = fakeTransport()
        .expect(setCall('store1', 'imap21', 'imap22'))
        .expect(getCall('store1'), { stdout });
      await expect(over(transport).setMaster(change)).rejects.toMatchObject({
        code: 'directory.disagrees-with-itself',
      });
    }
  });

  it('names who is the master when set exits 3', async () => {
    const transport = fakeTransport()
      .expect(setCall('store1', 'imap21', 'imap22'), { status: 3 })
      .expect(getCall('store1'), { stdout: 'imap23' });
    expect(await over(transport).setMaster(change)).toEqual({
      outcome: 'conflict',
      master: 'imap23',
      version: undefined,
    });
  });

  it('reports a set that exits 3 although the master is as it was told', async () => {
    const transport = fakeTransport()
      .expect(setCall('store1', 'imap21', 'imap22'), { status: 3 })
      .expect(getCall('store1'), { stdout: 'imap21' });
    await expect(over(transport).setMaster(change)).rejects.toMatchObject({
      code: 'directory.disagrees-with-itself',
    });
  });

  it('asks nothing more after a set that failed or whose answer was lost', async () => {
    const failed = fakeTransport().expect(setCall('store1', 'imap21', 'imap22'), { status: 1 });
    await expect(over(failed).setMaster(change)).rejects.toThrow(CommandError);
    const lost = new TransportError('bastion1', 'timeout', 'no answer');
    const unknown = fakeTransport().expect(setCall('store1', 'imap21', 'imap22'), lost);
    await expect(over(unknown).setMaster(change)).rejects.toBe(lost);
  });

  describe('a state', () => {
    const wish = {
      slot: 'store1',
      master: 'imap21',
      from: 'normal',
      to: 'readonly:imap22',
      version: undefined,
    };
    const setState = {
      host: 'bastion1',
      name: 'directory.set',
      args: ['site-dir', 'set', '--cas=imap21:imap21', 'store1', 'imap21', 'imap21', 'readonly:imap22'],
      readOnly: false,
    } as const;

    it('is set with the master compared, and believed when get says so', async () => {
      const transport = fakeTransport()
        .expect(getCall('store1'), { stdout: 'imap21 normal' })
        .expect(setState, { status: 0 })
        .expect(getCall('store1'), { stdout: 'imap21 readonly:imap22' });
      expect(over(transport).stateFault).toBeNull();
      expect(await over(transport).setState(wish)).toEqual({ outcome: 'set', version: undefined });
    });

    it('is not set where it is another one already, or the master is', async () => {
      for (const [stdout, found] of [
        ['imap21 readonly:imap23', { master: 'imap21', state: 'readonly:imap23' }],
        ['imap22', { master: 'imap22', state: 'normal' }],
      ] as const) {
        const transport = fakeTransport().expect(getCall('store1'), { stdout });
        expect(await over(transport).setState(wish)).toMatchObject({ outcome: 'conflict', ...found });
      }
      const changed = fakeTransport()
        .expect(getCall('store1'), { stdout: 'imap21' })
        .expect(setState, { status: 3 })
        .expect(getCall('store1'), { stdout: 'imap22' });
      expect(await over(changed).setState(wish)).toMatchObject({ outcome: 'conflict', master: 'imap22' });
    });

    it('that get does not print cannot be believed', async () => {
      const transport = fakeTransport()
        .expect(getCall('store1'), { stdout: 'imap21' })
        .expect(setState, { status: 0 })
        .expect(getCall('store1'), { stdout: 'imap21' });
      await expect(over(transport).setState(wish)).rejects.toMatchObject({
        code: 'directory.disagrees-with-itself',
        hint: expect.stringMatching(/get must print the state/),
      });
    });

    it('that is none is never given to a command, and a set without {state} cannot keep one', async () => {
      await expect(over(fakeTransport()).setState({ ...wish, to: 'readonly:-x y' })).rejects.toThrow(
        /no state/,
      );
      const set = ['site-dir', 'set', '{slot}', '{from}', '{to}'];
      const without = commandDirectory({
        commands: { ...commands, set },
        transport: fakeTransport(),
        host: here,
      });
      expect(without.stateFault).toMatch(/directory\.set .* has no \{state\}/);
    });
  });

  it('keeps no version', async () => {
    expect(await over(fakeTransport()).raiseVersion('store1')).toBeUndefined();
  });

  it.each([
    [{ ...commands, list: [] }, 'directory.list: the command is empty'],
    [{ ...commands, get: ['site-dir'] }, 'directory.get: the placeholder {slot} is missing'],
    [
      { ...commands, set: ['site-dir', '{slot}', '{to}'] },
      'directory.set: the placeholder {from} is missing',
    ],
    [{ ...commands, get: ['site-dir', '{slot}', '{host}'] }, 'directory.get: unknown placeholder {host}'],
  ])('refuses commands that cannot do their work: %j', (wrong, message) => {
    const transport = fakeTransport();
    expect(() => commandDirectory({ commands: wrong, transport, host: here })).toThrow(ConfigError);
    expect(() => commandDirectory({ commands: wrong, transport, host: here })).toThrow(message);
  });
});

describe('commandDirectory over real programs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mailctl-site-dir-'));
    // A site's directory in a file: `master` as text, with a compare-and-set.
    writeFileSync(join(folder, 'store1'), 'imap21');
    writeFileSync(
      join(folder, 'site-dir'),
      `#!/bin/sh
cd ${folder} || exit 1
case $1 in
list) for f in store*; do printf '%s\\t%s\\timap21,imap22\\n' "$f" "$(cat "$f")"; done ;;
get) [ -e "$2" ] || exit 0; cat "$2" ;;
set) [ "$(cat "$2")" = "$3" ] || exit 3; printf %s "$4" >"$2" ;;
flood) yes 'store1	imap21' ;;
hang) sleep 60 ;;
esac
`,
      { mode: 0o755 },
    );
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const site = (change: Partial<typeof commands> = {}, timeoutMs?: number) => {
    const program = join(folder, 'site-dir');
    return commandDirectory({
      commands: {
        list: [program, 'list'],
        get: [program, 'get', '{slot}'],
        set: [program, 'set', '{slot}', '{from}', '{to}', '{state}'],
        ...change,
      },
      transport: localTransport({
        clock: systemClock,
        env: process.env,
        sudoFor: () => false,
        helloMs: 5000,
      }),
      host: here,
      timeoutMs,
    });
  };

  it('lists, gets, sets and meets a conflict', async () => {
    const directory = site();
    expect(await directory.list()).toMatchObject([{ slot: 'store1', master: 'imap21' }]);
    expect(await directory.setMaster(change)).toEqual({ outcome: 'set', version: undefined });
    expect(await directory.setMaster(change)).toMatchObject({ outcome: 'conflict', master: 'imap22' });
    expect(await directory.get('store1')).toMatchObject({ master: 'imap22' });
    expect(await directory.get('store9')).toBeUndefined();
  });

  it('runs no shell over what the words hold', async () => {
    const directory = site();
    expect(await directory.get(`$(touch$IFS${folder.replaceAll('/', '$S')}x)`)).toBeUndefined();
    expect(await directory.get(';touch>x;')).toBeUndefined();
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });

  it('says that a program is not there, or is something built into the shell', async () => {
    await expect(site({ list: ['/no/such/site-dir'] }).list()).rejects.toMatchObject({
      code: 'command.failed',
      status: 127,
    });
    await expect(site({ list: ['exit', '0'] }).list()).rejects.toMatchObject({ status: 127 });
  });

  it('ends a program that does not end, and one that does not stop talking', async () => {
    await expect(site({ list: [join(folder, 'site-dir'), 'hang'] }, 1000).list()).rejects.toBeInstanceOf(
      TransportError,
    );
    await expect(site({ list: [join(folder, 'site-dir'), 'flood'] }, 20_000).list()).rejects.toThrow();
  }, 40_000);
});
