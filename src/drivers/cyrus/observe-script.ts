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

/** The part that joins what the shell saw with what its few helpers printed; see BODY. */
const JOIN = String.raw`
function clean(text, length_) { gsub(/[\001-\037\177]/, " ", text); return substr(text, 1, length_) }
# A directory would end mawk, a pipe would hold it up.
function is_plain(file) {
  gsub(/\047/, "\047\"\047\"\047", file)
  return system("[ -f \047" file "\047 ] && [ -r \047" file "\047 ]") == 0
}
function conf(line, depth,    file, more) {
  gsub(/[\001-\010\013-\037\177]/, "?", line)
  if (label ~ /i$/) {
    # A secret may go on over the lines that a backslash adds.
    if (skip || tolower(line) ~ /^[^:]*passw/) { skip = line ~ /\\[ \t\r?]*$/; return }
    if (line ~ /^[ \t]*(#|$)/) return
    if (line ~ /^@include:/ && depth < 5) {
      file = line; sub(/^@include:[ \t]*/, "", file)
      # One that includes itself would be read for ever; Cyrus refuses to start with it.
      if (file in reading || !is_plain(file)) return
      reading[file]
      while ((getline more < file) > 0) conf(more, depth + 1)
      close(file); return
    }
  }
  print i us "conf" us label us line
}
# The words of a process; a second try for a grep that knows no -z.
function words(pid) {
  if (!(pid in cmd)) {
    ask = "tr \047\\000\047 \047 \047 < /proc/" pid "/cmdline 2> /dev/null"
    ask | getline cmd[pid]; close(ask)
  }
  return cmd[pid]
}
# Is process pid the Cyrus master of the instance with these paths? A pid is used again by strangers.
function names(pid, paths,    n, k, path, own) {
  own = " " words(pid) " "
  if (own !~ /master/) return 0
  n = split(paths, path, us)
  for (k = 1; k <= n; k++)
    if (path[k] != "" && (index(own, " " path[k] " ") || index(own, " " path[k] "/"))) return 1
  return 0
}
# What the host suffers from: load and processors, and whether the file system of a directory was remounted read-only.
function health(    load, cpus, line, of, n, k, dir, best, ro) {
  for (dir in dirs) { n = 1; break }
  if (!n) return
  if ((getline line < "/proc/loadavg") > 0) { split(line, of, " "); load = of[1] }
  while ((getline line < "/proc/stat") > 0) if (line ~ /^cpu[0-9]/) cpus++
  while ((getline line < "/proc/mounts") > 0) mounts[++mounted] = line
  for (dir in dirs) {
    best = -1; ro = ""
    for (k = 1; k <= mounted; k++) {
      split(mounts[k], of, " ")
      if ((of[2] == "/" || index(dir "/", of[2] "/") == 1) && length(of[2]) >= best) {
        best = length(of[2]); ro = of[4] ~ /^ro(,|$)/ ? "ro" : ""
      }
    }
    n = split(dirs[dir], of, " ")
    for (k = 1; k <= n; k++) print of[k] us "health" us load us cpus us ro
  }
}
function rest(from,    text, k) {
  text = $from
  for (k = from + 1; k <= NF; k++) text = text us $k
  return text
}
$1 == "!services" { services = 1; next }
$1 == "!end" { ends[++count] = $2; next }
$1 == "!link" { links[++linked] = $2 us $3; next }
$1 == "!pid" { pid[$2] = $3; paths[$2] = rest(4); next }
$1 == "!kid" { kids[$2] = kids[$2] " " $3; next }
$1 == "!dir" { dirs[$3] = dirs[$3] " " $2; next }
$1 == "!log" { logs[$3] = logs[$3] " " $2; next }
$1 == "!file" { files[++filed] = $2 us $3 us $4; next }
$1 == "!stat" { n = split(logs[$4], of, " "); for (k = 1; k <= n; k++) print of[k] us "log" us $2 us $3 us $4; next }
$1 == "!mtime" || $1 == "!statx" {
  n = split(logs[$3], of, " ")
  for (k = 1; k <= n; k++) print of[k] us substr($1, 2) us $2 us $3
  next
}
$1 == "!free" {
  n = split(dirs[$5], of, " ")
  for (k = 1; k <= n; k++) printf "%s%sfree%s%.0f%s%.0f\n", of[k], us, us, int($2 * $3 / 1024), us, int($4 * $3 / 1024)
  next
}
# What find prints: a link, and where it leads.
$1 == "!at" && $2 ~ /^\/proc\/[0-9]+\/fd\/[0-9]+$/ {
  split($2, part, "/")
  if ($3 ~ /^socket:\[[0-9]+\]$/) fds[part[3]] = fds[part[3]] us $3
  next
}
$1 == "!at" { target[$2] = clean(rest(3), 4000); next }
# What grep prints: each word of a process behind the name of its file.
/^\/proc\/[0-9]+\/cmdline:/ {
  split($0, part, "/")
  cmd[part[3]] = cmd[part[3]] clean(substr($0, index($0, ":") + 1), 4000) " "
  next
}
# What wc prints.
NF == 1 && /^ *[0-9]+ \// {
  file = $0; sub(/^ *[0-9]+ /, "", file)
  n = split(logs[file], of, " ")
  for (k = 1; k <= n; k++) print of[k] us "lines" us ($0 + 0) us file
  next
}
NF == 1 { next }
{ print }
END {
  for (n = 1; n <= linked; n++) {
    split(links[n], part, us)
    if (part[2] in target) print part[1] us "link" us target[part[2]]
    else print part[1] us "nolink"
  }
  for (i in pid) {
    if (!names(pid[i], paths[i])) { print i us "stranger" us pid[i] us substr(words(pid[i]), 1, 200); continue }
    print i us "pid" us pid[i]
    n = split(fds[pid[i]], part, us)
    for (k = 2; k <= n; k++) print i us "fd" us part[k]
    n = split(kids[i], part, " ")
    for (k = 1; k <= n; k++) if (words(part[k]) != "") print i us "client" us substr(words(part[k]), 1, 400)
  }
  for (n = 1; n <= filed; n++) {
    split(files[n], part, us)
    i = part[1]; label = part[2]; lines = 0; skip = 0
    split("", reading); reading[part[3]]
    while ((getline line < part[3]) > 0) {
      if (label == "lease") print i us "lease" us line
      else if (label == "lane") kept[lines++ % 200] = line
      else conf(line, 0)
    }
    close(part[3])
    if (label == "lane") for (k = lines > 200 ? lines - 200 : 0; k < lines; k++) print i us "lane" us kept[k % 200]
  }
  health()
  n = split("tcp tcp6", part, " ")
  for (k = 1; k <= n; k++) {
    file = "/proc/net/" part[k]
    while ((getline line < file) > 0) {
      split(line, of, " ")
      if (of[4] == "0A") print "-" us "sock" us of[2] us of[10]
    }
  }
  if (services) {
    while ((getline line < "/etc/services") > 0) {
      n = split(line, of, " ")
      if (of[1] ~ /^#/ || of[2] !~ /\/tcp$/) continue
      split(of[2], part, "/")
      print "-" us "svc" us of[1] us part[1]
      for (k = 3; k <= n && of[k] !~ /^#/; k++) print "-" us "svc" us of[k] us part[1]
    }
  }
  for (n = 1; n <= count; n++) print ends[n] us "end"
}`;

/** Shared by the scripts that tell the age of a log. */
export const BIRTHS = String.raw`
# Sets birth to that of the oldest event in a file that was set aside: by the note beside it, since what was split or
# copied is younger than its events; without a note (set aside by hand) it is the file's own.
aside_birth() {
  birth=
  if [ -f "$1.json" ] && [ ! -L "$1.json" ]; then
    birth=$(head -c 100000 < "$1.json" 2> /dev/null | sed -n 's/^{.*"birth":\([0-9]\{1,11\}\)[,}].*/\1/p;q')
  fi
  [ -n "$birth" ] || birth=$(stat -c %W -- "$1" 2> /dev/null)
}
# Births of files where stat knows none (coreutils before 8.31, or built without statx): by the system call itself,
# with the perl that every Debian has. $1 begins each line of the answer, $2 is what stat said.
births() {
  begins=$1
  case $2 in *"log$US"[0?-]"$US"*|*"stat$US"[0?-]"$US"*) ;; *) return ;; esac
  case $(uname -m) in x86_64) number=332 ;; aarch64) number=291 ;; *) return ;; esac
  command -v perl > /dev/null || return
  shift 2
  timeout 10 perl -e '
    my ($number, $begins, $us, @files) = @ARGV;
    exit unless length(pack "p", "") == 8;
    for my $file (@files) {
      my $buffer = "\0" x 256;
      next if syscall($number + 0, -100, $file, 0x100, 0x800, $buffer) != 0;
      next unless unpack("L", $buffer) & 0x800;
      my $birth = unpack "q", substr $buffer, 80, 8;
      print join($us, $begins, $birth, $file), "\n" if $birth > 0;
    }' "$number" "$begins" "$US" "$@" 2> /dev/null
}
`.replaceAll('\\$', '$');

/**
 * A store has many instances, and a look at all of them must not cost a process for each fact of each: the shell
 * sees by itself what it can, one helper each fetches the rest for all instances together (find: links and
 * sockets, grep: command lines, stat and wc: logs), and one awk joins it. Words that begin with `!` are for it.
 */
const BODY = String.raw`
# The logs of one instance, one by one: for a file that was renamed while all were looked at together.
logs() {
  i=$1 sync=$2 tries=0
  while :; do
    log_files "$sync"
    IFS=$NL; set -- $found; IFS=$US
    [ $# -eq 0 ] && return
    said=$(stat -c "$i\${US}log$US%W$US%s$US%n$NL$i\${US}mtime$US%Y$US%n" -- "$@" 2>/dev/null) && break
    tries=$((tries + 1))
    [ $tries -ge 5 ] && { o "$i" churn; return; }
  done
  o "$said"
  births "$i\${US}statx" "$said" "$@"
  wc -l -- "$@" 2>/dev/null | while IFS=' ' read -r count name; do o "$i" lines "$count" "$name"; done
}
${BIRTHS}# The version of what would be started here, once a host: by the real programs in their own folders, never by what a
# site may have put into its path under that name, which could start something.
version() {
  [ -z "$versioned" ] || return
  versioned=1
  for program in /usr/lib/cyrus/bin /usr/lib/cyrus-imapd /usr/libexec/cyrus-imapd /usr/cyrus/bin; do
    [ -x "$program/master" ] || continue
    said=$(timeout 5 "$program/master" -V 2> /dev/null < /dev/null | head -c 400 | clean 200)
    case $said in *[0-9].[0-9]*) o - version "$said"; return ;; esac
  done
  command -v cyr_info > /dev/null || return
  set --
  for conf in "$ci" "$mi" "$ri"; do [ -r "$conf" ] && [ $# -eq 0 ] && set -- -C "$conf"; done
  said=$(timeout 5 cyr_info "$@" version 2> /dev/null < /dev/null | head -c 400 | clean 200)
  case $said in *[0-9].[0-9]*) o - version "$said" ;; esac
}
# Sets found to the logs below a sync directory, a line each.
log_files() {
  found=
  set +f
  # log before log-run: a file that is renamed in between is then seen once, never not at all.
  for f in "$1"/log "$1"/log-run "$1"/*/log "$1"/*/log-run; do
    case $f in "$1"/quarantine/*|"$1"/rejoin/*) continue ;; esac
    [ -f "$f" ] && found="$found$f$NL"
  done
  set -f
}
quarantine() {
  set +f; set -- "$1" "$2"/*; set -f
  i=$1; shift
  for f; do
    case $f in *.json|*.note|*.meta|*.tmp) continue ;; esac
    [ -f "$f" ] && [ ! -L "$f" ] || continue
    aside_birth "$f"
    channel=
    if [ -f "$f.json" ] && [ ! -L "$f.json" ]; then
      channel=$(sed -n 's/^.*,"channel":"\([A-Za-z0-9_-]*\)",.*/@\1/p;q' "$f.json" 2> /dev/null)
    fi
    o "$i" bad "$birth" "$(wc -l < "$f" 2>/dev/null)" "$channel"
  done
}
file() {
  [ -n "$3" ] || return
  if [ -r "$3" ] && [ -f "$3" ]; then o '!file' "$1" "$2" "$3"; else o "$1" missing "$2" "$3"; fi
}

versioned='' links='' cmdlines='' all_logs='' sync_dirs='' frees=''
item() {
  i=$1 flags=$2 pidf=$3 cd=$4 ci=$5 cc=$6 mi=$7 mc=$8 ri=$9; shift 9
  rc=$1 oi=$2 oc=$3 link=$4; shift 4
  o '!end' "$i"
  if [ -n "$link" ]; then
    o '!link' "$i" "$link"
    [ -L "$link" ] && links=$links$link$NL
  elif [ $# -gt 0 ]; then
    said=$(timeout 10 "$@" 2>/dev/null < /dev/null); status=$?
    o "$i" get "$status" "$(printf '%s' "$said" | clean 100)"
  fi
  if [ ! -d "$cd" ]; then o "$i" nodir "$cd"; return; fi
  pid_of "$pidf"
  if [ -n "$pid" ] && alive "$pid"; then
    o '!pid' "$i" "$pid" "$pidf" "$ci" "$cc" "$mi" "$mc" "$ri" "$rc" "$oi" "$oc" "$cd"
    links=$links/proc/$pid/fd$NL cmdlines=$cmdlines/proc/$pid/cmdline$NL
    kids=
    if [ -r "/proc/$pid/task/$pid/children" ]; then IFS= read -r kids < "/proc/$pid/task/$pid/children"
    else kids=$(ps -e -o ppid= -o pid= | awk -v p="$pid" '$1 == p { printf "%s ", $2 }'); fi
    IFS=' '; set -- $kids; IFS=$US
    for kid; do
      { IFS= read -r comm < "/proc/$kid/comm"; } 2>/dev/null || continue
      [ "$comm" = sync_client ] || continue
      o '!kid' "$i" "$kid"
      cmdlines=$cmdlines/proc/$kid/cmdline$NL
    done
  elif [ -n "$pid" ] && group_alive "$pid"; then o "$i" orphans "$pid"
  fi
  case $flags in *c*)
    o '!services'
    version
    file "$i" ci "$ci"; file "$i" cc "$cc"; file "$i" mi "$mi"; file "$i" mc "$mc"
    file "$i" ri "$ri"; file "$i" rc "$rc"; file "$i" oi "$oi"; file "$i" oc "$oc" ;;
  esac
  case $flags in *l*)
    log_files "$cd/sync"
    all_logs=$all_logs$found
    IFS=$NL; for f in $found; do IFS=$US; o '!log' "$i" "$f"; done; IFS=$US
    [ -z "$found" ] || sync_dirs=$sync_dirs$i$US$cd/sync$NL
    [ ! -d "$cd/sync/quarantine" ] || quarantine "$i" "$cd/sync/quarantine" ;;
  esac
  case $flags in *d*) o '!dir' "$i" "$cd"; frees=$frees$cd$NL ;; esac
  # Not through a link, which could lead to what only root may read.
  for own in lease lane; do
    if [ -f "$cd/mailctl.$own" ] && [ ! -L "$cd/mailctl.$own" ]; then o '!file' "$i" "$own" "$cd/mailctl.$own"; fi
  done
}
{
  printf '%s\037time\037' -; date +%s
  while IFS= read -r request; do
    IFS=$US; set -- $request
    item "$@"
  done
  IFS=$NL; set -- $links; IFS=$US
  {
    [ $# -eq 0 ] || find "$@" -maxdepth 1 -type l -printf '!at\037%p\037%l\0' 2>/dev/null
    IFS=$NL; set -- $cmdlines
    [ $# -eq 0 ] || grep -azH '' -- "$@" 2>/dev/null
  } | tr '\n\000' '?\n'
  IFS=$NL; set -- $all_logs; IFS=$US
  if [ $# -gt 0 ]; then
    if said=$(stat -c "!stat$US%W$US%s$US%n$NL!mtime$US%Y$US%n" -- "$@" 2>/dev/null); then
      o "$said"; wc -l -- "$@" 2>/dev/null
      births '!statx' "$said" "$@"
    else
      IFS=$NL; set -- $sync_dirs
      for dir; do IFS=$US; set -- $dir; logs "$@"; done
    fi
  fi
  IFS=$NL; set -- $frees
  [ $# -eq 0 ] || stat -f -c "!free$US%a$US%S$US%b$US%n" -- "$@" 2>/dev/null
  :
} | awk -F "$US" -v us="$US" '${JOIN}'
`.replaceAll('\\$', '$');

/** The whole script. */
export const OBSERVE_SCRIPT = SCRIPT_HEAD + BODY;
