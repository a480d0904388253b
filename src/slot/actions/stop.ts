// Stops an instance. Going back starts it in the role that it had, and as a master only under promise 1 and while
// the directory names it.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import type { Grip, Role } from '../driver.js';
import { isMaster } from '../sight.js';
import type { Instance } from '../slot.js';
import {
  gripOf,
  instanceOf,
  isGoneOn,
  isNoMaster,
  lookAt,
  possibleMaster,
  possibleMastersOf,
  refuseIfNamed,
  type SlotActionParts,
  seenKey,
  stepError,
  textOf,
} from './action-parts.js';
import { noteStray } from './debts.js';

/** Has the lane come so far back that one host at most can send to a third: OLD serves again, or NEW is a replica? */
function isSettled(parts: SlotActionParts, step: Step): boolean {
  const { from, to, slot } = step.params;
  const old = parts.seen.get(seenKey(String(from), String(slot)));
  const next = parts.seen.get(seenKey(String(to), String(slot)));
  return isMaster(old) || (next !== undefined && isNoMaster(next) && next.configuredRole === 'replica');
}

export function stop(parts: SlotActionParts): Action {
  // Another run of this lane has swapped its role, its host has booted since, and it came up so.
  async function endOtherRole(instance: Instance, grip: Grip, role: Role): Promise<void> {
    const host = parts.hostNamed(instance.host);
    const state = await parts.driver.look(host, instance);
    if (state.running !== true || state.role === role || state.role === null) return;
    await refuseIfNamed(parts, instance);
    await parts.driver.stop(host, instance, grip, false);
    await parts.driver.setRole(host, instance, grip, role);
  }

  return {
    name: 'slot.stop',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        if (state.running === false) return { state: 'done' };
        if (step.params.third === true) {
          // A third goes on as the replica that it was, once NEW serves.
          return { state: 'todo', note: state.problem ?? undefined };
        }
        // It may have come further already: OLD back as a replica, NEW started as the master.
        const onward = step.params.onward ?? (step.params.wasRole === 'master' ? 'replica' : 'master');
        if (state.running === true && state.role === onward)
          return { state: 'done', note: `runs as ${state.role}` };
        return { state: 'todo', note: state.problem ?? undefined };
      }),
    preview: (step) => parts.driver.preview('stop', instanceOf(step.params, step.host), 'master'),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      await noteStray(parts, step, instance, grip);
      // One that comes back: a plan that was left lying may be older than the move that made it the master again.
      if (step.params.master !== undefined) await refuseIfNamed(parts, instance);
      await parts.driver.stop(parts.hostNamed(step.host), instance, grip, step.params.planned === true);
    },
    async undo(step) {
      const instance = instanceOf(step.params, step.host);
      const { wasRole } = step.params;
      const role = wasRole === 'master' || wasRole === 'readonly' ? wasRole : 'replica';
      if (role === 'master') {
        const slot = await parts.directory.get(instance.slot);
        if (slot?.master !== step.host) {
          throw stepError(
            `the directory names ${slot?.master ?? 'nobody'}: ${instance.slot} is not started on ${step.host}`,
            'slot.directory-disagrees',
          );
        }
        const other = await possibleMaster(parts, possibleMastersOf(step));
        if (other !== null)
          throw stepError(
            `${other.reason}: ${instance.slot} is not started on ${step.host}`,
            `slot.${other.gate}`,
          );
      }
      // OLD takes mail again: what says that it was drained is void, also where it is written on a host that is away.
      if (role === 'master')
        parts.versions.set(instance.slot, await parts.directory.raiseVersion(instance.slot));
      const host = parts.hostNamed(step.host);
      const grip = await gripOf(parts, step, instance);
      // Whoever has taken NEW's lease meanwhile may not see this host, and is about to make NEW the master.
      if (role === 'master') await parts.leases.prove(instance.slot);
      else await endOtherRole(instance, grip, role);
      await parts.driver.start(host, instance, grip, role);
    },
    checkUndone: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async (state) => {
        const wasRole = textOf(step.params, 'wasRole');
        // Nobody wants it back.
        if (step.params.stray === true) return { state: 'done' };
        if (state.running === true && state.started && state.role === wasRole) return { state: 'done' };
        if (await isGoneOn(parts, step)) return { state: 'done' };
        if (step.params.third === true && !isSettled(parts, step)) {
          const { from, to } = step.params;
          const reason = `neither ${from} serves ${state.slot} again, nor is ${to} seen as its replica`;
          return { state: 'away', reason };
        }
        // Its role could not be put back: it would come up as what the lane had made of it.
        const { configuredRole } = state;
        if (state.running === false && configuredRole !== null && configuredRole !== wasRole) {
          const reason = `${state.slot} on ${state.host} would come up as ${configuredRole}`;
          return { state: 'away', reason };
        }
        return { state: 'todo', note: state.problem ?? undefined };
      }),
    deadlineMs: (step) =>
      Math.max(parts.driver.limits.stopMs(step.params.planned === true), parts.driver.limits.startMs),
  };
}
