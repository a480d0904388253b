// `mailctl slots sample`: what a timer runs once a minute. It looks, stores what it saw, and with --do-owed does
// what a run left owed on a host that was away.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { Column } from '../../output/columns/column.js';
import type { SlotView } from '../../slot/analysis.js';
import type { CanaryRecord } from '../../slot/canary.js';
import type { SlotList } from '../../slot/list.js';
import type { Surroundings } from '../../slot/look-around.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { flag } from '../options.js';
import { reportError } from '../report.js';
import type { OwedResult } from './do-owed.js';
import { silentHosts, slotJson } from './list.js';

const SCHEMA = 'mailctl/slots-sample/v1';

/** The command. */
export const slotsSampleCommand = defineCommand({
  name: 'slots sample',
  summary: 'Store one observation of every slot; for a timer, once a minute',
  description:
    'Asks every host once and stores what it saw: the evidence of how fresh a replica was when its master dies. ' +
    'With --do-owed it also does what a run left owed: the old master of a slot that moved is stopped and made a ' +
    'replica when its host is back, and what serves reading only is made a replica when its master serves again; ' +
    'only while the master that the directory names is seen serving, under the leases, in the journal. Prints ' +
    'nothing but what it did; what is wrong is a warning. Exits as slots list does. A systemd timer and a line for ' +
    'cron are in share/.',
  args: {},
  options: {
    doOwed: flag('--do-owed', 'do what is owed on hosts that are back'),
  },
  examples: [
    ['mailctl slots sample --do-owed -q', 'the line of a timer'],
    ['mailctl slots sample -o json', 'all that was seen'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: {
    schema: SCHEMA,
    empty: (_error, { now }) => ({ at: formatIso(now), slots: [], done: [], canaries: [] }),
  },
  async run(options, context) {
    const { surroundingsOf } = await import('./surroundings.js');
    const { listSlots } = await import('../../slot/list.js');
    const { storePendingUsers } = await import('../../slot/gather-loss.js');
    const { dueWork, targetsOf } = await import('../../slot/owed-work.js');
    const config = await context.config();
    await context.migrateState();
    const { canary } = config.stores;
    const mayAct = { readOnly: !options.doOwed && canary === undefined };
    const directory = await context.directory({ readOnly: !options.doOwed, keepsCopy: true });
    const around = await surroundingsOf(context, mayAct);
    const samples = await context.samples();
    const look = () =>
      listSlots({ directory, samples, around, clock: context.clock, maxLagS: config.stores.maxLagMs / 1000 });
    let seen = await look();
    // Whose changes wait: the names on the loss sheet, should the master die.
    const pending = await context.pendingUsers();
    await storePendingUsers(seen.slots, { around, sight: seen.sight, pending, clock: context.clock });
    let done: readonly OwedResult[] = [];
    const due = dueWork(seen.slots, seen.sight);
    if (options.doOwed && targetsOf(due).length > 0) {
      const { doOwed } = await import('./do-owed.js');
      done = await doOwed(due, { context, directory, around, samples });
      // What is told is what is now.
      if (done.some(({ outcome }) => outcome === 'done')) seen = await look();
    }
    if (options.doOwed) {
      const { leaveTurn } = await import('./timer-turn.js');
      await leaveTurn(await context.stateDir(), context.clock.now());
    }
    const canaries = canary === undefined ? [] : await sendCanaries(context, around, seen, canary);
    const silent = silentHosts(seen.sight);
    // Nothing done: nothing printed where people, or a mail from cron, would read it.
    const isDocument = context.output.format === 'json' || context.output.format === 'ndjson';
    const told = done.filter(({ outcome }) => outcome !== 'busy');
    if (isDocument || told.length > 0) {
      await context.output.print({
        schema: SCHEMA,
        document: () => ({
          at: formatIso(context.clock.now()),
          slots: seen.views.map(slotJson),
          done,
          canaries: canaries.map(canaryJson),
          errors: silent.map(({ host, error }) => ({ ...reportError(error).report, host })),
        }),
        rows: told,
        columns,
        screen: () => told.map(lineOf),
      });
    }
    for (const { error } of silent) context.warn(error.message, error.hint);
    for (const view of seen.views)
      if (!isFine(view)) context.warn(`${view.slot}: ${view.verdict}: ${view.why}`);
    if (options.doOwed === false && targetsOf(due).length > 0)
      context.warn(`owed and due: ${targetsOf(due).join(', ')}`, 'mailctl slots sample --do-owed');
    if (silent.length > 0) return EXIT.partial;
    const failed = done.some(({ outcome }) => outcome !== 'done' && outcome !== 'busy');
    if (done.some(({ outcome }) => outcome === 'incomplete')) return EXIT.incomplete;
    return !failed && seen.views.every(isFine) ? EXIT.done : EXIT.failed;
  },
});

/** Looks for the canaries of before, sends the next ones, stores what is known. */
async function sendCanaries(
  context: Context,
  around: Surroundings,
  { slots, sight }: SlotList,
  { user, everyMs }: { readonly user: string; readonly everyMs: number },
): Promise<readonly CanaryRecord[]> {
  const { canaryRound } = await import('../../slot/canary-round.js');
  const store = await context.canaries();
  const known = await store.latest(slots.map((slot) => slot.slot));
  const now = context.clock.now();
  const { records, problems } = await canaryRound(slots, { user, everyMs, around, sight, known, now });
  await store.store(records);
  for (const problem of problems) context.warn(problem);
  return records;
}

function canaryJson({ slot, replica, master, sentAt, foundAt }: CanaryRecord): object {
  const iso = (seconds: number | null) => (seconds === null ? null : formatIso(seconds * 1000));
  return { slot, replica, master, sent_at: iso(sentAt), arrived_at: iso(foundAt) };
}

const isFine = (view: SlotView) => view.verdict === 'healthy';

const DID: { readonly [what in OwedResult['what']]: readonly [done: string, wished: string] } = {
  demote: ['is back: stopped and made a replica', 'was to be stopped and made a replica'],
  'end-readonly': ['no longer serves reading: a replica again', 'was to stop serving reading'],
  directory: ['is its master: the directory says so now', 'is its master: the directory was to be told'],
};

function lineOf({ slot, host, what, run, outcome, reason }: OwedResult): string {
  const [done, wished] = DID[what];
  if (outcome === 'done') return `${slot}: ${host} ${done} (run ${run})`;
  const next = outcome === 'incomplete' ? `; mailctl runs resume ${run}` : '';
  return `${slot}: ${host} ${wished}: ${outcome}: ${reason ?? 'nobody knows why'}${next}`;
}

const columns: readonly Column<OwedResult>[] = [
  { key: 'slot', header: 'SLOT', value: (one) => one.slot },
  { key: 'host', header: 'HOST', value: (one) => one.host },
  { key: 'what', header: 'WHAT', value: (one) => one.what },
  { key: 'outcome', header: 'OUTCOME', value: (one) => one.outcome },
  { key: 'run', header: 'RUN', value: (one) => one.run },
  { key: 'reason', header: 'REASON', value: (one) => one.reason },
];
