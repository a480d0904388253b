// `mailctl slots export`: the directory as the list that `slots import` reads back to the same.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { exportColumns, exportRows } from '../../output/columns/slots-export.js';
import { escapeLines } from '../../output/escape.js';
import { defineCommand } from '../command.js';

const SCHEMA = 'mailctl/slots-export/v1';

/** The command. */
export const slotsExportCommand = defineCommand({
  name: 'slots export',
  summary: 'Print the directory as a list of slots',
  description:
    'Prints YAML, one line a slot, also into a pipe; -o json prints a document. slots import reads both back to ' +
    'the same. -o tsv has a row for each slot and host. It asks no host.',
  args: {},
  options: {},
  examples: [
    ['mailctl slots export > slots.yaml', 'to edit and to import again, or to keep'],
    ['mailctl slots export -o json', 'the same for a script'],
  ],
  sections: ['hosts', 'directory', 'state'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), slots: [] }) },
  async run(_options, context) {
    const { output, globals, env } = context;
    const slots = await (await context.directory({ readOnly: true })).list();
    // In a pipe the form is tsv only where somebody asked for it: a list that is kept must be one to import.
    const asked = globals.output ?? (env.MAILCTL_OUTPUT || undefined);
    if (output.format === 'table' || (output.format === 'tsv' && asked === undefined)) {
      const { formatSlotMap } = await import('../../slot/slot-map-file.js');
      // Names are checked where they come in; a database that others write to may hold anything.
      await output.text(escapeLines(formatSlotMap(slots, 'yaml')));
      return EXIT.done;
    }
    const { toSlotMapItems } = await import('../../slot/slot-map.js');
    await output.print({
      schema: SCHEMA,
      document: () => ({ at: formatIso(context.clock.now()), slots: toSlotMapItems(slots), errors: [] }),
      rows: exportRows(slots),
      columns: exportColumns,
    });
    return EXIT.done;
  },
});
