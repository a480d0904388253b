// What the acting queue commands take alike: which messages, and how it is asked.
import {
  dryRunOption,
  flag,
  groupOption,
  hostOption,
  optionalArgs,
  reasonOption,
  yesOption,
} from '../options.js';
import { messageOptions } from './selectors.js';

export const CHANGE_SCHEMA = 'mailctl/queue-change/v1';

/** `ID...`, or `-` for ids on stdin. */
export const idArgs = {
  words: optionalArgs('ID', 'these messages: HOST/ID, QUEUE/ID, or ID; - reads them from stdin, one a line'),
} as const;

/** Which messages, and how it is asked. */
export const changeOptions = {
  hosts: hostOption,
  groups: groupOption,
  ...messageOptions,
  all: flag('--all', 'every message of these hosts; nothing acts on all without it'),
  reason: reasonOption,
  yes: yesOption,
  dryRun: dryRunOption,
} as const;

/** The document of a command that ended before it had one. */
export const changeJson = {
  schema: CHANGE_SCHEMA,
  empty: () => ({ run: null, outcome: 'failed', total: null, queues: [] }),
} as const;

export const changeSections = ['defaults', 'hosts', 'destinations', 'queue'] as const;
