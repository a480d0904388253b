// The script that changes instances. Every act takes the flock of the instance's lease, compares token and run,
// moves the expiry behind its own deadline, writes its line into the lane file, then acts: all in one script,
// so that what a killed or paused runner left in flight cannot land after a takeover (failover.md, "The lease").
// Instances of a host that are ready together come in one call and are done beside each other; each answers as
// soon as it is done. Daemons are started with the lock's descriptor closed, or they would keep the lock.
import { SCRIPT_HEAD } from './observe-script.js';

const LEASE = String.raw`
lease_read() {
  l_token=0 l_run=- l_operator=- l_bastion=- l_from=- l_to=- l_phase=- l_expires=0
  while IFS=' ' read -r key value; do
    case $key in
      token) l_token=$value ;; run) l_run=$value ;; operator) l_operator=$value ;; bastion) l_bastion=$value ;;
      from) l_from=$value ;; to) l_to=$value ;; phase) l_phase=$value ;; expires) l_expires=$value ;;
    esac
  done < "$lease"
  case $l_token in ''|*[!0-9]*) l_token=0 ;; esac
  case $l_expires in ''|*[!0-9]*) l_expires=0 ;; esac
}
# In place, so that the lock stays on the file that everybody opens.
lease_write() {
  printf 'token %s\nrun %s\noperator %s\nbastion %s\nfrom %s\nto %s\nphase %s\nexpires %s\n' \
    "$l_token" "$l_run" "$l_operator" "$l_bastion" "$l_from" "$l_to" "$l_phase" "$l_expires" > "$lease"
}
# Never through a link that somebody with rights on the store only has put there.
plain() {
  for f; do
    if [ -L "$f" ] || { [ -e "$f" ] && [ ! -f "$f" ]; }; then o "$i" no "$f is not a plain file"; return 1; fi
  done
}
held() { o "$i" held "$l_token" "$l_run" "$l_operator" "$l_bastion" "$l_from" "$l_to" "$l_phase" "$l_expires" "$now"; }
`;

const ACTS = String.raw`
take() {
  run=$1 operator=$2 bastion=$3 from=$4 to=$5 phase=$6 hold=$7 record=$8; shift 8
  now=$(date +%s)
  lease_read
  free=
  [ "$l_run" = - ] || [ "$l_run" = "$run" ] || [ "$l_expires" -lt "$now" ] && free=1
  for dead; do [ "$l_run" = "$dead" ] && free=1; done
  [ -n "$free" ] || { held; return; }
  again=; [ "$l_run" = "$run" ] && again=1
  l_token=$((l_token + 1)) l_run=$run l_operator=$operator l_bastion=$bastion
  l_from=$from l_to=$to l_phase=$phase l_expires=$((now + hold))
  lease_write || { o "$i" no "cannot write $lease"; return; }
  # What a lane that was given back still owes stays on record; anything else of it is history.
  # The run that has it already (its answer was lost, or it was resumed) goes on where it was.
  if [ -n "$again" ]; then printf '%s\n' "$record" >> "$lane"
  else
    kept=
    [ -f "$lane" ] && kept=$(grep '"kind":"owed"' "$lane" 2>/dev/null)
    printf '%s\n' "$kept\${kept:+$NL}$record" > "$lane"
  fi || { o "$i" no "cannot write $lane"; return; }
  o "$i" granted "$l_token"
}

back() {
  if [ $# -gt 0 ]; then printf '%s\n' "$@" > "$lane"; else rm -f -- "$lane"; fi
  l_run=- l_expires=0 l_phase=-
  lease_write
  o "$i" ok
}

# Ends every process of an instance: QUIT lets master end its children and wait for them; whoever is left after
# the time goes by SIGKILL to the group. Debian's kill takes "-194" for every process: "--" before the group.
# A master that has been alone for two seconds waits for nobody: Cyrus 3.6 never hears of its children's end while a
# connection waits at a port of its own (pselect prefers it to SIGCHLD), and would spin until the time is over.
others_alive() { ps -e -o pid= -o pgid= -o stat= | awk -v g="$1" '$2 == g && $1 != g && $3 !~ /^Z/ { found = 1 } END { exit !found }'; }
stop_builtin() {
  wait_s=$1 pidf=$2; shift 2
  pid_of "$pidf"
  [ -n "$pid" ] || { o "$i" ok "was not running"; return; }
  if alive "$pid"; then
    names "$pid" "$pidf" "$@" || { o "$i" ok "was not running: pid $pid is somebody else"; return; }
    group=$pgrp
    env kill -QUIT -- "$pid"
  elif group_alive "$pid"; then group=$pid; env kill -TERM -- "-$pid"
  else o "$i" ok "was not running"; return; fi
  [ "$group" = "$pid" ] || group=
  end=$(($(date +%s) + wait_s)) forced= looked= alone=0
  while :; do
    if ! alive "$pid" && { [ -z "$group" ] || ! group_alive "$group"; }; then o "$i" ok "$forced"; return; fi
    now=$(date +%s)
    if [ -n "$group" ] && [ "$now" != "$looked" ] && [ -z "$forced" ]; then
      looked=$now
      if others_alive "$group"; then alone=0; else alone=$((alone + 1)); fi
    fi
    if [ "$now" -ge "$end" ] || { [ "$alone" -ge 3 ] && [ -z "$forced" ]; }; then
      [ -n "$forced" ] && { o "$i" no "still running after SIGKILL"; return; }
      forced='ended by SIGKILL' end=$((now + 5))
      if [ -n "$group" ]; then env kill -KILL -- "-$group"; else env kill -KILL -- "$pid"; fi
    fi
    sleep 0.05
  done
}

stop_command() {
  wait_s=$1 pidf=$2 words=$3; shift 3
  # The paths of the instance come first, then the site's own command.
  while [ "$words" -gt 0 ]; do shift; words=$((words - 1)); done
  said=$(timeout "$wait_s" "$@" 2>&1 9>&- < /dev/null); status=$?
  if [ $status -eq 0 ]; then o "$i" ok; else o "$i" no "status $status: $(printf '%s' "$said" | clean 400)"; fi
}

start_builtin() {
  imapd=$1 cyrus=$2 pidf=$3
  master=$(command -v cyrmaster) || { o "$i" no "no cyrmaster on this host"; return; }
  dir=\${pidf%/*}
  [ -d "$dir" ] || mkdir -p -- "$dir"
  said=$(timeout 30 "$master" -C "$imapd" -M "$cyrus" -p "$pidf" -d 2>&1 9>&- < /dev/null); status=$?
  if [ $status -eq 0 ]; then o "$i" ok; else o "$i" no "cyrmaster: status $status: $(printf '%s' "$said" | clean 400)"; fi
}

run_command() {
  wait_s=$1; shift
  said=$(timeout "$wait_s" "$@" 2>&1 9>&- < /dev/null); status=$?
  if [ $status -eq 0 ]; then o "$i" ok; else o "$i" no "status $status: $(printf '%s' "$said" | clean 400)"; fi
}

# A role may only be swapped while the instance is stopped: a running one would come up as the other one later.
set_link() {
  link=$1 target=$2 pidf=$3; shift 3
  pid_of "$pidf"
  if [ -n "$pid" ] && alive "$pid" && names "$pid" "$pidf" "$@"; then o "$i" no "it is running (pid $pid)"; return; fi
  if [ -e "$link" ] && [ ! -L "$link" ]; then o "$i" no "$link is not a link"; return; fi
  tmp=$link.mailctl.$$.$i
  rm -f -- "$tmp"
  if said=$( { ln -s -- "$target" "$tmp" && mv -T -- "$tmp" "$link"; } 2>&1 ); then o "$i" ok
  else rm -f -- "$tmp"; o "$i" no "$(printf '%s' "$said" | clean 300)"; fi
}

# Until log and log-run are gone: their absence is the success, not an exit status (sync_client -R -1 says 0 even
# when it failed).
drain() {
  end=$(($(date +%s) + $1)) imapd=$2 sync=$3; shift 3
  said=
  while :; do
    left=
    for channel; do
      if [ "$channel" = . ]; then dir=$sync; else dir=$sync/$channel; fi
      [ -e "$dir/log" ] || [ -e "$dir/log-run" ] || continue
      limit=$((end - $(date +%s)))
      [ "$limit" -gt 0 ] || limit=1
      if [ "$channel" = . ]; then said=$(timeout "$limit" sync_client -C "$imapd" -R -1 2>&1 9>&- < /dev/null)
      else said=$(timeout "$limit" sync_client -C "$imapd" -n "$channel" -R -1 2>&1 9>&- < /dev/null); fi
      if [ -e "$dir/log" ] || [ -e "$dir/log-run" ]; then left=1; fi
    done
    [ -z "$left" ] && { o "$i" ok; return; }
    [ "$(date +%s)" -ge "$end" ] && { o "$i" no "$(printf '%s' "$said" | clean 400)"; return; }
    sleep 0.2
  done
}

send_users() {
  end=$(($(date +%s) + $1)) imapd=$2 channel=$3; shift 3
  for user; do
    limit=$((end - $(date +%s)))
    [ "$limit" -gt 0 ] || { o "$i" bad "$user"; continue; }
    if [ "$channel" = . ]; then timeout "$limit" sync_client -C "$imapd" -u "$user" > /dev/null 2>&1 9>&- < /dev/null
    else timeout "$limit" sync_client -C "$imapd" -n "$channel" -u "$user" > /dev/null 2>&1 9>&- < /dev/null; fi
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
    while IFS= read -r kid; do env kill -TERM -- "$kid"; done
  o "$i" ok
}

item() (
  i=$1 verb=$2 cd=$3; shift 3
  lease=$cd/mailctl.lease lane=$cd/mailctl.lane
  [ -d "$cd" ] || { o "$i" no "no directory $cd"; exit; }
  plain "$lease" "$lane" || exit
  { exec 9<> "$lease"; } 2>/dev/null || { o "$i" no "cannot open $lease"; exit; }
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
  lease_write || { o "$i" no "cannot write $lease"; exit; }
  [ "$record" = - ] || printf '%s\n' "$record" >> "$lane" || { o "$i" no "cannot write $lane"; exit; }
  case $verb in
    renew|record) o "$i" ok ;;
    back) back "$@" ;;
    stop-builtin) stop_builtin "$@" ;;
    stop-command) stop_command "$@" ;;
    start-builtin) start_builtin "$@" ;;
    run) run_command "$@" ;;
    set-link) set_link "$@" ;;
    drain) drain "$@" ;;
    kick) kick "$@" ;;
    send-users) send_users "$@" ;;
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
export const ACT_SCRIPT = SCRIPT_HEAD + LEASE + ACTS;
