// The ways of `probe route` as columns and as JSON: one row per hop of each way, and which packets reached it.
import type { UplinkVerdict } from '../../probe/judge.js';
import type { Located } from '../../probe/locate.js';
import type { HopSeen, PathSeen } from '../../probe/observation.js';
import type { Parting } from '../../probe/parting.js';
import type { Column } from './column.js';

/** One uplink's way, judged, traced and compared. */
export interface RoutedUplink {
  readonly uplink: string;
  readonly from: string;
  readonly source: string | null;
  /** Null: not looked at before the trace. */
  readonly verdict: UplinkVerdict | null;
  readonly located: Located;
  readonly parting: Parting | null;
}

/** One hop of one way. */
export interface HopRow {
  readonly uplink: string;
  readonly ttl: number;
  readonly addresses: readonly string[];
  readonly names: readonly (string | null)[];
  readonly rttMs: number | null;
  readonly mark: string | null;
  /** Which packets it answered for; those that were not sent are absent. */
  readonly answers: Readonly<Record<string, boolean>>;
  /** Packets that meet the fault come no farther. */
  readonly isLast: boolean;
  /** Working uplinks that go by it as well. */
  readonly isShared: boolean;
}

/** Rows of tsv and ndjson. */
export const hopColumns: readonly Column<HopRow>[] = [
  { key: 'uplink', header: 'UPLINK', value: ({ uplink }) => uplink },
  { key: 'ttl', header: 'HOP', value: ({ ttl }) => ttl, align: 'right' },
  { key: 'address', header: 'ADDRESS', value: ({ addresses }) => addresses.join(' ') || null },
  { key: 'name', header: 'NAME', value: ({ names }) => names.find((name) => name !== null) ?? null },
  { key: 'rtt_ms', header: 'MS', value: ({ rttMs }) => rounded(rttMs), align: 'right' },
  { key: 'mark', header: 'MARK', value: ({ mark }) => mark },
  {
    key: 'silent_for',
    header: 'SILENT FOR',
    value: ({ answers }) =>
      Object.keys(answers)
        .filter((kind) => answers[kind] === false)
        .join(' ') || null,
  },
  { key: 'last', header: 'LAST', value: ({ isLast }) => isLast },
  { key: 'shared', header: 'SHARED', value: ({ isShared }) => isShared },
];

const rounded = (ms: number | null) => (ms === null ? null : Math.round(ms * 10) / 10);

/** What each trace sent, in an operator's words. */
export const PACKETS: Readonly<Record<string, string>> = {
  small: 'small packets',
  big: 'large packets',
  begun: 'beginnings of connections',
  inFlow: 'connections that stand still',
};

/** The hops of a way. */
export function routeRows({ uplink, located, parting }: RoutedUplink): readonly HopRow[] {
  const { route, finding } = located;
  const paths = Object.entries({
    small: route.small,
    big: route.big,
    begun: route.begun,
    inFlow: route.inFlow,
  });
  const sent = paths.filter((entry): entry is [string, PathSeen] => entry[1] !== null);
  const last = Math.max(0, ...sent.map(([, path]) => path.hops.at(-1)?.ttl ?? 0));
  return Array.from({ length: last }, (_, index): HopRow => {
    const ttl = index + 1;
    const hops = sent.flatMap(([kind, path]): [string, HopSeen][] => {
      const hop = path.hops[index];
      return hop === undefined ? [] : [[kind, hop]];
    });
    const best = hops.find(([, { addresses }]) => addresses.length > 0)?.[1];
    return {
      uplink,
      ttl,
      addresses: [...new Set(hops.flatMap(([, { addresses }]) => addresses))],
      names: best?.names ?? [],
      rttMs: best?.rttMs ?? null,
      mark: hops.find(([, { mark }]) => mark !== null)?.[1].mark ?? null,
      answers: Object.fromEntries(
        sent.map(([kind, path]) => [kind, (path.hops[index]?.addresses.length ?? 0) > 0]),
      ),
      isLast: finding.hop?.ttl === ttl,
      isShared: parting?.shared.includes(ttl) ?? false,
    };
  });
}

/** The document's fields of a way. */
export function routeJson(routed: RoutedUplink): object {
  const { uplink, from, source, verdict, located, parting } = routed;
  const { route, finding, symptom } = located;
  const pathJson = (path: PathSeen | null) =>
    path === null
      ? null
      : {
          how: path.how,
          size: path.size,
          reached: path.reached,
          took_ms: Math.round(path.tookMs),
          hops: path.hops.map(({ rttMs, ...hop }) => ({ ...hop, rtt_ms: rounded(rttMs) })),
        };
  return {
    uplink,
    family: route.family,
    from,
    source,
    verdict: verdict?.verdict ?? null,
    summary: verdict?.summary ?? null,
    looked_for: symptom.kind,
    hop: finding.hop,
    no_hop_because: finding.why,
    own_hops: parting?.own ?? null,
    shared_hops: parting?.shared ?? null,
    joins: parting?.joins ?? null,
    small: pathJson(route.small),
    large: pathJson(route.big),
    beginnings: pathJson(route.begun),
    in_flow: pathJson(route.inFlow),
    pings: route.pings,
    limits: route.limits,
    took_ms: Math.round(located.tookMs),
  };
}
