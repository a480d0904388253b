// Whether an instance lets people read and nothing else: login, SELECT, and a change that would change nothing.
// Cyrus 3.6 with `readonly: yes` opens every mailbox `[READ-ONLY]` and answers NO to STORE; no message has the
// UID 4294967295 (RFC 9051: the last one), so that a server that would take the change has nothing to change.
import type { Readable } from '../../slot/driver.js';
import { IMAP_TALK } from './imap-talk.js';
import { SCRIPT_HEAD } from './observe-script.js';

/**
 * In: first line user, second password, third base64 of the SASL PLAIN message (all empty: no login is tried),
 * then a line an instance: number US address US port US tls or nothing. Out: number US imap|login|select|store US
 * ok|no|failed|unverified US what was said, and a last record `end`. The credentials are given on by stdin, never by arguments.
 */
export const READABLE_SCRIPT = `${SCRIPT_HEAD}${String.raw`
command -v bash > /dev/null || { echo 'no bash on this host: /dev/tcp is its' >&2; exit 69; }
IFS= read -r user; IFS= read -r password; IFS= read -r plain
item() {
  said=$(printf '%s\n%s\n%s\n' "$user" "$password" "$plain" | timeout 20 bash -c '
${IMAP_TALK}    if [ "$4" = tls ]; then open_tls "$2" "$3" || exit
    else { exec 3<> "/dev/tcp/$2/$3"; } 2> /dev/null || { say imap failed "port $3 does not answer"; exit; }; fi
    greeted || exit
    [ -n "$user" ] || exit
    log_in "$2" "$3" || exit
    printf "a2 SELECT INBOX\r\n" >&4; answer a2
    case $line in
      "a2 OK [READ-ONLY]"*) say select ok "$line" ;;
      "a2 OK"*) say select writable "$line" ;;
      *) say select failed "$line"; exit ;;
    esac
    printf "a3 UID STORE 4294967295 +FLAGS.SILENT (\\\\Seen)\r\n" >&4; answer a3
    case $line in "a3 NO"*) say store no "$line" ;; "a3 OK"*) say store ok "$line" ;; *) say store failed "$line" ;; esac
    printf "a4 LOGOUT\r\n" >&4
  ' bash "$@" 2>&1)
  [ -z "$said" ] || printf '%s\n' "$said"
  case $NL$said in *"$NL$1$US"imap"$US"*) ;; *) o "$1" imap failed 'no answer in 20 s' ;; esac
  o "$1" end
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$1" "$2" "$3" "$4" < /dev/null &
done
wait
`.replaceAll('\\$', '$')}`;

/** What the script said of one instance. */
export function parseReadable(records: readonly (readonly string[])[]): Readable {
  const find = (what: string) => records.find((record) => record[0] === what);
  const imap = find('imap');
  const login = find('login');
  const select = find('select');
  const store = find('store');
  const isRefused = select?.[1] === 'ok' && store?.[1] === 'no';
  const isTaken = select?.[1] === 'writable' || store?.[1] === 'ok';
  const failed = [imap, login, select, store].find(
    (record) => record !== undefined && !['ok', 'no'].includes(record[1] ?? ''),
  );
  const logins = { ok: 'ok', unverified: 'not-tried' } as const;
  return {
    imap: imap === undefined ? 'none' : imap[1] === 'ok' ? 'ok' : 'failed',
    login: login === undefined ? 'not-tried' : (logins[login[1] as keyof typeof logins] ?? 'failed'),
    refusesChanges: isTaken ? 'no' : isRefused ? 'yes' : 'not-tried',
    detail: isTaken
      ? `it would take changes: ${(store?.[1] === 'ok' ? store : select)?.[2] ?? ''}`
      : failed === undefined
        ? ''
        : `${failed[0]}: ${failed[2] ?? ''}`,
  };
}
