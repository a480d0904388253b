// Ends a lane: its leases are given back, and what could not be done because a host was away stays on record on
// the slot's hosts until rejoin has done it.
import { formatIso } from '../../lib/clock.js';
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { InstanceState } from '../driver.js';
import { type Owed, owedLine, parseSentTo } from '../lane-record.js';
import { withoutReading } from '../read-only.js';
import { END_OWED } from '../readable.js';
import type { Instance } from '../slot.js';
import { isNoMaster, type SlotActionParts, seenKey, textOf } from './action-parts.js';
import { debtsNow, debtsToWrite, owedByStray } from './debts.js';
import { giveBackLeases, instancesOf, lastAction } from './give-back-leases.js';

/** A lane that moves its slot has ended all reading, or owes that itself. */
const onlyCopies = (owed: Owed): Owed => ({
  ...owed,
  steps: owed.steps.filter((each) => each !== END_OWED),
});

export function giveLeaseBack(parts: SlotActionParts): Action {
  async function lookAt(instance: Instance): Promise<InstanceState | undefined> {
    if (parts.watch.away(instance.host) !== undefined) return undefined;
    try {
      return await parts.driver.look(parts.hostNamed(instance.host), instance);
    } catch {
      return undefined;
    }
  }

  /** What OLD owes now, as it is seen now. A demoted OLD owes its rejoin: its log was never drained. */
  function owedByOld(step: Step, state: InstanceState | undefined): readonly string[] {
    if (state === undefined)
      return step.params.neverMaster === true ? ['stop', 'role'] : ['stop', 'role', 'rejoin'];
    // A replica by its role alone (its host has booted after the swap) still has a log that nobody replayed.
    const isLeft = step.params.lossAccepted === true && state.channels.some((channel) => channel.pending);
    const isDrained = step.params.drained === true && !isLeft;
    if (state.running === true && state.role === 'replica' && isDrained) return [];
    return owedByStray(state);
  }

  /**
   * A third is a copy only when it has all that OLD had for it: NEW's log does not know that. What it cannot be
   * told of stays owed, and its stop too when it was away while OLD may still send to it.
   */
  function owedByThird(
    step: Step,
    old: InstanceState | undefined,
    third: InstanceState | undefined,
    host: string,
  ): readonly string[] {
    return [...copyOwedByThird(step, old, third, host), ...readingOwed(step, host, third)];
  }

  /** It was to serve reading no more, and was not seen ended. */
  function readingOwed(step: Step, host: string, state: InstanceState | undefined): readonly string[] {
    const isReading = state?.role === 'readonly' || state?.configuredRole === 'readonly';
    const wasReading = ((step.params.readable ?? []) as readonly string[]).includes(host);
    return isReading || (state === undefined && wasReading) ? [END_OWED] : [];
  }

  /** A slot that was made readable, or is no more: OLD owes nothing by that, and whoever still reads owes its end. */
  async function owedAfterReading(step: Step, own: (host: string, steps: readonly string[]) => Owed) {
    const planned = (step.params.owed ?? []) as unknown as readonly Owed[];
    const before = (await debtsNow(parts, instancesOf(step), planned)).filter(
      ({ steps }) => steps.length > 0,
    );
    const ends = await Promise.all(
      instancesOf(step)
        .filter(({ host }) => host !== step.params.from)
        .map(async (instance) => ({
          host: instance.host,
          steps: readingOwed(step, instance.host, await lookAt(instance)),
        })),
    );
    const kept = withoutReading(before);
    return [
      ...kept.filter(({ host }) => !ends.some((one) => one.host === host && one.steps.length > 0)),
      ...ends
        .filter(({ steps }) => steps.length > 0)
        .map(({ host, steps }) => {
          const known = before.find((one) => one.host === host && one.steps.includes(END_OWED));
          const others = kept.find((one) => one.host === host)?.steps ?? [];
          return known ?? own(host, [...others, ...steps]);
        }),
    ];
  }

  function copyOwedByThird(
    step: Step,
    old: InstanceState | undefined,
    third: InstanceState | undefined,
    host: string,
  ): readonly string[] {
    const isOldDemoted = old !== undefined && isNoMaster(old);
    // One that this lane has stopped and could not start again is no copy either.
    const isReplica = third !== undefined && third.running === true && third.role === 'replica';
    const isDrained =
      step.params.drained === true && old?.channels.some((channel) => channel.pending) === false;
    if (isOldDemoted && isDrained && isReplica) return [];
    if (third === undefined) {
      // One that this run never saw may have been meant to be the master by another, whose lane it took over.
      const isKnown =
        parts.seen.get(seenKey(host, textOf(step.params, 'slot')))?.configuredRole === 'replica';
      if (!isKnown) return ['stop', 'role', 'rejoin'];
      return isOldDemoted ? ['rejoin'] : ['stop', 'rejoin'];
    }
    // Another run, whose lane this one took over, meant it to be the master.
    const steps = ['rejoin'];
    if (third.configuredRole === 'master') steps.unshift('role');
    if (third.running !== false && third.role === 'master') steps.unshift('stop');
    return steps;
  }

  return lastAction(parts, 'slot.give-lease-back', async (step) => {
    const slot = textOf(step.params, 'slot');
    const from = textOf(step.params, 'from');
    const to = textOf(step.params, 'to');
    const lastAlive = typeof step.params.lastAlive === 'number' ? step.params.lastAlive : null;
    const at = formatIso(parts.clock.now());
    const run = parts.leases.holder.run;
    const instances = instancesOf(step);
    const old = instances.find(({ host }) => host === from);
    const held = parts.leases.hostsOf(slot);
    const lines = async (): Promise<readonly string[]> => {
      if (step.params.way === 'readonly' || step.params.way === 'end-readonly') {
        const owed = await owedAfterReading(step, (host, steps) => ({
          slot,
          host,
          steps,
          run,
          at,
          lastAlive: null,
        }));
        return owed.map(owedLine);
      }
      const oldState = old === undefined ? undefined : await lookAt(old);
      const own: Owed[] = [];
      const owe = (host: string, steps: readonly string[], alive: number | null) => {
        if (steps.length > 0) own.push({ slot, host, steps, run, at, lastAlive: alive });
      };
      if (old !== undefined) owe(from, owedByOld(step, oldState), lastAlive);
      for (const host of (step.params.strays ?? []) as readonly string[]) {
        const stray = instances.find((one) => one.host === host);
        if (stray !== undefined) owe(host, owedByStray(await lookAt(stray)), null);
      }
      if (step.params.moves === true) {
        const next = instances.find(({ host }) => host === to);
        const nextState = next === undefined ? undefined : await lookAt(next);
        const sent = nextState === undefined ? [] : parseSentTo(nextState.laneLines, run);
        for (const third of instances.filter(({ host }) => host !== from && host !== to)) {
          const state = await lookAt(third);
          // Whoever was sent everything is a copy, if it still takes what comes.
          const isCopy = sent.includes(third.host) && state?.running === true && state.role === 'replica';
          if (!isCopy) owe(third.host, owedByThird(step, oldState, state, third.host), null);
        }
      }
      const planned = (step.params.owed ?? []) as unknown as readonly Owed[];
      const debts = await debtsNow(parts, instances, planned);
      // Whatever NEW owed before, its disk is the master's now.
      const paid = step.params.moves === true ? [from, to] : [from];
      const isTold = instances.every(
        ({ host }) => held.includes(host) && parts.watch.away(host) === undefined,
      );
      return debtsToWrite({
        debts: step.params.moves === true ? debts.map(onlyCopies) : debts,
        own,
        paid,
        isTold,
        now: { slot, run, at },
      }).map(owedLine);
    };
    await giveBackLeases(parts, { slot, instances, last: to, lines });
  });
}
