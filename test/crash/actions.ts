// The lane of failover.md as actions over the model world, and its plan. Each mutating command compares its
// token where it lands, in the same breath as it acts.
import { CommandError, RefusedError, TransportError } from '../../src/errors.js';
import type { Action, CheckResult } from '../../src/plan/action.js';
import type { Plan } from '../../src/plan/plan.js';
import type { Step } from '../../src/plan/step.js';
import { type Process, VERIFY_MS } from './faults.js';
import type { InstanceWorld, SlotWorld, World } from './world.js';

const done: CheckResult = { state: 'done' };
const todo: CheckResult = { state: 'todo' };

/** Why NEW cannot be made a replica again: nobody may throw that mail away but a human. */
export const TOOK_MAIL = 'it came up as a master by itself and took mail';

interface Site {
  readonly world: World;
  readonly process: Process;
  readonly run: string;
  /** This process's token per slot and host. */
  readonly tokens: Map<string, number>;
  /** Boundary of the last look per slot and step. */
  readonly looks: Map<string, number>;
}

type View = (slot: SlotWorld, step: Step) => CheckResult;
type Effects = (slot: SlotWorld, step: Step) => readonly (() => void)[];

/** The table of actions of one process. */
export function modelActions(world: World, process: Process, run: string): Map<string, Action> {
  const site: Site = { world, process, run, tokens: new Map(), looks: new Map() };
  const key = (slot: SlotWorld, host: string): string => `${slot.slot}/${host}`;
  const at = (slot: SlotWorld, host: string): InstanceWorld => world.instance(slot, host);

  /** What stands first in every mutating script: flock, compare the token, only then act. */
  const guarded = (slot: SlotWorld, host: string, effect: () => void): (() => void) => {
    const mine = site.tokens.get(key(slot, host));
    return () => {
      if (!world.isUp(host)) throw new TransportError(host, 'unreachable', `${host} does not answer`);
      const instance = at(slot, host);
      const token = mine ?? site.tokens.get(key(slot, host)) ?? instance.lastToken + 1;
      if (instance.lease === undefined && token > instance.lastToken) {
        // A host that was away when the lease was taken.
        instance.lease = { token, run, owner: process.id };
        instance.lastToken = token;
        site.tokens.set(key(slot, host), token);
      }
      if (instance.lease?.token !== token)
        throw new CommandError(host, 'compare the token', 75, 'the lease is gone');
      effect();
    };
  };

  const define = (
    name: string,
    check: View,
    act: Effects,
    more: { readonly undo?: Effects; readonly checkUndone?: View; readonly lapses?: boolean } = {},
  ): Action => {
    const slotOf = (step: Step): SlotWorld => {
      const slot = world.slots.get(String(step.params.slot));
      if (slot === undefined) throw new Error(`no slot ${String(step.params.slot)}`);
      return slot;
    };
    const { undo, checkUndone } = more;
    const label = (step: Step, what: string): string => `${what} ${step.params.slot}/${step.id}`;
    return {
      name,
      preview: () => [name],
      deadlineMs: () => VERIFY_MS,
      check: (step) =>
        process.look(label(step, 'check'), step.host, () => {
          const slot = slotOf(step);
          site.looks.set(`${slot.slot}/${step.id}`, world.boundary);
          return check(slot, step);
        }),
      act: (step) => process.command('act', label(step, 'act'), step.host, act(slotOf(step), step)),
      ...(undo === undefined
        ? {}
        : {
            undo: (step: Step) =>
              process.command('undo', label(step, 'undo'), step.host, undo(slotOf(step), step)),
          }),
      ...(checkUndone === undefined
        ? {}
        : {
            checkUndone: (step: Step) =>
              process.look(label(step, 'check-undone'), step.host, () => {
                const slot = slotOf(step);
                site.looks.set(`${slot.slot}/${step.id}`, world.boundary);
                return checkUndone(slot, step);
              }),
          }),
      ...(more.lapses === undefined ? {} : { lapses: more.lapses }),
    };
  };

  const away = (host: string): CheckResult => ({ state: 'away', reason: `${host} does not answer` });
  /** Looks at an instance, if its host is there. */
  const on =
    (
      pick: (slot: SlotWorld) => string,
      see: (instance: InstanceWorld, slot: SlotWorld) => CheckResult,
    ): View =>
    (slot) => {
      const host = pick(slot);
      return world.sees(host) ? see(at(slot, host), slot) : away(host);
    };
  const oldOf = (slot: SlotWorld): string => slot.old;
  const newOf = (slot: SlotWorld): string => slot.new;
  const thirdOf = (slot: SlotWorld): string => slot.third ?? '';
  const held = (slot: SlotWorld): [string, InstanceWorld][] =>
    [...slot.instances].filter(([host, { lease }]) => world.isUp(host) && lease?.run === run);

  const giveBack: Effects = (slot) => [
    () => {
      for (const [, instance] of held(slot)) instance.lease = undefined;
    },
  ];
  const givenBack: View = (slot) => (held(slot).length === 0 ? done : todo);

  const actions = [
    define(
      'lease',
      (slot) => {
        const seen = [...slot.instances].filter(([host]) => world.sees(host));
        if (seen.length === 0) return away('every host');
        return seen.every(([, { lease }]) => lease?.owner === process.id) ? done : todo;
      },
      (slot) => {
        const wanted = [...slot.instances].map(([host, { lastToken }]) => ({ host, token: lastToken + 1 }));
        return [
          () => {
            for (const { host, token } of wanted) {
              if (!world.sees(host)) continue;
              const instance = at(slot, host);
              if (token <= instance.lastToken) throw new CommandError(host, 'lease', 75, 'another took it');
              instance.lease = { token, run, owner: process.id };
              instance.lastToken = token;
              site.tokens.set(key(slot, host), token);
            }
            // Every takeover voids what was decided on the directory before.
            slot.directory.version += 1;
          },
        ];
      },
      { undo: giveBack, checkUndone: givenBack, lapses: true },
    ),
    define(
      'stop-old',
      on(oldOf, ({ running }) => (running ? todo : done)),
      (slot) => [guarded(slot, slot.old, () => world.stop(slot, slot.old))],
      {
        // It starts a master: promise 1, and the directory must name it.
        checkUndone: on(oldOf, ({ running, runsAs, role }, slot) => {
          if (running && runsAs === 'master' && role === 'master') return done;
          const to = at(slot, slot.new);
          if (world.sees(slot.new) && (to.role === 'master' || (to.running && to.runsAs === 'master')))
            return { state: 'blocked', reason: 'NEW could be a master' };
          if (slot.directory.master !== slot.old)
            return { state: 'blocked', reason: 'the directory names NEW' };
          return role === 'master' ? todo : { state: 'blocked', reason: 'it has the role of a replica' };
        }),
        undo: (slot, step) => {
          const lookedAt = site.looks.get(`${slot.slot}/${step.id}`) ?? 0;
          return [
            guarded(slot, slot.old, () => {
              // Its host may have booted meanwhile, with the role that our swap had left: a replica.
              world.stop(slot, slot.old);
              world.startMaster(slot, slot.old, lookedAt);
            }),
          ];
        },
      },
    ),
    define(
      'drain',
      on(oldOf, ({ running, pending }, slot) => {
        if (running) return { state: 'rewind', to: 'stop-old', reason: 'OLD runs' };
        if (pending.size === 0) return done;
        return world.canReplicate(slot) ? todo : { state: 'blocked', reason: 'NEW is no running replica' };
      }),
      (slot) => [
        guarded(slot, slot.old, () => {
          if (!world.canReplicate(slot)) throw new CommandError(slot.old, 'drain', 75, 'NEW takes nothing');
          for (const message of at(slot, slot.old).pending) world.replicate(slot, message);
        }),
      ],
    ),
    define(
      'role-old',
      on(oldOf, ({ role }) => (role === 'replica' ? done : todo)),
      (slot) => [
        guarded(slot, slot.old, () => {
          at(slot, slot.old).role = 'replica';
        }),
      ],
      {
        checkUndone: on(oldOf, ({ role }) => (role === 'master' ? done : todo)),
        undo: (slot) => [
          guarded(slot, slot.old, () => {
            at(slot, slot.old).role = 'master';
          }),
        ],
      },
    ),
    define(
      'stop-third',
      on(thirdOf, ({ replication }) => (replication ? todo : done)),
      (slot) => [
        guarded(slot, thirdOf(slot), () => {
          at(slot, thirdOf(slot)).replication = false;
        }),
      ],
      {
        checkUndone: on(thirdOf, ({ replication }) => (replication ? done : todo)),
        undo: (slot) => [
          guarded(slot, thirdOf(slot), () => {
            at(slot, thirdOf(slot)).replication = true;
          }),
        ],
      },
    ),
    define(
      'promote-new',
      on(newOf, ({ running, role }) => (!running && role === 'master' ? done : todo)),
      (slot) => [
        guarded(slot, slot.new, () => world.stop(slot, slot.new)),
        guarded(slot, slot.new, () => {
          at(slot, slot.new).role = 'master';
        }),
      ],
      {
        checkUndone: on(newOf, ({ running, runsAs, role, bootedAt, mail }, slot) => {
          // Its host booted with the role that we had given it. What it took as mail meanwhile is a human's case.
          const tookMail = [...mail].some((message) => !at(slot, slot.old).mail.has(message));
          if (running && runsAs === 'master' && (bootedAt < 0 || tookMail)) {
            return { state: 'blocked', reason: tookMail ? TOOK_MAIL : 'it runs as a master' };
          }
          if (running && runsAs === 'master') return todo;
          return running && role === 'replica' ? done : todo;
        }),
        undo: (slot) => [
          guarded(slot, slot.new, () => {
            at(slot, slot.new).role = 'replica';
          }),
          guarded(slot, slot.new, () => {
            if (at(slot, slot.new).runsAs === 'master') world.stop(slot, slot.new);
            world.start(slot, slot.new);
          }),
        ],
      },
    ),
    define(
      'set-directory',
      (slot) => (slot.directory.master === slot.new ? done : todo),
      (slot) => {
        const { version } = slot.directory;
        return [() => setMaster(slot, slot.old, slot.new, version)];
      },
      {
        checkUndone: (slot) => (slot.directory.master === slot.old ? done : todo),
        undo: (slot) => {
          slot.directory.version += 1;
          const { version } = slot.directory;
          return [() => setMaster(slot, slot.new, slot.old, version)];
        },
      },
    ),
    define(
      'start-new',
      on(newOf, ({ running, runsAs, role, serving }, slot) => {
        if (running && runsAs === 'master') return serving ? done : todo;
        const from = at(slot, slot.old);
        if (world.sees(slot.old) && from.running && from.runsAs === 'master') {
          return { state: 'rewind', to: 'stop-old', reason: 'OLD is a master' };
        }
        if (world.sees(slot.old) && from.role === 'master') {
          return { state: 'rewind', to: 'role-old', reason: 'OLD would boot as a master' };
        }
        // Promise 6: a third that was only away for a moment.
        if (slot.third !== undefined && world.sees(slot.third) && at(slot, slot.third).replication) {
          return { state: 'rewind', to: 'stop-third', reason: 'THIRD takes replication' };
        }
        return role === 'master' ? todo : { state: 'blocked', reason: 'NEW has the role of a replica' };
      }),
      (slot, step) => {
        const lookedAt = site.looks.get(`${slot.slot}/${step.id}`) ?? 0;
        return [
          guarded(slot, slot.new, () => {
            const wasRunning = at(slot, slot.new).running;
            world.startMaster(slot, slot.new, lookedAt);
            if (!wasRunning) at(slot, slot.new).serving = false;
          }),
          guarded(slot, slot.new, () => {
            at(slot, slot.new).serving = true;
          }),
        ];
      },
      { checkUndone: on(newOf, ({ running }) => (running ? todo : done)) },
    ),
    define(
      'login',
      (slot) => (slot.loginTried ? done : todo),
      (slot) => [
        () => {
          const to = at(slot, slot.new);
          if (!to.running || to.runsAs !== 'master') throw new RefusedError('no login: NEW does not serve');
          slot.loginTried = true;
        },
      ],
    ),
    define(
      'hook',
      (slot) => (slot.hooks > 0 ? done : todo),
      (slot) => [
        () => {
          slot.hooks += 1;
        },
      ],
    ),
    define(
      'attach-old',
      on(oldOf, ({ running, runsAs, role, pending }) => {
        const isStray = role === 'master' || (running && runsAs === 'master');
        // A replica that still has mail of its own in its log is rejoin's work, not a start's.
        if (isStray || pending.size > 0) return { state: 'away', reason: 'for rejoin' };
        return running ? done : todo;
      }),
      (slot) => [
        guarded(slot, slot.old, () => {
          if (at(slot, slot.old).role === 'master')
            throw new CommandError(slot.old, 'attach', 75, 'it is a master');
          world.start(slot, slot.old);
        }),
      ],
    ),
    define('give-back', givenBack, giveBack),
  ];
  const table = new Map(actions.map((action) => [action.name, action]));
  table.set('run-hook', {
    name: 'run-hook',
    preview: () => ['run-hook'],
    deadlineMs: () => VERIFY_MS,
    check: () => process.look('check run-hook', '', () => (world.runHooks > 0 ? done : todo)),
    act: () =>
      process.command('act', 'act run-hook', '', [
        () => {
          world.runHooks += 1;
        },
      ]),
  });
  return table;
}

function setMaster(slot: SlotWorld, from: string, to: string, version: number): void {
  if (slot.directory.version !== version) throw new RefusedError('the directory was changed meanwhile');
  if (slot.directory.master === to) return;
  if (slot.directory.master !== from) throw new RefusedError(`the directory names ${slot.directory.master}`);
  slot.directory = { master: to, version: version + 1 };
}

/** The plan of a failover of all slots of a world. */
export function modelPlan(world: World): Plan {
  const step = (
    slot: SlotWorld,
    id: string,
    phase: Step['phase'],
    host: string,
    flags: Partial<Step> = {},
  ): Step => ({
    id,
    action: id,
    host,
    phase,
    title: `${id} ${slot.slot}`,
    params: { slot: slot.slot },
    ...flags,
  });
  const onOld = { mayBeOwed: true, undoMayBeOwed: true, retryAfterCommit: true };
  const slots = [...world.slots.values()];
  return {
    version: 1,
    id: 'c0de',
    kind: 'failover',
    target: slots[0]?.old ?? '',
    operator: 'ann',
    bastion: 'bastion1',
    createdAt: '2026-03-12T04:28:00Z',
    facts: null,
    lanes: slots.map((slot) => ({
      id: slot.slot,
      facts: null,
      steps: [
        step(slot, 'lease', 'prepare', ''),
        step(slot, 'stop-old', 'prepare', slot.old, onOld),
        step(slot, 'drain', 'prepare', slot.old, { mayBeOwed: true }),
        step(slot, 'role-old', 'prepare', slot.old, onOld),
        ...(slot.third === undefined
          ? []
          : [step(slot, 'stop-third', 'prepare', slot.third, { mayBeOwed: true, undoMayBeOwed: true })]),
        step(slot, 'promote-new', 'prepare', slot.new, { undoMayBeOwed: true }),
        step(slot, 'set-directory', 'prepare', ''),
        step(slot, 'start-new', 'commit', slot.new),
        step(slot, 'login', 'settle', slot.new),
        step(slot, 'hook', 'settle', ''),
        step(slot, 'attach-old', 'settle', slot.old, { mayBeOwed: true }),
        step(slot, 'give-back', 'settle', ''),
      ],
    })),
    after: [
      {
        id: 'run-hook',
        action: 'run-hook',
        host: '',
        phase: 'settle',
        title: 'run hook',
        params: {},
      },
    ],
  };
}
