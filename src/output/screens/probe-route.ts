// The screen of `probe route`: each uplink's verdict and hops, the last good one marked, then where the bad ways part
// from the good. Names are strangers' words: escaped by whoever renders the lines.
import type { Target } from '../../probe/observation.js';
import { type HopRow, PACKETS, type RoutedUplink, routeRows } from '../columns/probe-route.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';

/** The lines. */
export function routeScreen(
  target: Target,
  routes: readonly RoutedUplink[],
  tookMs: number,
): readonly Line[] {
  const server = target.host === null ? target.address : `${target.host} ${target.address}`;
  const lines: Line[] = [
    [
      { text: 'ROUTE ', tone: 'strong' },
      `${server} port ${target.port}  ${routes.length} uplink${routes.length === 1 ? '' : 's'}  ${(tookMs / 1000).toFixed(1)}s`,
    ],
  ];
  for (const routed of routes) lines.push(...wayLines(routed));
  for (const routed of routes) lines.push(...findingLines(routed));
  return lines;
}

function wayLines(routed: RoutedUplink): readonly Line[] {
  const { uplink, verdict, source, located } = routed;
  const isBad = verdict !== null && verdict.verdict !== 'ok';
  const by = source === null ? '' : ` (${source})`;
  const said = verdict === null ? '' : ` ${verdict.summary}`;
  const word = verdict === null ? 'traced' : isBad ? verdict.verdict.toUpperCase() : 'ok';
  const head = [`${uplink}${by}  `, { text: word, tone: isBad ? ('bad' as const) : ('good' as const) }];
  const rows = routeRows(routed);
  const width = Math.min(39, Math.max(0, ...rows.map(({ addresses }) => (addresses[0] ?? '').length)));
  const lines: Line[] = [...folded(head, isBad ? said : '', '        ')];
  for (const row of rows) lines.push(hopLine(row, width));
  for (const limit of located.route.limits) lines.push(...folded(['  '], limit, '  '));
  return lines;
}

function hopLine(row: HopRow, width: number): Line {
  const { addresses, names, ttl, rttMs, isLast, mark } = row;
  const place = isLast ? '>' : ' ';
  if (addresses.length === 0) return [`${place}${String(ttl).padStart(3)}  `, { text: '*', tone: 'dim' }];
  const time = rttMs === null ? '' : `${rttMs < 10 ? rttMs.toFixed(1) : Math.round(rttMs)} ms`;
  const name = names.find((one) => one !== null) ?? '';
  const more = [
    ...addresses.slice(1).map((one) => `and ${one}`),
    ...(mark === null ? [] : [mark]),
    ...silentFor(row),
    ...(row.isShared ? ['shared'] : []),
  ].join('; ');
  return [
    `${place}${String(ttl).padStart(3)}  ${(addresses[0] ?? '').padEnd(width)} ${time.padStart(7)}  ${name}`,
    { text: more === '' ? '' : `${name === '' ? '' : '  '}${more}`, tone: 'dim' },
  ];
}

function silentFor({ answers }: HopRow): readonly string[] {
  const kinds = Object.keys(answers).filter((kind) => answers[kind] === false && kind !== 'small');
  return kinds.length === 0 ? [] : [`not for ${kinds.map((kind) => PACKETS[kind] ?? kind).join(', ')}`];
}

function findingLines({ uplink, verdict, located, parting }: RoutedUplink): readonly Line[] {
  if (verdict === null || verdict.verdict === 'ok') return [];
  const { hop, why } = located.finding;
  const head = [{ text: 'HOP     ', tone: 'warn' as const }, `${uplink}: `];
  if (hop === null) return folded(head, `not found: ${why}`, '        ');
  const where = `last good hop ${hop.ttl} ${hop.name === null ? '' : `${hop.name} `}${hop.address}: ${hop.evidence}`;
  const joins = parting?.joins ?? null;
  const own =
    joins === null
      ? []
      : hop.ttl < joins.ttl
        ? folded(
            ['        '],
            `in its own part: from hop ${joins.ttl} on ${joins.with.join(', ')}, which work, go the same way`,
            '        ',
          )
        : folded(
            ['        '],
            `in a part that ${joins.with.join(', ')}, which work, share: see there first`,
            '        ',
          );
  return [...folded(head, where, '        '), ...own];
}
