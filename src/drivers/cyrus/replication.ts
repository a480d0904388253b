// From what the replication script printed to what is known of an instance's replication. Pure. Lines of logs and of
// the system log are hostile text; what cannot be told is null or `waiting`, never "it works".
import type {
  ChannelLook,
  PendingUsers,
  QuarantinedFile,
  ReplicationLook,
  SenderMotion,
} from '../../slot/replication-look.js';
import type { Instance } from '../../slot/slot.js';
import { parseLogLine, userOfMailbox } from './log-lines.js';
import { birthOf, clientChannel, type Records } from './observe.js';
import type { InstancePaths } from './paths.js';

/** Users that are kept by name, the most events first. */
const MOST_USERS = 5000;
/** Wakes in the 0.7 s between the looks above which a sender is at work; one that waits has one or two. */
const BUSY_WAKES = 20;
/** Seconds that one file may take before a sender that is at work on it is called busy. */
const BUSY_S = 30;

/** What is known of the whole host beside its instances: from its system log. */
export interface HostLog {
  /** Failures on a log file between the looks. */
  readonly failing: ReadonlyMap<string, number>;
  readonly complaints: ReadonlyMap<string, string>;
  /** The mailbox that a log file fails on, as sync_client names it: `user.ann 'Bad protocol'`. */
  readonly culprits: ReadonlyMap<string, string>;
  /** What masters said of services that they have given up, by pid. */
  readonly disabled: ReadonlyMap<string, readonly string[]>;
}

/** The host's records. */
export function parseHostLog(records: Records): HostLog {
  const failing = new Map<string, number>();
  const complaints = new Map<string, string>();
  const culprits = new Map<string, string>();
  const disabled = new Map<string, string[]>();
  for (const [key, a = '', b = '', c = ''] of records) {
    if (key === 'failing') failing.set(b, Number(a) || 0);
    if (key === 'complaint' && b !== '') complaints.set(a, [b, c].filter((part) => part !== '').join(' '));
    if (key === 'culprit' && b !== '') culprits.set(a, b);
    if (key === 'disabled') disabled.set(a, [...(disabled.get(a) ?? []), b]);
  }
  return { failing, complaints, culprits, disabled };
}

/** One instance's records. */
export function parseReplication(
  instance: Instance,
  paths: InstancePaths,
  records: Records,
  at: number,
  hostLog: HostLog,
): ReplicationLook {
  const sync = `${paths.configDir}/sync/`;
  const channelOf = (file: string) => file.slice(sync.length).split('/').slice(0, -1).join('/');
  const isOurs = (file: string | undefined): file is string => file?.startsWith(sync) === true;
  const of = (key: string) => records.filter((record) => record[0] === key);
  const statx = new Map(of('statx').map(([, birth, file = '']) => [file, birthOf(birth)]));
  const files = of('file')
    .map(([, birth, changed, inode = '', file]) => ({ birth, changed, inode, file }))
    .filter((one): one is typeof one & { file: string } => isOurs(one.file));
  const pid = of('pid')[0]?.[1];
  const kids = of('kid').map(([, look, kid = '', woke, cmd = '']) => ({
    look: Number(look),
    pid: kid,
    woke: Number(woke) || 0,
    channel: clientChannel(cmd),
  }));
  const channels = new Set([...files.map(({ file }) => channelOf(file)), ...kids.map((kid) => kid.channel)]);
  const again = new Map(of('again').map(([, inode = '', file = '']) => [file, inode]));

  const hasGivenUp = (hostLog.disabled.get(pid ?? '') ?? []).length > 0;
  const lookAt = (channel: string): ChannelLook => {
    const own = files.filter(({ file }) => channelOf(file) === channel);
    const births = own.map(({ birth, file }) => birthOf(birth) ?? statx.get(file) ?? null);
    const isKnown = births.length > 0 && !births.includes(null);
    const pending = pendingOf(own.map(({ file }) => linesOf(records, file)));
    const runFile = own.find(({ file }) => file.endsWith('/log-run'));
    const oldestBirth = isKnown ? Math.min(...(births as number[])) : null;
    const senders = (look: number) => kids.filter((kid) => kid.look === look && kid.channel === channel);
    const isSame = runFile !== undefined && again.get(runFile.file) === runFile.inode;
    const failures = runFile === undefined ? 0 : (hostLog.failing.get(runFile.file) ?? 0);
    return {
      channel,
      events: pending.events,
      oldestBirth,
      birthBy: !isKnown ? null : own.some(({ birth }) => birthOf(birth) === null) ? 'statx' : 'birth',
      pending: pending.users,
      motion: motionOf({
        isPending: own.length > 0,
        isSame,
        failures,
        before: senders(1),
        after: runFile === undefined ? senders(1) : senders(2),
        ageS: runFile === undefined ? 0 : at - (birthOf(runFile.birth) ?? statx.get(runFile.file) ?? at),
        isGivenUp: hasGivenUp,
      }),
      complaint: runFile === undefined ? null : (hostLog.complaints.get(runFile.file) ?? null),
      stuckAt: runFile === undefined ? null : stuckAt(hostLog.culprits.get(runFile.file)),
    };
  };
  const quarantined = of('bad').flatMap(([, birth, file]): readonly QuarantinedFile[] => {
    if (!isOurs(file)) return [];
    const { events, users } = pendingOf([linesOf(records, file)]);
    return [{ file: file.split('/').at(-1) ?? '', events, birth: birthOf(birth), pending: users }];
  });
  return {
    slot: instance.slot,
    host: instance.host,
    at,
    channels: [...channels].sort().map(lookAt),
    hasGivenUp,
    quarantined,
    skipped: of('skip').flatMap(([, file]) => {
      if (!isOurs(file)) return [];
      const user = (file.split('/').at(-1) ?? '').slice('skipuser-'.length);
      return user === '' ? [] : [{ channel: channelOf(file), user }];
    }),
    problem: of('end').length > 0 ? null : 'what was seen of its replication is cut off',
  };
}

/** Whose mailbox `user.ann.Sent Items 'Bad protocol'` is; a shared one by its name. */
function stuckAt(culprit: string | undefined): string | null {
  if (culprit === undefined) return null;
  const mailbox = culprit.replace(/\s+'[^']*'?$/, '').trim();
  return userOfMailbox(mailbox) ?? (mailbox === '' ? null : mailbox);
}

interface Sender {
  readonly pid: string;
  readonly woke: number;
}

/** Does a channel's sender get on, by two looks at it? */
export function motionOf(seen: {
  readonly isPending: boolean;
  /** The file at work is the same at the second look. */
  readonly isSame: boolean;
  readonly failures: number;
  readonly before: readonly Sender[];
  readonly after: readonly Sender[];
  readonly ageS: number;
  readonly isGivenUp: boolean;
}): SenderMotion {
  const { before, after } = seen;
  if (seen.isSame && seen.failures > 0) return 'looping';
  if (before.length === 0 && after.length === 0) return seen.isGivenUp ? 'disabled' : 'stopped';
  if (!seen.isPending) return 'idle';
  if (!seen.isSame) return 'working';
  const known = after.find((one) => before.some((other) => other.pid === one.pid));
  // A new one on the old file: its master starts them again and again.
  if (known === undefined) return 'looping';
  const wakes = known.woke - (before.find((one) => one.pid === known.pid)?.woke ?? known.woke);
  if (wakes < BUSY_WAKES) return 'waiting';
  return seen.ageS >= BUSY_S ? 'busy' : 'working';
}

interface FileLines {
  readonly lines: readonly { readonly count: number; readonly line: string }[];
  readonly more: number;
  readonly readBytes: number;
  readonly sizeBytes: number;
}

function linesOf(records: Records, file: string): FileLines {
  const own = records.filter((record) => record[0] === 'of' && record[1] === file);
  const number = (text: string | undefined) => Number(text) || 0;
  const read = own.find((record) => record[2] === 'read');
  const unread = own.find((record) => record[2] === 'unread');
  return {
    lines: own
      .filter((record) => record[2] === 'line')
      .map((record) => ({ count: number(record[3]), line: record.slice(4).join(' ') })),
    more: number(own.find((record) => record[2] === 'more')?.[3]),
    readBytes: Math.min(number(read?.[3]), number(read?.[4])),
    sizeBytes: number(read?.[4] ?? unread?.[3]),
  };
}

/** Users of several files together. */
function pendingOf(files: readonly FileLines[]): { readonly events: number; readonly users: PendingUsers } {
  const byUser = new Map<string, number>();
  let [events, shared, unread] = [0, 0, 0];
  let torn: string | null = null;
  for (const { lines, more } of files) {
    unread += more;
    events += more;
    for (const { count, line } of lines) {
      const parsed = parseLogLine(line);
      events += count;
      if (parsed.torn) torn ??= line;
      for (const user of parsed.users) byUser.set(user, (byUser.get(user) ?? 0) + count);
      if (parsed.users.length > 0) continue;
      if (parsed.words.length === 0) unread += count;
      else shared += count;
    }
  }
  const users = [...byUser]
    .map(([user, count]) => ({ user, events: count }))
    .sort((a, b) => b.events - a.events || (a.user < b.user ? -1 : 1));
  return {
    events,
    users: {
      users: users.slice(0, MOST_USERS),
      moreUsers: Math.max(0, users.length - MOST_USERS),
      shared,
      unread,
      torn,
      readBytes: files.reduce((sum, file) => sum + file.readBytes, 0),
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    },
  };
}
