// The steps that are a seed's own: the mark that the new replica is no copy yet, the sending, the entry in the
// directory, the end. Forward only, and each safe to repeat: a seed that was cut off is gone on with, and what has
// arrived is passed over at next to no cost.
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { Action, ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { channelTowards } from '../freshness.js';
import { formerLine, type Owed, owedLine, parseLaneFile, parseSentTo, sentLine } from '../lane-record.js';
import { differingUsers, sendTargets } from '../mailbox-lists.js';
import { type SendProgress, sendInChunks } from '../send.js';
import type { Instance, Slot } from '../slot.js';
import { diffSlotMap } from '../slot-map.js';
import {
  gripOf,
  instanceOf,
  isNoMaster,
  lookAt,
  type SlotActionParts,
  stepError,
  textOf,
} from './action-parts.js';
import { giveBackLeases, instancesOf, lastAction } from './give-back-leases.js';

/** One name alone, at a time: the lease cannot change hands while it is sent. */
const ALONE_S = 300;
/** So often one that takes longer is gone on with: a user of four hours is a user of many terabytes. */
const AGAIN = 48;
const LONGEST_MS = 7 * 86_400_000;

const replicaOf = (step: Step): Instance => instanceOf(step.params.replica as Step['params'], '');

/** Until it has everything the new replica owes what nobody else can do: it is chosen by nobody. */
export function markSeeding(parts: SlotActionParts): Action {
  const owes = (lines: readonly string[], host: string) =>
    parseLaneFile(lines).owed.some((one) => one.host === host && one.seeding === true);
  return {
    name: 'slot.mark-seeding',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => ({
        state: owes(state.laneLines, textOf(step.params, 'to')) ? 'done' : 'todo',
      })),
    preview: (step) => [`write that ${textOf(step.params, 'to')} owes it, beside the lease`],
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      const debt: Owed = {
        slot: instance.slot,
        host: textOf(step.params, 'to'),
        steps: ['rejoin'],
        seeding: true,
        run: grip.run,
        at: formatIso(parts.clock.now()),
        lastAlive: null,
      };
      const record = owedLine(debt);
      await parts.driver.recordLane(parts.hostNamed(instance.host), instance, { ...grip, record });
    },
    deadlineMs: () => 10_000,
  };
}

export function seed(parts: SlotActionParts): Action {
  /** What stopped this process's sending: it is not begun again in the same breath. */
  const failures = new Map<string, string>();

  async function differing(master: Instance, replica: Instance) {
    const [here, there] = await Promise.all([
      parts.driver.mailboxes(parts.hostNamed(master.host), master, 'master'),
      parts.driver.mailboxes(parts.hostNamed(replica.host), replica, 'replica').catch(() => []),
    ]);
    return { here, there, users: differingUsers(here, there) };
  }

  const act = async (step: Step, context: ActionContext): Promise<void> => {
    const master = instanceOf(step.params, step.host);
    const replica = replicaOf(step);
    const host = parts.hostNamed(master.host);
    const fail = (reason: string): never => {
      failures.set(master.slot, reason);
      throw stepError(reason, 'slot.send');
    };
    const state = await parts.driver.look(host, master);
    const slot: Slot = {
      slot: master.slot,
      master: master.host,
      state: 'normal',
      version: undefined,
      instances: [master, replica, { ...replica, host: '' }],
    };
    const channel = channelTowards(state, replica, parts.hostNamed(replica.host), slot);
    if (channel === undefined)
      return fail(`no replication channel of ${master.host} leads to ${replica.host}`);
    const first = await differing(master, replica);
    const all = sendTargets(first.here);
    // Those that are not there yet take their time and go first; the rest is passed over quickly, but is looked at:
    // equal lists say nothing of the messages.
    const lacking = new Set(first.users);
    const targets = {
      users: [
        ...all.users.filter((user) => lacking.has(user)),
        ...all.users.filter((user) => !lacking.has(user)),
      ],
      mailboxes: all.mailboxes,
    };
    const perSecond = typeof step.params.perSecond === 'number' ? step.params.perSecond : undefined;
    // It may have died since it was started, under an earlier run of this seed.
    const there = await parts.driver.look(parts.hostNamed(replica.host), replica);
    if (there.running === false && there.configuredRole === 'replica') {
      const grip = await gripOf(parts, step, replica);
      await parts.driver.start(parts.hostNamed(replica.host), replica, grip, 'replica');
    }
    const refuseIfGone = async () => {
      const { running } = await parts.driver
        .look(parts.hostNamed(replica.host), replica)
        .catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
      if (running === false) fail(`${replica.host} does not run ${replica.slot} any more`);
    };
    const send = async (of: typeof targets) =>
      sendInChunks({
        targets: of,
        clock: parts.clock,
        signal: context.signal,
        deadlineMs: parts.clock.monotonic() + LONGEST_MS,
        perSecond,
        longestS: ALONE_S,
        again: AGAIN,
        send: async (kind, names, seconds) => {
          const grip = await gripOf(parts, step, master);
          const sent = await parts.driver.sendMany(
            host,
            master,
            grip,
            channel.channel,
            kind,
            names,
            seconds,
            2,
          );
          // sync_client tries for as long as it may when nobody takes it.
          if (sent.left.length > 0) await refuseIfGone();
          return sent;
        },
        onProgress: (progress) => context.note(describe(progress, replica.host)),
      });
    const result = await send(targets);
    const [bad] = result.failed;
    if (bad !== undefined) {
      const more = result.failed.length === 1 ? '' : ` and ${result.failed.length - 1} more`;
      return fail(`${replica.host} did not take ${bad.name}${more}: ${bad.said || 'sync_client failed'}`);
    }
    if (result.left.length > 0) return fail(`${result.left.length} of ${result.total} were not sent`);
    // A user who came while the others were sent is in the log; who differs nevertheless is sent once more.
    const then = await differing(master, replica);
    const here = new Set(sendTargets(then.here).users);
    const missing = then.users.filter((user) => here.has(user));
    if (missing.length > 0) await send({ users: missing, mailboxes: [] });
    const last = missing.length > 0 ? await differing(master, replica) : then;
    if (last.users.length > 0) {
      const names = last.users.slice(0, 5).join(', ');
      return fail(`${last.users.length} users differ between ${master.host} and ${replica.host}: ${names}`);
    }
    const grip = await gripOf(parts, step, master);
    await parts.driver.recordLane(host, master, { ...grip, record: sentLine(grip.run, replica.host) });
  };

  return {
    name: 'slot.seed',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), (state) => {
        const reason = failures.get(state.slot);
        if (reason !== undefined) return { state: 'blocked', reason, code: 'slot.send' };
        return {
          state: parseSentTo(state.laneLines, parts.leases.holder.run).includes(replicaOf(step).host)
            ? 'done'
            : 'todo',
        };
      }),
    preview: (step) => [
      `sync_client -u USER... and -m MAILBOX... of ${textOf(step.params, 'slot')} to ${replicaOf(step).host}, two at once`,
      'compare the mailbox lists of both sides, send users that differ',
    ],
    act,
    deadlineMs: () => 5000,
  };
}

function describe({ done, total, elapsedMs }: SendProgress, host: string): string {
  const share = total === 0 ? 100 : Math.floor((done / total) * 100);
  const leftMs = done === 0 ? 0 : (elapsedMs / done) * (total - done);
  const eta = done === 0 || done === total ? '' : `, about ${formatDuration(leftMs, 'up')} left`;
  return `${done} of ${total} users and mailboxes on ${host} (${share}%)${eta}`;
}

/** The directory's list of a slot's replicas. */
export function mapReplica(parts: SlotActionParts): Action {
  const wanted = (step: Step, slot: Slot): Slot => {
    const add = instanceOf(step.params.add as Step['params'], '');
    const kept = slot.instances.filter((one) => one.host !== step.params.remove && one.host !== add.host);
    return { ...slot, instances: [...kept, add] };
  };
  const isSo = (step: Step, slot: Slot) => {
    const hosts = slot.instances.map((one) => one.host);
    const add = instanceOf(step.params.add as Step['params'], '');
    return hosts.includes(add.host) && !hosts.includes(String(step.params.remove ?? ''));
  };
  const read = async (step: Step): Promise<Slot> => {
    const slot = await parts.directory.get(textOf(step.params, 'slot'));
    if (slot === undefined)
      throw stepError(
        `the directory no longer knows ${textOf(step.params, 'slot')}`,
        'slot.directory-disagrees',
      );
    if (slot.master === step.params.remove)
      throw stepError(`${slot.master} has become the master of ${slot.slot}`, 'slot.directory-disagrees');
    return slot;
  };
  // Out of the directory nobody looks at it any more: one that was said to be gone, and answers, stays in it while it is,
  // or would come up as, a master.
  const refuseIfBack = async (step: Step): Promise<void> => {
    if (typeof step.params.removed !== 'object' || step.params.removed === null) return;
    const gone = instanceOf(step.params.removed as Step['params'], '');
    const seen = await lookAt(parts, gone, (state) => {
      if (isNoMaster(state)) return { state: 'done' };
      const what = state.running === false ? 'would come up there' : 'runs there';
      const reason = `${gone.host} answers, and ${gone.slot} ${what} as ${state.role ?? state.configuredRole ?? 'nobody knows what'}`;
      return { state: 'blocked', reason: `${reason}: mailctl failover ${gone.host}   stops it first` };
    });
    if (seen.state === 'blocked') throw stepError(seen.reason, 'slot.two-masters');
  };
  return {
    name: 'slot.map-replica',
    check: async (step) => ({ state: isSo(step, await read(step)) ? 'done' : 'todo' }),
    preview: (step) => {
      const add = instanceOf(step.params.add as Step['params'], '');
      const remove = step.params.remove;
      return [
        `slot map: ${add.slot} on ${add.host}${typeof remove === 'string' ? `, not on ${remove}` : ''}`,
      ];
    },
    async act(step) {
      const slot = await read(step);
      if (parts.slotMap === undefined)
        throw stepError('the slot map cannot be changed here', 'slot.directory-disagrees');
      await refuseIfBack(step);
      await (await parts.slotMap()).applySlotMap(diffSlotMap([slot], [wanted(step, slot)]));
    },
    deadlineMs: () => 15_000,
  };
}

/** Gives the leases back; what others owe stays on record. */
export function endSeed(parts: SlotActionParts): Action {
  return lastAction(parts, 'slot.end-seed', async (step) => {
    const { run } = parts.leases.holder;
    const at = formatIso(parts.clock.now());
    const removed = step.params.removed as Step['params'] | null | undefined;
    const gone = removed === null || removed === undefined ? [] : [instanceOf(removed, '')];
    const lines = [
      ...((step.params.owed ?? []) as unknown as readonly Owed[]).map(owedLine),
      ...gone.map((one) => formerLine({ ...one, run, at })),
    ];
    await giveBackLeases(parts, {
      slot: textOf(step.params, 'slot'),
      instances: instancesOf(step),
      last: textOf(step.params, 'from'),
      lines: async () => lines,
    });
  });
}
