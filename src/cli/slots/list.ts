// `mailctl slots list`: every slot, its master, how far its replicas are, and the verdict.
import { EXIT } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { slotColumns, slotRows } from '../../output/columns/slots.js';
import type { SlotView } from '../../slot/analysis.js';
import type { FleetSight } from '../../slot/sight.js';
import { defineCommand } from '../command.js';
import { flag, groupOption, hostOption } from '../options.js';
import { reportError } from '../report.js';

const SCHEMA = 'mailctl/slots/v1';

/** The command. */
export const slotsListCommand = defineCommand({
  name: 'slots list',
  groupDefault: true,
  summary: 'Every slot: master, replicas, lag, verdict',
  description:
    'Asks every host that carries a slot, once, and stores what it saw as samples. A lag is the age of the oldest ' +
    'event that the master has not sent yet, by the birth time of its log; it is no proof that both sides are equal. ' +
    'Exits 0 when every slot is healthy, 1 when one is not, 3 when a host did not answer.',
  args: {},
  options: {
    hosts: hostOption,
    groups: groupOption,
    all: flag('--all', 'also the slots that are fine, line by line'),
  },
  examples: [
    ['mailctl slots list', 'what is wrong, the rest in one line'],
    ['mailctl slots list -H imap21 -o json', 'the slots that imap21 carries, for a script'],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: { schema: SCHEMA, empty: (_error, { now }) => ({ at: formatIso(now), slots: [] }) },
  async run(options, context) {
    const { surroundingsOf } = await import('./surroundings.js');
    const { listSlots } = await import('../../slot/list.js');
    const { selectHosts } = await import('../../fleet/select.js');
    const config = await context.config();
    const selected = await selectHosts(await context.inventory(), {
      hosts: options.hosts,
      groups: options.groups,
    });
    const names = new Set(selected.map((host) => host.name));
    const isNarrowed = options.hosts.length > 0 || options.groups.length > 0;
    const list = await listSlots(
      {
        directory: await context.directory({ readOnly: true, keepsCopy: true }),
        samples: await context.samples(),
        around: await surroundingsOf(context, { readOnly: true }),
        clock: context.clock,
        maxLagS: config.stores.maxLagMs / 1000,
      },
      isNarrowed ? (slot) => slot.instances.some((instance) => names.has(instance.host)) : undefined,
    );
    const silent = silentHosts(list.sight);
    const { slotsScreen } = await import('../../output/screens/slots.js');
    await context.output.print({
      schema: SCHEMA,
      document: () => ({
        at: formatIso(context.clock.now()),
        slots: list.views.map(slotJson),
        errors: silent.map(({ host, error }) => ({ ...reportError(error).report, host })),
      }),
      rows: slotRows(list.views),
      columns: slotColumns,
      screen: (canvas) =>
        slotsScreen(
          {
            views: list.views,
            silent: silent.map(({ host, error }) => ({ host, message: error.message })),
            hostsAsked: list.sight.size,
            now: context.clock.now(),
            all: options.all,
          },
          canvas,
        ),
    });
    if (context.output.format !== 'table') {
      for (const { error } of silent) context.warn(error.message, error.hint);
    }
    if (silent.length > 0) return EXIT.partial;
    return list.views.every((view) => view.verdict === 'healthy') ? EXIT.done : EXIT.failed;
  },
});

/** Hosts that did not answer, by name. */
export function silentHosts(sight: FleetSight) {
  return [...sight.values()].flatMap((seen) =>
    seen.ok ? [] : [{ host: seen.host.name, error: seen.error }],
  );
}

/** A slot as scripts rely on it. */
export function slotJson(view: SlotView): object {
  return {
    slot: view.slot,
    master: view.master,
    replicas: view.replicas.map((replica) => ({
      host: replica.host,
      reachable: replica.reachable,
      running: replica.running,
      role: replica.role,
      freshness: replica.freshness,
      lag_s: replica.lagS,
      pending_events: replica.pendingEvents,
      observed_at: replica.observedAt === null ? null : formatIso(replica.observedAt * 1000),
      reason: replica.reason,
    })),
    verdict: view.verdict,
    why: view.why,
    owed: view.owed,
    readable: view.readable,
  };
}
