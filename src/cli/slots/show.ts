// `mailctl slots show SLOT...`: everything known of a slot, on every host that carries it.
import { EXIT, UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { nearest } from '../../lib/nearest.js';
import type { Line } from '../../output/line.js';
import type { SlotView } from '../../slot/analysis.js';
import type { Slot } from '../../slot/slot.js';
import { defineCommand } from '../command.js';
import { args } from '../options.js';
import { reportError } from '../report.js';
import { silentHosts } from './list.js';

const SCHEMA = 'mailctl/slot-show/v1';

/** How far back stored samples are read. */
const HISTORY_S = 7 * 24 * 3600;
/** More samples than these of a slot are too many for a document; the newest count. */
const MOST_SAMPLES = 200;

/** The command. */
export const slotsShowCommand = defineCommand({
  name: 'slots show',
  summary: 'Everything known of a slot, host by host',
  description:
    'Asks the hosts that carry the slot, once, and stores what it saw as samples: roles as they run and as they ' +
    'would boot, ports, replication logs, quarantine, leases, lanes left open, steps owed, and the last stored ' +
    'samples. Exits 0 when the slot is healthy, 1 when it is not, 3 when a host did not answer.',
  args: { slots: args('SLOT', 'slots of the directory') },
  options: {},
  examples: [
    ['mailctl slots show store15', 'one slot'],
    ['mailctl slots show store1 store2 -o json', 'two, for a script'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), slots: [] }) },
  async run(options, context) {
    const { surroundingsOf } = await import('./surroundings.js');
    const { slotDetail, slotDetailJson } = await import('./slot-detail.js');
    const { storeSamples } = await import('../../slot/list.js');
    const { analyseSlot } = await import('../../slot/analysis.js');
    const { lookAtSlots } = await import('../../slot/look-around.js');
    const config = await context.config();
    const directory = await context.directory({ readOnly: true });
    const around = await surroundingsOf(context, { readOnly: true });
    const store = await context.samples();
    const maxLagS = config.stores.maxLagMs / 1000;
    const names = [...new Set(options.slots)];
    const look = async () => {
      const slots = namedSlots(names, await directory.list());
      const sight = await lookAtSlots(slots, around);
      const isMasterSilent = slots.some((slot) => sight.get(slot.master)?.ok !== true);
      const samples = isMasterSilent ? await store.latest(names) : [];
      return { slots, sight, views: slots.map((slot) => analyseSlot(slot, { sight, samples, maxLagS })) };
    };
    let seen = await look();
    // A failover between the two looks, at the directory and at the hosts, must not be shown as a stray master.
    const doubtful = seen.slots.filter((_, index) => seen.views[index]?.verdict !== 'healthy');
    const now = await Promise.all(doubtful.map((slot) => directory.get(slot.slot)));
    if (doubtful.some((slot, index) => slot.master !== now[index]?.master)) seen = await look();
    const { slots, sight, views } = seen;
    const histories = await Promise.all(names.map((slot) => store.history(slot, HISTORY_S)));
    await storeSamples(store, slots, sight, context.clock);
    const details = slots.map((slot, index) =>
      slotDetail({
        capabilities: (state) => around.driver.capabilities(state),
        slot,
        view: views[index] as SlotView,
        sight,
        hosts: around.hosts,
        samples: (histories[index] ?? []).slice(-MOST_SAMPLES),
      }),
    );

    const silent = silentHosts(sight);
    const at = context.clock.now();
    const { slotShowColumns, slotShowRows } = await import('../../output/columns/slot-show.js');
    const { slotShowScreen } = await import('../../output/screens/slot-show.js');
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        at: formatIso(at),
        slots: details.map(slotDetailJson),
        errors: silent.map(({ host, error }) => ({ ...reportError(error).report, host })),
      }),
      rows: slotShowRows(details),
      columns: slotShowColumns,
      screen: (canvas) =>
        details.flatMap((detail, index): readonly Line[] => [
          ...(index === 0 ? [] : ['']),
          ...slotShowScreen(detail, at, canvas),
        ]),
    });
    if (context.output.format !== 'table') {
      for (const { error } of silent) context.warn(error.message, error.hint);
    }
    if (silent.length > 0) return EXIT.partial;
    return details.every(({ view }) => view.verdict === 'healthy') ? EXIT.done : EXIT.failed;
  },
});

/** The slots of these names, in their order. @throws UsageError */
export function namedSlots(names: readonly string[], slots: readonly Slot[]): readonly Slot[] {
  return names.map((name) => {
    const slot = slots.find((one) => one.slot === name);
    if (slot !== undefined) return slot;
    const near = nearest(
      name,
      slots.map((one) => one.slot),
    );
    throw new UsageError(`the directory has no slot ${JSON.stringify(name)}`, {
      code: 'usage.slot',
      detail: `it has ${slots.length} ${slots.length === 1 ? 'slot' : 'slots'}`,
      hint:
        near.length > 0
          ? `did you mean ${near.join(' or ')}?`
          : slots.length > 0
            ? 'mailctl slots list'
            : 'mailctl slots import FILE',
    });
  });
}
