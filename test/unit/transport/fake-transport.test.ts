// The fake must be able to fail, or every test on it proves nothing.
import { describe, expect, it } from 'vitest';
import { TransportError } from '../../../src/errors.js';
import type { Host } from '../../../src/fleet/host.js';
import type { Command } from '../../../src/transport/transport.js';
import { FakeTransport, fakeTransport } from '../../support/fake-transport.js';

const mx1: Host = { name: 'mx1', transport: 'ssh', groups: [] };
const list: Command = {
  name: 'list',
  script: 'x',
  args: ['a'],
  readOnly: true,
  privileged: false,
  timeoutMs: 1,
};

describe('the fake transport', () => {
  it('answers what was expected, whole or by lines', async () => {
    const fake = fakeTransport();
    fake.expect({ host: 'mx1', name: 'list', args: ['a'] }, { stdout: 'one\n\ntwo' });
    fake.expect({ host: 'mx1', name: 'list', args: ['a'] }, { stdout: 'three\n', status: 2 });
    expect((await fake.run(mx1, list)).stdout).toBe('one\n\ntwo');
    const lines: string[] = [];
    expect(await fake.run(mx1, list, { onLine: (line) => lines.push(line) })).toEqual({
      status: 2,
      stdout: '',
      stderr: '',
    });
    expect(lines).toEqual(['three']);
  });

  it('throws the error that it was given', async () => {
    const fake = fakeTransport().expect(
      { host: 'mx1', name: 'list', args: ['a'] },
      new TransportError('mx1', 'hung', 'mx1 hangs'),
    );
    await expect(fake.run(mx1, list)).rejects.toThrow('mx1 hangs');
  });

  it.each([
    ['another host', { host: 'mx2', name: 'list', args: ['a'] }],
    ['another name', { host: 'mx1', name: 'stop', args: ['a'] }],
    ['other arguments', { host: 'mx1', name: 'list', args: ['a', 'b'] }],
    ['arguments where none are expected', { host: 'mx1', name: 'list' }],
    ['no stdin', { host: 'mx1', name: 'list', args: ['a'], stdin: 'x' }],
    ['no right to write', { host: 'mx1', name: 'list', args: ['a'], readOnly: false }],
  ])('fails on %s, now and at the end', async (_, expected) => {
    const fake = new FakeTransport().expect(expected);
    await expect(fake.run(mx1, list)).rejects.toThrow('unexpected');
    expect(() => fake.verify()).toThrow(/unexpected(.|\n)*never asked/);
  });

  it('fails on an expectation that nobody met, and on a command asked twice', async () => {
    const fake = new FakeTransport().expect({ host: 'mx1', name: 'list', args: ['a'] });
    expect(() => fake.verify()).toThrow('never asked');
    await fake.run(mx1, list);
    fake.verify();
    await expect(fake.run(mx1, list)).rejects.toThrow('unexpected');
    expect(() => fake.verify()).toThrow('unexpected');
  });
});
