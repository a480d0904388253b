// The commands that are asked for most, by their words, each loaded without all the others: to set up half a hundred
// commands costs as much as all that `queue stats` does. Whatever a line does not begin with exactly is the whole
// program's (commands.ts): help, options in front, other words for a command, mistakes.
import { version } from '../lib/version.js';
import type { AnyCommand, ProgramSpec } from './command.js';

/** No command here is the first word of another. */
const table: Readonly<Record<string, () => Promise<AnyCommand>>> = {
  failover: async () => (await import('./failover.js')).failoverCommand,
  rejoin: async () => (await import('./rejoin.js')).rejoinCommand,
  'drain status': async () => (await import('./drain/status.js')).drainStatusCommand,
  'queue list': async () => (await import('./queue/list.js')).queueListCommand,
  'queue sample': async () => (await import('./queue/sample.js')).queueSampleCommand,
  'queue stats': async () => (await import('./queue/stats.js')).queueStatsCommand,
  'queue tend': async () => (await import('./queue/tend.js')).queueTendCommand,
  'queue why': async () => (await import('./queue/why.js')).queueWhyCommand,
  'runs list': async () => (await import('./runs/list.js')).runsListCommand,
  'slots list': async () => (await import('./slots/list.js')).slotsListCommand,
  'slots sample': async () => (await import('./slots/sample.js')).slotsSampleCommand,
};

/** Their words. */
export const tableNames: readonly string[] = Object.keys(table);

/** A program of the one command that a line begins with; undefined: it takes the whole program to read the line. */
export async function programFor(argv: readonly string[]): Promise<ProgramSpec | undefined> {
  const [first = '', second = ''] = argv;
  const words = [first, `${first} ${second}`].find((one) => Object.hasOwn(table, one));
  const load = words === undefined ? undefined : table[words];
  return load === undefined ? undefined : { version, commands: [await load()], groups: [] };
}
