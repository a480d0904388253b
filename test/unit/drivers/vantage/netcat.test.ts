// Connections by nc wait for one of the few sessions that a host allows: that wait is ours, and no verdict on a server.
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { netcatConnect } from '../../../../src/drivers/vantage/netcat.js';
import { systemClock } from '../../../../src/lib/clock.js';
import type { Transport } from '../../../../src/transport/transport.js';

/** A host whose sessions are all taken for a while, and where nc then says this. */
function busyHost(waitMs: number, said: string | null): Transport {
  return {
    async run(_host: unknown, _script: unknown, options: Parameters<Transport['run']>[2]) {
      await systemClock.sleep(waitMs, options?.signal);
      options?.dialogue?.onOpen?.(new PassThrough());
      if (said !== null) options?.dialogue?.onData?.(Buffer.from(said));
      await systemClock.sleep(2000, options?.signal);
      return { status: 0, stdout: '', stderr: '' };
    },
  } as unknown as Transport;
}

const host = { name: 'mx1', transport: 'local' as const, groups: [] };
const connect = (transport: Transport, signal?: AbortSignal) =>
  netcatConnect(
    { transport, host, clock: systemClock },
    { source: null, interface: null, address: '192.0.2.25', port: 25, timeoutMs: 150 },
    signal,
  );

describe('a connection by nc', () => {
  it('has its time from when its session has begun', async () => {
    const flow = await connect(busyHost(300, 'Connection to 192.0.2.25 25 port [tcp/smtp] succeeded!\n'));
    expect(flow.connectMs).toBeLessThan(150);
    flow.destroy();
  });

  it('ends at its deadline all the same', async () => {
    await expect(connect(busyHost(200, null))).rejects.toMatchObject({ code: 'ETIMEDOUT', phase: 'connect' });
  });

  it('can be given up while it waits', async () => {
    const stop = new AbortController();
    const waiting = connect(busyHost(5000, null), stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
