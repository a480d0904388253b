// What commands with a plan of slot lanes show before it is run: its steps with their commands, the question that wants
// a word typed, and the end of a dry run. Changes nothing.
import type { Line } from '../../output/line.js';
import type { Canvas } from '../../output/output.js';
import { describeLines, describePlan, standingByLook } from '../../plan/describe.js';
import { lookAtPlan } from '../../plan/look-at-plan.js';
import type { Plan } from '../../plan/plan.js';
import { slotActions } from '../../slot/actions/index.js';
import type { Directory } from '../../slot/directory.js';
import { actionParts } from '../../slot/execute.js';
import type { Surroundings } from '../../slot/look-around.js';
import type { FleetSight } from '../../slot/sight.js';
import type { Slot } from '../../slot/slot.js';
import type { UserSources } from '../../slot/users.js';
import type { Context } from '../context.js';
import { stderrCanvas } from './run-slots.js';

/** Behind a dry run. */
export const NO_PROMISE = 'dry run: nothing was changed; that it would go well today is no promise';

/** What a plan stands on. */
export interface PlanScene {
  readonly around: Surroundings;
  readonly directory: Directory;
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  readonly users?: UserSources;
}

/** Every step with its commands, and where it stands now. */
export async function describeSteps(
  context: Context,
  plan: Plan,
  { around, directory, slots, sight, users }: PlanScene,
): Promise<readonly string[]> {
  const parts = actionParts({
    plan,
    around: { ...around, signal: context.interruption.abort },
    directory,
    clock: context.clock,
    runHook: () => Promise.reject(new Error('what only describes runs nothing of the site')),
    drainTimeoutMs: 0,
    users,
    operator: plan.operator,
    bastion: plan.bastion,
    takeOver: [],
    slots,
    sight,
  });
  try {
    const actions = slotActions(parts);
    const looks = await lookAtPlan(plan, actions, context.interruption.abort);
    return describeLines(describePlan(plan, actions, standingByLook(looks)));
  } finally {
    parts.watch.stop();
  }
}

/** Shows a plan, and asks for a word; --yes only shows it. With keys for the whole list and the steps. */
export async function confirmPlan(
  context: Context,
  of: {
    readonly show: (all: boolean, canvas: Canvas) => readonly Line[];
    readonly steps: () => Promise<readonly string[]>;
    readonly yes: boolean;
    readonly word: string;
    readonly purpose: string;
  },
): Promise<boolean> {
  const canvas = await stderrCanvas(context);
  const say = (all: boolean) => {
    for (const line of of.show(all, canvas)) context.note(line);
  };
  (await context.progress()).end();
  say(false);
  if (of.yes) return true;
  const prompt = await context.prompt();
  return prompt.typed({
    word: of.word,
    purpose: of.purpose,
    keys: [
      { key: 'l', label: 'list', run: () => say(true) },
      {
        key: 'd',
        label: 'details',
        run: async () => {
          for (const line of await of.steps()) context.note(line);
        },
      },
    ],
  });
}
