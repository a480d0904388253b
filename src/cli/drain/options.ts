// What the drain commands share: the schema, their options' parsers, the run that is meant.
import { UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { parseRate } from '../../lib/rate.js';
import type { Parse } from '../command.js';
import {
  choice,
  dryRunOption,
  flag,
  groupOption,
  hostOption,
  list,
  optionalArg,
  reasonOption,
  text,
  timeSpan,
  value,
  yesOption,
} from '../options.js';
import { messageOptions } from '../queue/selectors.js';

export const DRAIN_SCHEMA = 'mailctl/drain/v1';

/** The document of a command that ended before it had one. */
export const drainDocument = {
  schema: DRAIN_SCHEMA,
  empty: (_error: unknown, { now }: { readonly now: number }) => ({ at: formatIso(now), runs: [] }),
} as const;

/** A drain's run. */
export const runArg = optionalArg(
  'RUN',
  'the run of the drain; the only one that is not over, where there is one',
);

/** `50/s`, in messages a second. */
export const rate: Parse<number> = (word) => {
  const perSecond = parseRate(word);
  if (perSecond === undefined)
    throw new UsageError(`${JSON.stringify(word)} is no rate`, { hint: 'for example 50/s or 3000/m' });
  return perSecond;
};

/** `20`, or `gmail=20`; an empty name: all of them. */
export const named: Parse<readonly [name: string, count: number]> = (word) => {
  const at = text(word).lastIndexOf('=');
  const name = at < 0 ? '' : word.slice(0, at).toLowerCase();
  const number = word.slice(at + 1);
  if (!/^[1-9]\d{0,5}$/.test(number) || at === 0)
    throw new UsageError(`${JSON.stringify(word)} is no limit`, { hint: 'for example gmail=20' });
  return [name, Number(number)];
};

/** `gmail=20`. */
export const namedOnly: Parse<readonly [name: string, count: number]> = (word) => {
  const pair = named(word);
  if (pair[0] === '')
    throw new UsageError(`${JSON.stringify(word)} names no destination`, { hint: 'for example gmail=20' });
  return pair;
};

/** Which messages, how fast, and what happens when nobody is there any more. */
export const startOptions = {
  hosts: hostOption,
  groups: groupOption,
  ...messageOptions,
  all: flag('--all', 'every message of these hosts; nothing acts on all without it'),
  perSecond: value('--rate <rate>', 'all of it together at most so fast', rate),
  inFlight: list(
    '--in-flight <n>',
    'messages in flight at once to each destination, or NAME=N for one whose connections the server itself bounds',
    named,
  ),
  limits: list('--limit <name=n>', 'connections at once that this destination takes', namedOnly),
  onDeath: choice('--on-death <what>', 'what the host does with the rest when mailctl is dead (release)', [
    'release',
    'hold',
  ]),
  deadAfterMs: value('--dead-after <duration>', 'dead is who gave no sign for so long', timeSpan, '10m'),
  detach: flag('--detach', 'goes on in its own session; the command returns at once'),
  reason: reasonOption,
  yes: yesOption,
  dryRun: dryRunOption,
} as const;
