// What lies on the mail hosts beside their queues, for the commands that need it.
import { queueDesk } from '../../drivers/queue-desk/desk.js';
import { EXIT, MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DeskPlace, QueueDesk } from '../../queue/desk.js';
import type { DrainPost, DrainSide } from '../../queue/drain-way.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';

/** The desks of all hosts. */
export async function deskOf(context: Context, readOnly: boolean): Promise<QueueDesk> {
  const [transport, hostNamed] = [await context.transport({ readOnly }), await hostsByName(context)];
  return queueDesk(transport, hostNamed);
}

/** The drains' places of all hosts; what must be known of a server, its queue among `queues` says. */
export async function drainPostOf(
  context: Context,
  readOnly: boolean,
  queues: readonly Queue[],
): Promise<DrainPost> {
  const [transport, hostNamed, { drainPost }] = [
    await context.transport({ readOnly }),
    await hostsByName(context),
    await import('../../drivers/queue-desk/drain-post.js'),
  ];
  const sides = new Map<string, DrainSide>();
  await Promise.all(
    queues.map(async ({ host, name, driver }) => {
      const way = await driver.drain?.();
      if (way !== undefined && !('cannot' in way)) sides.set(JSON.stringify([host, name]), way.side);
    }),
  );
  return drainPost(
    transport,
    hostNamed,
    ({ host, queue }) => sides.get(JSON.stringify([host, queue])) ?? NO_SIDE,
  );
}

/** Of a server that cannot be drained: nothing was ever held for a drain there. */
const NO_SIDE: DrainSide = { args: [], locate: '', giveBack: null, line: ({ id }) => id };

async function hostsByName(context: Context): Promise<(name: string) => Host> {
  const inventory = await context.inventory();
  return (name) => {
    const host = inventory.byName.get(name);
    if (host !== undefined) return host;
    throw new MailctlError(`the configuration no longer knows the host ${name}`, {
      code: 'config.unknown-host',
      exitCode: EXIT.incomplete,
    });
  };
}

/** Where a queue's desk is. */
export function deskPlace({ name, host, driver }: Queue): DeskPlace {
  return { host, queue: name, software: driver.software };
}
