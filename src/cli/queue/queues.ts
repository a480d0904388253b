// The queues that a queue command asks: those that the configuration names on the hosts that are meant, else those
// that the hosts themselves turn out to have. A driver is loaded when a host has need of it.
import { queueSoftware } from '../../drivers/queues.js';
import { EXIT, MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Queue } from '../../queue/driver.js';
import { findAndList, findQueues, type QueueSpec, queueNames } from '../../queue/find.js';
import type { QueueFleet } from '../../queue/gather-queues.js';
import type { Context, ReadOnly } from '../context.js';

/** Which hosts and queues. */
export interface QueueWishes extends ReadOnly {
  /** Patterns of `-H` and `-g`. */
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  /** Whether a queue of this name is meant at all; absent: all are. */
  readonly queue?: ((name: string) => boolean) | undefined;
  /** Something else of this command wants the same queues: a host is looked through once, apart from any listing. */
  readonly isShared?: boolean | undefined;
}

/**
 * The fleet of a queue command. Without -H and -g it is all hosts whose queues the configuration names, or all hosts
 * when it names none.
 * @throws UsageError when a pattern matches nothing
 */
export async function openQueues(context: Context, wishes: QueueWishes): Promise<QueueFleet> {
  const [{ hosts: configured }, inventory, transport] = await Promise.all([
    context.config(),
    context.inventory(),
    context.transport(wishes),
  ]);
  const named = (host: Host) => configured.get(host.name)?.queues ?? [];
  const isNarrowed = wishes.hosts.length > 0 || wishes.groups.length > 0;
  const selected = isNarrowed
    ? await (await import('../../fleet/select.js')).selectHosts(inventory, wishes)
    : inventory.hosts;
  const withQueues = selected.filter((host) => named(host).length > 0);
  const specsOf = async (host: Host, signal?: AbortSignal): Promise<readonly QueueSpec[]> => {
    const all = named(host);
    if (all.length > 0) return all.map(({ driver, ...rest }) => ({ software: driver, ...rest }));
    return foundOn(context, host, () => findQueues(transport, host, queueSoftware, signal));
  };
  const openAll = async (host: Host, specs: readonly QueueSpec[]): Promise<readonly Queue[]> => {
    const names = queueNames(host.name, specs);
    const opened = specs.map(async ({ software, ...options }, at): Promise<Queue | undefined> => {
      const name = names[at] ?? host.name;
      if (wishes.queue?.(name) === false && !hasQueuesWithin(software)) return undefined;
      const { open } = await loadSoftware(software);
      return { name, host: host.name, driver: open({ transport, host, name, ...options }) };
    });
    return (await Promise.all(opened)).filter((queue) => queue !== undefined);
  };
  const queuesOf = async (host: Host, signal?: AbortSignal) => openAll(host, await specsOf(host, signal));
  return {
    hosts: isNarrowed || withQueues.length === 0 ? selected : withQueues,
    queuesOf,
    async listedOf(host, onMessage, signal) {
      // A host's only queue has the host's name.
      const isMeant = wishes.queue?.(host.name) !== false;
      if (named(host).length > 0 || !isMeant || wishes.isShared === true)
        return { queues: await queuesOf(host, signal), listing: undefined };
      // Loaded before the first line comes: it is what most hosts have.
      const able = new Map(
        await Promise.all(
          queueSoftware
            .filter(({ listAlone }) => listAlone !== undefined)
            .map(async ({ name, load }) => [name, await load()] as const),
        ),
      );
      const readerOf = ({ software }: QueueSpec) =>
        able.get(software)?.glance?.({ name: host.name, host }, onMessage);
      const { specs, listing } = await findAndList(transport, host, queueSoftware, readerOf, signal);
      return { queues: await openAll(host, specs), listing };
    },
  };
}

/** So long one command believes what it was told; a watch goes on for days. */
const FOUND_MS = 60_000;

interface FoundQueues {
  readonly at: number;
  readonly specs: Promise<readonly QueueSpec[]>;
}

const foundBy = new WeakMap<Context, Map<string, FoundQueues>>();

/** The queues of a host, which one command may want several times: it is asked once, and again when that failed. */
function foundOn(
  context: Context,
  host: Host,
  find: () => Promise<readonly QueueSpec[]>,
): Promise<readonly QueueSpec[]> {
  const found = foundBy.get(context) ?? new Map<string, FoundQueues>();
  foundBy.set(context, found);
  const now = context.clock.monotonic();
  const known = found.get(host.name);
  if (known !== undefined && now - known.at < FOUND_MS) return known.specs;
  const one = { at: now, specs: find() };
  found.set(host.name, one);
  one.specs.catch(() => {
    if (found.get(host.name) === one) found.delete(host.name);
  });
  return one.specs;
}

const hasQueuesWithin = (software: string): boolean =>
  queueSoftware.some((one) => one.name === software && one.hasQueuesWithin === true);

async function loadSoftware(name: string) {
  const entry = queueSoftware.find((one) => one.name === name);
  if (entry === undefined) {
    throw new MailctlError(`mailctl cannot read queues of ${name}`, {
      code: 'queue.driver',
      exitCode: EXIT.partial,
      hint: `it can those of ${queueSoftware.map((one) => one.name).join(', ')}`,
    });
  }
  return entry.load();
}
