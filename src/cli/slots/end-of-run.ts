// What the end of a run is judged by, the same for a failover, a resume and an undo: what serves, by which road, what
// waits, who looks after what is owed.
import type { RunResult } from '../../plan/runner.js';
import { type CutOff, hostsCutOff } from '../../slot/cut-off.js';
import type { Surroundings } from '../../slot/look-around.js';
import {
  hookFailure,
  judgeSafety,
  type SafeToLeave,
  type SlotResult,
  withHooks,
  withReasons,
} from '../../slot/outcome.js';
import type { WaitingDesk } from '../../slot/release-waiting.js';
import { type RoadSight, roadQuestions, roadReasons } from '../../slot/road.js';
import type { FleetSight } from '../../slot/sight.js';
import { type UnverifiedLogin, unverifiedLogins, unverifiedReasons } from '../../slot/unverified.js';
import { type WaitingRow, waitingReasons } from '../../slot/waiting.js';
import { judgeWatch, type Watch } from '../../slot/watch.js';
import type { Context } from '../context.js';
import { readTurn } from './timer-turn.js';

/** What the end is made of. */
export interface RunEnd {
  readonly safety: SafeToLeave;
  /** Failures of hooks of the whole run. */
  readonly after: string | null;
  readonly waiting: readonly WaitingRow[] | null;
  /** Empty: no road is configured, or nothing was moved. */
  readonly roads: readonly RoadSight[];
  readonly watch: Watch;
  /** Hosts that the run has cut off; nothing of ours gives them back. */
  readonly cutOff: readonly CutOff[];
  /** Logins that could not be tried. */
  readonly unverified: readonly UnverifiedLogin[];
}

/** Looks and judges. */
export async function endOfRun(
  context: Context,
  run: {
    readonly results: readonly SlotResult[];
    readonly sight: FleetSight;
    readonly maxLagS: number;
    readonly result: RunResult;
    readonly desk: WaitingDesk | undefined;
    readonly around: Surroundings;
  },
): Promise<RunEnd> {
  const { results, sight, result } = run;
  const after = hookFailure(result);
  const waiting = run.desk?.rows() ?? null;
  const roads = await tryRoads(context, results, sight, run.around);
  const watch = judgeWatch(await readTurn(await context.stateDir()), context.clock.now());
  const judged = withHooks(judgeSafety(results, sight, run.maxLagS), after);
  const unverified = unverifiedLogins(result.progress);
  const isForgotten = judged.toDemote.length > 0 && !watch.isWatched;
  const reasons = [
    ...roadReasons(roads),
    ...waitingReasons(waiting),
    ...unverifiedReasons(unverified, roads),
    ...(isForgotten ? ['nobody watches for what is owed'] : []),
  ];
  const cutOff = hostsCutOff(result.progress);
  return { safety: withReasons(judged, reasons), after, waiting, roads, watch, cutOff, unverified };
}

async function tryRoads(
  context: Context,
  results: readonly SlotResult[],
  sight: FleetSight,
  around: Surroundings,
): Promise<readonly RoadSight[]> {
  const { stores } = await context.config();
  const { road, testAccount: account } = stores;
  const moved = results.flatMap(({ outcome, decision }) =>
    outcome === 'moved' && decision.kind !== 'demote' && decision.to !== null
      ? [{ slot: decision.slot, host: decision.to }]
      : [],
  );
  const isSet = road.imap !== undefined || road.lmtp !== undefined;
  if (!isSet || account === undefined || moved.length === 0 || context.interruption.finish.aborted) return [];
  const [{ roadTester }, { readPassword }] = await Promise.all([
    import('../../drivers/road/road.js'),
    import('../../config/secret.js'),
  ]);
  (await context.progress()).line('trying the road of people and mail to each slot');
  const tester = roadTester({
    transport: await context.transport(),
    clock: context.clock,
    road,
    recipient: stores.recipient,
    hostNamed: (name) => (name === undefined ? undefined : around.hosts.get(name)) ?? context.thisHost(),
    account: async () => ({ user: account.user, password: readPassword(account) }),
  });
  return tester(roadQuestions(moved, sight, around.driver.masterPorts), context.interruption.abort);
}
