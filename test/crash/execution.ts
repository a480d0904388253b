// How a bastion of a story runs a plan: the journal is opened on its disk, the real steps are executed over the world,
// and what it came to is told.
import type { Json, Plan } from '../../src/plan/plan.js';
import { executeSlots, type TakeUp } from '../../src/slot/execute.js';
import type { FleetSight } from '../../src/slot/sight.js';
import type { Slot } from '../../src/slot/slot.js';
import type { Process } from './boundaries.js';
import { bastion, type Disk, openDisk, type Playing, tellResult } from './story.js';

/** A run that is executed, a first time or once more. */
export interface Execution {
  readonly plan: Plan;
  readonly journal: ReturnType<typeof openDisk>;
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  readonly name: string;
  readonly takeOver: readonly string[];
}

/** Writes the plan on the disk; undefined: it could not be written, nothing was begun. */
export async function openPlan(
  story: Playing,
  process: Process,
  disk: Disk,
  plan: Plan,
): Promise<Execution['journal'] | undefined> {
  const journal = openDisk(disk, process, story, plan);
  const head = { kind: 'opened', format: 1, mailctl: '0', operator: 'ann', bootId: 'b' } as const;
  try {
    await journal.append({ ...head, host: disk.bastion, plan: JSON.parse(JSON.stringify(plan)) as Json });
    return journal;
  } catch {
    return undefined;
  }
}

/** Executes it. `more`: what the story's plan needs beside that. */
export async function executeStory(
  story: Playing,
  process: Process,
  of: Execution,
  takeUp: TakeUp,
  more: Partial<Parameters<typeof executeSlots>[0]>,
): Promise<void> {
  const { plan, journal, slots, sight, takeOver } = of;
  const result = await executeSlots(
    {
      plan,
      journal,
      ...bastion(story, process),
      clock: story.clock,
      runHook: async () => {},
      drainTimeoutMs: 5000,
      operator: 'ann',
      bastion: of.name,
      takeOver,
      slots,
      sight,
      signals: { finish: process.finish.signal, abort: process.abort.signal },
      ...more,
    },
    takeUp,
  );
  tellResult(story, of.name, result);
}
