// `mailctl queue list`: the messages that are meant, one a line, as they come.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { MessageRow } from '../../output/columns/messages.js';
import { defineCommand } from '../command.js';
import { choice, flag, groupOption, hostOption, value, wholeNumber } from '../options.js';
import { messageOptions } from './selectors.js';
import { inputOptions } from './source.js';

const SCHEMA = 'mailctl/queue-list/v1';

/** The command. */
export const queueListCommand = defineCommand({
  name: 'queue list',
  summary: 'The messages that wait, one a line',
  description:
    'Reads the queues of the hosts: those that the configuration names, else those that are found there; with no ' +
    'configuration those of this machine. Messages are printed as they come, in no order, unless --sort asks for ' +
    'one. A queue moves while it is listed: a message may be missing or be where it was a moment ago. Exits 3 when a ' +
    'host did not answer or a line could not be read.',
  args: {},
  options: {
    hosts: hostOption,
    groups: groupOption,
    ...inputOptions,
    ...messageOptions,
    sort: choice('--sort <order>', 'in this order', [
      'arrival',
      'size',
      'recipients',
      'queue',
      'sender',
      'state',
      'id',
    ]),
    reverse: flag('--reverse', 'the other way round; with --sort'),
    limit: value('--limit <n>', 'no more than these', wholeNumber(1, 999_999_999)),
  },
  examples: [
    ["mailctl queue list -H 'mx*' --older-than 2h", 'mail that has waited more than two hours'],
    ['mailctl queue list --sort size --limit 20', 'the twenty largest'],
    ['mailctl queue list --domain gmail.com -o ndjson', 'for a script, one object a line'],
  ],
  sections: ['defaults', 'hosts', 'destinations'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), messages: [] }) },
  async run(options, context) {
    const [{ listMessages }, { messageSource, mustHaveQueues, problemJson, tellProblems }] =
      await Promise.all([import('../../queue/list-messages.js'), import('./source.js')]);
    const [{ messageColumns, messageJson }, { problemsOf }] = await Promise.all([
      import('../../output/columns/messages.js'),
      import('../../queue/read-all.js'),
    ]);
    const { filterByDestination } = await import('./destinations.js');
    const filter = await filterByDestination(context, options);
    const source = await messageSource(context, options, filter);
    const now = Math.floor(context.clock.now() / 1000);
    const isTable = context.output.format === 'table';
    const list = listMessages(source, {
      filter,
      now,
      order: options.sort,
      reverse: options.reverse,
      limit: options.limit ?? (isTable ? TABLE_ROWS : undefined),
      signal: context.interruption.abort,
    });
    const rows = rowsOf(list.messages, now);
    const report = () => list.report();
    if (isTable) {
      const all: MessageRow[] = [];
      for await (const row of rows) all.push(row);
      mustHaveQueues(report());
      const { messagesScreen } = await import('../../output/screens/messages.js');
      await context.output.print({
        schema: SCHEMA,
        document: () => ({}),
        rows: all,
        columns: messageColumns,
        screen: (canvas) =>
          messagesScreen({ rows: all, more: list.more(), isLimited: options.limit !== undefined }, canvas),
      });
    } else {
      await context.output.print({
        schema: SCHEMA,
        document: () => ({
          at: formatIso(now * 1000),
          messages: objectsOf(rows, messageJson),
          complete: () => problemsOf(report()).length === 0,
          limited: () => list.more() !== 0,
          errors: () => problemsOf(report()).map(problemJson),
        }),
        rows,
        columns: messageColumns,
        record: messageJson,
      });
      // A reader that has gone away needs no more.
      if (!list.isOver()) return EXIT.done;
      if (context.output.format !== 'json') mustHaveQueues(report());
    }
    return tellProblems(context, problemsOf(report()), report());
  },
});

/** A screen of more rows is read by nobody. */
const TABLE_ROWS = 500;

async function* rowsOf<T>(messages: AsyncIterable<T>, now: number) {
  for await (const message of messages) yield { message, now };
}

async function* objectsOf<T>(rows: AsyncIterable<T>, object: (row: T) => object) {
  for await (const row of rows) yield object(row);
}
