// Name of an action to its code.
import type { Action, ActionTable } from '../../plan/action.js';
import type { SlotActionParts } from './action-parts.js';
import { confirm } from './confirm.js';
import { drain } from './drain.js';
import { endReading, kickReplication } from './end-reading.js';
import { endRejoin } from './end-rejoin.js';
import { fenceHost } from './fence-host.js';
import { giveLeaseBack } from './give-lease-back.js';
import { endLeftovers, makeEqual, seeReturned, startReturned } from './make-equal.js';
import { releaseWaiting } from './release-waiting.js';
import { replay, setLeftoversAside } from './replay.js';
import { returnLease } from './return-lease.js';
import { runHook } from './run-hook.js';
import { seeServing } from './see-serving.js';
import { endSeed, mapReplica, markSeeding, seed } from './seed.js';
import { sendOwners } from './send-owners.js';
import { sendPending } from './send-pending.js';
import { setAside, sortEvents } from './set-aside.js';
import { setDirectory } from './set-directory.js';
import { setRole } from './set-role.js';
import { setState } from './set-state.js';
import { startMaster } from './start-master.js';
import { seeReadable, startReadonly } from './start-readonly.js';
import { seeReplication, startReplica } from './start-replica.js';
import { stop } from './stop.js';
import { takeLease } from './take-lease.js';

/** The actions of slot lanes. */
export function slotActions(parts: SlotActionParts): ActionTable {
  const makers: readonly ((parts: SlotActionParts) => Action)[] = [
    takeLease,
    confirm,
    fenceHost,
    stop,
    drain,
    setRole,
    setDirectory,
    startMaster,
    seeServing,
    runHook,
    releaseWaiting,
    startReplica,
    seeReplication,
    sendPending,
    markSeeding,
    seed,
    mapReplica,
    endSeed,
    setLeftoversAside,
    replay,
    startReturned,
    makeEqual,
    seeReturned,
    endLeftovers,
    endRejoin,
    giveLeaseBack,
    setState,
    startReadonly,
    seeReadable,
    endReading,
    kickReplication,
    setAside,
    sortEvents,
    sendOwners,
    returnLease,
  ];
  return new Map(makers.map((make) => make(parts)).map((action) => [action.name, action]));
}
