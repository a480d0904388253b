// `mailctl slots import FILE`: a list of slots into the directory. It asks no host and moves no mail: it says what
// the directory is to say, all of it or nothing.
import { EXIT, UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import type { SlotMapDiff, SlotMapEntry } from '../../slot/slot-map.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { arg, dryRunOption, flag, yesOption } from '../options.js';
import { type ErrorReport, reportError } from '../report.js';
import { askForChanges, changeNames, currentSlots } from './map-changes.js';

const SCHEMA = 'mailctl/slots-import/v1';

/** The command. */
export const slotsImportCommand = defineCommand({
  name: 'slots import',
  summary: 'Put a list of slots into the directory',
  description:
    'FILE is YAML or JSON: a list of {slot, master, replicas: [host, ...]}, where a host may be ' +
    '{host, instance, address}; what slots export prints. The hosts must be in the configuration; none of them is ' +
    'asked. Adding slots asks nothing; to change or to remove one asks, or needs --yes. All of the list is ' +
    'imported, or nothing of it. To change a master here only renames it: mailctl failover moves a slot.',
  args: { file: arg('FILE', 'the list; - reads it from standard input') },
  options: {
    prune: flag('--prune', 'also remove the slots that the list lacks'),
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl slots import slots.yaml --dry-run', 'what it would change'],
    ['mailctl slots import slots.yaml', 'add what is new'],
    ['mailctl slots import - --prune --yes', 'the directory becomes what comes in'],
  ],
  sections: ['hosts', 'directory', 'state'],
  json: {
    schema: SCHEMA,
    empty: (_error, { now }) => ({
      at: formatIso(now),
      file: null,
      outcome: 'failed',
      ...changeNames(NOTHING),
    }),
  },
  async run({ file, prune, yes, dryRun }, context) {
    const { inputName, readInput } = await import('./read-input.js');
    const { parseSlotMapFile } = await import('../../slot/slot-map-file.js');
    const { diffSlotMap, needsConsent } = await import('../../slot/slot-map.js');
    const { importColumns, importRows, importScreen } = await import('../../output/screens/slots-import.js');
    const config = await context.config();
    const name = inputName(file);
    const entries = parseSlotMapFile(await readInput(file), { file: name, hosts: [...config.hosts.keys()] });
    refuseEmptyPrune(entries, prune, name);
    const current = dryRun ? await slotsForDryRun(context) : await (await context.slotMap()).list();
    const diff = diffSlotMap(current, entries, { prune });
    const shown = { file: name, diff, dryRun };
    let wasShown = false;

    const print = (outcome: Outcome, errors: readonly ErrorReport[] = []) =>
      context.output.print({
        schema: SCHEMA,
        document: () => ({
          at: formatIso(context.clock.now()),
          file: name,
          outcome,
          ...changeNames(diff),
          errors,
        }),
        rows: importRows(diff),
        columns: importColumns,
        screen: () =>
          importScreen({
            ...shown,
            wasShown,
            outcome: outcome === 'done' ? 'done' : 'planned',
            now: context.clock.now(),
          }),
      });

    if (dryRun) {
      await print('planned');
      return EXIT.done;
    }
    if (needsConsent(diff) && !yes) {
      for (const line of importScreen({ ...shown, outcome: 'planned', now: context.clock.now() }))
        context.note(line);
      try {
        if (!(await mayGoOn(context, file, diff))) {
          if (context.output.format !== 'table') await print('cancelled');
          context.note('nothing was changed');
          return EXIT.failed;
        }
        wasShown = !context.globals.quiet;
      } catch (error) {
        // The document of a refusal says what was refused.
        if (error instanceof UsageError && context.output.format === 'json')
          await print('refused', [reportError(error).report]);
        throw error;
      }
    }
    if (needsConsent(diff) || diff.add.length > 0) await (await context.slotMap()).applySlotMap(diff);
    await print('done');
    return EXIT.done;
  },
});

type Outcome = 'done' | 'planned' | 'refused' | 'cancelled';

const NOTHING: SlotMapDiff = { add: [], change: [], remove: [], unlisted: [], same: [] };

/** An empty list with --prune is a wrong file or a broken pipe far more often than a wish. */
function refuseEmptyPrune(entries: readonly SlotMapEntry[], prune: boolean, name: string): void {
  if (!prune || entries.length > 0) return;
  throw new UsageError(`${name} lists no slot, and --prune would remove every slot of the directory`, {
    hint: 'mailctl slots export   shows what the directory has',
  });
}

/** What the directory says, without making one. */
async function slotsForDryRun(context: Context) {
  const { directory } = await context.config();
  // Says why the site's own directory cannot be imported into.
  if (directory.kind === 'commands') return (await context.slotMap()).list();
  return currentSlots(context);
}

async function mayGoOn(context: Context, file: string, diff: SlotMapDiff): Promise<boolean> {
  if (file === '-') {
    throw new UsageError('this asks before it changes a slot, and standard input is the list', {
      code: 'usage.needs-yes',
      hint: formatCommand([...context.commandLine, '--yes']),
    });
  }
  return askForChanges(context, diff);
}
