// The way that people and mail take to a slot, as tried by the test account at the end of a failover: a login through
// the frontend, a recipient accepted from the MX. What is not configured is not tried, and is said so. Pure.
import type { StoreDriver } from './driver.js';
import { type FleetSight, stateOf } from './sight.js';
import { instanceOn, type Slot } from './slot.js';

/** What is asked of one slot; null: not asked. */
export interface RoadQuestion {
  readonly slot: string;
  /** Where its master takes mail, as the MX reaches it. */
  readonly lmtp: { readonly address: string; readonly port: number } | null;
}

/** One way, tried. */
export interface RoadAnswer {
  readonly ok: boolean;
  /** Whom it went through: `imap.example.net`, `mx1`. */
  readonly via: string;
  /** What was said last, raw; of a failure its reason. */
  readonly detail: string;
}

/** Both ways to one slot; null: not configured, or not known where to. */
export interface RoadSight {
  readonly slot: string;
  readonly imap: RoadAnswer | null;
  readonly lmtp: RoadAnswer | null;
}

/** Tries the roads to slots. A way that cannot be tried is an answer that is not ok. */
export type TryRoads = (
  questions: readonly RoadQuestion[],
  signal?: AbortSignal,
) => Promise<readonly RoadSight[]>;

/** The questions about slots as their new masters serve them. */
export function roadQuestions(
  slots: readonly { readonly slot: Slot; readonly host: string }[],
  sight: FleetSight,
  masterPorts: StoreDriver['masterPorts'],
): readonly RoadQuestion[] {
  return slots.map(({ slot, host }) => {
    const state = stateOf(sight, slot.slot, host);
    const port = (state === undefined ? [] : masterPorts(state)).find(({ kind }) => kind === 'lmtp');
    const isAny = port === undefined || ['', '*', '0.0.0.0', '::', '[::]'].includes(port.address);
    const own = instanceOn(slot, host)?.address ?? sight.get(host)?.host.address ?? host;
    const lmtp = port === undefined ? null : { address: isAny ? own : port.address, port: port.port };
    return { slot: slot.slot, lmtp };
  });
}

/** What speaks against leaving. */
export function roadReasons(sights: readonly RoadSight[]): readonly string[] {
  const failed = (kind: 'imap' | 'lmtp') => sights.filter((one) => one[kind]?.ok === false);
  const names = (of: readonly RoadSight[]) =>
    of.length <= 3 ? of.map(({ slot }) => slot).join(', ') : `${of.length} slots`;
  const [imap, lmtp] = [failed('imap'), failed('lmtp')];
  return [
    ...(imap.length > 0 ? [`no login to ${names(imap)} through ${imap[0]?.imap?.via}`] : []),
    ...(lmtp.length > 0 ? [`${lmtp[0]?.lmtp?.via} hands no mail over to ${names(lmtp)}`] : []),
  ];
}
