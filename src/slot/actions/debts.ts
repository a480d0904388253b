// What is owed for a slot as its hosts say it now, for whoever ends a lane and writes it anew. A plan's own list may be
// old by then: a run that goes on late would bring back what others have paid, and forget what they have noted since.
import { TransportError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { Step } from '../../plan/step.js';
import type { Grip, InstanceState } from '../driver.js';
import { type Owed, owedLine, parseLaneFile } from '../lane-record.js';
import type { Instance } from '../slot.js';
import type { SlotActionParts } from './action-parts.js';

/**
 * The newest word on each host that owes, or has paid (a line without a step), by the files of the instances that
 * answer. What is said only by one that is away stays said by it.
 * @param planned what the plan knew, if no file can be read
 */
export async function debtsNow(
  parts: SlotActionParts,
  instances: readonly Instance[],
  planned: readonly Owed[],
): Promise<readonly Owed[]> {
  const files = await Promise.all(instances.map((instance) => linesOf(parts, instance)));
  const read = files.filter((lines) => lines !== undefined);
  if (read.length === 0) return planned;
  const newest = new Map<string, Owed>();
  for (const owed of read.flatMap((lines) => parseLaneFile(lines).owed)) {
    const known = newest.get(owed.host);
    if (known === undefined || known.at <= owed.at) newest.set(owed.host, owed);
  }
  return [...newest.values()];
}

async function linesOf(parts: SlotActionParts, instance: Instance): Promise<readonly string[] | undefined> {
  if (parts.watch.away(instance.host) !== undefined) return undefined;
  try {
    return (await parts.driver.look(parts.hostNamed(instance.host), instance)).laneLines;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    return undefined;
  }
}

/**
 * A stray owes a rejoin from the moment that it is stopped: a lane that is cut off after that leaves an instance that
 * looks like any replica that is down. Written beside its own lease, before the act.
 */
export async function noteStray(
  parts: SlotActionParts,
  step: Step,
  instance: Instance,
  grip: Grip,
): Promise<void> {
  if (step.params.stray !== true) return;
  const at = formatIso(parts.clock.now());
  const { slot, host } = instance;
  const record = owedLine({ slot, host, steps: ['rejoin'], run: grip.run, at, lastAlive: null });
  await parts.driver.recordLane(parts.hostNamed(host), instance, { ...grip, record });
}

/** It was a master, and what it took nobody has. `state`: as it is seen now, if it is. */
export function owedByStray(state: InstanceState | undefined): readonly string[] {
  if (state === undefined) return ['stop', 'role', 'rejoin'];
  const steps = ['rejoin'];
  if (state.configuredRole !== 'replica') steps.unshift('role');
  if (state.running !== false && state.role !== 'replica') steps.unshift('stop');
  return steps;
}

/**
 * The lines to be written. `paid`: hosts whose debts end with this lane. A host that is written nothing now (`isTold`
 * false) may still say that they owe, and is answered by a newer line without a step until it has been told as well.
 */
export function debtsToWrite(of: {
  readonly debts: readonly Owed[];
  readonly own: readonly Owed[];
  readonly paid: readonly string[];
  readonly isTold: boolean;
  readonly now: { readonly slot: string; readonly run: string; readonly at: string };
}): readonly Owed[] {
  const { debts, own, paid, isTold, now } = of;
  const isOver = (host: string) => own.some((one) => one.host === host) || paid.includes(host);
  const others = debts.filter(({ host, steps }) => !isOver(host) && (steps.length > 0 || !isTold));
  const answers = isTold
    ? []
    : paid
        .filter((host) => !own.some((one) => one.host === host))
        .map((host): Owed => ({ ...now, host, steps: [], lastAlive: null }));
  return [...others, ...own, ...answers];
}
