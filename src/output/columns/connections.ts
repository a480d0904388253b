// Columns of `queue connections`, a destination a row, and a destination as scripts get it.
import { formatDuration } from '../../lib/duration.js';
import type { ConnectionCount, ConnectionRow } from '../../queue/connections.js';
import type { Column } from './column.js';

/** As JSON. */
export function connectionJson(row: ConnectionRow): object {
  return {
    destination: row.destination,
    verdict: row.verdict,
    ...countJson(row),
    limit: row.limit,
    ipv4: row.ipv4,
    ipv6: row.ipv6,
    states: row.states.map(({ state, count, quietMs }) => ({
      state,
      connections: count,
      longest_quiet_s: secondsOf(quietMs),
    })),
    hosts: row.hosts.map(({ host, ...count }) => ({ host, ...countJson(count) })),
  };
}

const countJson = ({ open, believed, drift, waiting }: ConnectionCount) => ({
  open,
  believed,
  drift,
  waiting,
});

const secondsOf = (ms: number | null) => (ms === null ? null : Math.floor(ms / 1000));

const figure = (number: number | null) => (number === null ? '-' : number.toLocaleString('en'));

/** The words of the last column. */
export function verdictText({ verdict, open, limit }: ConnectionRow): string {
  if (verdict === 'sender') return "sender's fault";
  if (verdict === 'over-limit') return `OVER by ${open - (limit ?? 0)}`;
  return verdict;
}

/** For tsv and the table. */
export const connectionColumns: readonly Column<ConnectionRow>[] = [
  {
    key: 'destination',
    header: 'DESTINATION',
    value: ({ destination }) => destination,
    text: ({ destination }) => destination || '(none)',
    mayCut: true,
  },
  { key: 'open', header: 'OPEN', value: ({ open }) => open, align: 'right' },
  { key: 'limit', header: 'LIMIT', value: ({ limit }) => limit, align: 'right' },
  { key: 'believed', header: 'BELIEVED', value: ({ believed }) => believed, align: 'right' },
  {
    key: 'drift',
    header: 'DRIFT',
    value: ({ drift }) => drift,
    text: ({ drift }) => (drift === null ? '-' : drift > 0 ? `+${drift}` : String(drift)),
    align: 'right',
  },
  {
    key: 'waiting',
    header: 'WAITING',
    value: ({ waiting }) => waiting,
    text: ({ waiting }) => figure(waiting),
    align: 'right',
  },
  {
    key: 'states',
    header: 'STATES, LONGEST QUIET',
    value: ({ states }) => states.map(({ state, count }) => `${state}=${count}`).join(',') || null,
    text: ({ states }) =>
      states
        .map(
          ({ state, count, quietMs }) =>
            `${count} ${state}${quietMs === null ? '' : ` ${formatDuration(quietMs)}`}`,
        )
        .join(', ') || '-',
    mayCut: true,
  },
  {
    key: 'verdict',
    header: 'VERDICT',
    value: ({ verdict }) => verdict,
    text: verdictText,
    tone: ({ verdict }) => (verdict === 'ok' ? 'good' : verdict === 'drift' ? 'warn' : 'bad'),
  },
  {
    key: 'longest_quiet_s',
    header: 'QUIET',
    value: ({ states }) => {
      const known = states.flatMap(({ quietMs }) => (quietMs === null ? [] : [quietMs]));
      return known.length === 0 ? null : Math.floor(Math.max(...known) / 1000);
    },
    inTable: false,
  },
  { key: 'ipv4', header: 'IPV4', value: ({ ipv4 }) => ipv4, inTable: false },
  { key: 'ipv6', header: 'IPV6', value: ({ ipv6 }) => ipv6, inTable: false },
  {
    key: 'hosts',
    header: 'HOSTS',
    value: ({ hosts }) => hosts.map(({ host, open }) => `${host}=${open}`).join(','),
    inTable: false,
  },
];
