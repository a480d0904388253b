// What lies on the mail hosts beside their queues, for the commands that need it.
import { queueDesk } from '../../drivers/queue-desk/desk.js';
import { EXIT, MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DeskPlace, QueueDesk } from '../../queue/desk.js';
import type { Queue } from '../../queue/driver.js';
import type { Context } from '../context.js';

/** The desks of all hosts. */
export async function deskOf(context: Context, readOnly: boolean): Promise<QueueDesk> {
  const [transport, inventory] = [await context.transport({ readOnly }), await context.inventory()];
  return queueDesk(transport, (name): Host => {
    const host = inventory.byName.get(name);
    if (host !== undefined) return host;
    throw new MailctlError(`the configuration no longer knows the host ${name}`, {
      code: 'config.unknown-host',
      exitCode: EXIT.incomplete,
    });
  });
}

/** Where a queue's desk is. */
export function deskPlace({ name, host, driver }: Queue): DeskPlace {
  return { host, queue: name, software: driver.software };
}
