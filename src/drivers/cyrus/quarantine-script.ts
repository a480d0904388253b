// The scripts that list and read the files of quarantines. They change nothing. Of a file each distinct line is
// printed once, with its number: the same few mailboxes come again and again.
import { SCRIPT_HEAD } from './observe-script.js';

/**
 * In: a line an instance: number US configdirectory. Out: `- time SECONDS`; a record a file: number US file US name
 * US birth US lines; its note: number US note US name US text; a sample of its lines: number US line US name US count
 * US line; and number US end.
 */
export const QUARANTINE_LIST_SCRIPT = `${SCRIPT_HEAD}${String.raw`
printf '%s\037time\037' -; date +%s
while IFS= read -r request; do
  IFS=$US; set -- $request
  i=$1 q=$2/sync/quarantine
  if [ -d "$q" ]; then
    set +f
    for f in "$q"/*; do
      set -f
      case $f in *.json|*.note|*.meta|*.tmp) continue ;; esac
      [ -f "$f" ] && [ ! -L "$f" ] || continue
      name=$(printf '%s' "\${f##*/}" | clean 300)
      o "$i" file "$name" "$(stat -c %W -- "$f" 2> /dev/null)" "$(wc -l < "$f" 2> /dev/null)"
      if [ -f "$f.json" ] && [ ! -L "$f.json" ]; then o "$i" note "$name" "$(head -n 1 < "$f.json" | clean 1000000)"; fi
      head -c 1000000 < "$f" | tr '\000-\011\013-\037\177' '?' | cut -c1-400 | sort | uniq -c | sort -rn | head -n 200 |
        name=$name i=$i awk -v us="$US" '{ count = $1; sub(/^ *[0-9]+ /, ""); print ENVIRON["i"] us "line" us ENVIRON["name"] us count us $0 }'
    done
  fi
  o "$i" end
done
`.replaceAll('\\$', '$')}`;

/** $1 configdirectory, $2 name. Out: time, seal, lines (all), note, then n US number US line; status 44: it is gone. */
export const QUARANTINE_READ_SCRIPT = `${SCRIPT_HEAD}${String.raw`
f=$1/sync/quarantine/$2
[ -f "$f" ] && [ ! -L "$f" ] || exit 44
o time "$(date +%s)"
o seal "$(cksum < "$f" | tr ' ' :)"
if [ -f "$f.json" ] && [ ! -L "$f.json" ]; then o note "$(head -n 1 < "$f.json" | clean 1000000)"; fi
# Told apart as they are, and only then made printable: two that look alike are not one.
tr '\000' '?' < "$f" | awk -v us="$US" '
  !($0 in seen) { seen[$0]; line = substr($0, 1, 2000); gsub(/[\001-\037\177]/, "?", line); print "n" us NR us line }
  END { print "lines" us NR }'
o end
`.replaceAll('\\$', '$')}`;
