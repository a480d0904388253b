// The script that asks a replica's own files how far it is: a message file's mtime is its arrival on the master,
// its ctime the moment replication applied it, and a mailbox directory's mtime moves with every applied message
// (field notes, "What the replica alone tells"). Reads directories first, then a few of the newest; bounded.
import { SCRIPT_HEAD } from './observe-script.js';

/** In: a line an instance: number US imapd.conf US seconds. Out: number US applied US arrival US complete. */
export const FILES_SCRIPT = `${SCRIPT_HEAD}${String.raw`
item() (
  i=$1 conf=$2 seconds=$3
  [ -r "$conf" ] || { o "$i" none; exit; }
  parts=$(awk '/^partition-[^:]*:/ { sub(/^[^:]*:[ \t]*/, ""); sub(/[ \t]+$/, ""); print }' "$conf")
  IFS=$NL; set -- $parts; IFS=$US
  [ $# -gt 0 ] || { o "$i" none; exit; }
  complete=yes
  dirs=$( { timeout "$seconds" find "$@" -type d -printf '%T@ %p\n' 2>/dev/null || echo '0 incomplete'; } | sort -rn | awk '
    $2 == "incomplete" { print; next } NR <= 24 { print }')
  case $dirs in *"0 incomplete"*) complete=no ;; esac
  newest=$(printf '%s\n' "$dirs" | sed 's/^[^ ]* //' | grep -v '^incomplete$')
  IFS=$NL; set -- $newest; IFS=$US
  [ $# -gt 0 ] || { o "$i" none; exit; }
  timeout "$seconds" find "$@" -maxdepth 1 -type f -name '[0-9]*.' -printf '%C@ %T@\n' 2>/dev/null | awk -v i="$i" -v us="$US" -v c="$complete" '
    { if ($1 > applied) applied = $1; if ($2 <= $1 + 1 && $2 > arrival) arrival = $2 }
    END { if (applied) printf "%s%sfiles%s%d%s%d%s%s\n", i, us, us, applied, us, arrival, us, c; else printf "%s%snone\n", i, us }'
)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`}`;

/** In: imapd.conf as $1. Out: what ctl_mboxlist -d prints (JSON). */
export const MAILBOXES_SCRIPT = `${SCRIPT_HEAD}
timeout 60 ctl_mboxlist -C "$1" -d
`;
