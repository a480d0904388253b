// A hold with an end as this machine keeps it in mind: remembered before its run begins, since a run that dies leaves
// its record on the hosts; forgotten when a release has ended it, or when the run came to nothing.
import { formatIso } from '../../lib/clock.js';
import type { ChangeOutcome, ChangeRow } from '../../output/columns/queue-change.js';
import type { Plan } from '../../plan/plan.js';
import { type ChangeFacts, recordOf } from '../../queue/plan-change.js';
import type { Context } from '../context.js';
import { readTurn } from '../slots/timer-turn.js';
import { changeHolds } from './holds-file.js';

/** The timer's turns are a minute apart. */
const LATE_MS = 5 * 60_000;

/** Has a timer of this machine tended holds of late? */
export async function isTimed(context: Context, stateDir: string): Promise<boolean> {
  const turn = await readTurn(stateDir, 'holds');
  return turn !== null && Math.abs(context.clock.now() - turn) < LATE_MS;
}

/** Before the run. */
export async function rememberHold(stateDir: string, plan: Plan, facts: ChangeFacts): Promise<void> {
  const record = recordOf(plan, facts);
  if (record === null || record.act !== 'hold' || record.until === null) return;
  const added = plan.lanes.map((lane) => {
    const messages = (lane.facts as { readonly messages?: unknown } | null)?.messages;
    return { queue: lane.id, record, messages: typeof messages === 'number' ? messages : 0 };
  });
  await changeHolds(stateDir, (holds) => [...holds, ...added]);
}

/** After it: what it has ended, and what it did not come to hold. */
export async function forgetHolds(
  stateDir: string,
  { act, key, ends }: ChangeFacts,
  rows: readonly ChangeRow[],
): Promise<void> {
  const queuesOf = (outcomes: readonly ChangeOutcome[]) =>
    new Set(rows.filter(({ outcome }) => outcomes.includes(outcome)).map(({ queue }) => queue));
  const ended = act === 'release' ? queuesOf(['done']) : new Set<string>();
  const unheld = act === 'hold' ? queuesOf(['busy', 'failed']) : new Set<string>();
  if (ended.size + unheld.size === 0) return;
  await changeHolds(stateDir, (holds) =>
    holds.filter(
      ({ queue, record }) =>
        !(ends.includes(record.key) && ended.has(queue)) && !(record.key === key && unheld.has(queue)),
    ),
  );
}

/** What a hold for new mail means, for its end. */
export function standingNote(
  { act, key, until, meanwhile }: ChangeFacts,
  outcome: ChangeOutcome,
  now: number,
): readonly string[] {
  if (act !== 'hold' || meanwhile === null || until === null || outcome !== 'done') return [];
  const isOver = until * 1000 <= now;
  return isOver
    ? []
    : [
        `it stands until ${formatIso(until * 1000)}: mail of this kind that arrives is held at each turn of the timer (mailctl queue sample --do-owed); mailctl queue release --run ${key} ends it`,
      ];
}
