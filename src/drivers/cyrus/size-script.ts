// The script that measures what an instance takes on disk: its configdirectory and partitions, by `du`, which walks
// every file and so has a limit. Reads only.
import { SCRIPT_HEAD } from './observe-script.js';

/** In: a line an instance: number US imapd.conf US seconds. Out: number US size US KiB, or number US none. */
export const SIZE_SCRIPT = `${SCRIPT_HEAD}${String.raw`
item() (
  i=$1 conf=$2 seconds=$3
  [ -r "$conf" ] || { o "$i" none; exit; }
  dirs=$(awk '/^(configdirectory|(meta|archive)?partition-[^:]*):/ { sub(/^[^:]*:[ \t]*/, ""); sub(/[ \t]+$/, ""); print }' "$conf")
  IFS=$NL; set -- $dirs; IFS=$US
  [ $# -gt 0 ] || { o "$i" none; exit; }
  size=$(timeout "$seconds" du -skc -- "$@" 2>/dev/null | awk 'END { if ($2 == "total") print $1 }')
  if [ -n "$size" ]; then o "$i" size "$size"; else o "$i" none; fi
)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`}`;
