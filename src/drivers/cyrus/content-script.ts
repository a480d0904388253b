// The script that asks an instance for what it holds, in figures that are equal where the content is (SYNCGET, the
// replication protocol that every imapd speaks with its administrators; field notes, "Lag", 2). It starts an imapd of
// its own on stdin and stdout (`-X`), trusted as the host's owner is (`-N`, tried on 3.6.1): no port, no TLS and no
// password are needed, and the instance may be stopped. All commands are written at once and answered in order.
import { SCRIPT_HEAD } from './observe-script.js';

/**
 * In: $1 imapd.conf, $2 an administrator by mailctl's own configuration (may be empty: the first of the file's);
 * stdin: IMAP commands, a line each, the last one LOGOUT. Out: what imapd says, raw.
 */
export const CONTENT_SCRIPT = `${SCRIPT_HEAD}${String.raw`
conf=$1 admin=$2
[ -r "$conf" ] || { echo "there is no $conf" >&2; exit 66; }
tool=$(command -v sync_client) && tool=\${tool%/*}/imapd
[ -x "$tool" ] || tool=$(command -v imapd) || { echo 'there is no imapd of Cyrus' >&2; exit 69; }
[ -n "$admin" ] || admin=$(sed -n 's/^admins:[[:space:]]*\([^[:space:]]*\).*/\1/p' "$conf" | tail -n 1)
case $admin in
  '') echo "$conf names no admins" >&2; exit 78 ;;
  *[!A-Za-z0-9._@+-]*) echo "the administrator's name in $conf cannot be written plainly" >&2; exit 78 ;;
esac
CYRUS_SERVICE=imap CYRUS_ID=1; export CYRUS_SERVICE CYRUS_ID
{ printf 'login LOGIN %s nopassword\r\n' "$admin"; sed 's/$/\r/'; } | "$tool" -C "$conf" -X -N -p 256
`.replaceAll('\\$', '$')}`;
