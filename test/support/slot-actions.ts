// The actions of a slot lane over a model world, one by one: what they are given, steps for them, and a context.

import type { Action, ActionContext } from '../../src/plan/action.js';
import type { Json } from '../../src/plan/plan.js';
import type { Step } from '../../src/plan/step.js';
import type { SlotActionParts } from '../../src/slot/actions/action-parts.js';
import { slotActions } from '../../src/slot/actions/index.js';
import { HostWatch } from '../../src/slot/host-watch.js';
import { Leases } from '../../src/slot/lease.js';
import { noUserSources } from '../../src/slot/users.js';
import { fakeClock } from './fake-clock.js';
import { host, instance } from './slot-sight.js';
import { plainRoad, SlotWorld, worldDirectory, worldDriver, worldPing } from './slot-world.js';

/** A world of one slot on imap21 (master) and imap22, and the actions of a run over it. */
export function actionWorld() {
  const clock = fakeClock({ auto: true });
  const world = new SlotWorld(clock, ['imap21', 'imap22', 'mx1']);
  const slot = world.add('store1', ['imap21', 'imap22']);
  const driver = worldDriver(world, plainRoad);
  const ping = worldPing(world, plainRoad);
  const watch = new HostWatch(
    {
      ping: (name) => ping(host(name)),
      sightings: async (name) => {
        const ports = await driver.tryPorts(host('mx1'), [{ address: name, port: 143 }], 3);
        return [
          {
            observer: 'mx1',
            slot: 'store1',
            ports: ports.map((port) => ({ ...port, kind: 'imap' as const })),
          },
        ];
      },
    },
    clock,
  );
  const leases = new Leases(driver, clock, {
    run: '7f3a',
    operator: 'ann',
    bastion: 'bastion1',
    takeOver: [],
  });
  const hooks: string[][] = [];
  const parts: SlotActionParts = {
    driver,
    clock,
    leases,
    watch,
    directory: worldDirectory(world, plainRoad),
    hostNamed: (name) => host(name),
    runHook: async (on, words) => {
      hooks.push([on ?? 'here', ...words]);
    },
    drainTimeoutMs: 5000,
    versions: new Map(),
    takenOver: new Set<string>(),
    users: noUserSources,
    rejoins: new Map(),
    seen: new Map(),
  };
  const actions = slotActions(parts);
  const notes: string[] = [];
  const context: ActionContext = {
    run: '7f3a',
    lane: 'store1',
    signal: new AbortController().signal,
    note: (text) => notes.push(text),
  };
  const action = (name: string): Action => {
    const found = actions.get(name);
    if (found === undefined) throw new Error(`no action ${name}`);
    return found;
  };
  /** A step about the instance on a host. */
  const step = (name: string, on: string, params: { readonly [key: string]: Json } = {}): Step => ({
    id: name.replace('slot.', ''),
    action: name,
    host: on,
    phase: 'prepare',
    title: name,
    params: {
      slot: 'store1',
      instance: 'store1',
      address: null,
      from: 'imap21',
      to: 'imap22',
      lastAlive: null,
      provenUntil: null,
      ...params,
    },
  });
  const data = (on: string, word: string | null = null) => ({
    slot: 'store1',
    instance: 'store1',
    address: null,
    host: on,
    word,
  });
  return {
    clock,
    world,
    slot,
    driver,
    watch,
    leases,
    hooks,
    parts,
    context,
    notes,
    action,
    step,
    data,
    instance,
  };
}
