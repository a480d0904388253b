// Sends users whole from a running master to one replica, whatever its log says: for what a comparison found to
// differ. What it came to is seen by comparing again.
import type { Action, ActionContext, CheckResult } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { compareContent } from '../compare-content.js';
import { type Owner, ownerLabel } from '../content.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts, textOf } from './action-parts.js';

/** Users of one call. */
const CHUNK = 50;
const CHUNK_S = 120;

export function sendOwners(parts: SlotActionParts): Action {
  /** What this process has sent: whoever differs still cannot be sent, which no waiting changes. */
  const sent = new Set<string>();
  const keyOf = (step: Step, context: ActionContext) => `${context.lane}\n${step.id}`;
  const usersOf = (step: Step) => ((step.params.users ?? []) as readonly unknown[]).map(String);

  async function differing(step: Step, context: ActionContext): Promise<readonly string[]> {
    const master = instanceOf(step.params, step.host);
    const replica = instanceOf(step.params.replica as Step['params'], '');
    const result = await compareContent(
      {
        slot: {
          slot: master.slot,
          master: master.host,
          state: 'normal',
          version: undefined,
          instances: [master, replica],
        },
        master: { host: master.host, role: 'master' },
        replica: { host: replica.host, role: 'replica' },
        owners: usersOf(step).map((name): Owner => ({ kind: 'user', name })),
      },
      { driver: parts.driver, clock: parts.clock, hostNamed: parts.hostNamed, signal: context.signal },
    );
    return [...result.differing, ...result.unknown, ...result.waiting].map(({ owner }) => ownerLabel(owner));
  }

  return {
    name: 'slot.send-owners',
    check: (step, context) =>
      lookAt(parts, instanceOf(step.params, step.host), async (): Promise<CheckResult> => {
        const left = await differing(step, context);
        if (left.length === 0) return { state: 'done', note: 'both sides are equal' };
        const state = sent.has(keyOf(step, context)) ? 'done' : 'todo';
        return { state, note: `${left.length} differ: ${left.slice(0, 5).join(', ')}` };
      }),
    preview: (step) =>
      usersOf(step)
        .slice(0, 20)
        .map((user) => `sync_client -C ... -u ${user}`),
    async act(step, context) {
      const instance = instanceOf(step.params, step.host);
      const users = usersOf(step);
      const channel = textOf(step.params, 'channel');
      for (let done = 0; done < users.length; done += CHUNK) {
        const grip = await gripOf(parts, step, instance);
        const chunk = users.slice(done, done + CHUNK);
        await parts.driver.sendUsers(parts.hostNamed(step.host), instance, grip, channel, chunk, CHUNK_S);
        context.note(`${Math.min(users.length, done + CHUNK)} of ${users.length} users sent`);
      }
      sent.add(keyOf(step, context));
    },
    deadlineMs: () => 60_000,
  };
}
