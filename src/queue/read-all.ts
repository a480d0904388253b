// Every message of many queues as one stream, and what came of each queue. Messages come as the hosts give them, all
// mixed; a queue that could not be read, or not to its end, is named.
import { type ErrorFacts, EXIT, MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import type { ListWishes, Queue, QueueListing } from './driver.js';
import { gatherQueues, type QueueFailure, type QueueFleet } from './gather-queues.js';
import type { QueueMessage } from './message.js';

/** One queue that was read. */
export interface QueueRead {
  readonly host: string;
  readonly queue: string;
  readonly tookMs: number;
  /** Lines that were no message, and the first of them. */
  readonly malformed: number;
  readonly named: readonly { readonly line: number; readonly what: string }[];
  /** What the server said beside its list. Raw. */
  readonly warning: string | null;
  /** Of which mail server; absent: of a listing from a file. */
  readonly software?: string | undefined;
  /** True: the mail server does not run, nothing of the queue moves. */
  readonly isDown: boolean;
  /** True: it was a listing from a file, which may be of many queues. */
  readonly isListing: boolean;
}

/** What reading came to. */
export interface ReadReport {
  readonly queues: readonly QueueRead[];
  readonly failures: readonly QueueFailure[];
  /** Hosts on which no queue was found. */
  readonly without: readonly string[];
}

/** Something to read messages from: queues of hosts, or a listing in a file. */
export interface MessageSource {
  /** `onMessage` throws to end it. */
  read(onMessage: (message: QueueMessage) => void, wishes?: ListWishes): Promise<ReadReport>;
}

/** The queues of a fleet. */
export function fleetSource(
  fleet: QueueFleet,
  { clock, concurrency }: { readonly clock: Clock; readonly concurrency: number },
): MessageSource {
  return {
    async read(onMessage, wishes = {}) {
      const listed = new Map<Queue, { readonly listing: QueueListing; readonly begunAt: number }>();
      const { listedOf } = fleet;
      const inOneGo = wishes.glance === true && wishes.submitter !== true && listedOf !== undefined;
      const asked: QueueFleet = inOneGo
        ? {
            hosts: fleet.hosts,
            async queuesOf(host, signal) {
              const begunAt = clock.monotonic();
              const { queues, listing } = await listedOf(host, onMessage, signal);
              const [only] = queues;
              if (listing !== undefined && only !== undefined) listed.set(only, { listing, begunAt });
              return queues;
            },
          }
        : fleet;
      const { answers, failures, without } = await gatherQueues(
        asked,
        async (queue, signal): Promise<QueueRead> => {
          const known = listed.get(queue);
          const begunAt = known?.begunAt ?? clock.monotonic();
          const { malformed, warning, isDown } =
            known?.listing ?? (await queue.driver.list(onMessage, { ...wishes, signal }));
          return {
            host: queue.host,
            queue: queue.name,
            software: queue.driver.software,
            tookMs: Math.round(clock.monotonic() - begunAt),
            malformed: malformed.lines,
            named: malformed.first === null ? [] : [malformed.first],
            warning,
            isDown: isDown === true,
            isListing: false,
          };
        },
        { concurrency, signal: wishes.signal },
      );
      return { queues: answers.map(({ value }) => value), failures, without };
    },
  };
}

/** Errors that a report stands for, hosts that gave no answer first. */
export function problemsOf({ queues, failures }: ReadReport): readonly MailctlError[] {
  return [
    ...failures.map(({ error }) => error),
    ...queues.flatMap((read) => [
      ...(read.isDown
        ? [
            new QueueProblem(read.host, `${read.queue}: its mail server does not run`, {
              code: 'queue.down',
              detail: read.warning ?? undefined,
              hint: downHint(read),
            }),
          ]
        : []),
      ...(read.malformed > 0 ? [malformedProblem(read)] : []),
    ]),
  ];
}

/** What systemd calls the servers. */
const UNITS: Readonly<Record<string, string>> = { postfix: 'postfix', exim: 'exim4', mailman3: 'mailman3' };

function downHint({ host, software = '' }: QueueRead): string {
  const unit = Object.hasOwn(UNITS, software) ? UNITS[software] : undefined;
  return unit === undefined
    ? `find out on ${host} why it ended, and start it`
    : `on ${host}: systemctl status ${unit}; when the reason is known: systemctl start ${unit}`;
}

/** Something wrong with one queue that was read all the same. Exit 3. */
export class QueueProblem extends MailctlError {
  readonly host: string;

  constructor(host: string, message: string, facts: Omit<ErrorFacts, 'exitCode'>) {
    super(message, { exitCode: EXIT.partial, ...facts });
    this.host = host;
  }
}

function malformedProblem(read: QueueRead): QueueProblem {
  const lines = `${read.malformed} ${read.malformed === 1 ? 'line is' : 'lines are'}`;
  const [first] = read.named;
  return new QueueProblem(read.host, `${read.queue}: ${lines} no message`, {
    code: 'queue.malformed',
    detail: first === undefined ? undefined : `line ${first.line}: ${first.what}`,
  });
}
