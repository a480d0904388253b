// The script that reads what a former master's logs still hold: the files that a rejoin has set aside, each line once
// with how often it stands there, and how many logs are still in their places. It changes nothing.
import { SCRIPT_HEAD } from './observe-script.js';

/**
 * In: a line an instance: number US its sync directory. Out: `file` US name US lines, `line` US count US text, `bad` US
 * count (lines that hold what no log line holds, or have no end), `logs` US count, and a last record `end`. Each line is
 * one write of less than PIPE_BUF, so that none falls into another.
 */
export const LEFTOVERS_SCRIPT = `${SCRIPT_HEAD}${String.raw`
item() (
  i=$1 sync=$2 logs=0
  set +f; set -- "$sync"/log-run "$sync"/log "$sync"/*/log-run "$sync"/*/log; set -f
  for f; do
    case $f in "$sync"/quarantine/*|"$sync"/rejoin/*) continue ;; esac
    [ -f "$f" ] && logs=$((logs + 1))
  done
  set +f; set -- "$sync"/quarantine/* "$sync"/quarantine/*/*; set -f
  for f; do
    case $f in *.json|*.tmp) continue ;; esac
    [ -s "$f" ] && [ -f "$f" ] && logs=$((logs + 1))
  done
  o "$i" logs "$logs"
  set +f; set -- "$sync"/rejoin/[0-9]*-*; set -f
  torn=0
  for f; do
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    o "$i" file "\${f##*/}" "$(wc -l < "$f")"
    [ ! -s "$f" ] || [ "$(tail -c 1 -- "$f" | wc -l)" -gt 0 ] || torn=$((torn + 1))
  done
  for f; do
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    # What has no end was being written when the host died.
    if [ "$(tail -c 1 -- "$f" | wc -l)" -gt 0 ]; then cat -- "$f"; else sed '$d' -- "$f"; fi
  done | LC_ALL=C tr '\000' '\001' | LC_ALL=C awk -v i="$i" -v us="$US" -v bad="$torn" '
    /[\001-\037\177-\377]/ || length($0) > 3000 { bad++; next }
    /^[ ]*$/ { next }
    { count[$0]++ }
    END {
      for (line in count) { print i us "line" us count[line] us line; fflush() }
      print i us "bad" us bad + 0
    }'
  o "$i" end
)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`.replaceAll('\\$', '$')}`;
