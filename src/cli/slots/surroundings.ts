// What the slot commands hand to the domain: the driver, the hosts, and how a host is asked whether it lives.
import type { Surroundings } from '../../slot/look-around.js';
import type { HostSight } from '../../slot/sight.js';
import type { Context, ReadOnly } from '../context.js';

/** Surroundings of one command. */
export async function surroundingsOf(
  context: Context,
  options: ReadOnly & { readonly onHost?: ((seen: HostSight) => void) | undefined } = {},
): Promise<Surroundings> {
  const [driver, transport, inventory] = [
    await context.storeDriver(options),
    await context.transport(options),
    await context.inventory(),
  ];
  const { postfixDeliveries } = await import('../../drivers/postfix/deliveries.js');
  const { hosts, stores } = await context.config();
  return {
    driver,
    deliveries: postfixDeliveries(transport),
    mxs: inventory.hosts.filter((host) =>
      (hosts.get(host.name)?.queues ?? []).some(({ driver: queue }) => queue === 'postfix'),
    ),
    hosts: inventory.byName,
    minFree: stores.minFree,
    concurrency: context.globals.concurrency,
    signal: context.interruption.abort,
    onHost: options.onHost,
    ping: async (host, signal) => {
      await transport.run(
        host,
        { name: 'ping', script: ':', args: [], readOnly: true, privileged: false, timeoutMs: 5000 },
        { signal },
      );
    },
  };
}
