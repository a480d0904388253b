// Columns of a drain's destinations, and of its queues. A destination's name comes from recipients and is hostile.
import type { DestinationSight } from '../../drain/controller.js';
import type { DrainLaneStatus } from '../../drain/status.js';
import { formatRate } from '../../lib/rate.js';
import type { Column } from './column.js';

const percent = (share: number): string => `${Math.round(share * 1000) / 10}%`;

export const drainColumns: readonly Column<DestinationSight>[] = [
  {
    key: 'destination',
    header: 'DESTINATION',
    value: (row) => row.destination || '(no domain)',
    mayCut: true,
  },
  { key: 'left', header: 'LEFT', value: (row) => row.left, align: 'right' },
  { key: 'window', header: 'WINDOW', value: (row) => row.window, align: 'right' },
  { key: 'in_flight', header: 'IN-FLIGHT', value: (row) => row.inFlight, align: 'right' },
  {
    key: 'open',
    header: 'OPEN/LIM',
    value: (row) => row.open,
    text: (row) => `${row.open ?? '?'}/${row.limit.connections}`,
    tone: (row) => (row.open !== null && row.open > row.limit.connections ? 'bad' : undefined),
    align: 'right',
  },
  {
    key: 'rate_per_s',
    header: 'RATE',
    value: (row) => row.perSecond,
    text: (row) =>
      `${Math.round(row.perSecond * 10) / 10}/s${row.limit.perSecond === null ? '' : ` of ${formatRate(row.limit.perSecond)}`}`,
    align: 'right',
  },
  {
    key: 'pushed_back',
    header: 'PUSHBACK',
    value: (row) => row.share,
    text: (row) => percent(row.share),
    tone: (row) => (row.share > 0.1 ? 'warn' : undefined),
    align: 'right',
  },
  {
    key: 'state',
    header: 'STATE',
    value: (row) => row.state,
    text: (row) => (row.state === 'halved' || row.state === 'stopped' ? row.state.toUpperCase() : row.state),
    tone: (row) => (row.state === 'stopped' ? 'bad' : row.state === 'halved' ? 'warn' : undefined),
  },
];

export const drainLaneColumns: readonly Column<DrainLaneStatus>[] = [
  { key: 'run', header: 'RUN', value: (row) => row.run },
  { key: 'host', header: 'HOST', value: (row) => row.host },
  { key: 'queue', header: 'QUEUE', value: (row) => row.queue },
  {
    key: 'state',
    header: 'STATE',
    value: (row) => row.state,
    tone: (row) => (row.state === 'dead' ? 'bad' : row.state === 'done' ? 'good' : undefined),
  },
  { key: 'total', header: 'TOTAL', value: ({ counts }) => counts.total, align: 'right' },
  { key: 'released', header: 'RELEASED', value: ({ counts }) => counts.released, align: 'right' },
  { key: 'delivered', header: 'DELIVERED', value: ({ counts }) => counts.delivered, align: 'right' },
  { key: 'deferred', header: 'DEFERRED', value: ({ counts }) => counts.deferred, align: 'right' },
  { key: 'bounced', header: 'BOUNCED', value: ({ counts }) => counts.bounced, align: 'right' },
  { key: 'held', header: 'HELD', value: ({ counts }) => counts.held, align: 'right' },
  {
    key: 'rate_per_s',
    header: 'RATE',
    value: (row) => Math.round(row.perSecond * 10) / 10,
    text: (row) => `${Math.round(row.perSecond * 10) / 10}/s`,
    align: 'right',
  },
  {
    key: 'eta_s',
    header: 'ETA',
    value: (row) => (row.eta === null ? null : Math.round(row.eta.most)),
    align: 'right',
  },
  { key: 'doing', header: 'DOING', value: (row) => (row.doing === '' ? null : row.doing), mayCut: true },
];
