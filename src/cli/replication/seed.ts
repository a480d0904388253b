// `mailctl replication seed`: a new replica on a host whose instance is empty or stale, filled from the master while
// that serves.
import { EXIT, UsageError } from '../../errors.js';
import { parseRate } from '../../lib/rate.js';
import { type CommandSpec, defineCommand, type Parse } from '../command.js';
import {
  args,
  dryRunOption,
  list,
  reasonOption,
  takeOverOption,
  text,
  value,
  yesOption,
} from '../options.js';

/** The schema of the document. */
export const SEED_SCHEMA = 'mailctl/replication-seed/v1';

/** What the operator asked for, parsed. */
export interface SeedRequest {
  readonly slots: readonly string[];
  readonly to: string;
  readonly instance: string | undefined;
  readonly address: string | undefined;
  readonly replace: string | undefined;
  readonly acceptLoss: readonly string[];
  readonly fenced: string | undefined;
  readonly overrides: readonly string[];
  readonly takeOver: readonly string[];
  readonly rate: number | undefined;
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** The document of a call that ended in an error. */
export const seedJson: CommandSpec['json'] = {
  schema: SEED_SCHEMA,
  empty: (_error, { tookMs }) => ({ run: null, outcome: 'failed', took_ms: tookMs, slots: [] }),
};

const rate: Parse<number> = (word) => {
  const perSecond = parseRate(word);
  if (perSecond === undefined || perSecond <= 0)
    throw new UsageError(`${JSON.stringify(word)} is no rate`, { hint: 'for example 5/s or 100/m' });
  return perSecond;
};

const diskWord: Parse<string> = (word) => {
  if (/^disk:./.test(word)) return word;
  throw new UsageError(`${JSON.stringify(word)} is no gate of a seed that can be overridden`, {
    hint: 'for example --override disk:store3',
  });
};

/** The command. */
export const replicationSeedCommand = defineCommand({
  name: 'replication seed',
  summary: 'Make a new replica of a slot on a host with an empty or stale instance',
  description:
    'For a disk that never returns, and for a host that is added. Its directories and the files of both roles must be ' +
    'there, and the master must have a replication channel to it; what is missing is said, line by line, and no file ' +
    'of the site is edited. The instance is started as a replica, every user and shared mailbox is sent while the ' +
    'master serves, both lists are compared, and it counts as no copy until its log is empty. A seed that was cut off ' +
    'is gone on with by runs resume, or by the same command: what has arrived is passed over.',
  args: { slots: args('SLOT', 'slots of the directory') },
  options: {
    to: value('--to <host>', 'where the new replica is', text),
    instance: value('--instance <name>', 'its name there', text, "the slot's"),
    address: value('--address <address>', 'its address there', text, "the host's"),
    replace: value(
      '--replace <host>',
      'take the instance on this dead host out of the directory for it',
      text,
    ),
    rate: value('--rate <rate>', 'so many users and mailboxes at most: 5/s, 100/m', rate),
    acceptLoss: list(
      '--accept-loss <slot>',
      'give up what only the old disk of this slot had: it owes a rejoin',
      text,
    ),
    fenced: value(
      '--fenced <text>',
      'the host that is replaced never starts again: what you saw; passes not-proven-dead',
      text,
    ),
    overrides: list('--override <gate:slot>', 'pass disk for this slot', diskWord),
    takeOver: takeOverOption,
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl replication seed store3 --to imap24', 'a new replica on a new host'],
    ['mailctl replication seed store3 --to imap24 --replace imap21', "imap21's disk is gone for good"],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: seedJson,
  async run(options, context) {
    const { to } = options;
    if (to === undefined)
      throw new UsageError('--to HOST is missing: where the new replica is', {
        hint: 'mailctl replication seed store3 --to imap24',
      });
    const slots = [...new Set(options.slots)];
    if (slots.length > 1 && (options.instance !== undefined || options.address !== undefined))
      throw new UsageError('--instance and --address are of one slot; name one');
    if (!options.yes && !options.dryRun) (await context.prompt()).requireTerminal();
    const { SeedSession } = await import('./seed-session.js');
    const session = await SeedSession.prepare({ ...options, slots, to }, context);
    if (options.dryRun) return session.reportDryRun();
    if (!session.anyMayGo) return session.reportRefused();
    if (!(await session.confirm()))
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
    return session.run();
  },
});
