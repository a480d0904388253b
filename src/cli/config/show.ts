// `mailctl config show`: the configuration as commands see it, every default filled in, passwords masked.
import { EXIT } from '../../errors.js';
import { defineCommand } from '../command.js';

/** The command. */
export const configShowCommand = defineCommand({
  name: 'config show',
  summary: 'Print the effective configuration',
  description:
    'Prints YAML (or JSON with -o json): every default filled in, paths absolute, passwords of urls masked. A ' +
    'section with a fault is shown as its defaults, with a warning.',
  args: {},
  options: {},
  examples: [
    ['mailctl config show', 'what mailctl works with'],
    ['mailctl config show -o json', 'the same for a script'],
  ],
  sections: [],
  json: { schema: 'mailctl/config/v1', empty: () => ({ file: null, config: null }) },
  async run(_options, context) {
    const { output } = context;
    const config = await context.config();
    const { effectiveConfig, formatConfigYaml } = await import('../../config/show.js');
    if (output.format !== 'json' && output.format !== 'ndjson') {
      await output.text(formatConfigYaml(config));
      return EXIT.done;
    }
    const document = { file: config.file ?? null, config: effectiveConfig(config) };
    await output.print({
      schema: 'mailctl/config/v1',
      document: () => ({ ...document, errors: [] }),
      rows: [document],
      columns: [],
      record: (row) => row,
    });
    return EXIT.done;
  },
});
