// Events that cannot be sent are set aside, so that the rest goes on: a file below the instance's quarantine folder,
// and a note beside it that keeps what the file itself would lose (the birth of its oldest event) and why it is
// there. Nothing in a quarantine is ever dropped before it was sent: it counts as lag and as possible loss. Pure.

/** Why events cannot be sent, as far as the sender's words tell. */
export type CauseKind =
  | 'message-file'
  | 'index'
  | 'two-mailboxes'
  | 'replica'
  | 'quota'
  | 'protocol'
  | 'away'
  | 'unreadable-line'
  | 'unknown';

/** What keeps one owner's events back. */
export interface KeptBack {
  /** A user, a shared mailbox, or the line itself. */
  readonly who: string;
  readonly kind: CauseKind;
  /** In the sender's words. */
  readonly text: string;
  /** What mends it, a line each: commands with the host that they belong to. */
  readonly repair: readonly string[];
}

/** The note beside a file. */
export interface QuarantineNote {
  /** Of the oldest event, epoch seconds by the host's clock; null: not known. */
  readonly birth: number | null;
  /** How the birth is known; empty: it is not. */
  readonly birthBy: string;
  readonly channel: string;
  /** Host that the channel leads to; empty: not known. */
  readonly replica: string;
  readonly run: string;
  readonly operator: string;
  readonly reason: string | null;
  /** Who looks after it, by the configuration. */
  readonly owner: string | null;
  /** Epoch seconds by the host's clock. */
  readonly asideAt: number;
  readonly tries: number;
  readonly triedAt: number | null;
  readonly kept: readonly KeptBack[];
  /** Owners beyond those in `kept`. */
  readonly more: number;
}

/** A file in quarantine. */
export interface QuarantineFile {
  readonly slot: string;
  readonly host: string;
  /** Its name in the folder. */
  readonly file: string;
  readonly events: number;
  /** From the note, else the file's own. */
  readonly birth: number | null;
  /** null: set aside by hand, or its note cannot be read. */
  readonly note: QuarantineNote | null;
  /** Users named in it, the most events first, as far as it was read. */
  readonly users: readonly string[];
  /** The host's clock when this was seen, epoch seconds. */
  readonly at: number;
}

/** One distinct line of a file. */
export interface EventLine {
  /** Number of its first occurrence, from 1. */
  readonly number: number;
  readonly users: readonly string[];
  /** Its mailbox, where it is nobody's. */
  readonly shared: string | null;
  /** The sender would stop reading here, in silence: it is never given such a line. */
  readonly torn: boolean;
  readonly text: string;
}

/** Lines that must go together, since they are about the same people. */
export interface EventGroup {
  /** For people: the users, or the shared mailbox. */
  readonly who: string;
  readonly users: readonly string[];
  readonly lines: readonly number[];
}

/** Owners that a note names; more are counted. */
export const MOST_KEPT = 200;

/** The note as it is written: one line, the birth first, where a shell can find it. */
export function noteLine(note: QuarantineNote): string {
  const { birth, ...rest } = note;
  const text = JSON.stringify({ birth: birth ?? 0, ...rest });
  // JSON leaves DEL as it is, and a field for a host holds no control characters.
  return text.replaceAll('\u007f', '\\u007f');
}

/** Reads a note; null: it is none of ours. */
export function parseNote(text: string): QuarantineNote | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const fields = value as Record<string, unknown>;
  const word = (key: string) => (typeof fields[key] === 'string' ? (fields[key] as string) : '');
  const number = (key: string) =>
    typeof fields[key] === 'number' && Number.isFinite(fields[key]) ? (fields[key] as number) : null;
  const birth = number('birth');
  return {
    birth: birth === null || birth <= 0 ? null : birth,
    birthBy: word('birthBy'),
    channel: word('channel'),
    replica: word('replica'),
    run: word('run'),
    operator: word('operator'),
    reason: word('reason') || null,
    owner: word('owner') || null,
    asideAt: number('asideAt') ?? 0,
    tries: number('tries') ?? 0,
    triedAt: number('triedAt'),
    kept: (Array.isArray(fields.kept) ? fields.kept : []).flatMap(keptOf).slice(0, MOST_KEPT),
    more: number('more') ?? 0,
  };
}

const KINDS: ReadonlySet<string> = new Set<CauseKind>([
  'message-file',
  'index',
  'two-mailboxes',
  'replica',
  'quota',
  'protocol',
  'away',
  'unreadable-line',
  'unknown',
]);

function keptOf(value: unknown): readonly KeptBack[] {
  if (value === null || typeof value !== 'object') return [];
  const { who, kind, text, repair } = value as Record<string, unknown>;
  if (typeof who !== 'string') return [];
  return [
    {
      who,
      kind: KINDS.has(String(kind)) ? (kind as CauseKind) : 'unknown',
      text: typeof text === 'string' ? text : '',
      repair: Array.isArray(repair) ? repair.filter((line) => typeof line === 'string') : [],
    },
  ];
}

/** Times that the pause between two tries grows by one retry. */
const MOST_PAUSES = 36;

/**
 * When a file is to be sent again, epoch seconds; null: by nobody, until somebody asks. Each try that failed makes the
 * next pause longer: what a person has to mend is not mended by trying.
 */
export function dueAt(file: QuarantineFile, retryMs: number, isAutomatic: boolean): number | null {
  if (!isAutomatic) return null;
  const pauses = Math.min(MOST_PAUSES, Math.max(1, file.note?.tries ?? 1));
  return (file.note?.triedAt ?? file.note?.asideAt ?? file.at) + pauses * Math.ceil(retryMs / 1000);
}

/**
 * Lines in groups that can be sent apart: by user, a rename from one to another with both. Lines that name nobody go
 * together; torn ones are in none.
 */
export function eventGroups(lines: readonly EventLine[]): readonly EventGroup[] {
  const parent = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let next = parent.get(root); next !== undefined && next !== root; next = parent.get(root))
      root = next;
    parent.set(key, root);
    return root;
  };
  const keysOf = (line: EventLine) =>
    line.users.length > 0
      ? line.users.map((user) => `u${user}`)
      : [line.shared === null ? 'x' : `s${line.shared}`];
  for (const line of lines) {
    if (line.torn) continue;
    const [first = 'x', ...others] = keysOf(line);
    for (const other of others) parent.set(rootOf(other), rootOf(first));
  }
  const groups = new Map<string, { users: Set<string>; shared: Set<string>; lines: number[] }>();
  for (const line of lines) {
    if (line.torn) continue;
    const root = rootOf(keysOf(line)[0] ?? 'x');
    const group = groups.get(root) ?? { users: new Set(), shared: new Set(), lines: [] };
    groups.set(root, group);
    for (const user of line.users) group.users.add(user);
    if (line.users.length === 0 && line.shared !== null) group.shared.add(line.shared);
    group.lines.push(line.number);
  }
  return [...groups.values()].map(({ users, shared, lines: numbers }) => ({
    who:
      [...users, ...[...shared].map((name) => `shared mailbox ${name}`)].join(', ') ||
      'lines that name nobody',
    users: [...users],
    lines: numbers,
  }));
}

/** Numbers as a shell takes them: `1-3,7`. */
export function rangesOf(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const ranges: string[] = [];
  for (let index = 0; index < sorted.length; ) {
    let end = index;
    while (sorted[end + 1] === (sorted[end] as number) + 1) end += 1;
    ranges.push(end === index ? `${sorted[index]}` : `${sorted[index]}-${sorted[end]}`);
    index = end + 1;
  }
  return ranges.join(',');
}
