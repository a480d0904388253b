// What a mail host has left, in one script of POSIX sh and /proc: memory, OOM kills, sockets, load, disk, and the mail
// server's own processes with their limits and their control group (v1 and v2), since a server in a container runs out
// of memory long before its host does. Lines of words separated by tabs; a process's name, which is anybody's, comes
// last. The server's part comes after the host's: where no server is found the host's figures are told all the same.

/** The script; `locate` is a server's own text (queue/drain-way.ts), which gets `$@`. */
export const guardsScript = (locate: string): string =>
  String.raw`
# A hundred small processes every few seconds must not make the mail server late, or the pump that fills its windows.
renice -n 19 -p $$ > /dev/null 2>&1
t() { printf '%s' "$1"; shift; for x; do printf '\t%s' "$x"; done; printf '\n'; }
t at "$(date +%s)"
cat /proc/meminfo /proc/vmstat /proc/net/sockstat /proc/net/sockstat6 2> /dev/null | awk '
  BEGIN { OFS = "\t" }
  $1 == "MemTotal:" || $1 == "MemAvailable:" { print "mem", $1, $2 }
  $1 == "oom_kill" { print "oom", $2 }
  $1 == "TCP:" || $1 == "TCP6:" { for (i = 2; i < NF; i += 2) print "sock", $i, $(i + 1) }'
read -r one _ < /proc/loadavg && t load "$one"
for file in /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/ipv4/tcp_max_orphans /proc/sys/net/ipv4/tcp_mem \
  /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max; do
  [ ! -r "$file" ] || t "\${file##*/}" $(cat "$file" 2> /dev/null)
done
t cpus "$(getconf _NPROCESSORS_ONLN 2> /dev/null || grep -c '^processor' /proc/cpuinfo)"
main= spool=
${locate}
if [ -n "$spool" ] && [ -d "$spool" ]; then
  df -Pk "$spool" 2> /dev/null | awk 'NR > 1 { print "disk\t" $(NF - 4) "\t" $(NF - 2) }' | tail -n 1
  df -Pi "$spool" 2> /dev/null | awk 'NR > 1 { print "inodes\t" $(NF - 4) "\t" $(NF - 2) }' | tail -n 1
fi
boot=$(awk '$1 == "btime" { print $2 }' /proc/stat)
# pid, seconds of its start, bytes of address space and of memory, name: the main processes and all below them.
table=$(cat /proc/[0-9]*/stat 2> /dev/null | awk -v main=" $main " -v boot="$boot" \
  -v hz="$(getconf CLK_TCK 2> /dev/null || echo 100)" -v page="$(getconf PAGESIZE 2> /dev/null || echo 4096)" '
  match($0, /^[0-9]+ \(/) {
    pid = $1; rest = $0; name = substr($0, RLENGTH + 1); at = 0
    while ((i = index(rest, ") ")) > 0) { at += i; rest = substr(rest, i + 1) }
    if (!at) next
    name = substr($0, RLENGTH + 1, at - RLENGTH - 1)
    n = split(rest, f, " "); if (n < 22) next
    parent[pid] = f[2]; isMain[pid] = index(main, " " pid " ") > 0
    gsub(/[^ -~]/, "?", name)
    line[pid] = sprintf("%d\t%d\t%d\t%.0f\t%.0f\t%s", pid, isMain[pid], boot + f[20] / hz, f[21], f[22] * page, substr(name, 1, 40))
  }
  END {
    for (pid in line) {
      for (up = pid; up in parent && !isMain[up] && steps[pid]++ < 30; up = parent[up]);
      if (isMain[up]) print line[pid]
    }
  }' | sort -n | head -n 2000)
[ -z "$table" ] || printf '%s\n' "$table" | sed 's/^/proc\t/'
pids=$(printf '%s\n' "$table" | cut -f 1)
for pid in $pids; do
  set -- /proc/"$pid"/fd/*
  if [ -e "$1" ] || [ -L "$1" ]; then t fds "$pid" "$#"; fi
done
set --
for pid in $pids; do set -- "$@" "/proc/$pid/limits"; done
[ "$#" = 0 ] || grep -H -e '^Max open files' -e '^Max address space' "$@" /dev/null 2> /dev/null | awk '
  { split($1, p, "/"); print ($0 ~ /:Max open/ ? "nofile" : "as") "\t" p[3] "\t" $4 }'
# The control group of the first main process, and those above it: whichever is nearest to its limit rules. Processes
# have a limit there, too, which no tool of the mail server knows of.
number() { case $1 in ''|*[!0-9]*) ;; *) printf '%s' "$1" ;; esac; }
named() { printf '%s' "/\${2#"$1"}" | tr -s / | tr -c '[:print:]' '?'; } # mount point, folder
group() { # mount point, path, files: limit, usage, events
  dir=$1$2
  while :; do
    if [ -r "$dir/$4" ]; then
      t group "$(number "$(cat "$dir/$3" 2> /dev/null)")" "$(number "$(cat "$dir/$4" 2> /dev/null)")" \
        "$(awk '$1 == "total_inactive_file" { total = $2 } $1 == "inactive_file" { own = $2 } END { print total == "" ? own : total }' "$dir/memory.stat" 2> /dev/null)" \
        "$(awk '$1 == "oom_kill" { print $2 }' "$dir/$5" 2> /dev/null)" "$(named "$1" "$dir")"
    fi
    case $dir in "$1"|"$1/"|'') return ;; esac
    dir=\${dir%/*}
  done
}
tasks() { # mount point, path
  dir=$1$2
  while :; do
    most=$(number "$(cat "$dir/pids.max" 2> /dev/null)")
    [ -z "$most" ] || t tasks "$most" "$(number "$(cat "$dir/pids.current" 2> /dev/null)")" "$(named "$1" "$dir")"
    case $dir in "$1"|"$1/"|'') return ;; esac
    dir=\${dir%/*}
  done
}
pid=\${main%% *}
if [ -n "$pid" ] && [ -r "/proc/$pid/cgroup" ]; then
  v1= v2= p1=
  while IFS=: read -r _ controllers path; do
    case ,$controllers, in ,,) v2=$path ;; *,memory,*) v1=$path ;; esac
    case ,$controllers, in *,pids,*) p1=$path ;; esac
  done < "/proc/$pid/cgroup"
  # What a mount shows is below its own root; a path outside of it ("/..") is its root, as far as can be seen.
  awk '{
    for (i = 7; i <= NF && $i != "-"; i++);
    if ($(i + 1) == "cgroup2") print "v2", $4, $5
    else if ($(i + 1) == "cgroup" && ("," $(i + 3) ",") ~ /,memory,/) print "v1", $4, $5
    if ($(i + 1) == "cgroup" && ("," $(i + 3) ",") ~ /,pids,/) print "p1", $4, $5
  }' /proc/self/mountinfo | while read -r kind root mount; do
    case $kind in v1) path=$v1 ;; p1) path=$p1 ;; *) path=$v2 ;; esac
    [ -n "$path" ] || continue
    case $path in /..*) path= ;; esac
    [ "$root" = / ] || path=\${path#"$root"}
    [ -d "$mount$path" ] || path=
    case $kind in
      v1) group "$mount" "\${path%/}" memory.limit_in_bytes memory.usage_in_bytes memory.oom_control ;;
      p1) tasks "$mount" "\${path%/}" ;;
      *) group "$mount" "\${path%/}" memory.max memory.current memory.events; tasks "$mount" "\${path%/}" ;;
    esac
  done
fi
t end
`.replaceAll('\\${', '${');
