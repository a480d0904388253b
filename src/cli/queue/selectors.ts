// The message selectors that all queue commands share, as options and as the domain's test.
import { UsageError } from '../../errors.js';
import type { DestinationOf, MessageFilter, MessageSelectors } from '../../queue/select.js';
import type { Parse, Values } from '../command.js';
import type { Context } from '../context.js';
import { flag, list, size, text, timeSpan, value } from '../options.js';

/** An extended regular expression, by its text; compiled when the command runs. */
const expression: Parse<string> = (word) => {
  const source = text(word);
  if (source.length > 1000) throw new UsageError('an expression has at most 1000 characters');
  try {
    new RegExp(source);
  } catch (error) {
    throw new UsageError(`${JSON.stringify(source)} is no regular expression`, {
      detail: error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : undefined,
      hint: "for example --delay-reason '4[.]7[.][0-9]+'",
      cause: error,
    });
  }
  return source;
};

/** Different kinds narrow, one kind widens. */
export const messageOptions = {
  queues: list('--queue <name>', 'queues of this name: mx1, mx1:postfix-out, or postfix-out; a glob', text),
  states: list('--state <state>', 'messages that are incoming, active, deferred, hold or corrupt', text),
  domains: list('--domain <domain>', 'with a recipient in this domain; a glob', text),
  destinations: list('--destination <name>', 'with a recipient at this destination; a glob', text),
  senders: list('--sender <address>', 'of this envelope sender; a glob', text),
  submitters: list('--submitter <login>', 'handed in by this login; a glob', text),
  recipients: list('--recipient <address>', 'with this recipient; a glob', text),
  nullSender: flag('--null-sender', 'of the null sender: bounces and notifications'),
  delayReasons: list('--delay-reason <regex>', 'with a recipient whose last try ended so', expression),
  olderThanMs: value('--older-than <duration>', 'that arrived longer ago', timeSpan),
  youngerThanMs: value('--younger-than <duration>', 'that arrived since', timeSpan),
  largerThan: value('--larger-than <size>', 'of more bytes', size),
  smallerThan: value('--smaller-than <size>', 'of fewer bytes', size),
  ids: list('--id <id>', 'with this queue id', text),
  noDns: flag('--no-dns', 'destinations by the configuration alone: no name server is asked'),
} as const;

/** What a command gets of them. */
export type MessageOptions = Values<typeof messageOptions, Record<never, never>>;

/** Options that choose nothing: every message. */
export const noSelectors: MessageSelectors = {
  queues: [],
  states: [],
  domains: [],
  destinations: [],
  senders: [],
  submitters: [],
  recipients: [],
  nullSender: false,
  delayReasons: [],
  olderThanS: undefined,
  youngerThanS: undefined,
  largerThan: undefined,
  smallerThan: undefined,
  ids: [],
};

/** What is most asked for, without loading what tests. */
const everyMessage: MessageFilter = {
  isEmpty: true,
  wishes: { submitter: false },
  queue: () => true,
  matches: () => true,
};

function choosesNothing(options: MessageOptions): boolean {
  return Object.keys(messageOptions).every((key) => {
    if (key === 'noDns') return true;
    const value = options[key as keyof MessageOptions];
    return value === undefined || value === false || (Array.isArray(value) && value.length === 0);
  });
}

/** The test that the options make. `destinationOf` is needed where `--destination` may be given. */
export async function filterOf(
  options: MessageOptions,
  destinationOf: DestinationOf,
): Promise<MessageFilter> {
  if (choosesNothing(options)) return everyMessage;
  const { messageFilter } = await import('../../queue/select.js');
  const { delayReasons: sources } = options;
  const delayReasons =
    sources.length === 0 ? [] : (await import('./safe-expressions.js')).safeExpressions(sources);
  return messageFilter(
    {
      ...options,
      delayReasons,
      olderThanS: seconds(options.olderThanMs),
      youngerThanS: seconds(options.youngerThanMs),
    },
    destinationOf,
  );
}

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);

/** The destination of a domain by the configuration alone; one that it does not name is its own. */
export async function configuredDestinations(context: Context): Promise<DestinationOf> {
  const { destinations } = await context.config();
  const byDomain = new Map<string, string>();
  for (const [name, { domains }] of destinations) for (const domain of domains) byDomain.set(domain, name);
  return (domain) => byDomain.get(domain) ?? domain;
}
