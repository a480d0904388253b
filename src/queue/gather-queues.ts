// All queues of many hosts at once. Each host is looked at and its queues are asked in one go, so that a host that
// hangs keeps no other waiting; a failure is data and names its queue.
import { MailctlError } from '../errors.js';
import { type GatherOptions, gather } from '../fleet/gather.js';
import type { Host } from '../fleet/host.js';
import type { Queue, QueueListing } from './driver.js';
import type { QueueMessage } from './message.js';

/** The hosts, and what finds and opens the queues of one. */
export interface QueueFleet {
  readonly hosts: readonly Host[];
  /** Queues of a host that are meant; none: it has none. @throws MailctlError when it cannot be asked */
  queuesOf(host: Host, signal?: AbortSignal): Promise<readonly Queue[]>;
  /** The same, and where a host turns out to have one queue only, its messages in the same go. */
  listedOf?(
    host: Host,
    onMessage: (message: QueueMessage) => void,
    signal?: AbortSignal,
  ): Promise<{ readonly queues: readonly Queue[]; readonly listing: QueueListing | undefined }>;
}

/** What one queue gave. */
export interface QueueAnswer<T> {
  readonly queue: Queue;
  readonly value: T;
}

/** What could not be asked; `queue` is null when the host's queues could not even be found. */
export interface QueueFailure {
  readonly host: string;
  readonly queue: string | null;
  readonly error: MailctlError;
}

/** All answers, in the order of the hosts. */
export interface QueueAnswers<T> {
  readonly answers: readonly QueueAnswer<T>[];
  readonly failures: readonly QueueFailure[];
  /** Hosts that were asked and have no queue. */
  readonly without: readonly string[];
}

/** Asks every queue of the fleet. Errors other than MailctlError end it. */
export async function gatherQueues<T>(
  fleet: QueueFleet,
  ask: (queue: Queue, signal: AbortSignal) => Promise<T>,
  options: Pick<GatherOptions<unknown>, 'concurrency' | 'signal'> = {},
): Promise<QueueAnswers<T>> {
  type Each = QueueAnswer<T> | QueueFailure;
  const askHost = async (host: Host, signal: AbortSignal): Promise<readonly Each[]> =>
    Promise.all(
      (await fleet.queuesOf(host, signal)).map(async (queue): Promise<Each> => {
        try {
          return { queue, value: await ask(queue, signal) };
        } catch (error) {
          if (error instanceof MailctlError) return { host: host.name, queue: queue.name, error };
          throw error;
        }
      }),
    );
  const results = await gather(fleet.hosts, askHost, options);
  const answers: QueueAnswer<T>[] = [];
  const failures: QueueFailure[] = [];
  const without: string[] = [];
  for (const result of results) {
    if (!result.ok) {
      failures.push({ host: result.host.name, queue: null, error: result.error });
      continue;
    }
    if (result.value.length === 0) without.push(result.host.name);
    for (const each of result.value) {
      if ('error' in each) failures.push(each);
      else answers.push(each);
    }
  }
  return { answers, failures, without };
}
