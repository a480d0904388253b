// The screen of `slots show`: one slot with all that is known of it. What is wrong stands in the first two lines;
// facts that are as they should be take one line a host.

import { formatIso } from '../../lib/clock.js';
import { grouped } from '../../lib/count-text.js';
import { formatDuration } from '../../lib/duration.js';
import { formatSize } from '../../lib/size.js';
import type { ReplicaView, SlotView } from '../../slot/analysis.js';
import type { ChannelState, InstanceState, Lease, Service } from '../../slot/driver.js';
import type { OpenLane, Owed } from '../../slot/lane-record.js';
import type { Sample } from '../../slot/samples.js';
import type { Instance, Slot } from '../../slot/slot.js';
import type { Column } from '../columns/column.js';
import type { Line, Tone } from '../line.js';
import type { Canvas } from '../output.js';
import { levelOf, withoutPrefix } from './slots.js';

/** An instance with all that is known of it. */
export interface InstanceDetail {
  readonly instance: Instance;
  /** By the directory. */
  readonly directoryRole: 'master' | 'replica';
  /** The instance's own, else the host's; null: ssh knows it, we do not. */
  readonly address: string | null;
  /** null: its host did not answer, or told nothing of it; `error` says why. */
  readonly state: InstanceState | null;
  readonly error: string | null;
  /** Its replication logs; `replica` is the host of this slot that a log goes to. */
  readonly channels: readonly { readonly channel: ChannelState; readonly replica: string | null }[];
  /** Lines of its lane file that cannot be read. */
  readonly malformedLines: number;
  /** What its version of the software cannot do; absent or null: the version is not known. */
  readonly lacks?: readonly string[] | null;
}

/** A slot with all that is known of it. */
export interface SlotDetail {
  readonly slot: Slot;
  readonly view: SlotView;
  readonly instances: readonly InstanceDetail[];
  /** A lane that was not given back. */
  readonly open: OpenLane | null;
  readonly owed: readonly Owed[];
  /** Stored before this look, oldest first. */
  readonly samples: readonly Sample[];
  /** Ready to paste, and what it is for. */
  readonly next: { readonly command: string; readonly purpose: string };
}

const TONES: { readonly [level in ReturnType<typeof levelOf>]: Tone } = {
  CRIT: 'bad',
  WARN: 'warn',
  UNKN: 'warn',
  ok: 'good',
};

/** Samples that are shown for each replica. */
const HISTORY = 4;

/** The screen of one slot; `now` in milliseconds since 1970. */
export function slotShowScreen(detail: SlotDetail, now: number, canvas: Canvas): readonly Line[] {
  const { slot, view, instances, next } = detail;
  const level = levelOf(view);
  const seen = instances.filter((one) => one.state !== null).length;
  const lines: Line[] = [
    [
      `SLOT ${slot.slot}  `,
      { text: level === 'ok' ? 'ok' : `${level} ${view.verdict.replaceAll('-', ' ')}`, tone: TONES[level] },
      `   ${formatIso(now).slice(11)}  ${seen} of ${instances.length} hosts`,
    ],
  ];
  if (view.why !== '') lines.push(...wrapped(['why   ', view.why.split(' ')], ' ', canvas.width));
  if (slot.state !== 'normal') lines.push(`state ${slot.state} by the directory`);
  lines.push(...canvas.table(instances, instanceColumns));
  for (const one of instances) lines.push(...problems(one));
  lines.push(...versionLines(instances, canvas.width));
  for (const replica of view.replicas) lines.push(...replicaLines(replica, detail, now, canvas.width));
  for (const one of instances) {
    if (one.state !== null) lines.push(...portLines(one.instance.host, one.state.services, canvas.width));
  }
  for (const one of instances) lines.push(...logLines(one));
  lines.push(...leaseLines(instances, canvas.width));
  lines.push(...laneLines(detail, canvas.width));
  lines.push(...historyLines(detail, now, canvas));
  lines.push(`next  ${next.command}${next.purpose === '' ? '' : `   ${next.purpose}`}`);
  return lines;
}

const instanceColumns: readonly Column<InstanceDetail>[] = [
  { key: 'host', header: 'HOST', value: ({ instance }) => instance.host },
  { key: 'directory_role', header: 'DIRECTORY', value: ({ directoryRole }) => directoryRole },
  {
    key: 'role',
    header: 'RUNS AS',
    value: ({ state }) => runsAs(state),
    tone: ({ state, directoryRole }) =>
      state?.running === true && state.role === directoryRole ? undefined : 'warn',
  },
  {
    key: 'configured_role',
    header: 'BOOTS AS',
    value: ({ state }) => state?.configuredRole ?? '?',
    tone: ({ state, directoryRole }) => (state?.configuredRole === directoryRole ? undefined : 'warn'),
  },
  { key: 'instance', header: 'INSTANCE', value: ({ instance }) => instance.instance, mayCut: true },
  { key: 'address', header: 'ADDRESS', value: ({ address }) => address, mayCut: true },
  {
    key: 'free_bytes',
    header: 'FREE',
    value: ({ state }) =>
      state?.freeBytes === undefined || state.freeBytes === null ? '?' : formatSize(state.freeBytes),
    align: 'right',
  },
];

/** `master`, `replica, not started`, `stopped`, `?`. */
export function runsAs(state: InstanceState | null): string {
  if (state === null || state.running === null) return '?';
  if (!state.running) return 'stopped';
  return `${state.role ?? '?'}${state.started ? '' : ', not started'}`;
}

/** What a failover, a drain or reading elsewhere would miss. */
const NEEDED: readonly string[] = ['daemon', 'onePass', 'readonly'];

/** Only where it matters: versions that differ, and what one of them lacks. */
function versionLines(instances: readonly InstanceDetail[], width: number): readonly Line[] {
  const known = instances.filter(({ state }) => state?.version != null);
  const versions = new Set(known.map(({ state }) => state?.version));
  const isLacking = known.some(({ lacks }) => lacks?.some((one) => NEEDED.includes(one)) === true);
  if (versions.size < 2 && !isLacking) return [];
  const words = known.map(({ instance, state, lacks }) => {
    const missing = (lacks ?? []).filter((one) => NEEDED.includes(one));
    return `${instance.host} ${state?.version}${missing.length === 0 ? '' : ` without ${missing.join(' and ')}`}`;
  });
  return wrapped(['cyrus ', words], ', ', width);
}

function problems({ instance, state, error, malformedLines }: InstanceDetail): readonly Line[] {
  const lines: Line[] = [];
  const say = (text: string) =>
    lines.push([{ text: instance.host, tone: 'bad' }, `  ${withoutPrefix(text, instance.host)}`]);
  if (error !== null) say(error);
  if (state?.problem != null) say(state.problem);
  if (malformedLines > 0)
    say(`${malformedLines === 1 ? '1 line' : `${malformedLines} lines`} of its lane file cannot be read`);
  return lines;
}

/** How far a replica is: the figure, the moment that it is true of, and whether anything sends. */
function replicaLines(replica: ReplicaView, detail: SlotDetail, now: number, width: number): readonly Line[] {
  const master = detail.instances.find((one) => one.instance.host === detail.view.master.host);
  const channel = master?.channels.find((one) => one.replica === replica.host)?.channel;
  const at = replica.observedAt === null ? '' : ` at ${shortTime(replica.observedAt * 1000, now)}`;
  const behind = replica.lagS === null ? [] : [`${formatDuration(replica.lagS * 1000)} behind${at}`];
  const waiting =
    replica.pendingEvents === null
      ? []
      : [replica.pendingEvents === 0 ? 'nothing waits' : `${grouped(replica.pendingEvents)} events wait`];
  const sender =
    channel === undefined ? [] : [channel.clientAlive ? 'sync_client runs' : 'no sync_client runs'];
  const why = replica.freshness === 'fresh' ? null : replica.reason;
  const words = [...(why === null ? [] : [why]), ...behind, ...waiting, ...sender];
  words[0] = `${replica.freshness}: ${words[0] ?? 'never seen'}`;
  return wrapped([`lag   ${replica.host}  `, words], ', ', width);
}

/** `ports imap21  192.0.2.21: imap 143, lmtp 24; SILENT sieve 4190`. */
function portLines(host: string, services: readonly Service[], width: number): readonly Line[] {
  const tcp = services.filter((service) => service.port !== undefined);
  const addresses = new Set(tcp.map((service) => service.address));
  const [only] = addresses.size === 1 ? [...addresses] : [undefined];
  const words = services.map((service) => {
    const place =
      service.port === undefined
        ? service.address || 'unix socket'
        : only === undefined
          ? `${service.address === '' ? '*' : service.address}:${service.port}`
          : String(service.port);
    return `${service.name} ${place}${service.listening ? '' : ' SILENT'}`;
  });
  if (words.length === 0) return [];
  const at = only === undefined ? '' : `${only === '' ? 'all addresses' : only}: `;
  return wrapped([`ports ${host}  ${at}`, words], ', ', width);
}

/** What no replica of this slot takes: quarantined events, and logs left from another time. */
function logLines({ instance, directoryRole, state, channels }: InstanceDetail): readonly Line[] {
  if (state === null) return [];
  const lines: Line[] = [];
  const age = (birth: number | null) =>
    birth === null ? '' : `, the oldest ${formatDuration((state.at - birth) * 1000)} old`;
  const { files, events, oldestBirth } = state.quarantined;
  if (files > 0) {
    lines.push([
      { text: `quarantined on ${instance.host}: `, tone: 'bad' },
      `${grouped(events)} events in ${files} ${files === 1 ? 'file' : 'files'}${age(oldestBirth)}`,
    ]);
  }
  for (const { channel, replica } of channels) {
    if (!channel.pending || (directoryRole === 'master' && replica !== null)) continue;
    const name = channel.channel === '' ? '' : ` ${channel.channel}`;
    const events = `${grouped(channel.events)} events${age(channel.oldestBirth)}`;
    lines.push([
      { text: `log${name} on ${instance.host}: `, tone: 'warn' },
      `${events}; it goes to no replica of this slot`,
    ]);
  }
  if (directoryRole === 'master' && !state.logging)
    lines.push(`${instance.host} keeps no replication log (sync_log is off)`);
  return lines;
}

/** Leases that are held or were left, each once with its hosts. */
function leaseLines(instances: readonly InstanceDetail[], width: number): readonly Line[] {
  const byRun = new Map<string, { readonly lease: Lease; readonly left: number; readonly hosts: string[] }>();
  for (const { instance, state } of instances) {
    const lease = state?.lease;
    if (state === null || lease == null || lease.run === undefined) continue;
    const known = byRun.get(lease.run);
    if (known === undefined)
      byRun.set(lease.run, { lease, left: lease.expires - state.at, hosts: [instance.host] });
    else known.hosts.push(instance.host);
  }
  return [...byRun.values()].flatMap(({ lease, left, hosts }) => {
    const end =
      left > 0 ? `expires in ${formatDuration(left * 1000)}` : `expired ${formatDuration(-left * 1000)} ago`;
    const words = [
      `run ${lease.run} of ${lease.operator} on ${lease.bastion}`,
      lease.phase,
      end,
      `on ${hosts.join(' and ')}`,
    ];
    return wrapped(['lease ', words], ', ', width);
  });
}

function laneLines({ open, owed }: SlotDetail, width: number): readonly Line[] {
  const lines: Line[] = [];
  if (open !== null) {
    const words = [
      `open: run ${open.run} of ${open.operator} on ${open.bastion}`,
      `${open.from} to ${open.to}`,
      `begun ${open.at}`,
      ...(open.began.length === 0 ? [] : [`last step ${open.began.at(-1)}`]),
    ];
    lines.push(...wrapped(['lane  ', words], ', ', width));
  }
  for (const one of owed) {
    const words = [`${one.host}: ${one.steps.join(', ')}`, `since ${one.at}`, `run ${one.run}`];
    lines.push(...wrapped(['owed  ', words], ', ', width));
  }
  return lines;
}

const historyColumns: readonly Column<Sample & { readonly now: number }>[] = [
  { key: 'seen_at', header: 'HISTORY', value: (sample) => shortTime(sample.seenAt, sample.now) },
  { key: 'host', header: 'OF', value: (sample) => `${sample.host} to ${sample.channel}`, mayCut: true },
  { key: 'lag_s', header: 'LAG', value: lagText, align: 'right' },
  {
    key: 'pending_events',
    header: 'EVENTS',
    value: (sample) => (sample.pendingEvents === null ? '?' : grouped(sample.pendingEvents)),
    align: 'right',
  },
  {
    key: 'quarantined',
    header: 'QUARANTINED',
    value: (sample) => (sample.quarantined === null ? '?' : grouped(sample.quarantined)),
    align: 'right',
  },
  {
    key: 'problem',
    header: 'NOTE',
    value: (sample) => sample.problem ?? (sample.replicating === false ? 'no sync_client' : ''),
    mayCut: true,
  },
];

/** The newest stored observations of each log, the newest first. */
function historyLines({ samples }: SlotDetail, now: number, canvas: Canvas): readonly Line[] {
  const byLog = new Map<string, Sample[]>();
  for (const sample of samples) {
    if (sample.channel === '') continue;
    const key = `${sample.host}\n${sample.channel}`;
    byLog.set(key, [...(byLog.get(key) ?? []), sample]);
  }
  const rows = [...byLog.values()].flatMap((log) => log.slice(-HISTORY).reverse());
  rows.sort((a, b) => b.seenAt - a.seenAt);
  return canvas.table(
    rows.map((sample) => ({ ...sample, now })),
    historyColumns,
  );
}

/** Seconds of a sample's lag: 0 when nothing waited; null: not known. */
export function sampleLag({ at, pendingEvents, oldestBirth }: Sample): number | null {
  if (pendingEvents === 0) return 0;
  return pendingEvents === null || oldestBirth === null ? null : Math.max(0, at - oldestBirth);
}

function lagText(sample: Sample): string {
  const lag = sampleLag(sample);
  return lag === null ? '?' : formatDuration(lag * 1000);
}

/** `04:20:11Z`, with its date when that is another day than today. */
export function shortTime(ms: number, now: number): string {
  if (!Number.isFinite(ms)) return '?';
  const iso = formatIso(ms);
  return iso.slice(0, 10) === formatIso(now).slice(0, 10) ? iso.slice(11) : iso;
}

/** Words after a head, broken between words and indented by six. A word is never cut. */
export function wrapped(
  [head, words]: readonly [head: string, words: readonly string[]],
  joint: string,
  width: number,
): readonly string[] {
  const lines: string[] = [];
  let line = head;
  let isFirst = true;
  for (const [index, word] of words.entries()) {
    const piece = `${word}${index < words.length - 1 ? joint : ''}`;
    if (!isFirst && line.length + piece.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = `      ${piece}`;
    } else {
      line += piece;
    }
    isFirst = false;
  }
  return [...lines, line.trimEnd()];
}
