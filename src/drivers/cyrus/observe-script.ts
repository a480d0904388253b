// The script that looks at all instances of a host in one trip. It changes nothing. POSIX sh, awk, coreutils
// and /proc; what a host lacks is left out of the answer and becomes "unknown", never "fine".
//
// In: one line an instance on stdin, its fields separated by US (0x1f). Out: one record a line, fields
// separated by US, the first being the number of the instance, or `-` for the host.

/** US, the field separator both ways; configuration and host output can hold none (both are stripped of it). */
export const FIELD = '\x1f';

/** Shared by all scripts: output, process and lease helpers. */
export const SCRIPT_HEAD = String.raw`
set -f
US=$(printf '\037'); NL='
'
IFS=$US
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/cyrus/bin:/usr/libexec/cyrus-imapd:/usr/lib/cyrus-imapd:/usr/cyrus/bin
export PATH
o() { printf '%s\n' "$*"; }
clean() { tr '\000-\037\177' ' ' | cut -c1-"$1"; }
# Sets pid to the number in a pid file, or to nothing.
pid_of() {
  pid=
  [ -r "$1" ] || return 0
  { IFS=' ' read -r pid _ < "$1"; } 2>/dev/null
  case $pid in ''|0|1|*[!0-9]*) pid= ;; esac
}
# Is process $1 alive and not a zombie? Sets pgrp.
alive() {
  pgrp=
  { IFS= read -r st < "/proc/$1/stat"; } 2>/dev/null || return 1
  st=\${st##*) }
  IFS=' '; set -- $st; IFS=$US
  pgrp=$3
  [ "$1" != Z ] && [ "$1" != X ]
}
# Is process $1 the Cyrus master of the instance with these paths? A pid is used again by strangers.
names() {
  cmd=$(tr '\000' ' ' < "/proc/$1/cmdline" 2>/dev/null); shift
  case $cmd in *master*) ;; *) return 1 ;; esac
  for path; do
    [ -n "$path" ] || continue
    case " $cmd " in *" $path "*|*" $path/"*) return 0 ;; esac
  done
  return 1
}
# Does any process of group $1 live (zombies apart)?
group_alive() {
  env kill -0 -- "-$1" 2>/dev/null || return 1
  ps -e -o pgid= -o stat= | awk -v g="$1" '$1 == g && $2 !~ /^Z/ { found = 1 } END { exit !found }'
}
`.replaceAll('\\$', '$');

const BODY = String.raw`
o - time "$(date +%s)"
awk -v us="$US" '$1 !~ /^#/ && $2 ~ /\/tcp$/ {
  split($2, p, "/"); print "-" us "svc" us $1 us p[1]
  for (n = 3; n <= NF && $n !~ /^#/; n++) print "-" us "svc" us $n us p[1]
}' /etc/services 2>/dev/null
for table in /proc/net/tcp /proc/net/tcp6; do
  [ -r $table ] && awk -v us="$US" '$4 == "0A" { print "-" us "sock" us $2 us $10 }' $table
done

confs() {
  i=$1; shift
  n=$#
  while [ "$n" -gt 0 ]; do
    label=$1 file=$2; shift 2; n=$((n - 2))
    [ -n "$file" ] || continue
    if [ -r "$file" ] && [ -f "$file" ]; then set -- "$@" "w=$label" "$file"; else o "$i" missing "$label" "$file"; fi
  done
  [ $# -gt 0 ] || return 0
  awk -v i="$i" -v us="$US" '
    function emit(line, depth,    file, more) {
      gsub(/[\001-\010\013-\037\177]/, "?", line)
      if (w ~ /i$/) {
        if (tolower(line) ~ /^[^:]*passw/ || line ~ /^[ \t]*(#|$)/) return
        if (line ~ /^@include:/ && depth < 5) {
          file = line; sub(/^@include:[ \t]*/, "", file)
          while ((getline more < file) > 0) emit(more, depth + 1)
          close(file); return
        }
      }
      print i us "conf" us w us line
    }
    { emit($0, 0) }' "$@"
}

logs() {
  i=$1 sync=$2 tries=0
  while :; do
    set +f; set --
    # log before log-run: a file that is renamed in between is then seen once, never not at all.
    for f in "$sync"/log "$sync"/log-run "$sync"/*/log "$sync"/*/log-run; do
      case $f in "$sync"/quarantine/*|"$sync"/rejoin/*) continue ;; esac
      [ -f "$f" ] && set -- "$@" "$f"
    done
    set -f
    [ $# -eq 0 ] && break
    found=$(stat -c "%W$US%s$US%n" -- "$@" 2>/dev/null) && break
    tries=$((tries + 1))
    [ $tries -ge 5 ] && { o "$i" churn; break; }
  done
  if [ $# -gt 0 ]; then
    printf '%s\n' "$found" | while IFS= read -r line; do [ -n "$line" ] && o "$i" log "$line"; done
    wc -l -- "$@" 2>/dev/null | while IFS=' ' read -r count name; do o "$i" lines "$count" "$name"; done
  fi
  if [ -d "$sync/quarantine" ]; then
    set +f; set -- "$sync"/quarantine/*; set -f
    for f; do
      [ -f "$f" ] || continue
      o "$i" bad "$(stat -c %W -- "$f" 2>/dev/null)" "$(wc -l < "$f" 2>/dev/null)"
    done
  fi
}

item() {
  i=$1 flags=$2 pidf=$3 cd=$4 ci=$5 cc=$6 mi=$7 mc=$8 ri=$9; shift 9
  rc=$1 oi=$2 oc=$3 link=$4; shift 4
  if [ -n "$link" ]; then
    if [ -L "$link" ]; then o "$i" link "$(readlink -- "$link")"; else o "$i" nolink; fi
  elif [ $# -gt 0 ]; then
    said=$(timeout 10 "$@" 2>/dev/null < /dev/null); status=$?
    o "$i" get "$status" "$(printf '%s' "$said" | clean 100)"
  fi
  if [ ! -d "$cd" ]; then o "$i" nodir "$cd"; return; fi
  pid_of "$pidf"
  if [ -n "$pid" ] && alive "$pid"; then
    if names "$pid" "$pidf" "$ci" "$cc" "$mi" "$mc" "$ri" "$rc" "$oi" "$oc" "$cd"; then
      o "$i" pid "$pid"
      set +f
      readlink -- /proc/"$pid"/fd/* 2>/dev/null | while IFS= read -r fd; do
        case $fd in socket:*) o "$i" fd "$fd" ;; esac
      done
      set -f
      kids=
      if [ -r "/proc/$pid/task/$pid/children" ]; then IFS= read -r kids < "/proc/$pid/task/$pid/children"
      else kids=$(ps -e -o ppid= -o pid= | awk -v p="$pid" '$1 == p { printf "%s ", $2 }'); fi
      IFS=' '; set -- $kids; IFS=$US
      for kid; do
        { IFS= read -r comm < "/proc/$kid/comm"; } 2>/dev/null || continue
        [ "$comm" = sync_client ] && o "$i" client "$(tr '\000' ' ' < "/proc/$kid/cmdline" 2>/dev/null | clean 400)"
      done
    else o "$i" stranger "$pid" "$(printf '%s' "$cmd" | clean 200)"; fi
  elif [ -n "$pid" ] && group_alive "$pid"; then o "$i" orphans "$pid"
  fi
  case $flags in *c*) confs "$i" ci "$ci" cc "$cc" mi "$mi" mc "$mc" ri "$ri" rc "$rc" oi "$oi" oc "$oc" ;; esac
  case $flags in *l*) logs "$i" "$cd/sync" ;; esac
  case $flags in *d*) o "$i" free "$(df -Pk -- "$cd" 2>/dev/null | awk 'NR == 2 { print $4 }')" ;; esac
  if [ -f "$cd/mailctl.lease" ]; then
    while IFS= read -r line; do o "$i" lease "$line"; done < "$cd/mailctl.lease"
  fi
  if [ -f "$cd/mailctl.lane" ]; then
    tail -n 200 -- "$cd/mailctl.lane" | while IFS= read -r line; do o "$i" lane "$line"; done
  fi
  o "$i" end
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@"
done
`;

/** The whole script. */
export const OBSERVE_SCRIPT = SCRIPT_HEAD + BODY;
