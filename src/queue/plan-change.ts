// The plan of an act on messages: one lane per queue. It takes the queue's lease, works through the parts of its keys
// one after the other, looks once more where the server's own count is not what was asked for, and gives the lease
// back. The keys lie beside the journal; a step says where. Nothing goes back by itself: a part that fails is done
// again by a resume, and what a run did is taken back by a run of its own. Pure.
import { createHash } from 'node:crypto';
import type { PartPlace } from '../journal/run-files.js';
import type { Json, Lane, Plan } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import type { DeskRecord } from './desk.js';
import type { QueueAct } from './driver.js';

/** Kinds of plans that act on messages. */
export const CHANGE_KINDS: ReadonlySet<string> = new Set([
  'queue-hold',
  'queue-release',
  'queue-requeue',
  'queue-flush',
  'queue-delete',
  'queue-restore',
]);

/** What a plan says of itself, in its facts. */
export interface ChangeFacts {
  readonly act: QueueAct;
  /** The run on all bastions: its id and more, hexadecimal. Names its files and its record on the hosts. */
  readonly key: string;
  /** When a hold ends, or until when what is deleted is kept; epoch seconds. */
  readonly until: number | null;
  /** Selectors for what arrives meanwhile. */
  readonly meanwhile: readonly string[] | null;
  /** Bytes that what is saved may take on a host. */
  readonly maxSaved: number;
  /** Restore: the record of the run that deleted. */
  readonly from: string | null;
  /** Records that are over when this is done. */
  readonly ends: readonly string[];
  /** The run that this takes back. */
  readonly undoes: string | null;
}

/** One queue's part of a plan. */
export interface PlannedQueue {
  readonly queue: string;
  readonly host: string;
  readonly software: string;
  readonly places: readonly PartPlace[];
  readonly messages: number;
  readonly recipients: number;
  readonly sizeBytes: number;
}

/** The key of a run. */
export function runKey(run: string, bastion: string, createdAt: string): string {
  const rest = createHash('sha256').update(`${run}\n${bastion}\n${createdAt}`).digest('hex');
  return `${run}${rest}`.slice(0, Math.max(12, Math.min(run.length, 16)));
}

/** The plan. `head` has the words of whoever asked. */
export function planChange(
  head: Pick<Plan, 'id' | 'operator' | 'bastion' | 'createdAt' | 'reason'>,
  facts: ChangeFacts,
  queues: readonly PlannedQueue[],
): Plan {
  const names = queues.map(({ queue }) => queue);
  return {
    version: 1,
    ...head,
    kind: `queue-${facts.act}`,
    target: names.length > 6 ? `${names.slice(0, 5).join(' ')} +${names.length - 5}` : names.join(' '),
    facts: { ...facts } as unknown as Json,
    lanes: queues.map((queue) => laneOf(queue, facts)),
    after: [],
  };
}

/** Facts of a plan that a journal holds; undefined: they are not as we write them. */
export function changeFacts(plan: Pick<Plan, 'kind' | 'facts'>): ChangeFacts | undefined {
  const { facts } = plan;
  if (!CHANGE_KINDS.has(plan.kind) || facts === null || typeof facts !== 'object' || Array.isArray(facts))
    return undefined;
  const given = facts as unknown as Partial<ChangeFacts>;
  if (typeof given.key !== 'string' || `queue-${given.act}` !== plan.kind) return undefined;
  return {
    act: given.act as QueueAct,
    key: given.key,
    until: typeof given.until === 'number' ? given.until : null,
    meanwhile: Array.isArray(given.meanwhile) ? given.meanwhile : null,
    maxSaved: typeof given.maxSaved === 'number' ? given.maxSaved : 0,
    from: typeof given.from === 'string' ? given.from : null,
    ends: Array.isArray(given.ends) ? given.ends : [],
    undoes: typeof given.undoes === 'string' ? given.undoes : null,
  };
}

/** Does a run of this kind leave something on the host that can be taken back? */
export function keepsRecord(act: QueueAct): boolean {
  return act === 'hold' || act === 'delete';
}

/** What a run leaves beside its queues. */
export function recordOf(plan: Plan, facts: ChangeFacts): DeskRecord | null {
  if (!keepsRecord(facts.act)) return null;
  return {
    key: facts.key,
    run: plan.id,
    act: facts.act,
    operator: plan.operator,
    bastion: plan.bastion,
    reason: plan.reason ?? null,
    at: Math.floor(Date.parse(plan.createdAt) / 1000),
    until: facts.until,
    meanwhile: facts.meanwhile,
  };
}

/** The opposite of an act; undefined: there is none. */
export function oppositeOf(act: QueueAct): 'hold' | 'release' | 'restore' | undefined {
  return ({ hold: 'release', release: 'hold', delete: 'restore' } as const)[
    act as 'hold' | 'release' | 'delete'
  ];
}

/** How a step of an act reads: `hold 10,000 messages on mx1`. */
const WORDS: { readonly [act in QueueAct]: string } = {
  hold: 'hold',
  release: 'release',
  requeue: 'requeue',
  flush: 'try now',
  delete: 'save and delete',
  restore: 'restore',
};

function laneOf(planned: PlannedQueue, { act, ends }: ChangeFacts): Lane {
  const { queue, host, software, places } = planned;
  const place: { readonly [key: string]: Json } = { queue, software };
  const step = (
    id: string,
    action: string,
    phase: Step['phase'],
    title: string,
    more: { readonly [key: string]: Json } = {},
  ): Step => ({ id, action, host, phase, title, params: { ...place, ...more } });
  return {
    id: queue,
    facts: {
      messages: planned.messages,
      recipients: planned.recipients,
      sizeBytes: planned.sizeBytes,
      host,
      software,
    },
    steps: [
      step('take', 'queue.take', 'prepare', `take the lease of ${queue}`),
      ...places.map((part, index) =>
        step(
          `part-${index + 1}`,
          'queue.change',
          'settle',
          `${WORDS[act]} ${part.count} ${part.count === 1 ? 'message' : 'messages'} on ${queue}`,
          { part: { ...part } },
        ),
      ),
      step('see', 'queue.see', 'settle', `compare what ${queue} has counted`),
      step('end', 'queue.end', 'settle', `give the lease of ${queue} back`, { drop: [...ends] }),
    ],
  };
}
