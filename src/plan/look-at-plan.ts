// For `--dry-run`: looks at every step of a plan once, all at the same time, and changes nothing (a check is
// read-only, and the transport of a dry run cannot write). No promise: the world moves on.
import type { ActionTable } from './action.js';
import { type Look, lookOnce } from './look.js';
import type { Plan } from './plan.js';
import { AFTER } from './progress.js';

/** Lane id, then step id, to what a look at the step gave. A look that fails is `away` or `unseen`, never thrown. */
export async function lookAtPlan(
  plan: Plan,
  actions: ActionTable,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<string, Look>>> {
  const lanes = [...plan.lanes, { id: AFTER, steps: plan.after }];
  return new Map(
    await Promise.all(
      lanes.map(async ({ id, steps }) => {
        const looks = steps.map(async (step): Promise<[string, Look]> => {
          const action = actions.get(step.action);
          const context = { run: plan.id, lane: id, signal, note: () => {} };
          const look: Look =
            action === undefined
              ? { state: 'unseen', reason: `no action ${step.action}` }
              : await lookOnce(() => action.check(step, context));
          return [step.id, look];
        });
        return [id, new Map(await Promise.all(looks))] as const;
      }),
    ),
  );
}
