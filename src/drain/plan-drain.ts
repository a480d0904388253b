// The plan of a drain: one lane per queue. It takes the queue for the drain, parks its messages part by part, pours
// until nothing is parked, and gives the queue back. The messages lie beside the journal; what pouring has come to is
// never read from there alone: the queue itself says where each message is. Pure.
import type { PartPlace } from '../journal/run-files.js';
import type { Json, Lane, Plan } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import type { OnDeath } from '../queue/drain-way.js';
import type { DestinationLimit } from './window.js';

/** Kind of the plan of a drain. */
export const DRAIN_KIND = 'drain';

/** What a plan says of itself, in its facts. */
export interface DrainFacts {
  /** The run on all bastions. */
  readonly key: string;
  readonly onDeath: OnDeath;
  readonly deadAfterS: number;
  /** All destinations together at most so many a second. */
  readonly perSecond: number | null;
  /** Keys of dead drains of other bastions that this one goes on with. */
  readonly takesOver: readonly string[];
  /** By number, as the messages name them. */
  readonly destinations: readonly (DestinationLimit & { readonly name: string })[];
}

/** One queue's part of a plan. */
export interface PlannedDrain {
  readonly queue: string;
  readonly host: string;
  readonly software: string;
  readonly places: readonly PartPlace[];
  readonly messages: number;
}

/** The plan. `head` has the words of whoever asked. */
export function planDrain(
  head: Pick<Plan, 'id' | 'operator' | 'bastion' | 'createdAt' | 'reason'>,
  facts: DrainFacts,
  queues: readonly PlannedDrain[],
): Plan {
  const names = queues.map(({ queue }) => queue);
  return {
    version: 1,
    ...head,
    kind: DRAIN_KIND,
    target: names.length > 6 ? `${names.slice(0, 5).join(' ')} +${names.length - 5}` : names.join(' '),
    facts: facts as unknown as Json,
    lanes: queues.map(laneOf),
    after: [],
  };
}

function laneOf({ queue, host, software, places, messages }: PlannedDrain): Lane {
  const step = (
    id: string,
    action: string,
    title: string,
    more: { readonly [key: string]: Json } = {},
  ): Step => ({ id, action, host, phase: 'settle', title, params: { queue, software, ...more } });
  return {
    id: queue,
    facts: { messages, host, software },
    steps: [
      step('take', 'drain.take', `take ${queue} for the drain`),
      ...places.map((part, index) =>
        step(`park-${index + 1}`, 'drain.park', `park ${part.count} messages of ${queue}`, {
          part: { ...part },
        }),
      ),
      step('pour', 'drain.pour', `release ${messages} messages of ${queue} under control`),
      step('end', 'drain.end', `give ${queue} back`),
    ],
  };
}

/** Facts of a plan that a journal holds; undefined: they are not as we write them. */
export function drainFacts(plan: Pick<Plan, 'kind' | 'facts'>): DrainFacts | undefined {
  const facts = plan.facts as Partial<DrainFacts> | null;
  if (plan.kind !== DRAIN_KIND || facts === null || typeof facts !== 'object' || Array.isArray(facts))
    return undefined;
  const { key, onDeath, deadAfterS, perSecond, destinations, takesOver } = facts;
  if (typeof key !== 'string' || !Array.isArray(destinations)) return undefined;
  const isLimit = (one: Partial<DrainFacts['destinations'][number]>) =>
    typeof one?.name === 'string' && typeof one.connections === 'number';
  if (!destinations.every(isLimit)) return undefined;
  return {
    key,
    onDeath: onDeath === 'hold' ? 'hold' : 'release',
    deadAfterS: typeof deadAfterS === 'number' ? deadAfterS : 600,
    perSecond: typeof perSecond === 'number' ? perSecond : null,
    takesOver: Array.isArray(takesOver) ? takesOver.filter((one) => typeof one === 'string') : [],
    destinations,
  };
}
