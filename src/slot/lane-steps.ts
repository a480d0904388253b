// Steps that lanes of every kind begin and end with, and what the parameters of a step say of an instance. Pure.
import type { Json } from '../plan/plan.js';
import type { Step } from '../plan/step.js';
import type { Owed } from './lane-record.js';
import type { Instance, Slot } from './slot.js';

/** An instance on the step's own host. */
export const instanceParams = (instance: Instance) => ({
  slot: instance.slot,
  instance: instance.instance,
  address: instance.address ?? null,
});

/** An instance on another host than the step's. */
export const hostedParams = (instance: Instance) => ({ ...instanceParams(instance), host: instance.host });

/** Takes the lease on an instance's host. `mayBeOwed`: does the lane stand without it? Not said: every lease is needed. */
export function leaseStep(instance: Instance, params: Step['params'], mayBeOwed?: boolean): Step {
  const { slot, host } = instance;
  return {
    id: `lease-${host}`,
    action: 'slot.take-lease',
    host,
    phase: 'prepare',
    title: `lease of ${slot} on ${host}`,
    params: { ...instanceParams(instance), ...params },
    ...(mayBeOwed === undefined ? {} : { mayBeOwed, undoMayBeOwed: mayBeOwed }),
  };
}

/** Ends the lane: the leases go back, and what others owe is written again. */
export function giveBackStep(
  slot: Slot,
  lane: {
    /** Whose lease goes last. */
    readonly host: string;
    readonly action?: string;
    readonly params: Step['params'];
    readonly instances?: readonly Instance[];
    readonly owed: readonly Owed[];
  },
): Step {
  return {
    id: 'give-back',
    action: lane.action ?? 'slot.give-lease-back',
    host: lane.host,
    phase: 'settle',
    title: `give the leases of ${slot.slot} back`,
    params: {
      slot: slot.slot,
      ...lane.params,
      instances: (lane.instances ?? slot.instances).map(hostedParams),
      owed: lane.owed as unknown as Json,
    },
  };
}

/** Stops an instance that nobody chose as master, and swaps its role. After the commit its host may be away. */
export function strayStops(
  stray: Instance,
  lane: Step['params'],
  { phase, mark = '' }: { readonly phase: 'prepare' | 'settle'; readonly mark?: string },
): readonly Step[] {
  const { slot, host } = stray;
  const params = { ...instanceParams(stray), ...lane, stray: true, wasRole: 'master' };
  const owing = phase === 'settle' ? { mayBeOwed: true } : {};
  return [
    {
      id: `stop-${mark}${host}`,
      action: 'slot.stop',
      host,
      phase,
      title: `stop ${slot} on ${host} (a stray)`,
      params: { ...params, planned: true },
      ...owing,
    },
    {
      id: `role-${mark}${host}`,
      action: 'slot.set-role',
      host,
      phase,
      title: `role of ${slot} on ${host}: replica`,
      params: { ...params, role: 'replica' },
      ...owing,
    },
  ];
}
