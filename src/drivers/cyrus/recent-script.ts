// The script that names the newest messages on an instance's disk: when each arrived (a message file's mtime is its
// arrival on the master, field notes), and its Message-ID. Directories that changed since a time are read, then the
// newest files in them, then the head of each. Bounded in time and in files. It changes nothing.
import { SCRIPT_HEAD } from './observe-script.js';

/**
 * In: a line an instance: number US imapd.conf US epoch seconds since US seconds for the walk US most files. Out:
 * number US m US arrival US message id, a line a message; then number US end US complete (yes, no, or none: there is
 * nothing to walk). A Message-ID in a folded header is read from the line that follows.
 */
export const RECENT_SCRIPT = `${SCRIPT_HEAD}${String.raw`
item() (
  i=$1 conf=$2 since=$3 seconds=$4 most=$5
  [ -r "$conf" ] || { o "$i" end none; exit; }
  parts=$(awk '/^partition-[^:]*:/ { sub(/^[^:]*:[ \t]*/, ""); sub(/[ \t]+$/, ""); print }' "$conf")
  IFS=$NL; set -- $parts; IFS=$US
  [ $# -gt 0 ] || { o "$i" end none; exit; }
  {
    { timeout "$seconds" find "$@" -type d -newermt "@$since" -print0 2>/dev/null || printf '\036\0'; } |
      timeout "$seconds" xargs -0 -r sh -c 'since=$1; shift
        for dir; do
          [ "$dir" = "$(printf "\036")" ] && { echo incomplete; continue; }
          find "$dir" -maxdepth 1 -type f -name "[0-9]*." -newermt "@$since" -printf "%T@ %p\n" 2>/dev/null
        done' sh "$since" || echo incomplete
  } | sort -rn | awk -v i="$i" -v us="$US" -v most="$most" '
    $0 == "incomplete" { cut = 1; next }
    NR > most { cut = 1; next }
    {
      at = $1; sub(/^[^ ]* /, ""); file = $0; id = ""; folded = 0; read_ = 0
      while ((getline line < file) > 0 && ++read_ <= 500) {
        sub(/\r$/, "", line)
        if (line == "") break
        if (folded) { id = line; break }
        if (tolower(substr(line, 1, 11)) == "message-id:") { id = substr(line, 12); if (id ~ /^[ \t]*$/) folded = 1; else break }
      }
      close(file)
      gsub(/[\001-\037\177 \t]/, "", id)
      if (id != "") { printf "%s%sm%s%d%s%s\n", i, us, us, at, us, substr(id, 1, 1000) }
    }
    END { printf "%s%send%s%s\n", i, us, us, cut ? "no" : "yes" }'
)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`}`;
