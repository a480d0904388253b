// `mailctl queue show ID...`: one message whole, wherever it waits.
import { EXIT, MailctlError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import type { MessageDetail } from '../../queue/driver.js';
import type { FoundMessages, WantedMessage } from '../../queue/show-messages.js';
import { defineCommand } from '../command.js';
import { args, groupOption, hostOption } from '../options.js';
import { reportError, sentenceOf, worstExit } from '../report.js';

const SCHEMA = 'mailctl/queue-message/v1';

/** The command. */
export const queueShowCommand = defineCommand({
  name: 'queue show',
  summary: 'One message whole: envelope, reasons, headers, next try, log',
  description:
    'Asks every queue that is meant for the ids; HOST/ID asks that host only. An id that is on several queues is ' +
    'shown from each. Each recipient comes with what its last try ended with, and the status code in it is told in ' +
    'words. Exits 1 when a message is on no queue, 3 when a host did not answer.',
  args: { ids: args('ID', 'queue ids, or HOST/ID') },
  options: { hosts: hostOption, groups: groupOption },
  examples: [
    ['mailctl queue show 4jX28t1RZxzD00t', 'on whichever host it is'],
    ['mailctl queue show mx2/B9A83394 -o json', 'on one host, for a script'],
  ],
  sections: ['defaults', 'hosts'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), messages: [], missing: [] }) },
  async run(options, context) {
    const [{ openQueues }, { mustHaveQueues }, { parseWanted, showMessages }, inventory] = await Promise.all([
      import('./queues.js'),
      import('./source.js'),
      import('../../queue/show-messages.js'),
      context.inventory(),
    ]);
    const wanted = options.ids.map((id) => parseWanted(id, (name) => inventory.byName.has(name)));
    const fleet = await openQueues(context, { ...options, ...narrowed(options, wanted), readOnly: true });
    const found = await showMessages(fleet, wanted, {
      concurrency: context.globals.concurrency,
      signal: context.interruption.abort,
    });
    mustHaveQueues({ queues: [], failures: found.failures, without: allOrNone(found, fleet.hosts.length) });
    const errors = [...found.failures.map(({ error }) => error), ...missingErrors(found, options)];
    const now = Math.floor(context.clock.now() / 1000);
    const [{ detailJson, recipientColumns, recipientRows }, { ambiguousLines, queueShowScreen }] =
      await Promise.all([
        import('../../output/columns/queue-show.js'),
        import('../../output/screens/queue-show.js'),
      ]);
    const details = found.messages.map(boundedDetail);
    const ambiguous = repeated(details.map(({ message }) => message.id));
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        at: formatIso(now * 1000),
        messages: details.map((detail) => detailJson(detail, now)),
        missing: found.missing.map(({ given }) => given),
        errors: errors.map((error) => reportError(error).report),
      }),
      rows: recipientRows(details),
      columns: recipientColumns,
      screen: (canvas) => [
        ...ambiguousLines(ambiguous),
        ...details.flatMap((detail, index) => [
          ...(index === 0 ? [] : ['']),
          ...queueShowScreen(detail, now, canvas),
        ]),
        ...(details.length === 0 ? ['no message'] : []),
      ],
    });
    for (const error of errors) context.warn(sentenceOf(error), error.hint);
    return worstExit(...errors.map(({ exitCode }) => exitCode));
  },
});

/** When every id names its host, no other host is asked; -H and -g hold as they are given. */
function narrowed(
  { hosts, groups }: { readonly hosts: readonly string[]; readonly groups: readonly string[] },
  wanted: readonly WantedMessage[],
): { readonly hosts: readonly string[] } {
  const places = wanted.flatMap(({ place }) => (place === undefined ? [] : [place.split(':')[0] ?? place]));
  const isOpen = hosts.length > 0 || groups.length > 0 || places.length < wanted.length;
  return { hosts: isOpen ? hosts : [...new Set(places)] };
}

function allOrNone({ without }: FoundMessages, hosts: number): readonly string[] {
  return without.length === hosts ? without : [];
}

/** A message that is on no queue: nothing is known about hosts that gave no answer. */
function missingErrors(
  { missing, failures }: FoundMessages,
  { hosts, groups }: { readonly hosts: readonly string[]; readonly groups: readonly string[] },
): readonly MailctlError[] {
  const [first] = missing;
  if (first === undefined) return [];
  const where = failures.length > 0 ? 'no queue that answered has' : 'no queue has';
  const which = ['-H', ...hosts.flatMap((name, index) => (index === 0 ? [name] : ['-H', name]))];
  const selectors = [...(hosts.length > 0 ? which : []), ...groups.flatMap((name) => ['-g', name])];
  return [
    new MailctlError(`${where} ${missing.map(({ given }) => JSON.stringify(given)).join(' or ')}`, {
      code: 'queue.no-message',
      exitCode: EXIT.failed,
      detail: 'it was delivered, deleted, or queued again under another id',
      hint: formatCommand(['mailctl', 'queue', 'list', ...selectors]),
    }),
  ];
}

/** Bytes of one header, and headers, that a document may hold. */
const MOST_HEADERS = 200;
const LONGEST = 4000;

function boundedDetail(detail: MessageDetail): MessageDetail {
  const headers = detail.headers
    .slice(0, MOST_HEADERS)
    .map(([name, value]): readonly [string, string] => [
      name.slice(0, LONGEST),
      value.length > LONGEST ? `${value.slice(0, LONGEST)}...` : value,
    ]);
  return { ...detail, headers, log: detail.log.slice(-200) };
}

function repeated(ids: readonly string[]): readonly string[] {
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
}
