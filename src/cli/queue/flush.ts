// `mailctl queue flush`: have messages tried now.
import { defineCommand } from '../command.js';
import { changeJson, changeOptions, changeSections, idArgs } from './change-options.js';

/** The command. */
export const queueFlushCommand = defineCommand({
  name: 'queue flush',
  summary: 'Have messages tried now',
  description:
    'Each is tried at once, whatever its back-off: a destination that has pushed back sees all of them at the same ' +
    'time. Only mail that is deferred; what is held is released first.',
  args: idArgs,
  options: changeOptions,
  examples: [
    ['mailctl queue flush --domain example.org', 'its server is back'],
    ['mailctl queue flush mx1/4jX28t1RZxzD00t', 'one message'],
  ],
  sections: changeSections,
  json: changeJson,
  async run(options, context) {
    const { changeChosen } = await import('./change-chosen.js');
    return changeChosen('flush', options, context);
  },
});
