// `mailctl queue hold`: messages stay where they are, neither tried nor returned, until somebody releases them.
import { defineCommand } from '../command.js';
import { timeSpan, value } from '../options.js';
import { changeJson, changeOptions, changeSections, idArgs } from './change-options.js';

/** The command. */
export const queueHoldCommand = defineCommand({
  name: 'queue hold',
  summary: 'Keep messages from being tried',
  description:
    'Held mail is neither tried nor returned. A hold has an owner, a reason and, with --for, an end; that is kept on ' +
    'the mail host, where every bastion sees it (mailctl queue holds). With --for, what arrives meanwhile and is of ' +
    'the same kind is held as well, at each turn of the timer (queue sample --do-owed): what is sent between two turns ' +
    'goes out. When the end has passed the timer releases exactly what was held.',
  args: idArgs,
  options: {
    ...changeOptions,
    forMs: value('--for <duration>', 'the hold ends after this', timeSpan),
  },
  examples: [
    ['mailctl queue hold --submitter carl@example.net --reason spam --for 4h', 'a login that was stolen'],
    ['mailctl queue hold --domain gmail.com --older-than 2h', 'a backlog, out of the way'],
    ['mailctl queue hold mx1/4jX28t1RZxzD00t', 'one message'],
  ],
  sections: changeSections,
  json: changeJson,
  async run(options, context) {
    const { changeChosen } = await import('./change-chosen.js');
    return changeChosen('hold', options, context);
  },
});
