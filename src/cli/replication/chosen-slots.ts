// The slots that a replication command is about: those named, or all that the selected hosts carry.
import type { Slot } from '../../slot/slot.js';
import type { Context } from '../context.js';
import { namedSlots } from '../slots/show.js';

/** @throws UsageError for a name that the directory does not have */
export async function chosenSlots(
  context: Context,
  options: {
    readonly slots: readonly string[];
    readonly hosts?: readonly string[];
    readonly groups?: readonly string[];
  },
): Promise<readonly Slot[]> {
  const directory = await context.directory({ readOnly: true });
  const all = await directory.list();
  const named = options.slots.length === 0 ? all : namedSlots([...new Set(options.slots)], all);
  const [hosts, groups] = [options.hosts ?? [], options.groups ?? []];
  if (hosts.length === 0 && groups.length === 0) return named;
  const { selectHosts } = await import('../../fleet/select.js');
  const selected = new Set(
    (await selectHosts(await context.inventory(), { hosts, groups })).map(({ name }) => name),
  );
  return named.filter((slot) => slot.instances.some(({ host }) => selected.has(host)));
}
