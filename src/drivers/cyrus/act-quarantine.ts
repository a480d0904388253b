// The verbs of the acting script for replication logs that are set aside. Each may be repeated and may be killed at
// any point: the log goes by one rename, its note is there before; a file is replaced by a rename, and only if it is
// still the one whose lines were judged. What is given to sync_client belongs to the owner of the sync directory
// (sync_client opens it for writing as cyrus, and only syslog says when it may not).

/** Shell text; joins the script's own helpers (o, clean, ticks). */
export const ACT_QUARANTINE = String.raw`
# Sets q to the quarantine folder of $1, made if it is not there; never through a link.
q_dir() {
  q=$1/quarantine
  [ -d "$1" ] && [ ! -L "$1" ] || { o "$i" no "no directory $1"; return 1; }
  if [ -L "$q" ]; then o "$i" no "$q is a link"; return 1; fi
  [ -d "$q" ] || { mkdir -- "$q" && chown --reference="$1" -- "$q" && chmod --reference="$1" -- "$q"; } ||
    { o "$i" no "cannot make $q"; return 1; }
}
# Writes $2 as the note of file $1 in q.
q_note() {
  printf '%s\n' "$2" > "$q/$1.json.tmp" && chown --reference="$q" -- "$q/$1.json.tmp" &&
    { sync -- "$q/$1.json.tmp" 2> /dev/null || :; } && mv -T -- "$q/$1.json.tmp" "$q/$1.json" ||
    { o "$i" no "cannot write the note of $1"; return 1; }
}
# The note says the birth of what was at work; a rename keeps the file's own, a copy would not.
set_aside() {
  q_dir "$1" || return
  dir=$2 name=$3 note=$4
  if [ -e "$q/$name" ]; then o "$i" ok 'was set aside'; return; fi
  if [ ! -f "$dir/log-run" ] || [ -L "$dir/log-run" ]; then o "$i" ok 'nothing was at work'; return; fi
  birth=$(stat -c %W -- "$dir/log-run" 2> /dev/null)
  case $birth in ''|0|*[!0-9]*) ;; *) note="{\"birth\":$birth,\${note#*,}" ;; esac
  q_note "$name" "$note" || return
  if mv -T -n -- "$dir/log-run" "$q/$name"; then o "$i" ok; else o "$i" no "cannot move $dir/log-run"; fi
  sync -- "$q" "$dir" 2> /dev/null || :
}
# Prints the lines of file $1 whose number, or whose like by number, is in $2 (1-3,7). Each line is taken with all that
# are the same.
q_lines() {
  tr '\000' '?' < "$1" > "$q/.lines.$$.$i" || return
  printf '%s\n' "$2" | awk '
    NR == FNR { n = split($0, part, ","); for (k = 1; k <= n; k++) { m = split(part[k], ends, "-"); from[++count] = ends[1] + 0; to[count] = ends[m] + 0 } next }
    pass == 1 { while (at <= count && at && FNR > to[at]) at++; if (at <= count && FNR >= from[at]) wanted[$0]; next }
    $0 in wanted
  ' at=1 - pass=1 "$q/.lines.$$.$i" pass=2 "$q/.lines.$$.$i"
  picked=$?
  rm -f -- "$q/.lines.$$.$i"
  return $picked
}
# Whole users, or lines of a file. sync_client retries for ever when its replica is away: its words tell.
q_send() {
  q_dir "$1" || return
  imapd=$2 channel=$3 seconds=$4 name=$5 ranges=$6; shift 6
  part=$q/.send.$$.$i
  find "$q" -maxdepth 1 -name '.[sl][ei]n[de]*' -type f -mmin +60 -exec rm -f -- {} + 2> /dev/null
  (
    if [ "$ranges" != - ]; then [ -f "$q/$name" ] && q_lines "$q/$name" "$ranges" || exit 1; fi
    for user; do printf 'USER %s\n' "$user"; done
  ) > "$part" && chown --reference="$q" -- "$part" || { rm -f -- "$part"; o "$i" no "cannot read $q/$name"; return; }
  said=$part.said
  if [ "$channel" = . ]; then set --; else set -- -n "$channel"; fi
  # With -v -v it says the errors of syslog on its own output, between the protocol and whole messages.
  { timeout -k 2 "$seconds" sync_client -C "$imapd" "$@" -v -v -r -f "$part" 2>&1 9>&- < /dev/null; echo "status $?" >&8; } 8> "$said" |
    grep -aE 'sync_client\[[0-9]+\]: ' | grep -avE 'Destination supports|Reprocessing sync log' | awk 'NR <= 40' | tr '\000' '?' > "$part.out"
  IFS=' '; read -r word status < "$said"; IFS=$US
  outcome=failed
  [ "$status" = 0 ] && outcome=sent
  if grep -qaE 'connect\(.*\) failed|couldn.t connect|Can not connect|ouldn.t authenticate|getaddrinfo' "$part.out" && [ "$outcome" = failed ]; then outcome=away; fi
  text=$(sed 's/^.*sync_client\[[0-9]*\]: *//' "$part.out" | head -n 12 | tr '\n' ';' | clean 1500)
  [ "$status" = 124 ] && text="no end in $seconds s; $text"
  rm -f -- "$part" "$said" "$part.out"
  o "$i" ok "$outcome" "$text"
}
q_keep() {
  q_dir "$1" || return
  name=$2 seal=$3 ranges=$4 note=$5
  [ -f "$q/$name" ] && [ ! -L "$q/$name" ] || { o "$i" ok 'is gone'; return; }
  now_seal=$(cksum < "$q/$name" | tr ' ' :)
  [ "$now_seal" = "$seal" ] || { o "$i" no "$q/$name is not as it was read"; return; }
  if [ "$ranges" = - ]; then
    rm -f -- "$q/$name" && rm -f -- "$q/$name.json"
    o "$i" ok; return
  fi
  q_note "$name" "$note" || return
  q_lines "$q/$name" "$ranges" > "$q/$name.tmp" && chown --reference="$q" -- "$q/$name.tmp" &&
    [ -s "$q/$name.tmp" ] && { sync -- "$q/$name.tmp" 2> /dev/null || :; } && mv -T -- "$q/$name.tmp" "$q/$name" ||
    { rm -f -- "$q/$name.tmp"; o "$i" no "cannot write $q/$name"; return; }
  o "$i" ok
}
`.replaceAll('\\$', '$');
