// `mailctl slots discover`: the slot map read off the hosts, against the directory. For a site that begins, and for a
// directory that was lost. What the hosts do not show beyond doubt is named and left alone.
import { EXIT, UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { defineCommand } from '../command.js';
import { dryRunOption, groupOption, hostOption, yesOption } from '../options.js';
import { type ErrorReport, reportError } from '../report.js';

const SCHEMA = 'mailctl/slots-discover/v1';

/** The command. */
export const slotsDiscoverCommand = defineCommand({
  name: 'slots discover',
  summary: 'Rebuild the list of slots from the hosts',
  description:
    'Looks on every host for instances, by config_dir of the configuration, and at their roles, and compares what it ' +
    'found with the directory. Two masters of a slot, or none, or a silent host that could be one, are named and ' +
    'nothing is guessed. It asks before it writes; -o json is a list that slots import takes. Exits 3 when a host ' +
    'is silent or a slot is not clear.',
  args: {},
  options: { hosts: hostOption, groups: groupOption, yes: yesOption, dryRun: dryRunOption },
  examples: [
    ['mailctl slots discover --dry-run', 'what the hosts show, and where the directory differs'],
    ['mailctl slots discover -g store', 'the same of some hosts; asks before it changes the directory'],
    ['mailctl slots discover --dry-run -o json > slots.json', 'a list to look over and to import'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: {
    schema: SCHEMA,
    empty: (_error, { now }) => ({
      at: formatIso(now),
      outcome: 'failed',
      slots: [],
      changes: NO_CHANGES,
      unclear: [],
    }),
  },
  async run({ hosts, groups, yes, dryRun }, context) {
    const { surroundingsOf } = await import('./surroundings.js');
    const { selectHosts } = await import('../../fleet/select.js');
    const { findAndLook } = await import('../../slot/find-slots.js');
    const { diffSlotMap, needsConsent, toSlotMapItems } = await import('../../slot/slot-map.js');
    const { askForChanges, changeNames, currentSlots } = await import('./map-changes.js');
    const screens = await import('../../output/screens/slots-discover.js');
    const { discoverColumns, discoverRows, discoverScreen } = screens;
    const selected = await selectHosts(await context.inventory(), { hosts, groups });
    const around = await surroundingsOf(context, { readOnly: true });
    const current = await currentSlots(context);
    const { discovery, silent } = await findAndLook(selected, current, around);
    const diff = diffSlotMap(current, discovery.entries);
    const exit = silent.length > 0 || discovery.unclear.length > 0 ? EXIT.partial : EXIT.done;
    const shown = {
      diff,
      discovery,
      silent: silent.map(({ host, error }) => ({ host: host.name, message: error.message })),
      hostsAsked: selected.length,
      dryRun,
      now: context.clock.now(),
    };
    // A table shows them itself.
    if (context.output.format !== 'table') for (const { error } of silent) context.warn(error.message);
    const print = (outcome: Outcome, wasShown: boolean, errors: readonly ErrorReport[] = []) =>
      context.output.print({
        schema: SCHEMA,
        document: () => ({
          at: formatIso(context.clock.now()),
          outcome,
          slots: toSlotMapItems(
            discovery.entries.map((entry) => ({ ...entry, state: 'normal', version: undefined })),
          ),
          changes: changeNames(diff),
          unclear: discovery.unclear,
          errors: [
            ...silent.map(({ host, error }) => ({ ...reportError(error).report, host: host.name })),
            ...errors,
          ],
        }),
        rows: discoverRows(diff, discovery),
        columns: discoverColumns,
        screen: () =>
          discoverScreen({ ...shown, outcome: outcome === 'done' ? 'done' : 'planned', wasShown }),
      });

    const isChange = needsConsent(diff) || diff.add.length > 0;
    if (dryRun || !isChange) {
      await print(dryRun ? 'planned' : 'done', false);
      return exit;
    }
    // Says why the site's own directory cannot be written to, before anything is asked.
    const map = await context.slotMap();
    let wasShown = false;
    if (!yes) {
      for (const line of discoverScreen({ ...shown, outcome: 'planned', wasShown: false }))
        context.note(line);
      try {
        if (!(await askForChanges(context, diff))) {
          if (context.output.format !== 'table') await print('cancelled', true);
          context.note('nothing was changed');
          return EXIT.failed;
        }
        wasShown = !context.globals.quiet;
      } catch (error) {
        // The document of a refusal says what was refused.
        if (error instanceof UsageError && context.output.format === 'json')
          await print('refused', true, [reportError(error).report]);
        throw error;
      }
    }
    await map.applySlotMap(diff);
    await print('done', wasShown);
    return exit;
  },
});

type Outcome = 'done' | 'planned' | 'refused' | 'cancelled';

const NO_CHANGES = { added: [], changed: [], removed: [], unlisted: [], same: [] };
