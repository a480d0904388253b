// The acts of a rejoin on the old master's host, for the acting script (act-script.ts): its leftover logs are set
// aside, what they name is sent to the new master, and in the end they go. Replication is spoken with the new master's
// own IMAP port (`sync_try_imap`; field notes, "Replay over the new master's IMAP port"), so that nothing is changed
// there. The configuration for it holds a password: it is cyrus's own file, and lives no longer than the act.

/** Verbs `collect`, `replay` and `rejoin-end`, and what they share. */
export const REJOIN_ACTS = String.raw`
# A directory of ours below sync, never through a link.
own_dir() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then mkdir -- "$1" && chown --reference="$cd" -- "$1" && chmod 700 -- "$1"; fi 2>/dev/null
  [ -d "$1" ] && [ ! -L "$1" ] || { o "$i" no "$1 is no directory"; return 1; }
}

# Sets aside every log below sync, also quarantined ones: one rename each, so that it is in one place or the other. Its
# birth stays in its name, since a file that is copied later has another one.
collect() {
  sync=$1 pidf=$2; shift 2
  [ -d "$sync" ] || { o "$i" ok 0; return; }
  pid_of "$pidf"
  if [ -n "$pid" ] && alive "$pid" && names "$pid" "$pidf" "$@"; then o "$i" no "it is running (pid $pid)"; return; fi
  into=$sync/rejoin moved=0
  set +f; set -- "$sync"/log-run "$sync"/log "$sync"/*/log-run "$sync"/*/log "$sync"/quarantine/* "$sync"/quarantine/*/*; set -f
  for f; do
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    rel=\${f#"$sync"/}
    case $rel in
      rejoin/*|quarantine/*.json|quarantine/*.tmp) continue ;;
      quarantine/*) [ -s "$f" ] || continue ;;
    esac
    own_dir "$into" || return
    birth=$(stat -c %W -- "$f" 2>/dev/null)
    # A part of what was quarantined is younger than its events: its note knows.
    noted=
    [ ! -f "$f.json" ] || noted=$(sed -n 's/.*"birth":\([0-9][0-9]*\).*/\1/p' "$f.json" | head -n 1)
    birth=\${noted:-$birth}
    case $birth in ''|*[!0-9]*) birth=0 ;; esac
    name=$birth-$(printf '%s' "$rel" | tr -c 'A-Za-z0-9._-' '_') n=1 to=
    while to=$into/$name.$n; [ -e "$to" ] || [ -L "$to" ]; do n=$((n + 1)); done
    mv -n -- "$f" "$to" 2>/dev/null && [ ! -e "$f" ] || { o "$i" no "cannot move $f to $to"; return; }
    [ ! -f "$f.json" ] || rm -f -- "$f.json"
    moved=$((moved + 1))
  done
  o "$i" ok "$moved"
}

# Writes the configuration that speaks with the new master: the master's own without its replication, which would log
# what this writes here. stdin: a login for a file that has none.
replay_conf() {
  rm -f -- "$conf" "$list"
  (umask 077; set -C; : > "$conf" && : > "$list") 2>/dev/null || return 1
  chown --reference="$cd" -- "$conf" "$list" || return 1
  [ -r "$base" ] || return 1
  awk -v channel="$channel" -v out="$conf" '
    function take(line,    key, value) {
      key = line; sub(/:.*/, "", key); gsub(/[ \t]/, "", key); key = tolower(key)
      value = line; sub(/^[^:]*:[ \t]*/, "", value); sub(/[ \t\r]+$/, "", value)
      if (key ~ /^(.*_)?sync_/) {
        if (!(key in found)) found[key] = value
        return
      }
      print line >> out
    }
    function read_conf(file, depth,    line, more, begun) {
      begun = ""
      while ((getline line < file) > 0) {
        if (line ~ /\\\r?$/) { sub(/\\\r?$/, "", line); begun = begun line; continue }
        line = begun line; begun = ""
        if (line ~ /^[ \t]*#/ || line !~ /[^ \t\r]/) continue
        if (line ~ /^@include:/) {
          more = line; sub(/^@include:[ \t]*/, "", more); sub(/[ \t\r]+$/, "", more)
          if (depth < 5 && !(more in reading)) { reading[more]; read_conf(more, depth + 1) }
          continue
        }
        take(line)
      }
      if (begun != "") take(begun)
      close(file)
    }
    function of(key) {
      if (channel != "." && (tolower(channel) "_" key) in found) return found[tolower(channel) "_" key]
      return found[key]
    }
    BEGIN {
      getline user < "-"; getline password < "-"; getline address < "-"; getline port < "-"; getline base < "-"
      reading[base]; read_conf(base, 0)
      if (of("sync_authname") != "") { user = of("sync_authname"); password = of("sync_password") }
      print "sync_log: no\nsync_try_imap: yes\nsync_host: " address "\nsync_port: " port >> out
      if (of("sync_realm") != "") print "sync_realm: " of("sync_realm") >> out
      if (user == "") exit 3
      print "sync_authname: " user "\nsync_password: " password >> out
    }'
}
forget_conf() { rm -f -- "$conf" "$list"; }

# Names as the tools take them: user.d^e.Sent Items is user/d.e/Sent Items, example.com!user.bob is user/bob@example.com.
external_lines() {
  awk -v unix="$unix" '
    {
      line = $0; at = ""; n = index(line, "!")
      if (n > 1) { at = "@" substr(line, 1, n - 1); line = substr(line, n + 1) }
      if (unix) { gsub(/\./, "/", line); gsub(/\^/, ".", line) }
      print line at
    }'
}

# One run of sync_client over what stands in the list; sets status and said.
replay_once() {
  ticks; limit=$(((end - cs) / 100))
  [ "$limit" -gt 0 ] || { status=124 said='no time was left'; return; }
  # To a list of names a line that begins with # is a comment: then they are words.
  if [ "$kind" != lines ] && grep -q '^#' "$list"; then
    IFS=$NL; set -- $(cat "$list"); IFS=$US
    told timeout -k 5 "$limit" sync_client -C "$conf" $flags -- "$@"
  else told timeout -k 5 "$limit" sync_client -C "$conf" $flags -f "$list"; fi
}

# Sends mailboxes, users, or lines of a log. A unit that begins with = is sent together with those after it that begin
# with +: both names of what was renamed. What fails among others is tried alone, so that it holds up nobody.
replay() {
  seconds=$1 base=$2 sync=$3 address=$4 port=$5 channel=$6 kind=$7 user=$8 password=$9; shift 9
  [ "$user" = - ] && user= password=
  dir=$sync/rejoin conf=$sync/rejoin/replay.conf list=$sync/rejoin/replay.list
  [ -d "$sync" ] || { mkdir -- "$sync" && chown --reference="$cd" -- "$sync"; }
  own_dir "$dir" || return
  ticks; end=$((cs + 100 * seconds))
  printf '%s\n' "$user" "$password" "$address" "$port" "$base" | replay_conf
  case $? in
    0) ;;
    3) forget_conf; o "$i" no "$base has no sync_authname, and stores.cyrus.admin is not configured"; return ;;
    *) forget_conf; o "$i" no "cannot write $conf"; return ;;
  esac
  unix=1
  case $(sed -n 's/^unixhierarchysep:[[:space:]]*//p' "$conf" | tail -n 1) in 0|n|no|f|false|off) unix= ;; esac
  case $kind in
    mailboxes) flags=-m ;;
    users) flags=-u ;;
    *) flags=-r ;;
  esac
  write_list() {
    for name; do printf '%s\n' "\${name#?}"; done | if [ "$kind" = mailboxes ]; then external_lines; else cat; fi > "$list"
  }
  write_list "$@"
  replay_once
  if [ $status -ne 0 ]; then
    first=$said
    # The new master cannot be spoken with at all: each of them would say the same.
    case $said in
      *"an not connect"*|*"ouldn't connect"*|*"connect("*") failed"*|*"ouldn't authenticate"*|*"uthentication failed"*|*getaddrinfo*|'no time was left') forget_conf; o "$i" no "$(printf '%s' "sync_client: status $status: $said" | clean 400)"; return ;;
    esac
    while [ $# -gt 0 ]; do
      unit=$1; shift
      own=$unit
      while [ $# -gt 0 ]; do
        case $1 in +*) own=$own$NL$1; shift ;; *) break ;; esac
      done
      rest=$(printf '%s\n' "$@")
      more=$#
      IFS=$NL; set -- $own; IFS=$US
      write_list "$@"
      replay_once
      [ $status -eq 0 ] || o "$i" bad "\${unit#?}" "$(printf '%s' "\${said:-$first}" | clean 300)"
      IFS=$NL; set -- $rest; IFS=$US
      [ "$more" -gt 0 ] || set --
    done
  fi
  forget_conf
  o "$i" ok
}

# What was set aside goes, or is kept for a person.
rejoin_end() {
  dir=$1/rejoin keep=$2
  [ -d "$dir" ] && [ ! -L "$dir" ] || { o "$i" ok; return; }
  rm -f -- "$dir/replay.conf" "$dir/replay.list"
  set +f; set -- "$dir"/[0-9]*-*; set -f
  for f; do
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    if [ "$keep" = keep ]; then
      own_dir "$dir/kept" || return
      n=1; while to=$dir/kept/\${f##*/}.$n; [ -e "$to" ] || [ -L "$to" ]; do n=$((n + 1)); done
      mv -n -- "$f" "$to" 2>/dev/null && [ ! -e "$f" ] || { o "$i" no "cannot move $f to $to"; return; }
    else rm -f -- "$f" || { o "$i" no "cannot remove $f"; return; }; fi
  done
  rmdir -- "$dir" 2>/dev/null
  o "$i" ok
}
`.replaceAll('\\$', '$');
