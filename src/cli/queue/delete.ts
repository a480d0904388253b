// `mailctl queue delete`: messages are saved on their host and taken out of the queue, without a bounce.
import { defineCommand } from '../command.js';
import { timeSpan, value } from '../options.js';
import { changeJson, changeOptions, changeSections, idArgs } from './change-options.js';

/** The command. */
export const queueDeleteCommand = defineCommand({
  name: 'queue delete',
  summary: 'Take messages out of the queue, saved first',
  description:
    'Each message is saved in a private folder on its host before it leaves the queue; nobody gets a bounce. ' +
    'mailctl queue restore brings them back until they expire. What would not fit beside what is saved already is ' +
    'refused before anything of it is deleted.',
  args: idArgs,
  options: {
    ...changeOptions,
    expireMs: value(
      '--expire <duration>',
      'how long they are kept',
      timeSpan,
      "the configuration's keep_deleted",
    ),
  },
  examples: [
    [
      'mailctl queue delete --sender carl@example.net --reason spam',
      'shows them, asks, saves them, deletes them',
    ],
    ['mailctl queue delete --null-sender --domain dead.example.org --dry-run', 'what would be deleted'],
  ],
  sections: changeSections,
  json: changeJson,
  async run({ expireMs, ...options }, context) {
    const { changeChosen } = await import('./change-chosen.js');
    return changeChosen('delete', { ...options, forMs: expireMs }, context);
  },
});
