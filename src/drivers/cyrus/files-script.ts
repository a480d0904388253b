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

/**
 * What ctl_mboxlist -d prints, of many instances beside each other. In: a line an instance: number US imapd.conf.
 * Out: number US m US line, a long one in pieces marked +; then number US status US its exit status; then number
 * US end US what it complained of. Each line is one write of less than PIPE_BUF, so that none falls into another.
 */
export const MAILBOXES_SCRIPT = `${SCRIPT_HEAD}${String.raw`
item() {
  {
    said=$( {
      { timeout 60 ctl_mboxlist -C "$2" -d 2>&3; printf '\036%s\n' $?; } | awk -v i="$1" -v us="$US" '
        /^\036[0-9]+$/ { print i us "status" us substr($0, 2); next }
        {
          line = $0
          for (; length(line) > 3000; line = substr(line, 3001)) { print i us "+" us substr(line, 1, 3000); fflush() }
          print i us "m" us line; fflush()
        }' >&4
    } 3>&1 )
  } 4>&1
  o "$1" end "$(printf '%s' "$said" | clean 300)"
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`}`;
