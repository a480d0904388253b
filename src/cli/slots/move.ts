// `mailctl slots move`: planned balancing. The same look, plan, gates, lanes and screens as a failover, for slots whose
// master answers; one whose master does not stays where it is.
import { UsageError } from '../../errors.js';
import type { Slot } from '../../slot/slot.js';
import { defineCommand } from '../command.js';
import { failover, failoverJson, overrideWord } from '../failover.js';
import {
  dryRunOption,
  list,
  optionalArgs,
  reasonOption,
  text,
  value,
  wholeNumber,
  yesOption,
} from '../options.js';

/** The command. */
export const slotsMoveCommand = defineCommand({
  name: 'slots move',
  summary: 'Move slots to another host while their masters serve, losing nothing',
  description:
    'A planned move: each master is stopped and drained before its replica takes over, so that nothing is lost. ' +
    'Without --to each slot goes to its best replica. A slot whose master does not answer is refused: that is a ' +
    'failover. Everything else is as with failover, the way back as well (failover --undo RUN).',
  args: { slots: optionalArgs('SLOT', 'slots of the directory') },
  options: {
    to: value('--to <host>', 'where they go; it must carry a replica of each', text, 'their best replicas'),
    from: value('--from <host>', 'slots whose master this host is, instead of naming them', text),
    count: value('--count <n>', 'so many of those of --from', wholeNumber(1, 100_000), 'all of them'),
    overrides: list('--override <gate:slot>', 'pass this gate for this slot, as with failover', overrideWord),
    acceptLoss: list('--accept-loss <slot>', 'move this slot although events are quarantined', text),
    takeOver: list(
      '--take-over <run>',
      'take over from this run, which you know to be dead: passes busy',
      text,
    ),
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl slots move store3 store7 --to imap24', 'two slots to a new host'],
    ['mailctl slots move --from imap21 --count 5 --dry-run', 'what it would take to relieve a host of five'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: failoverJson,
  async run(options, context) {
    const { slots, from, count, ...words } = options;
    if (slots.length > 0 === (from !== undefined) || (from === undefined && count !== undefined)) {
      throw new UsageError('either slots by name, or --from HOST with or without --count', {
        hint: 'mailctl slots move store3 --to imap24',
      });
    }
    const directory = await context.directory({ readOnly: options.dryRun });
    const all = await directory.list();
    const targets =
      from === undefined
        ? namedSlots(slots, all)
        : slotsOn(from, options.to, all).slice(0, count ?? all.length);
    if (targets.length === 0) {
      throw new UsageError(
        options.to === undefined
          ? `${from} is the master of no slot`
          : `no slot of which ${from} is the master has a replica on ${options.to}`,
        { hint: 'mailctl slots list' },
      );
    }
    return failover({ ...words, targets, kind: 'move', maxLagMs: undefined, fenced: undefined }, context);
  },
});

// A host's name is no slot here: what one host carries is --from's word.
function namedSlots(names: readonly string[], all: readonly Slot[]): readonly string[] {
  const unknown = names.find((name) => !all.some((slot) => slot.slot === name));
  if (unknown !== undefined) {
    throw new UsageError(`the directory knows no slot ${JSON.stringify(unknown)}`, {
      hint: all.some((slot) => slot.master === unknown)
        ? `mailctl slots move --from ${unknown}`
        : 'mailctl slots list shows what there is',
    });
  }
  return [...new Set(names)];
}

function slotsOn(host: string, to: string | undefined, all: readonly Slot[]): readonly string[] {
  return all
    .filter((slot) => slot.master === host)
    .filter((slot) => to === undefined || slot.instances.some((one) => one.host === to))
    .map((slot) => slot.slot);
}
