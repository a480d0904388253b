// The script that looks at the replication of all instances of a host from near, in one trip. It changes nothing and
// is bounded: of each file the first megabytes, each distinct line once with its number, a deadline for reading all
// of them. Whether a sender gets on is told by looking twice within a second: its pid, its log's inode, how often it
// woke, and what was added to the system log meanwhile.
//
// In: one line an instance: number US pid file US configdirectory US paths that its master is known by. Out: records
// as in observe-script.ts, `-` for the host.
import { BIRTHS, SCRIPT_HEAD } from './observe-script.js';

/** Of each log file, this much is read. */
export const READ_BYTES = 4_000_000;
/** Distinct lines of a file that are told apart. */
export const MOST_LINES = 5000;

const BODY = String.raw`
ticks() { IFS=' ' read -r cs _ < /proc/uptime; cs=$((\${cs%.*} * 100 + 1\${cs#*.} - 100)); }
# One line each of what is in a file: how often, and the line. $1 begins each line of the answer.
lines() {
  size=$(stat -c %s -- "$2" 2> /dev/null) || return
  ticks
  if [ "$cs" -gt "$over" ]; then o "$1" unread "$size"; return; fi
  head -c ${READ_BYTES} < "$2" 2> /dev/null | tr '\000' '?' | begins=$1 awk -v us="$US" -v most=${MOST_LINES} -v size="$size" '
    {
      read += length($0) + 1
      # The last line may be cut in the middle, and a name with it.
      if (held) count(last)
      last = $0; held = 1
    }
    function count(line) {
      gsub(/[\001-\037\177]/, "?", line)
      line = substr(line, 1, 400)
      if (line in seen) seen[line]++
      else if (n < most) { order[++n] = line; seen[line] = 1 }
      else more++
    }
    END {
      p = ENVIRON["begins"]
      if (held && read >= size) count(last)
      for (k = 1; k <= n; k++) print p us "line" us seen[order[k]] us order[k]
      if (more) print p us "more" us more
      print p us "read" us read us size
    }'
}
# The replication clients of an instance: pid, how often it gave the processor up, its words.
kids_of() {
  kids=
  if [ -r "/proc/$1/task/$1/children" ]; then IFS= read -r kids < "/proc/$1/task/$1/children"
  else kids=$(ps -e -o ppid= -o pid= | awk -v p="$1" '$1 == p { printf "%s ", $2 }'); fi
  IFS=' '; set -- $kids; IFS=$US
  for kid; do
    { IFS= read -r comm < "/proc/$kid/comm"; } 2>/dev/null || continue
    [ "$comm" = sync_client ] || continue
    woke=$(awk '/^(non)?voluntary_ctxt_switches:/ { sum += $2 } END { print sum + 0 }' "/proc/$kid/status" 2> /dev/null)
    o "$i" kid "$look" "$kid" "$woke" "$(tr '\000' ' ' < "/proc/$kid/cmdline" 2> /dev/null | clean 400)"
  done
}
item() {
  i=$1 pidf=$2 cd=$3; shift 3
  if [ ! -d "$cd/sync" ]; then o "$i" end; return; fi
  pid_of "$pidf"
  if [ -n "$pid" ] && alive "$pid" && names "$pid" "$pidf" "$@"; then
    o "$i" pid "$pid"
    kids_of "$pid"
  else pid=; fi
  set +f
  # log before log-run: a file that is renamed in between is then seen once, never not at all.
  for f in "$cd"/sync/log "$cd"/sync/log-run "$cd"/sync/*/log "$cd"/sync/*/log-run; do
    case $f in "$cd"/sync/quarantine/*|"$cd"/sync/rejoin/*) continue ;; esac
    [ -f "$f" ] || continue
    told=$(stat -c "%W$US%Y$US%i" -- "$f" 2> /dev/null) || continue
    o "$i" file "$told" "$f"
    births "$i\${US}statx" "stat$US$told" "$f"
    lines "$i\${US}of$US$f" "$f"
    case $f in */log-run) again="$again$i$US$pid$US$f$NL" ;; esac
  done
  for f in "$cd"/sync/skipuser-* "$cd"/sync/*/skipuser-*; do
    [ -f "$f" ] && o "$i" skip "$(printf '%s' "$f" | clean 400)"
  done
  for f in "$cd"/sync/quarantine/*; do
    # What lies beside the event files to describe them holds no events.
    case $f in *.json|*.note|*.meta|*.tmp) continue ;; esac
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    aside_birth "$f"
    o "$i" bad "$birth" "$f"
    lines "$i\${US}of$US$f" "$f"
  done
  set -f
  o "$i" end
  # Without a client, the system log may tell that master has given up starting it.
  [ -z "$pid" ] || masters="$masters$i$US$pid$NL"
}
# What was added to the system logs since they had these sizes.
logs='/var/log/mail.log /var/log/maillog /var/log/syslog /var/log/messages'
sizes() {
  IFS=' '; set -- $logs; IFS=$US
  for f; do [ -r "$f" ] && [ -f "$f" ] && printf '%s\037%s\n' "$(stat -L -c %s -- "$f" 2> /dev/null)" "$f"; done
}
added() {
  printf '%s\n' "$before" | while read -r size f; do
    [ -n "$f" ] && tail -c "+$((size + 1))" < "$f" 2> /dev/null | head -c 1000000
  done
}
again='' masters=''
ticks
over=$((cs + 1200)) look=1
printf '%s\037time\037' -; date +%s
before=$(sizes)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@"
done
if [ -n "$again" ]; then
  look=2
  sleep 0.7
  IFS=$NL; set -- $again; IFS=$US
  asked=
  for one; do
    IFS=$US; set -- $one
    i=$1
    o "$i" again "$(stat -c %i -- "$3" 2> /dev/null)" "$3"
    case "$asked" in *"|$i|"*) ;; *) asked="$asked|$i|"; [ -z "$2" ] || kids_of "$2" ;; esac
  done
  # Who failed on which file, and what else that process said.
  added | tr '\000' '?' | grep -a 'sync_client' | awk -v us="$US" '
    match($0, /\[[0-9]+\]: /) {
      pid = substr($0, RSTART + 1, RLENGTH - 4); text = substr($0, RSTART + RLENGTH)
      gsub(/[\001-\037\177]/, "?", text)
      if (match(text, /sync log file [^ ]+\/log-run failed/)) {
        file = substr(text, RSTART + 14, RLENGTH - 21); fails[file]++; of[pid] = file
      }
      else if (match(text, /update failed: .*/)) culprit[pid] = substr(text, RSTART + 15, 200)
      else if (text ~ /Promoting|IOERROR|received NO response|uniqueid changed|corruption/ && !(pid in said)) said[pid] = substr(text, 1, 300)
    }
    END {
      for (file in fails) print "-" us "failing" us fails[file] us file
      for (pid in of) {
        if (pid in said) print "-" us "complaint" us of[pid] us said[pid]
        if (pid in culprit) print "-" us "culprit" us of[pid] us culprit[pid]
      }
    }'
fi
if [ -n "$masters" ]; then
  IFS=' '; set -- $logs; IFS=$US
  for f; do
    [ -r "$f" ] && [ -f "$f" ] || continue
    tail -c 2000000 < "$f" 2> /dev/null | grep -a 'disabling until next SIGHUP' | tail -n 200 | tr '\000' '?' | awk -v us="$US" '
      match($0, /\[[0-9]+\]: /) {
        text = substr($0, RSTART + RLENGTH)
        gsub(/[\001-\037\177]/, "?", text)
        print "-" us "disabled" us substr($0, RSTART + 1, RLENGTH - 4) us substr(text, 1, 200)
      }'
  done
fi
:
`.replaceAll('\\$', '$');

/** The whole script. */
export const REPLICATION_SCRIPT = SCRIPT_HEAD + BIRTHS + BODY;
