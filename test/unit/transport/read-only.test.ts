import { describe, expect, it } from 'vitest';
import type { Host } from '../../../src/fleet/host.js';
import { readOnlyTransport } from '../../../src/transport/read-only.js';
import { fakeTransport } from '../../support/fake-transport.js';

const host: Host = { name: 'imap21', transport: 'ssh', groups: [] };
const look = { name: 'look', script: '', args: [], readOnly: true, privileged: false, timeoutMs: 1 };

describe('the read-only transport', () => {
  it('lets reading through and refuses everything else before any host is asked', async () => {
    const fake = fakeTransport().expect({ host: 'imap21', name: 'look' }, { stdout: 'seen' });
    const transport = readOnlyTransport(fake);
    expect((await transport.run(host, look)).stdout).toBe('seen');
    await expect(transport.run(host, { ...look, name: 'stop', readOnly: false })).rejects.toMatchObject({
      code: 'transport.read-only',
      message: 'imap21: stop would change something, and this is a dry run',
    });
    expect(fake.asked.length).toBe(1);
  });
});
