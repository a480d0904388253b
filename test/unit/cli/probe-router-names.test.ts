// Names of routers: asked late they are found all the same, and a hostile name is none.
import { expect, it } from 'vitest';
import { routerNames } from '../../../src/cli/probe/router-names.js';
import { systemClock } from '../../../src/lib/clock.js';
import { startDnsServer } from '../../support/dns-server.js';

it('names the routers of a trace, however late', async () => {
  const server = await startDnsServer(
    new Map([
      ['1.2.0.192.in-addr.arpa', { ptr: ['ae1.example.net'] }],
      ['2.2.0.192.in-addr.arpa', { ptr: ['evil\u001b[2J$(x)'] }],
    ]),
  );
  let waited = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + waited };
  const interruption = { abort: new AbortController().signal } as Parameters<
    typeof routerNames
  >[0]['interruption'];
  const nameOf = routerNames({ clock, interruption }, [server.address]);
  try {
    expect(await nameOf('192.0.2.1')).toBe('ae1.example.net');
    waited = 60_000;
    expect(await nameOf('192.0.2.2')).toBeNull();
    expect(await nameOf('192.0.2.3')).toBeNull();
    expect(await routerNames({ clock, interruption }, [server.address])('192.0.2.1')).toBe('ae1.example.net');
    expect(server.asked).toContain('PTR 2.2.0.192.in-addr.arpa');
  } finally {
    await server.close();
  }
});
