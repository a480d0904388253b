// Judging the third way (failover.md): a slot that would be refused is made readable on its replica, and that is
// ended when its master serves again. Pure. Loss is no question here, since nothing diverges; but two servers with
// different content must not both serve, so that the gates about a master that may live hold.
import type { Decision, FailoverFacts, FailoverWishes, Gate } from './decide.js';
import type { LossEstimate } from './evidence.js';
import type { OpenLane } from './lane-record.js';
import { isReading, isServedByMaster, readableHost, readableHosts } from './readable.js';
import { isMaster, stateOf } from './sight.js';
import { instanceOn, type Slot } from './slot.js';

/** What decide.ts has found out already. */
export interface ReadOnlyQuestion {
  readonly slot: Slot;
  /** The host that was named, when one was. */
  readonly target: string | undefined;
  readonly facts: FailoverFacts;
  readonly wishes: FailoverWishes;
  readonly open: OpenLane | null;
  readonly busy: Gate | null;
  readonly choose: () => {
    readonly to: string | null;
    readonly loss: LossEstimate | null;
    readonly why: string;
  };
  readonly deathGates: (host: string) => readonly Gate[];
}

/** The decision, when the slot is to be made readable or its reading to be ended; null: an ordinary failover. */
export function decideReadOnly(question: ReadOnlyQuestion): Decision | null {
  const { slot, target, facts, wishes, open } = question;
  const { sight } = facts;
  if (wishes.readOnly?.has(slot.slot) === true) return makeReadable(question, undefined);
  const isServed = isServedByMaster(slot, sight);
  if (isServed) {
    const hosts = readableHosts(slot, sight, open);
    const host = hosts.find((one) => one === target) ?? readableHost(slot.state) ?? hosts[0];
    if (wishes.endReading?.has(slot.slot) === true)
      return host === undefined ? null : endReading(question, host);
    if (target !== undefined && hosts.includes(target)) return endReading(question, target);
  }
  // A lane that another bastion left: finished in its own direction, unless the operator says something else.
  const isLeft = open?.way === 'readonly' && !isServed && stateOf(sight, slot.slot, open.to) !== undefined;
  if (isLeft && !wishes.acceptLoss.has(slot.slot) && wishes.to === undefined)
    return makeReadable(question, open.to);
  return null;
}

function makeReadable(question: ReadOnlyQuestion, begun: string | undefined): Decision {
  const { slot, facts, wishes, open, busy } = question;
  const { sight } = facts;
  const from = slot.master;
  const old = stateOf(sight, slot.slot, from);
  const gates: Gate[] = busy === null ? [] : [busy];
  const now = readableHost(slot.state);
  const isThere =
    now !== undefined && wishes.to === undefined && stateOf(sight, slot.slot, now) !== undefined;
  const chosen = question.choose();
  const to = begun ?? (isThere && instanceOn(slot, now) !== undefined ? now : chosen.to);
  if (old !== undefined && old.running !== false && old.role !== 'replica') {
    const reason = `${from} runs it: reading elsewhere is for a master that is away`;
    gates.push({ gate: 'still-serving', reason, word: null });
  }
  if (old === undefined) gates.push(...question.deathGates(from));
  const strays = slot.instances
    .map((instance) => instance.host)
    .filter((host) => host !== from && isMaster(stateOf(sight, slot.slot, host)));
  if (strays.length > 0) {
    const reason = `${strays.join(', ')} runs it as master, the directory names ${from}`;
    gates.push({ gate: 'directory-disagrees', reason, word: null });
  }
  if (to === null) gates.push({ gate: 'no-replica', reason: chosen.why, word: null });
  else {
    const fault = readFault(slot, to, facts);
    if (fault !== null) gates.push({ gate: 'read-only', reason: fault, word: null });
  }
  return {
    slot,
    kind: 'readonly',
    from,
    to,
    gates,
    loss: to === chosen.to ? chosen.loss : null,
    open: open?.way === 'readonly' ? open : null,
    fromReachable: old !== undefined,
    isStarted: false,
  };
}

/** Why a host cannot serve reading for a slot, with what would have to be written; null: it can. */
export function readFault(slot: Slot, host: string | null, facts: FailoverFacts): string | null {
  if (facts.stateFault) return facts.stateFault;
  const state = host === null ? undefined : stateOf(facts.sight, slot.slot, host);
  if (state === undefined) return host === null ? 'no replica answers' : `${host} was not seen`;
  if (state.readOnlyFault === undefined) return `whether ${host} can serve reading is not known`;
  return state.readOnlyFault === null ? null : `${host}: ${state.readOnlyFault}`;
}

function endReading({ slot, busy, open }: ReadOnlyQuestion, host: string): Decision {
  return {
    slot,
    kind: 'end-readonly',
    from: slot.master,
    to: host,
    gates: busy === null ? [] : [busy],
    loss: null,
    open: open !== null && isReading(open) ? open : null,
    fromReachable: true,
    isStarted: false,
  };
}
