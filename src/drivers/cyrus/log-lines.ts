// Lines of a Cyrus replication log (`sync/log`, Cyrus 3.x): one event each, hints without a time (field notes,
// section 2). Hostile text: a torn write or a hand edit is taken as what Cyrus would make of it. An open quote or a
// literal marker ends Cyrus's own reader in silence, with all that stands behind it; such a line is `torn`.

/** What one line says. */
export interface LogLine {
  /** `APPEND`, `MAILBOX`, `USER` ... as it stands there. */
  readonly kind: string;
  /** Users whose mail it is about: one, two for a rename, none for shared mailboxes. */
  readonly users: readonly string[];
  /** Its words behind the kind, unquoted. */
  readonly words: readonly string[];
  /** Cyrus stops reading the file here: every later line is lost without a word. */
  readonly torn: boolean;
}

/** Kinds whose first word is a user, not a mailbox. */
const OF_USER: ReadonlySet<string> = new Set(['USER', 'UNUSER', 'META', 'SEEN', 'SUB', 'UNSUB']);
/** Kinds with two mailboxes. */
const OF_TWO: ReadonlySet<string> = new Set(['RENAME', 'DOUBLEMAILBOX']);

/** Reads one line. Never throws. */
export function parseLogLine(line: string): LogLine {
  const { words, torn } = splitWords(line);
  const [kind = '', ...rest] = words;
  const name = kind.toUpperCase();
  const found = OF_USER.has(name)
    ? [rest[0]]
    : (OF_TWO.has(name) ? rest.slice(0, 2) : rest.slice(0, 1)).map((mailbox) => userOfMailbox(mailbox));
  const users = [...new Set(found.filter((user) => user !== undefined && user !== ''))] as string[];
  return { kind, users, words: rest, torn };
}

/**
 * Whose mailbox an internal name is: `user.bob.Sent Items`, `example.com!user.d^e`, `DELETED.user.bob.A.6B01F0C1`.
 * `.` separates, a dot of a user's name is `^` there; undefined: a shared mailbox.
 */
export function userOfMailbox(mailbox: string): string | undefined {
  const bang = mailbox.indexOf('!');
  const domain = bang > 0 ? mailbox.slice(0, bang) : undefined;
  const local = (bang > 0 ? mailbox.slice(bang + 1) : mailbox).replace(/^DELETED\./, '');
  if (!local.startsWith('user.')) return undefined;
  const user = (local.slice('user.'.length).split('.')[0] ?? '').replaceAll('^', '.');
  if (user === '') return undefined;
  return domain === undefined ? user : `${user}@${domain}`;
}

/** Words as Cyrus reads them: atoms and quoted strings with backslashes; a literal is not followed. */
function splitWords(line: string): { readonly words: readonly string[]; readonly torn: boolean } {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    if (line[at] === ' ') {
      at += 1;
      continue;
    }
    if (line[at] === '{' && words.length > 0) return { words, torn: true };
    if (line[at] !== '"') {
      const end = line.indexOf(' ', at);
      words.push(line.slice(at, end < 0 ? undefined : end));
      at = end < 0 ? line.length : end;
      continue;
    }
    let word = '';
    at += 1;
    for (; at < line.length && line[at] !== '"'; at++) {
      if (line[at] === '\\' && at + 1 < line.length) at += 1;
      word += line[at];
    }
    if (at >= line.length) return { words: [...words, word], torn: true };
    words.push(word);
    at += 1;
  }
  return { words, torn: false };
}
