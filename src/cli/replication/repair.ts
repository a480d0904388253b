// The repair of `replication verify`: users that differ are sent whole from the running master, under its lease and
// journaled, and compared again.
import { EXIT } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import type { Lane } from '../../plan/plan.js';
import { channelTowards } from '../../slot/freshness.js';
import { stateOf } from '../../slot/sight.js';
import { instanceOn, type Slot } from '../../slot/slot.js';
import { planRepair, whyNotTended } from '../../slot/tend.js';
import type { CopyVerdict } from '../../slot/verify.js';
import type { Context } from '../context.js';
import { describeSteps, NO_PROMISE } from '../slots/plan-shown.js';
import { tendScene } from './tend.js';
import { nextRunId, outcomeOf, runTend, tendPlan } from './tend-run.js';

/** How it was asked for. */
export interface RepairRequest {
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly reason: string | undefined;
}

/** What came of it: an exit code that ends the command, or the slots that are to be compared again. */
export type Repaired = { readonly exit: number } | { readonly again: readonly Slot[]; readonly exit: null };

/** Sends who differs. */
export async function repairCopies(
  context: Context,
  request: RepairRequest,
  slots: readonly Slot[],
  copies: readonly CopyVerdict[],
): Promise<Repaired> {
  const differing = slots.filter((slot) =>
    copies.some((copy) => copy.slot === slot.slot && (copy.comparison?.differing.length ?? 0) > 0),
  );
  if (differing.length === 0) return { again: [], exit: null };
  const scene = await tendScene(context, differing, request.dryRun);
  const lanes: Lane[] = [];
  const repaired: Slot[] = [];
  for (const slot of differing) {
    const why = whyNotTended(slot, scene.sight, new Set(scene.takeOver));
    if (why !== null) {
      context.warn(`${slot.slot} is not repaired: ${why.reason}`);
      continue;
    }
    const sends = copies
      .filter((copy) => copy.slot === slot.slot)
      .flatMap((copy) => sendOf(context, slot, copy, scene));
    if (sends.length === 0) continue;
    lanes.push(planRepair(slot, sends));
    repaired.push(slot);
    for (const { replica, users } of sends)
      context.note(
        `REPAIR ${slot.slot}  ${users.length} sent whole to ${replica}: ${users.slice(0, 8).join(', ')}`,
      );
  }
  if (lanes.length === 0) return { again: [], exit: null };
  const id = await nextRunId(context);
  const plan = tendPlan(context, { id, kind: 'repair', lanes, reason: request.reason });
  if (request.dryRun) {
    for (const line of await describeSteps(context, plan, scene)) context.note(line);
    context.note(NO_PROMISE);
    return { again: [], exit: null };
  }
  if (!request.yes && !(await (await context.prompt()).yesNo('send them?'))) {
    context.note(`nothing was changed; the same again: ${formatCommand(context.commandLine)}`);
    return { exit: context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed };
  }
  const { exit, failures } = outcomeOf(await runTend(context, plan, scene));
  for (const failure of failures) context.warn(failure);
  if (exit === EXIT.incomplete)
    context.note(`next  ${formatCommand(['mailctl', 'runs', 'resume', id])}   or the same command again`);
  return { again: repaired, exit: null };
}

function sendOf(
  context: Context,
  slot: Slot,
  copy: CopyVerdict,
  scene: Awaited<ReturnType<typeof tendScene>>,
): readonly { readonly replica: string; readonly channel: string; readonly users: readonly string[] }[] {
  const owners = (copy.comparison?.differing ?? []).map(({ owner }) => owner);
  const users = owners.filter(({ kind }) => kind === 'user').map(({ name }) => name);
  if (users.length < owners.length)
    context.warn(`${slot.slot}: shared mailboxes are not sent by this; sync_client -m sends one`);
  const state = stateOf(scene.sight, slot.slot, slot.master);
  const instance = instanceOn(slot, copy.replica);
  if (users.length === 0 || state === undefined || instance === undefined) return [];
  const channel = channelTowards(state, instance, scene.sight.get(copy.replica)?.host, slot);
  if (channel !== undefined) return [{ replica: copy.replica, channel: channel.channel, users }];
  context.warn(
    `${slot.slot} is not repaired on ${copy.replica}: no replication channel of its master leads there`,
  );
  return [];
}
