// What sync_client's words mean when it cannot send an event (Cyrus 3.6; each was reproduced, field notes, section 4),
// and the commands that mend it. The words are hostile text; they only choose among what is written here.
import { formatCommand } from '../../lib/command-text.js';
import type { CauseKind, KeptBack } from '../../slot/quarantine.js';

/** Which words tell which cause; the first that fits holds. */
const CAUSES: readonly { readonly kind: CauseKind; readonly words: RegExp }[] = [
  { kind: 'two-mailboxes', words: /uniqueid changed|MAILBOX_MOVED|moved to another server/i },
  { kind: 'message-file', words: /Failed to read file|func=<printfile>|file .*too short/i },
  {
    kind: 'index',
    words:
      /invalid format|format corruption|refreshing index|opening index|lock index|mailbox open failed|System I\/O error/i,
  },
  { kind: 'quota', words: /over ?quota|quota exceeded/i },
  { kind: 'replica', words: /received NO response|denied the operation/i },
  { kind: 'away', words: /connect\(.*\) failed|couldn.t connect|Can not connect|ouldn.t authenticate/i },
  { kind: 'protocol', words: /bad protocol|zero length response|prot_error/i },
];

/** The cause that the words tell. */
export function causeOf(said: string): CauseKind {
  return CAUSES.find(({ words }) => words.test(said))?.kind ?? 'unknown';
}

/** The cause and its repair. `master` and `replica` are hosts, `conf` the instance's imapd.conf. */
export function explainPoison(at: {
  readonly who: string;
  readonly users: readonly string[];
  readonly said: string;
  readonly master: string;
  readonly replica: string;
  readonly conf: string;
}): KeptBack {
  const { who, users, said, master, conf } = at;
  const replica = at.replica === '' ? 'the replica' : at.replica;
  const kind = causeOf(said);
  const on = (host: string, words: readonly string[]) => `on ${host}: ${formatCommand(words)}`;
  const reconstruct = (host: string) =>
    users.map((user) => on(host, ['reconstruct', '-C', conf, `user/${user}`, `user/${user}/*`]));
  const repairs: { readonly [kind in CauseKind]: () => readonly string[] } = {
    'message-file': () => [
      ...reconstruct(master),
      'a message file is missing or cut off there: look whether a backup or the replica has it before',
    ],
    index: () => reconstruct(master),
    'two-mailboxes': () => [
      'a mailbox of this name was made on both sides, and each may hold mail that the other lacks',
      `save what is only in the copy that gives way (by IMAP), then, mostly on ${replica}, which DESTROYS it there:`,
      ...users.map((user) => on(replica, ['sync_reset', '-C', conf, '-f', user])),
    ],
    replica: () => [
      `${replica} refuses it; its system log says why: a damaged index, or files that do not belong to cyrus`,
      ...reconstruct(replica),
    ],
    quota: () => [`${replica} is over quota there, or its disk is`],
    protocol: () => [
      ...reconstruct(master),
      `see the system logs of ${master} and ${replica} for sync_client and csync`,
    ],
    away: () => [],
    'unreadable-line': () => [],
    unknown: () => [
      `see the system logs of ${master} and ${replica} for sync_client and csync`,
      ...reconstruct(master),
    ],
  };
  return { who, kind, text: said.slice(0, 400), repair: repairs[kind]().slice(0, 8) };
}
