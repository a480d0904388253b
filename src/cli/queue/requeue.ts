// `mailctl queue requeue`: pass messages through the server again.
import { defineCommand } from '../command.js';
import { changeJson, changeOptions, changeSections, idArgs } from './change-options.js';

/** The command. */
export const queueRequeueCommand = defineCommand({
  name: 'queue requeue',
  summary: 'Pass messages through the server again',
  description:
    'The server takes them in anew, as after a change of its maps: they get new ids, so that there is no way back. Mail ' +
    'on hold is left alone unless --state hold asks for it.',
  args: idArgs,
  options: changeOptions,
  examples: [['mailctl queue requeue --domain old.example.net', 'its transport has changed']],
  sections: changeSections,
  json: changeJson,
  async run(options, context) {
    const { changeChosen } = await import('./change-chosen.js');
    return changeChosen('requeue', options, context);
  },
});
