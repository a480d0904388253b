// The table of mail servers whose queues can be read: by name, how a host is asked for them, and what opens them,
// loaded when a host has them. Their listings, too.
import type { QueueSoftware } from '../queue/driver.js';
import type { ListingFormat } from '../queue/listing-format.js';
import { FIND_EXIM, NEEDS_EXIM } from './exim/find-queues.js';
import { FIND_MAILMAN, NEEDS_MAILMAN } from './mailman3/find-queues.js';
import { FIND_POSTFIX, NEEDS_POSTFIX } from './postfix/find-queues.js';
import { LIST_FIRST } from './postfix/list-script.js';

/** One mail server. */
export interface QueueSoftwareEntry {
  readonly name: string;
  /**
   * POSIX sh, fixed: prints one line per queue that the machine has (an instance's name, `postfix`, `postfix-out`),
   * and nothing where the server is not installed. Runs with the sbin folders on PATH; must be quick and never fail.
   * Undefined: it is never found by itself.
   */
  readonly find: string | undefined;
  /** Shell text of builtins: false where `find` would print nothing. */
  readonly needs?: string;
  /** Lists its first queue, for a host that has no other; what it prints is read by QueueSoftware.glance. */
  readonly listAlone?: string;
  /** Its messages are in queues of their own within ours (`lists1:out`): a queue's name says not which it holds. */
  readonly hasQueuesWithin?: boolean;
  load(): Promise<QueueSoftware>;
}

/** All of them, each name once. */
export const queueSoftware: readonly QueueSoftwareEntry[] = [
  {
    name: 'postfix',
    find: FIND_POSTFIX,
    needs: NEEDS_POSTFIX,
    listAlone: LIST_FIRST,
    load: async () => (await import('./postfix/software.js')).postfixSoftware,
  },
  {
    name: 'exim',
    find: FIND_EXIM,
    needs: NEEDS_EXIM,
    load: async () => (await import('./exim/software.js')).eximSoftware,
  },
  {
    name: 'mailman3',
    find: FIND_MAILMAN,
    needs: NEEDS_MAILMAN,
    hasQueuesWithin: true,
    load: async () => (await import('./mailman3/software.js')).mailman3,
  },
  {
    name: 'exec',
    find: undefined,
    load: async () => (await import('./exec/software.js')).execSender,
  },
];

/** Listings of a server that can be read from a file, by the server's name; a server may have no driver here. */
const listings: readonly { readonly names: readonly string[]; load(): Promise<readonly ListingFormat[]> }[] =
  [
    {
      names: ['postfix-json', 'postfix-mailq'],
      load: async () => (await import('./postfix/formats.js')).postfixFormats,
    },
    { names: ['exim-bp'], load: async () => [(await import('./exim/parse-bp.js')).eximBp] },
    {
      names: ['sendmail-mailq'],
      load: async () => [(await import('./sendmail/parse-mailq.js')).sendmailMailq],
    },
    {
      names: ['opensmtpd'],
      load: async () => [(await import('./opensmtpd/parse-show-queue.js')).opensmtpdQueue],
    },
  ];

/** The formats of listings, or the one of this name; what nobody asks for is not loaded. */
export async function listingFormats(name?: string): Promise<readonly ListingFormat[]> {
  const wanted = listings.filter(({ names }) => name === undefined || names.includes(name));
  const formats = (await Promise.all(wanted.map(({ load }) => load()))).flat();
  return name === undefined ? formats : formats.filter((format) => format.name === name);
}
