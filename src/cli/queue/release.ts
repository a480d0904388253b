// `mailctl queue release`: held messages are tried again.
import { defineCommand } from '../command.js';
import { text, value } from '../options.js';
import { changeJson, changeOptions, changeSections, idArgs } from './change-options.js';

/** The command. */
export const queueReleaseCommand = defineCommand({
  name: 'queue release',
  summary: 'Let held messages go',
  description:
    'They are tried when their old retry time has passed. --run releases exactly what a run of queue hold has held, ' +
    'also what it held of new mail, from any bastion, and ends that hold.',
  args: idArgs,
  options: {
    ...changeOptions,
    run: value('--run <run>', 'what this run of queue hold has held', text),
  },
  examples: [
    ['mailctl queue release --run 7f3a', 'what that run has held'],
    ['mailctl queue release --domain gmail.com', 'all that is held for it'],
  ],
  sections: changeSections,
  json: changeJson,
  async run(options, context) {
    if (options.run !== undefined) {
      const { releaseRun } = await import('./change-chosen.js');
      return releaseRun(options.run, options, context);
    }
    const { changeChosen } = await import('./change-chosen.js');
    return changeChosen('release', options, context);
  },
});
