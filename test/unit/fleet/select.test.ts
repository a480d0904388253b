import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.js';
import { type HostEntry, inventoryOf } from '../../../src/fleet/inventory.js';
import { selectHosts } from '../../../src/fleet/select.js';

function entry(...groups: string[]): HostEntry {
  return { transport: 'ssh', address: undefined, groups, location: undefined };
}

const inventory = inventoryOf(
  new Map([
    ['imap21', entry('store', 'row-a')],
    ['imap22', entry('store', 'row-b')],
    ['mx1', entry('mx', 'row-a')],
    ['mx2', entry('mx', 'row-b')],
    ['mx.test', entry()],
    ['bastion', entry()],
  ]),
);

async function select(hosts: string[], groups: string[] = []): Promise<string[]> {
  return (await selectHosts(inventory, { hosts, groups })).map((host) => host.name);
}

async function refusal(hosts: string[], groups: string[] = []): Promise<UsageError> {
  const error = await selectHosts(inventory, { hosts, groups }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error as UsageError;
}

describe('selectHosts', () => {
  it('selects all hosts when nothing is named', async () => {
    expect(await select([])).toEqual(['imap21', 'imap22', 'mx1', 'mx2', 'mx.test', 'bastion']);
  });

  it('widens within one kind, keeps the order of the configuration, and names no host twice', async () => {
    expect(await select(['mx2', 'imap21', 'mx*', 'mx2'])).toEqual(['imap21', 'mx1', 'mx2', 'mx.test']);
    expect(await select([], ['mx', 'store', 'row-a'])).toEqual(['imap21', 'imap22', 'mx1', 'mx2']);
  });

  it('narrows between kinds', async () => {
    expect(await select(['mx*', 'imap*'], ['row-a'])).toEqual(['imap21', 'mx1']);
  });

  it.each([
    ['imap2?', ['imap21', 'imap22']],
    ['mx[2-9]', ['mx2']],
    ['{mx1,bastion}', ['mx1', 'bastion']],
    ['mx.*', ['mx.test']],
    ['*', ['imap21', 'imap22', 'mx1', 'mx2', 'mx.test', 'bastion']],
    ['**', ['imap21', 'imap22', 'mx1', 'mx2', 'mx.test', 'bastion']],
  ])('understands the glob %s', async (pattern, names) => {
    expect(await select([pattern])).toEqual(names);
  });

  it('matches groups by glob', async () => {
    expect(await select([], ['row-*'])).toEqual(['imap21', 'imap22', 'mx1', 'mx2']);
  });

  it('takes a dot literally and case as it is', async () => {
    await refusal(['mx-test']);
    await refusal(['MX1']);
    await refusal(['mxxtest']);
  });

  it('does not select everything but a host by a leading !', async () => {
    await refusal(['!mx1']);
    await refusal(['!mx*']);
  });

  it('names what is near and how many there are when a host does not exist', async () => {
    const error = await refusal(['imap23']);
    expect(error.message).toBe('there is no host "imap23"');
    expect(error.detail).toBe('6 hosts and 4 groups are configured');
    expect(error.hint).toBe('did you mean -H imap21 or -H imap22?');
    expect(error.exitCode).toBe(2);
    expect(error.code).toBe('usage.no-such-host');
  });

  it('refuses a pattern that matches nothing even when another one matches', async () => {
    expect((await refusal(['mx1', 'zz*'])).message).toBe('no host matches "zz*"');
  });

  it('says that a name belongs to the other kind', async () => {
    expect((await refusal(['store'])).hint).toBe('store is a group: -g store');
    const error = await refusal([], ['mx1']);
    expect(error.hint).toBe('mx1 is a host: -H mx1');
    expect(error.code).toBe('usage.no-such-group');
  });

  it('refuses names and groups that have no host in common', async () => {
    expect((await refusal(['mx1'], ['store'])).message).toBe('no host is both "mx1" and in group "store"');
  });

  it.each([
    '',
    '[',
    '{',
    '[a',
    '{a,',
    '\\',
    '(',
    '*('.repeat(1000),
    'a'.repeat(100_000),
    `*${'a'.repeat(70_000)}`,
    '../*',
    '\0',
    '\x1b[31m',
  ])('refuses a hostile pattern without any other error: %#', async (pattern) => {
    const error = await refusal([pattern]);
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).not.toMatch(/[\0\x1b]/);
  });

  it('is not fooled by names of JavaScript itself', async () => {
    await refusal(['__proto__']);
    await refusal([], ['constructor']);
  });
});

describe('inventoryOf', () => {
  it('counts a host once in a group that it names twice', () => {
    const twice = inventoryOf(new Map([['mx1', entry('mx', 'mx')]]));
    expect(twice.groups.get('mx')).toHaveLength(1);
  });
});
