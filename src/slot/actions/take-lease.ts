// Takes a slot's lease on one host. It does not last: every resume makes sure of it again.
import { MailctlError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { ChannelState, InstanceState } from '../driver.js';
import { channelTowards } from '../freshness.js';
import { linesBefore, type Owed, owedLine, parseLaneFile } from '../lane-record.js';
import { isMaster } from '../sight.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts, textOf } from './action-parts.js';
import { owedByStray } from './debts.js';

export function takeLease(parts: SlotActionParts): Action {
  return {
    name: 'slot.take-lease',
    lapses: true,
    async check(step) {
      const instance = instanceOf(step.params, step.host);
      if (parts.leases.has(step.host, instance.slot)) return { state: 'done' };
      const reason = parts.watch.away(step.host);
      return reason === undefined ? { state: 'todo' } : { state: 'away', reason };
    },
    preview: (step) => parts.driver.preview('lease', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      await gripOf(parts, step, instance);
      await raiseVersion(parts, instance.slot);
    },
    async undo(step) {
      const instance = instanceOf(step.params, step.host);
      if (!parts.leases.has(step.host, instance.slot)) return;
      await lookAt(parts, instance, async (state) => {
        const before = linesBefore(parts.leases.holder.run, state.laneLines);
        // What was owed before this lane is owed after it; a lane that it took over and could not end is open again.
        const { open, owed } = parseLaneFile(before);
        const isOver = open === null || (await isWhole(parts, step, instance.slot));
        const debts = [...(await debtsOfStrays(parts, step)), ...(await debtOfNew(parts, step))];
        if (open !== null && isOver) debts.push(...(await debtsOfThirds(parts, step, debts)));
        const others = owed.filter(({ host }) => !debts.some((one) => one.host === host));
        const lines = isOver ? [...others, ...debts].map(owedLine) : [...before, ...debts.map(owedLine)];
        await parts.driver.giveLeaseBack(
          parts.hostNamed(step.host),
          instance,
          parts.leases.grip(step.host, instance.slot),
          lines,
        );
        parts.leases.forget(step.host, instance.slot);
        return { state: 'done' };
      });
    },
    deadlineMs: () => 30_000,
  };
}

/**
 * A takeover raises the record's version before anything else: a change that a dead runner left on its way finds another
 * one. Under the lease, not before: one that goes back raises it too, then proves its lease, then sets.
 */
async function raiseVersion(parts: SlotActionParts, slot: string): Promise<void> {
  if (!parts.takenOver.has(slot)) return;
  try {
    parts.versions.set(slot, await parts.directory.raiseVersion(slot));
    parts.takenOver.delete(slot);
  } catch (error) {
    // The step that needs the directory says so itself.
    if (!(error instanceof MailctlError)) throw error;
  }
}

/** What the lane has stopped and does not start again: nobody has the mail that it took. */
async function debtsOfStrays(parts: SlotActionParts, step: Step): Promise<readonly Owed[]> {
  const strays = (step.params.strays ?? []) as readonly Step['params'][];
  const { run } = parts.leases.holder;
  const at = formatIso(parts.clock.now());
  return Promise.all(
    strays.map(async (one) => {
      const stray = instanceOf(one, '');
      let seen: InstanceState | undefined;
      await lookAt(parts, stray, (state) => {
        seen = state;
        return { state: 'done' };
      });
      return { slot: stray.slot, host: stray.host, steps: owedByStray(seen), run, at, lastAlive: null };
    }),
  );
}

/**
 * The lane that it took over may have stopped a third, and only that one's own file says so: with OLD and NEW as they
 * were, nobody would start it again. One that is no running replica, or cannot be asked, is no copy until it has rejoined.
 */
async function debtsOfThirds(
  parts: SlotActionParts,
  step: Step,
  known: readonly Owed[],
): Promise<readonly Owed[]> {
  const { run } = parts.leases.holder;
  const at = formatIso(parts.clock.now());
  const thirds = ((step.params.thirds ?? []) as readonly Step['params'][]).map((one) => instanceOf(one, ''));
  const others = thirds.filter(({ host }) => !known.some((one) => one.host === host));
  const debts = await Promise.all(
    others.map(async (third): Promise<readonly Owed[]> => {
      const isCopy = (state: InstanceState) => state.running === true && state.role === 'replica';
      const seen = await lookAt(parts, third, (state) => ({ state: isCopy(state) ? 'done' : 'todo' }));
      const owed = { slot: third.slot, host: third.host, steps: ['rejoin'], run, at, lastAlive: null };
      return seen.state === 'done' ? [] : [owed];
    }),
  );
  return debts.flat();
}

// NEW came up as the master for a moment, while the lane was going back: its host has booted after the swap, and the
// directory still named it. What it took nobody else has; its own log towards OLD tells.
async function debtOfNew(parts: SlotActionParts, step: Step): Promise<readonly Owed[]> {
  const { from, to, slot } = step.params;
  const pair = ((step.params.pair ?? []) as readonly Step['params'][]).map((one) => instanceOf(one, ''));
  const next = pair.find(({ host }) => host === to);
  const old = pair.find(({ host }) => host === from);
  if (next === undefined || old === undefined) return [];
  let seen: InstanceState | undefined;
  await lookAt(parts, next, (state) => {
    seen = state;
    return { state: 'done' };
  });
  if (seen === undefined || parseLaneFile(seen.laneLines).open?.began.includes('role-new') !== true)
    return [];
  const of = { slot: next.slot, master: next.host, state: 'normal', version: undefined, instances: pair };
  const towardsOld = channelTowards(seen, old, parts.hostNamed(old.host), of);
  const isLeft = (channel: ChannelState) => channel === towardsOld || channel.syncHost === undefined;
  if (!seen.channels.some((channel) => channel.pending && isLeft(channel))) return [];
  const named = await parts.directory.get(String(slot)).catch(() => undefined);
  if (named?.master === to) return [];
  const { run } = parts.leases.holder;
  const at = formatIso(parts.clock.now());
  return [{ slot: next.slot, host: next.host, steps: owedByStray(seen), run, at, lastAlive: null }];
}

// Is the slot where a lane begins: named with OLD, which runs as its master, and NEW its replica? An OLD that cannot be
// asked may have been stopped by the lane that this one took over.
async function isWhole(parts: SlotActionParts, step: Step, slot: string): Promise<boolean> {
  const from = textOf(step.params, 'from');
  const pair = (step.params.pair ?? []) as readonly Step['params'][];
  const named = await parts.directory.get(slot).catch(() => undefined);
  if (named?.master !== from) return false;
  const looks = await Promise.all(
    pair.map(async (one) => {
      const instance = instanceOf(one, '');
      const isOld = instance.host === from;
      const isAsBefore = (state: InstanceState) =>
        isOld ? isMaster(state) : state.running === true && state.role === 'replica';
      const seen = await lookAt(parts, instance, (state) => ({ state: isAsBefore(state) ? 'done' : 'todo' }));
      return seen.state === 'done';
    }),
  );
  return looks.every((isAsBefore) => isAsBefore);
}
