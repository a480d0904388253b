// The delivery events of many queues' logs as one stream, and what is missing of them.
import type { MailctlError } from '../errors.js';
import type { DeliveryEvent } from './delivery-event.js';
import { gatherQueues, type QueueFleet } from './gather-queues.js';

/** What reading the logs came to. */
export interface LogsReport {
  /** Queues whose log was read, in part at least. */
  readonly read: readonly string[];
  /** What of a queue's log is not known, and why; also of a server whose log mailctl cannot read. */
  readonly incomplete: readonly { readonly queue: string; readonly why: string }[];
  readonly errors: readonly MailctlError[];
}

/** Reads them from `since` on, epoch seconds by the hosts' clocks. Events of different queues are mixed. */
export async function readLogs(
  fleet: QueueFleet,
  since: number,
  onEvent: (event: DeliveryEvent, queue: string, host: string) => void,
  options: { readonly concurrency?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<LogsReport> {
  const { answers, failures } = await gatherQueues(
    fleet,
    async ({ name, host, driver }, signal) => {
      if (driver.readLog === undefined) return `mailctl does not read the log of ${driver.software}`;
      const { incomplete } = await driver.readLog({ since }, (event) => onEvent(event, name, host), signal);
      return { incomplete };
    },
    options,
  );
  return {
    read: answers.flatMap(({ queue, value }) => (typeof value === 'string' ? [] : [queue.name])),
    incomplete: answers.flatMap(({ queue, value }) => {
      const why = typeof value === 'string' ? value : value.incomplete;
      return why === null ? [] : [{ queue: queue.name, why }];
    }),
    errors: failures.map(({ error }) => error),
  };
}
