// Where a queue command reads its messages: the queues of the hosts that are meant.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { LISTING_FORMATS } from '../../queue/listing-format.js';
import type { MessageSource, ReadReport } from '../../queue/read-all.js';
import type { MessageFilter } from '../../queue/select.js';
import type { Context } from '../context.js';
import { choice, text, value } from '../options.js';
import { type ErrorReport, reportError, sentenceOf } from '../report.js';
import type { QueueWishes } from './queues.js';

/** The options of commands that also read a listing from a file. */
export const inputOptions = {
  input: value('--input <file>', 'read a listing from this file instead of asking hosts; - is stdin', text),
  format: choice('--format <format>', 'what the listing is; found by itself otherwise', LISTING_FORMATS),
} as const;

/** Which hosts, or which file. */
export interface SourceOptions {
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  readonly input?: string | undefined;
  readonly format?: (typeof LISTING_FORMATS)[number] | undefined;
}

/** The messages that a command's options mean; its filter keeps queues away that need not be listed. */
export async function messageSource(
  context: Context,
  { hosts, groups, input, format }: SourceOptions,
  filter: MessageFilter,
  { isShared }: Pick<QueueWishes, 'isShared'> = {},
): Promise<MessageSource> {
  if (input !== undefined) {
    if (hosts.length > 0 || groups.length > 0) {
      throw new UsageError('a listing from a file is of no host: -H and -g mean nothing with --input', {
        hint: 'use --queue or --by queue for one that was made of many hosts',
      });
    }
    const { listingSource } = await import('./listing-source.js');
    return listingSource({ file: input, format, clock: context.clock, commandLine: context.commandLine });
  }
  if (format !== undefined) throw new UsageError('--format says what --input is, and there is none');
  const [{ openQueues }, { fleetSource }] = await Promise.all([
    import('./queues.js'),
    import('../../queue/read-all.js'),
  ]);
  const fleet = await openQueues(context, { hosts, groups, readOnly: true, queue: filter.queue, isShared });
  return fleetSource(fleet, { clock: context.clock, concurrency: context.globals.concurrency });
}

/** Refuses what is no answer: hosts that have no queue at all. @throws MailctlError queue.none */
export function mustHaveQueues({ queues, failures, without }: ReadReport): void {
  if (queues.length > 0 || failures.length > 0 || without.length === 0) return;
  const [first = ''] = without;
  const where = without.length === 1 ? first : `the ${without.length} hosts`;
  throw new MailctlError(`no mail server with a queue was found on ${where}`, {
    code: 'queue.none',
    exitCode: EXIT.failed,
    detail:
      'neither postqueue nor another mail server that mailctl knows is on its PATH or in its sbin folders',
    hint: 'name its queues in the configuration (hosts.NAME.queues), or another host with -H',
  });
}

/** One entry of `errors` of a queue document. */
export function problemJson(error: MailctlError): ErrorReport {
  return reportError(error).report;
}

/** Says on stderr what went wrong, unless a screen has said it, and what servers said beside their lists; gives the exit code. */
export function tellProblems(
  context: Context,
  problems: readonly MailctlError[],
  { queues }: ReadReport,
  { isOnScreen = false }: { readonly isOnScreen?: boolean } = {},
): number {
  for (const error of isOnScreen ? [] : problems) context.warn(sentenceOf(error), error.hint);
  for (const { queue, named, malformed } of queues.filter(({ isListing }) => isListing)) {
    for (const { line, what } of named) context.note(`${queue}: line ${line}: ${what}`);
    if (malformed > named.length) context.note(`${queue}: + ${malformed - named.length} more`);
  }
  for (const { queue, warning, isDown } of queues)
    if (warning !== null && !isDown) context.warn(`${queue} says: ${warning}`);
  return problems.length > 0 ? EXIT.partial : EXIT.done;
}
