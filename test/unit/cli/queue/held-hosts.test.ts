// Acts on queues of hosts that a small transport plays, up to what is planned: two mail servers on one host, holds that
// stand and holds that have passed, on more hosts than are asked.
import { describe, expect, it } from 'vitest';
import type { Context } from '../../../../src/cli/context.js';
import { changeChosen, releaseRun, restoreRun } from '../../../../src/cli/queue/change-chosen.js';
import { optionsOf } from '../../../../src/cli/queue/chosen-messages.js';
import { openQueues } from '../../../../src/cli/queue/queues.js';
import { tendHolds } from '../../../../src/cli/queue/tend-holds.js';
import { TransportError } from '../../../../src/errors.js';
import type { Host } from '../../../../src/fleet/host.js';
import type { View } from '../../../../src/output/output.js';
import type { DeskRecord } from '../../../../src/queue/desk.js';
import type { Command, CommandResult, RunOptions } from '../../../../src/transport/transport.js';
import { fakeClock } from '../../../support/fake-clock.js';
import { tempDir } from '../../../support/temp-dir.js';

const host = (name: string): Host => ({ name, transport: 'local', groups: [] });
const NOW = 1_795_300_000;
const recordOf = (key: string, more: Partial<DeskRecord> = {}): DeskRecord => ({
  key,
  run: key.slice(0, 4),
  act: 'hold',
  operator: 'ann',
  bastion: 'bastion1',
  reason: null,
  at: NOW - 600,
  until: NOW + 3600,
  meanwhile: null,
  ...more,
});
const line = (record: DeskRecord, messages = 1) =>
  `record ${record.key} ${messages} 1 ${JSON.stringify(record)}\n`;
const listed = (id: string, sender: string) =>
  `${JSON.stringify({ queue_name: 'deferred', queue_id: id, arrival_time: NOW - 60, message_size: 1, sender, recipients: [{ address: 'b@y.example', delay_reason: 'x' }] })}\n`;

/** What the hosts say, by the name of the command; what they are not asked is empty. */
type Says = (command: Command, host: string) => string | undefined;

async function world(names: readonly string[], says: Says) {
  const asked: { readonly host: string; readonly name: string }[] = [];
  const printed: View<unknown>[] = [];
  const warned: string[] = [];
  const dir = await tempDir();
  const hosts = names.map(host);
  const transport = {
    async run({ name }: Host, command: Command, options: RunOptions = {}): Promise<CommandResult> {
      asked.push({ host: name, name: command.name });
      const stdout = says(command, name) ?? (command.name === 'queue.find' ? 'postfix\tpostfix\n' : '');
      if (options.onLine === undefined) return { status: 0, stdout, stderr: '' };
      for (const text of stdout.split('\n').slice(0, -1)) options.onLine(text);
      return { status: 0, stdout: '', stderr: '' };
    },
    close: async () => {},
  };
  const never = new AbortController().signal;
  const context = {
    clock: fakeClock({ start: NOW * 1000 }),
    env: {},
    globals: { concurrency: 4 },
    operator: { name: 'ann', bastion: 'bastion1' },
    commandLine: ['mailctl'],
    interruption: { abort: never, finish: never },
    output: { format: 'json', print: async (view: View<unknown>) => void printed.push(view) },
    warn: (text: string) => void warned.push(text),
    note: () => {},
    progress: async () => ({ update: () => {}, end: () => {} }),
    config: async () => ({
      hosts: new Map(),
      destinations: new Map(),
      queue: { confirmAbove: 1000, keepDeletedMs: 1000, keepAtMost: 1000 },
    }),
    inventory: async () => ({
      hosts,
      byName: new Map(hosts.map((one) => [one.name, one])),
      groups: new Map(),
    }),
    transport: async () => transport,
    stateDir: async () => dir,
    stateDirPath: async () => dir,
  } as unknown as Context;
  const document = () => printed[0]?.document() as { readonly [key: string]: unknown };
  return { context, asked, document, warned };
}

const twoServers: Says = ({ name }) =>
  name === 'queue.find' ? 'postfix\tpostfix\nmailman3\tmailman3\n' : undefined;
/** Without the drains, which these hosts know nothing of. */
const tended = async (...asked: Parameters<typeof tendHolds>) =>
  (await tendHolds(...asked)).done.filter(({ what }) => what !== 'drain');
const words = { words: [], hosts: [], groups: [], reason: undefined, yes: false, all: false, dryRun: true };

it('a standing hold is beside the queues that its selectors mean, and no others of the host', async () => {
  const queuesOf = async (pattern: string) => {
    const { context, document } = await world(['lists1'], twoServers);
    const options = { ...optionsOf(['--queue', pattern]), ...words, forMs: 7_200_000 };
    expect(await changeChosen('hold', options as never, context)).toBe(0);
    return (document().queues as readonly { readonly queue: string }[]).map(({ queue }) => queue);
  };
  expect(await queuesOf('lists1:postfix')).toEqual(['lists1:postfix']);
  expect(await queuesOf('lists1:mailman3')).toEqual(['lists1:mailman3']);
  // A list server's own queues are within ours, whatever they are called.
  expect(await queuesOf('lists1:out')).toEqual(['lists1:mailman3']);
  expect(await queuesOf('lists1:*')).toEqual(['lists1:postfix', 'lists1:mailman3']);
});

it('a restore is whole where the host’s other mail server has nothing saved', async () => {
  const deleted = recordOf('aaaa00000001', { act: 'delete' });
  const { context, document } = await world(['lists1'], (command, name) => {
    if (command.name === 'queue.desk-records' && command.args[1] === 'postfix') return line(deleted);
    if (command.name === 'queue.desk-keys') return `${JSON.stringify(['M1', NOW - 60, 'a@x.example'])}\n`;
    return twoServers(command, name);
  });
  const options = { hosts: [], groups: [], reason: undefined, yes: false, dryRun: true };
  expect(await restoreRun({ ...options, run: 'aaaa' }, context)).toBe(0);
  expect(document()).toMatchObject({ queues: [{ queue: 'lists1:postfix', messages: 1 }] });
});

it('holds that have passed are told of each queue, and released on the hosts that were asked only', async () => {
  const passed = recordOf('aaaa00000001', { until: NOW - 5 });
  const says: Says = (command, name) =>
    command.name === 'queue.desk-records'
      ? line(passed, name === 'mx1' ? 3 : 4)
      : command.name === 'queue.desk-end'
        ? 'granted\n'
        : undefined;
  const dry = await world(['mx1', 'mx2', 'mx3'], says);
  const done = await tended({ hosts: ['mx1', 'mx2'], groups: [], dryRun: true }, dry.context);
  expect(done).toMatchObject([
    { what: 'released', outcome: 'owed', queue: 'mx1', messages: 3 },
    { what: 'released', outcome: 'owed', queue: 'mx2', messages: 4 },
  ]);
  const real = await world(['mx1', 'mx2', 'mx3'], says);
  await tendHolds({ hosts: ['mx1'], groups: [], dryRun: false }, real.context);
  expect(real.asked.map((one) => one.name)).toContain('queue.desk-end');
  expect(new Set(real.asked.map((one) => one.host))).toEqual(new Set(['mx1']));
});

describe('a run whose hosts do not all answer', () => {
  const takeBack = { hosts: [], groups: [], reason: undefined, yes: false, dryRun: true };
  const silent = (name: string): never => {
    throw new TransportError(name, 'unreachable', `${name}: cannot be reached`);
  };
  const says =
    (act: 'hold' | 'delete', on: (command: Command, name: string) => string | undefined): Says =>
    (command, name) => {
      const own = on(command, name);
      if (own !== undefined) return own;
      if (command.name === 'queue.desk-records')
        return line(recordOf('aaaa00000001', { act, until: NOW - 5 }));
      if (command.name === 'queue.desk-keys') return `${JSON.stringify(['M1', NOW - 60, 'a@x.example'])}\n`;
      if (command.name === 'postfix.list') return listed('M1', 'a@x.example').replace('deferred', 'hold');
      return undefined;
    };
  const away = (_command: Command, name: string) => (name === 'mx2' ? silent(name) : undefined);
  const unread = (command: Command, name: string) =>
    name === 'mx2' && command.name === 'queue.desk-keys' ? silent(name) : undefined;

  it.each([
    ['hold', away],
    ['hold', unread],
    ['delete', away],
    ['delete', unread],
  ] as const)('is taken back on the others, and is not told as whole (%s)', async (act, on) => {
    const { context, document } = await world(['mx1', 'mx2'], says(act, on));
    const exit =
      act === 'hold'
        ? await releaseRun('aaaa', takeBack, context)
        : await restoreRun({ ...takeBack, run: 'aaaa' }, context);
    expect(exit).toBe(3);
    expect(document()).toMatchObject({
      queues: [{ queue: 'mx1', messages: 1 }],
      errors: [{ host: 'mx2', code: 'transport.unreachable' }],
    });
  });

  it('may have saved the id that nobody knows', async () => {
    const { context } = await world(['mx1', 'mx2'], says('delete', away));
    await expect(restoreRun({ ...takeBack, run: 'aaaa', ids: ['M2'] }, context)).rejects.toMatchObject({
      exitCode: 3,
      detail: expect.stringContaining('not seen: mx2'),
    });
    const whole = await world(
      ['mx1'],
      says('delete', () => undefined),
    );
    await expect(restoreRun({ ...takeBack, run: 'aaaa', ids: ['M2'] }, whole.context)).rejects.toMatchObject({
      exitCode: 1,
    });
  });

  it('a hold that has passed is not told as over where its queue could not be listed', async () => {
    const { context } = await world(
      ['mx1', 'mx2'],
      says('hold', ({ name }, on) => {
        if (name === 'queue.desk-end' || name === 'queue.desk-take') return 'granted\n';
        if (name === 'postfix.list') return on === 'mx2' ? silent(on) : '';
        return undefined;
      }),
    );
    const done = await tended({ hosts: [], groups: [], dryRun: false }, context);
    expect(done).toMatchObject([{ what: 'released', queue: 'mx2', outcome: 'failed' }]);
  });
});

it('a queue is listed once however many holds stand on it, and a message is owed to one of them', async () => {
  const standing = [
    recordOf('aaaa00000001', { meanwhile: ['--sender', 'a@x.example'] }),
    recordOf('bbbb00000001', { meanwhile: ['--sender', '*@x.example'] }),
    recordOf('cccc00000001', { meanwhile: ['--queue', 'elsewhere'] }),
  ];
  const { context, asked } = await world(['mx1'], ({ name }) => {
    if (name === 'queue.desk-records') return standing.map((one) => line(one)).join('');
    if (name === 'postfix.list') return listed('M1', 'a@x.example') + listed('M2', 'b@x.example');
    return undefined;
  });
  const done = await tended({ hosts: [], groups: [], dryRun: true }, context);
  expect(done).toMatchObject([
    { run: 'aaaa', what: 'held', outcome: 'owed', messages: 1 },
    { run: 'bbbb', what: 'held', outcome: 'owed', messages: 1 },
  ]);
  expect(asked.filter(({ name }) => name === 'postfix.list')).toHaveLength(1);
});

it('new mail in a list server’s own queue is held where that is asked for', async () => {
  const standing = recordOf('aaaa00000001', { meanwhile: ['--queue', 'lists1:out'] });
  const file = 'out/1795289292.6499434+98ef5ac1a5a4f3a4d1a1a1a1a1a1a1a1a1a1a1a1.pck';
  const { context } = await world(['lists1'], (command, name) => {
    if (command.name === 'queue.desk-records' && command.args[1] === 'mailman3') return line(standing);
    if (command.name === 'mailman3.list') return `f ${file}\n`;
    return twoServers(command, name);
  });
  const done = await tended({ hosts: [], groups: [], dryRun: true }, context);
  expect(done).toMatchObject([{ queue: 'lists1:mailman3', what: 'held', outcome: 'owed', messages: 1 }]);
});

it('one command looks once for the queues of a host, and again when that failed or was long ago', async () => {
  let isAway = true;
  const { context, asked } = await world(['mx1'], ({ name }) => {
    if (name === 'queue.find' && isAway) throw new Error('away');
    return undefined;
  });
  const look = async () => {
    const fleet = await openQueues(context, { hosts: [], groups: [] });
    return (await fleet.queuesOf(host('mx1'))).map(({ name }) => name);
  };
  const finds = () => asked.filter(({ name }) => name === 'queue.find').length;
  await expect(look()).rejects.toThrow('away');
  isAway = false;
  expect(await Promise.all([look(), look()])).toEqual([['mx1'], ['mx1']]);
  expect(finds()).toBe(2);
  await (context.clock as ReturnType<typeof fakeClock>).advance(61_000);
  await look();
  expect(finds()).toBe(3);
});
