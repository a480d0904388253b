// What the slot commands hand to the domain: the driver, the hosts, and how a host is asked whether it lives.
import type { Queue } from '../../queue/driver.js';
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
  const [{ postfixDeliveries }, { postfixLastDeliveries }, { postfixQueue }] = await Promise.all([
    import('../../drivers/postfix/deliveries.js'),
    import('../../drivers/postfix/last-deliveries.js'),
    import('../../drivers/postfix/queue.js'),
  ]);
  const { hosts, stores } = await context.config();
  const queues = inventory.hosts.flatMap((host) => {
    const all = hosts.get(host.name)?.queues ?? [];
    return all.flatMap(({ driver: kind, within }): readonly Queue[] => {
      if (kind !== 'postfix') return [];
      const name = all.length === 1 ? host.name : `${host.name}:${kind}`;
      return [{ name, host: host.name, driver: postfixQueue({ transport, host, name, within }) }];
    });
  });
  return {
    driver,
    deliveries: postfixDeliveries(transport),
    lastDeliveries: postfixLastDeliveries(transport),
    mxs: inventory.hosts.filter((host) =>
      (hosts.get(host.name)?.queues ?? []).some(({ driver: queue }) => queue === 'postfix'),
    ),
    queues,
    canary:
      stores.canary === undefined
        ? undefined
        : {
            user: stores.canary.user,
            stored: async (slots) => (await context.canaries()).latest(slots),
          },
    hosts: inventory.byName,
    minFree: stores.minFree,
    concurrency: context.globals.concurrency,
    clock: context.clock,
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
