// The screen of `queue connections`: destinations, what is wrong first, each with its hosts where there are several,
// and a sentence for what only the sender can mend.
import { formatIso } from '../../lib/clock.js';
import type { ConnectionRow } from '../../queue/connections.js';
import { connectionColumns } from '../columns/connections.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

/** What it shows. */
export interface ConnectionsScreen {
  readonly rows: readonly ConnectionRow[];
  /** Hosts that were looked at, of how many. */
  readonly read: number;
  readonly asked: number;
  readonly missing: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

const MOST = 15;

/** The lines. */
export function connectionsScreen(screen: ConnectionsScreen, canvas: Canvas): readonly Line[] {
  const { rows, read, asked, missing, now } = screen;
  const open = rows.reduce((sum, row) => sum + row.open, 0);
  const lines: Line[] = [
    [
      { text: 'CONNECTIONS ', tone: 'strong' },
      `${open.toLocaleString('en')} open    ${formatIso(now).slice(11)}  ${read} of ${asked} ${asked === 1 ? 'host' : 'hosts'}`,
    ],
  ];
  if (rows.length === 0) lines.push('no connection is open, and nothing waits');
  lines.push(...canvas.table(rows.slice(0, MOST), connectionColumns, { below: hostLines }));
  if (rows.length > MOST) lines.push(` + ${rows.length - MOST} more destinations (-o tsv has all)`);
  for (const { destination, hosts } of rows.filter(({ verdict }) => verdict === 'sender')) {
    for (const one of hosts.filter(
      (host) => (host.believed ?? 0) > 0 && host.open === 0 && host.waiting > 0,
    )) {
      const text = `${destination}: ${one.waiting.toLocaleString('en')} wait on ${one.host}, 0 connections open, its sender believes ${one.believed}: sender's fault`;
      lines.push(...folded([{ text: '! ', tone: 'bad' }], text, '  '));
    }
  }
  for (const one of missing) lines.push([{ text: '!', tone: 'bad' }, ` ${one}`]);
  return lines;
}

function hostLines({ hosts }: ConnectionRow): readonly Line[] {
  if (hosts.length < 2) return [];
  const parts = hosts.map(
    ({ host, open, believed }) => `${host} ${open}${believed === null ? '' : ` (believes ${believed})`}`,
  );
  return folded(['    '], parts.join(', '), '    ');
}
