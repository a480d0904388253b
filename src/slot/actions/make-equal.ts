// Starts a former master as a replica, makes it equal to the master, and sees that by content: an empty log can be
// wrong, and what was renamed on both sides only the master's own replication brings together. One name with two ids
// would keep that replication stuck for everybody, so that such an instance stays stopped until a person has spoken.
import type { Action, ActionContext } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { compareContent } from '../compare-content.js';
import { type Owner, ownerLabel } from '../content.js';
import { channelTowards } from '../freshness.js';
import type { Instance } from '../slot.js';
import { gripOf, instanceOf, type SlotActionParts, stepError } from './action-parts.js';
import { findingsOf, type NotBrought, sidesOf } from './rejoin-parts.js';
import { conflictsNow, survey } from './replay.js';
import { seeReplication, startReplica } from './start-replica.js';

/** Names sent in one act. */
const NAMES_AT_ONCE = 200;
/** Seconds for them. */
const SEND_S = 300;

/** Starts it as a replica, unless replication would be stuck at once. */
export function startReturned(parts: SlotActionParts): Action {
  return {
    ...startReplica(parts),
    name: 'slot.start-returned',
    check: unlessInConflict(parts, startReplica),
  };
}

/** Sees replication move to it. */
export function seeReturned(parts: SlotActionParts): Action {
  const since = new Map<string, number>();
  const base = seeReplication(parts);
  const look = unlessInConflict(parts, () => base);
  return {
    ...base,
    name: 'slot.see-returned',
    async check(step, context) {
      const { old } = sidesOf(step);
      const begun = since.get(context.lane + old.host) ?? parts.clock.monotonic();
      since.set(context.lane + old.host, begun);
      const seen = await look(step, context);
      if (seen.state === 'done') {
        findingsOf(parts, old).freshAfterS = Math.round((parts.clock.monotonic() - begun) / 1000);
      }
      return seen;
    },
  };
}

function unlessInConflict(parts: SlotActionParts, make: (parts: SlotActionParts) => Action): Action['check'] {
  const base = make(parts);
  /** Decided once: its lists are not read again at each look. */
  const free = new Set<string>();
  return async (step, context) => {
    const { old } = sidesOf(step);
    const key = context.lane + old.host;
    const reason = parts.watch.away(old.host);
    if (reason !== undefined) return { state: 'away', reason };
    if (!free.has(key)) {
      const conflicts = await conflictsNow(parts, step);
      if (conflicts.length > 0) {
        findingsOf(parts, old).conflicts = conflicts;
        return { state: 'done', note: `it stays stopped: ${conflicts.length} names with two ids` };
      }
      free.add(key);
    }
    return base.check(step, context);
  };
}

/** The master sends whom the logs and lists spoke of, then whoever still differs; what is left is named. */
export function makeEqual(parts: SlotActionParts): Action {
  const equal = new Set<string>();

  async function act(step: Step, context: ActionContext): Promise<void> {
    const { old, next, slot } = sidesOf(step);
    const findings = findingsOf(parts, old);
    const nextHost = parts.hostNamed(next.host);
    const channel = channelTowards(
      await parts.driver.look(nextHost, next),
      old,
      parts.hostNamed(old.host),
      slot,
    );
    if (channel === undefined) {
      throw stepError(`no replication channel of ${next.host} leads to ${old.host}`, 'slot.no-channel');
    }
    const send = async (owners: readonly Owner[], what: string): Promise<readonly NotBrought[]> => {
      const failed: NotBrought[] = [];
      for (const kind of ['users', 'mailboxes'] as const) {
        const names = owners.flatMap((one) =>
          (one.kind === 'user') === (kind === 'users') ? [one.name] : [],
        );
        for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
          const chunk = names.slice(from, from + NAMES_AT_ONCE);
          context.note(`${what}: ${from + chunk.length} of ${names.length} ${kind}`);
          const grip = await gripOf(parts, step, next);
          const sent = await parts.driver.sendMany(
            nextHost,
            next,
            grip,
            channel.channel,
            kind,
            chunk,
            SEND_S,
          );
          failed.push(...sent.failed.map(({ name, said }) => ({ who: name, why: said })));
          failed.push(...sent.left.map((name) => ({ who: name, why: `not sent within ${SEND_S} s` })));
        }
      }
      return failed;
    };
    const compare = async (owners: 'all' | readonly Owner[]) =>
      compareContent(
        {
          slot,
          master: { host: next.host, role: 'master' },
          replica: { host: old.host, role: 'replica' },
          owners,
          onProgress: (done, total) => context.note(`compared ${done} of ${total}`),
        },
        { driver: parts.driver, clock: parts.clock, hostNamed: parts.hostNamed, signal: context.signal },
      );
    await parts.driver.restartReplication(nextHost, next, await gripOf(parts, step, next));
    // What was renamed on the master comes together here: its names win, and the messages of both are kept.
    await send(
      [
        ...findings.users.map((name): Owner => ({ kind: 'user', name })),
        ...findings.shared.map((name): Owner => ({ kind: 'shared', name })),
      ],
      'sending',
    );
    const first = await compare('all');
    const differing = first.differing.map(({ owner }) => owner);
    const unsure = [...first.waiting, ...first.unknown];
    const failed = await send([...differing, ...first.waiting.map(({ owner }) => owner)], 'sending whole');
    findings.repaired = differing.map(ownerLabel);
    const again = [...differing, ...unsure.map(({ owner }) => owner)];
    const left = again.length === 0 ? undefined : await compare(again);
    findings.compared = first.compared.length + (left?.compared.length ?? 0) - differing.length;
    const notEqual: NotBrought[] = [
      ...(left?.differing ?? []).map(({ owner, differences }) => ({
        who: ownerLabel(owner),
        why: differences.map(({ mailbox, detail }) => `${mailbox}: ${detail}`).join('; '),
      })),
      ...[...(left?.waiting ?? []), ...(left?.unknown ?? [])].map(({ owner, reason }) => ({
        who: ownerLabel(owner),
        why: `not known to be equal: ${reason}`,
      })),
    ];
    const known = new Set(notEqual.map(({ who }) => who));
    findings.notBrought = [
      // What could not be sent before, and is equal now, has come over by the other way.
      ...findings.notBrought.filter(({ who }) => left?.differing.some(({ owner }) => owner.name === who)),
      ...notEqual,
      ...failed.filter(({ who }) => !known.has(who)),
    ];
    equal.add(context.lane + old.host);
  }

  return {
    name: 'slot.make-equal',
    // What it has found lives in this process only, and the end of the lane judges by it: another one looks again.
    lapses: true,
    async check(step, context) {
      const { old } = sidesOf(step);
      const findings = findingsOf(parts, old);
      const reason = parts.watch.away(old.host);
      if (reason !== undefined) return { state: 'away', reason };
      if (equal.has(context.lane + old.host)) {
        const left = findings.notBrought.length;
        const note = left === 0 ? `${findings.compared ?? 0} equal` : `${left} not brought over`;
        return { state: 'done', note };
      }
      if ((await conflictsNow(parts, step)).length > 0) return { state: 'done', note: 'it stays stopped' };
      return { state: 'todo' };
    },
    preview: (step) => [
      ...parts.driver.preview('send-users', instanceOf(step.params, step.host), 'master'),
      'compare the content of all users on both sides, send whoever differs, compare again',
    ],
    act,
    deadlineMs: () => (SEND_S + 30) * 1000,
  };
}

/** Removes what was set aside, or keeps it for a person; while somebody's mail is not over, it stays. */
export function endLeftovers(parts: SlotActionParts): Action {
  const isOver = (old: Instance) => {
    const { conflicts, notBrought } = findingsOf(parts, old);
    return conflicts.length === 0 && notBrought.length === 0;
  };
  return {
    name: 'slot.end-leftovers',
    // What stayed for the next rejoin may be over by the time that this one is gone on with: its debt is closed then.
    lapses: true,
    async check(step) {
      const { old } = sidesOf(step);
      const reason = parts.watch.away(old.host);
      if (reason !== undefined) return { state: 'away', reason };
      const { files } = await parts.driver.leftovers(parts.hostNamed(old.host), old);
      if (files.length === 0) return { state: 'done' };
      const isKept = (await conflictsNow(parts, step)).length > 0 || !isOver(old);
      if (isKept && step.params.acceptLoss !== true)
        return { state: 'done', note: 'they stay for the next rejoin' };
      return { state: 'todo' };
    },
    preview: (step) => parts.driver.preview('end-leftovers', instanceOf(step.params, step.host), 'replica'),
    async act(step, context) {
      const { old } = sidesOf(step);
      const findings = findingsOf(parts, old);
      if (!findings.isSurveyed) await survey(parts, step, context.signal);
      const keep = findings.dropped.length > 0 || findings.unreadable > 0 || !isOver(old);
      const grip = await gripOf(parts, step, old);
      const where = await parts.driver.endLeftovers(parts.hostNamed(old.host), old, grip, keep);
      if (keep) findings.keptIn = where;
    },
    deadlineMs: () => 30_000,
  };
}
