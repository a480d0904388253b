// The table of mail servers whose queues can be read: by name, how a host is asked for them, and what opens them,
// loaded when a host has them. The order is the order in which formats of listings are tried, too.
import type { QueueSoftware } from '../queue/driver.js';
import { FIND_EXIM } from './exim/find-queues.js';
import { FIND_MAILMAN } from './mailman3/find-queues.js';
import { FIND_POSTFIX } from './postfix/find-queues.js';

/** One mail server. */
export interface QueueSoftwareEntry {
  readonly name: string;
  /** As in QueueSoftware, here without loading the driver; undefined: it is never found by itself. */
  readonly find: string | undefined;
  /** Its messages are in queues of their own within ours (`lists1:out`): a queue's name says not which it holds. */
  readonly hasQueuesWithin?: boolean;
  load(): Promise<QueueSoftware>;
}

/** All of them, each name once. */
export const queueSoftware: readonly QueueSoftwareEntry[] = [
  {
    name: 'postfix',
    find: FIND_POSTFIX,
    load: async () => (await import('./postfix/software.js')).postfixSoftware,
  },
  { name: 'exim', find: FIND_EXIM, load: async () => (await import('./exim/software.js')).eximSoftware },
  {
    name: 'mailman3',
    find: FIND_MAILMAN,
    hasQueuesWithin: true,
    load: async () => (await import('./mailman3/software.js')).mailman3,
  },
  {
    name: 'exec',
    find: undefined,
    load: async () => (await import('./exec/software.js')).execSender,
  },
];
