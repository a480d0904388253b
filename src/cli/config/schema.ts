// `mailctl config schema`: the file format as JSON Schema, for editors.
import { EXIT } from '../../errors.js';
import { defineCommand } from '../command.js';

/** The command. */
export const configSchemaCommand = defineCommand({
  name: 'config schema',
  summary: 'Print the JSON Schema of the configuration file',
  description:
    'For editors that complete and check YAML. What a schema cannot say (placeholders, hosts that are named ' +
    'elsewhere, files) only config check finds.',
  args: {},
  options: {},
  examples: [['mailctl config schema > mailctl.schema.json', 'for an editor']],
  sections: [],
  json: { schema: 'mailctl/error/v1', empty: () => ({}) },
  async run(_options, { output }) {
    const { configJsonSchema } = await import('../../config/json-schema.js');
    await output.text(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return EXIT.done;
  },
});
