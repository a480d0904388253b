// The script that changes instances. Every act takes the flock of the instance's lease, compares token and run,
// moves the expiry behind its own deadline, writes its line into the lane file, then acts: all in one script,
// so that what a killed or paused runner left in flight cannot land after a takeover (failover.md, "The lease").
// Instances of a host that are ready together come in one call and are done beside each other; each answers as
// soon as it is done. Daemons are started with the lock's descriptor closed, or they would keep the lock.

import { LEASE } from './act-lease.js';
import { ACT_QUARANTINE } from './act-quarantine.js';
import { REJOIN_ACTS } from './act-rejoin.js';
import { SEND_ACTS } from './act-send.js';
import { SCRIPT_HEAD } from './observe-script.js';

const ACTS = String.raw`
# Sets cs to hundredths of a second since boot: a look at the clock that forks nothing.
ticks() { IFS=' ' read -r cs _ < /proc/uptime; cs=$((\${cs%.*} * 100 + 1\${cs#*.} - 100)); }

take() {
  run=$1 operator=$2 bastion=$3 from=$4 to=$5 phase=$6 hold=$7 record=$8; shift 8
  now=$(date +%s)
  lease_read
  free=
  [ "$l_run" = - ] || [ "$l_run" = "$run" ] || [ "$l_expires" -lt "$now" ] && free=1
  for dead; do [ "$l_run" = "$dead" ] && free=1; done
  [ -n "$free" ] || { held; return; }
  l_token=$((l_token + 1)) l_run=$run l_operator=$operator l_bastion=$bastion
  l_from=$from l_to=$to l_phase=$phase l_expires=$((now + hold))
  lease_write || { cannot "$lease"; return; }
  # What is owed stays on record, and so does a lane that was not given back: a run that can do nothing for it leaves
  # it as it was. A lane that is given back leaves nothing but what is owed.
  lane_write more "$record" || { l_run=- l_expires=0 l_phase=-; lease_write; cannot "$lane"; return; }
  o "$i" granted "$l_token"
}

back() {
  # Whose place another one has taken stays known to the slot's hosts, whatever else is over.
  kept=$(grep '^{"kind":"former",' "$lane" 2>/dev/null | head -n 20)
  IFS=$NL
  for line in $kept; do
    for known; do [ "$known" != "$line" ] || continue 2; done
    set -- "$@" "$line"
  done
  IFS=$US
  # What is owed stands before the lease goes: without it nobody would know.
  if [ $# -gt 0 ]; then lane_write new "$@"; else rm -f -- "$lane"; fi || { cannot "$lane"; return; }
  l_run=- l_expires=0 l_phase=-
  lease_write || { cannot "$lease"; return; }
  o "$i" ok
}

# Ends every process of an instance: QUIT lets master end its children and wait for them; whoever is left after
# the time goes by SIGKILL to the group. Debian's kill takes "-194" for every process: "--" before the group.
# A master that is seen alone three times in two seconds waits for nobody: Cyrus 3.6 never hears of its children's end while a
# connection waits at a port of its own (pselect prefers it to SIGCHLD), and would spin until the time is over.
# Is a process of group $1, whose leader is gone, the instance's own? By its words, or by a file that it has open.
left_of() {
  g=$1; shift
  members=$(ps -e -o pid= -o pgid= -o stat= | awk -v g="$g" '$2 == g && $3 !~ /^Z/ { print $1 }')
  IFS=$NL
  for p in $members; do
    IFS=$US
    own=" $(tr '\000' ' ' < "/proc/$p/cmdline" 2>/dev/null) $(find "/proc/$p/fd" -type l -printf '%l ' 2>/dev/null)"
    for path; do
      [ -n "$path" ] || continue
      case $own in *" $path "*|*" $path/"*) return 0 ;; esac
    done
  done
  IFS=$US
  return 1
}
others_alive() { ps -e -o pid= -o pgid= -o stat= | awk -v g="$1" '$2 == g && $1 != g && $3 !~ /^Z/ { found = 1 } END { exit !found }'; }
stop_builtin() {
  wait_s=$1 pidf=$2; shift 2
  pid_of "$pidf"
  [ -n "$pid" ] || { o "$i" ok "was not running"; return; }
  if alive "$pid"; then
    names "$pid" "$pidf" "$@" || { o "$i" ok "was not running: pid $pid is somebody else"; return; }
    group=$pgrp
    kill -QUIT "$pid"
  elif group_alive "$pid"; then
    left_of "$pid" "$pidf" "$@" || { o "$i" ok "was not running: group $pid is somebody else's"; return; }
    group=$pid; env kill -TERM -- "-$pid"
  else o "$i" ok "was not running"; return; fi
  [ "$group" = "$pid" ] || group=
  ticks
  end=$((cs + 100 * wait_s)) forced= look=$((cs + 70)) alone=0
  while :; do
    if ! alive "$pid" && { [ -z "$group" ] || ! group_alive "$group"; }; then o "$i" ok "$forced"; return; fi
    ticks
    if [ -n "$group" ] && [ "$cs" -ge "$look" ] && [ -z "$forced" ]; then
      look=$((cs + 70))
      if others_alive "$group"; then alone=0; else alone=$((alone + 1)); fi
    fi
    if [ "$cs" -ge "$end" ] || { [ "$alone" -ge 3 ] && [ -z "$forced" ]; }; then
      [ -n "$forced" ] && { o "$i" no "still running after SIGKILL"; return; }
      forced='ended by SIGKILL' end=$((cs + 500))
      if [ -n "$group" ]; then env kill -KILL -- "-$group"; else env kill -KILL -- "$pid"; fi
    fi
    sleep 0.05
  done
}

# Its ports open a moment after it has begun. Waiting for them here spares a look from afar for each try; whether it
# has started is for the look to say. Ports as the kernel writes them, in hex.
await_ports() {
  pidf=$1 pause=0.05; shift
  ticks; end=$((cs + 300))
  while [ $# -gt 0 ]; do
    open=$(grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    missing=
    for port; do
      case $open in *":$port 00000000:0000 "*|*":$port 00000000000000000000000000000000:0000 "*) ;; *) missing=1 ;; esac
    done
    ticks
    [ -n "$missing" ] && [ "$cs" -lt "$end" ] || return
    pid_of "$pidf"
    [ -z "$pid" ] || alive "$pid" || return
    sleep $pause; pause=0.1
  done
}

start_builtin() {
  imapd=$1 cyrus=$2 pidf=$3; shift 3
  master=$(command -v cyrmaster) || { o "$i" no "no cyrmaster on this host"; return; }
  dir=\${pidf%/*}
  [ -d "$dir" ] || mkdir -p -- "$dir"
  said=$(timeout 30 "$master" -C "$imapd" -M "$cyrus" -p "$pidf" -d 2>&1 9>&- < /dev/null); status=$?
  if [ $status -eq 0 ]; then await_ports "$pidf" "$@"; o "$i" ok; else o "$i" no "cyrmaster: status $status: $(printf '%s' "$said" | clean 400)"; fi
}

# Runs a command; sets status, and said to the beginning of its output. By a file: a daemon that it leaves keeps its
# output open, and a pipe would be waited for until that ends.
told() {
  out=$(mktemp) || out=/dev/null
  "$@" > "$out" 2>&1 9>&- < /dev/null; status=$?
  [ $status -eq 0 ] || said=$(head -c 2000 < "$out" | clean 400)
  [ "$out" = /dev/null ] || rm -f -- "$out"
}

run_command() {
  wait_s=$1; shift
  told timeout -k 5 "$wait_s" "$@"
  if [ $status -eq 0 ]; then o "$i" ok; else o "$i" no "status $status: $said"; fi
}

# A role may only be swapped while the instance is stopped: a running one would come up as the other one later.
set_link() {
  link=$1 target=$2 pidf=$3; shift 3
  pid_of "$pidf"
  if [ -n "$pid" ]; then
    if alive "$pid"; then names "$pid" "$pidf" "$@" && { o "$i" no "it is running (pid $pid)"; return; }
    elif group_alive "$pid" && left_of "$pid" "$pidf" "$@"; then o "$i" no "others of its group $pid still run"; return; fi
  fi
  if [ -e "$link" ] && [ ! -L "$link" ]; then o "$i" no "$link is not a link"; return; fi
  tmp=$link.mailctl.$$.$i
  if [ -e "$tmp" ] || [ -L "$tmp" ]; then rm -f -- "$tmp"; fi
  if said=$( { ln -s -- "$target" "$tmp" && mv -T -- "$tmp" "$link"; } 2>&1 ); then o "$i" ok
  else rm -f -- "$tmp"; o "$i" no "$(printf '%s' "$said" | clean 300)"; fi
}

# Until log and log-run are gone: their absence is the success, not an exit status (sync_client -R -1 says 0 even
# when it failed).
drain() {
  ticks
  end=$((cs + 100 * $1)) imapd=$2 sync=$3; shift 3
  said=
  while :; do
    left=
    for channel; do
      if [ "$channel" = . ]; then dir=$sync; else dir=$sync/$channel; fi
      [ -e "$dir/log" ] || [ -e "$dir/log-run" ] || continue
      ticks; limit=$(((end - cs) / 100))
      [ "$limit" -gt 0 ] || limit=1
      if [ "$channel" = . ]; then said=$(timeout -k 2 "$limit" sync_client -C "$imapd" -R -1 2>&1 9>&- < /dev/null)
      else said=$(timeout -k 2 "$limit" sync_client -C "$imapd" -n "$channel" -R -1 2>&1 9>&- < /dev/null); fi
      if [ -e "$dir/log" ] || [ -e "$dir/log-run" ]; then left=1; fi
    done
    [ -z "$left" ] && { o "$i" ok; return; }
    ticks
    [ "$cs" -ge "$end" ] && { o "$i" no "$(printf '%s' "$said" | clean 400)"; return; }
    sleep 0.2
  done
}

send_users() {
  ticks
  end=$((cs + 100 * $1)) imapd=$2 channel=$3; shift 3
  for user; do
    ticks; limit=$(((end - cs) / 100))
    [ "$limit" -gt 0 ] || { o "$i" bad "$user"; continue; }
    if [ "$channel" = . ]; then timeout -k 2 "$limit" sync_client -C "$imapd" -u -- "$user" > /dev/null 2>&1 9>&- < /dev/null
    else timeout -k 2 "$limit" sync_client -C "$imapd" -n "$channel" -u -- "$user" > /dev/null 2>&1 9>&- < /dev/null; fi
    [ $? -eq 0 ] || o "$i" bad "$user"
  done
  o "$i" ok
}

# New sync_clients connect at once; one that waits after a failure may wait for minutes.
kick() {
  pidf=$1; shift
  pid_of "$pidf"
  { [ -n "$pid" ] && alive "$pid" && names "$pid" "$pidf" "$@"; } || { o "$i" no "it does not run"; return; }
  ps -e -o ppid= -o pid= -o comm= | awk -v p="$pid" '$1 == p && $3 == "sync_client" { print $2 }' |
    while IFS= read -r kid; do kill -TERM "$kid"; done
  o "$i" ok
}

item() (
  i=$1 verb=$2 cd=$3; shift 3
  lease=$cd/mailctl.lease lane=$cd/mailctl.lane
  [ -d "$cd" ] || { o "$i" no "no directory $cd"; exit; }
  plain "$lease" "$lane" || exit
  { command exec 9<> "$lease"; } 2>/dev/null || { cannot "$lease"; exit; }
  # Looked at again: it may have been swapped for a link in between, and root must not write through that.
  plain "$lease" && [ "$lease" -ef /proc/self/fd/9 ] || { o "$i" no "$lease was swapped"; exit; }
  # A renewal gives way: the act that holds the lock has moved the expiry itself.
  if [ "$verb" = renew ]; then patience=1; else patience=20; fi
  flock -w "$patience" 9 || { o "$i" no "another act on this instance is still at work"; exit; }
  if [ "$verb" = take ]; then take "$@"; exit; fi
  token=$1 run=$2 phase=$3 hold=$4 record=$5; shift 5
  lease_read
  now=$(date +%s)
  if [ "$l_token" != "$token" ] || [ "$l_run" != "$run" ]; then held; exit; fi
  l_phase=$phase
  [ "$l_expires" -ge $((now + hold)) ] || l_expires=$((now + hold))
  lease_write || { cannot "$lease"; exit; }
  [ "$record" = - ] || lane_write more "$record" || { cannot "$lane"; exit; }
  case $verb in
    renew|record) o "$i" ok ;;
    back) back "$@" ;;
    stop-builtin) stop_builtin "$@" ;;
    start-builtin) start_builtin "$@" ;;
    run) run_command "$@" ;;
    set-link) set_link "$@" ;;
    drain) drain "$@" ;;
    kick) kick "$@" ;;
    send-users) send_users "$@" ;;
    send-many) send_many "$@" ;;
    collect) collect "$@" ;;
    replay) replay "$@" ;;
    rejoin-end) rejoin_end "$@" ;;
    set-aside) set_aside "$@" ;;
    q-send) q_send "$@" ;;
    q-keep) q_keep "$@" ;;
    *) o "$i" no "unknown act" ;;
  esac
)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`.replaceAll('\\$', '$');

/** The whole script. */
export const ACT_SCRIPT = SCRIPT_HEAD + LEASE + SEND_ACTS + REJOIN_ACTS + ACT_QUARANTINE + ACTS;
