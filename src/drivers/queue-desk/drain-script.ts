// The drains' place beside a queue on the mail host: /var/lib/mailctl/queues/NAME/drains/KEY with what the drain is
// (`start`), its manifest (`keys.PART`: a key in JSON, a tab, the key as the server's own script takes it), its last
// heartbeat (`beat`: uptime, boot, epoch seconds; `note`), its state and its dead man. Uptime and boot, since a clock
// that is set must not kill a drain. What decides is done under one lock, so that a heartbeat that comes late and a dead
// man that has waited long enough cannot both win.
//
// The dead man is a shell of its own session that only sleeps and looks. When the heartbeat is too old it marks the
// drain, then gives back part by part what is still held, and tries again what the server did not take. It ends with its
// drain, it holds a lock while it lives, so that there are never two, and a reboot costs it no more than the time to
// the next look.

/** What the dead man's file says. `$1` the drain's folder, `$2` the lock of the drains. */
const DEAD_MAN = String.raw`
dir=$1 lock=$2 passes=0
exec 8>> "$dir/watch.lock"
flock -n 8 || exit 0
state_of() { state=; [ -r "$dir/state" ] && read -r state < "$dir/state"; }
silence() {
  read -r up _ < /proc/uptime; up=\${up%.*}
  b_up=0 b_boot= b_at=0
  [ -r "$dir/beat" ] && read -r b_up b_boot b_at < "$dir/beat"
  if [ "$b_boot" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then silent=$((up - b_up)); else silent=$(($(date +%s) - b_at)); fi
}
say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >> "$dir/watch.log"; }
while :; do
  state_of
  case $state in
    running)
      dead_after=600 on_death=
      [ -r "$dir/rules" ] && read -r dead_after on_death < "$dir/rules"
      case $dead_after in ''|*[!0-9]*|??????????*) dead_after=600 ;; esac
      [ "$on_death" = release ] || exit 0
      silence
      if [ "$silent" -gt "$dead_after" ]; then
        exec 9>> "$lock"; flock 9
        state_of; silence
        if [ "$state" = running ] && [ "$silent" -gt "$dead_after" ]; then
          say "no heartbeat for $silent s: giving back what is held"
          echo releasing > "$dir/state.new" && mv -f "$dir/state.new" "$dir/state"
        fi
        exec 9>&-
        continue
      fi
      nap=$((dead_after - silent + 1)); [ "$nap" -le 5 ] || nap=5
      sleep "$nap" 8>&-
      ;;
    releasing)
      bad= passes=$((passes + 1))
      for file in "$dir"/keys.*; do
        case $file in *.new|*'*') continue ;; esac
        grep -qxF "\${file##*/}" "$dir/given" 2> /dev/null && continue
        state_of; [ "$state" = releasing ] || break
        said=$(cut -f 2- "$file" | sh "$dir/give" 8>&- 2>&1); status=$?
        say "\${file##*/}: status $status: $(printf '%s' "$said" | tail -n 1 | tr -c '[:print:]' ' ' | cut -c 1-200)"
        # What failed is tried some times; what never works must not keep the rest waiting for its end.
        printf '%s\n' "$said" | grep -q -e '^failed ' -e '"failed"' && [ "$passes" -lt 5 ] && status=1
        if [ "$status" = 0 ]; then printf '%s\n' "\${file##*/}" >> "$dir/given"; else bad=1; fi
      done
      [ -z "$bad" ] || { sleep 20 8>&-; continue; }
      # Whoever has the lock may be waiting for us to end: his word is looked for again, not waited for.
      exec 9>> "$lock"
      flock -w 2 9 || { exec 9>&-; continue; }
      state_of
      [ "$state" = releasing ] && echo released > "$dir/state.new" && mv -f "$dir/state.new" "$dir/state"
      exec 9>&-
      exit 0
      ;;
    *) exit 0 ;;
  esac
done
`.replaceAll('\\${', '${');

/** $1 verb, $2 name of the queue, $3 the run's key; the rest by verb. */
export const DRAIN_SCRIPT = String.raw`
umask 077
verb=$1 name=$2 key=$3; shift 3
case $name in ''|.*|*[!A-Za-z0-9._-]*) echo 'no name of a queue' >&2; exit 64 ;; esac
case $key in *[!0-9a-f]*|?????????????????*) echo 'no key of a run' >&2; exit 64 ;; esac
case $verb in found|wake) ;; *) [ -n "$key" ] || exit 64 ;; esac
if [ "$(id -u)" = 0 ]; then base=/var/lib/mailctl; else base=$HOME/.local/state/mailctl; fi
drains=$base/queues/$name/drains
dir=$drains/$key
lock() {
  mkdir -p "$drains" || exit 73
  exec 9>> "$drains/lock" || exit 73
  flock -w 10 9 || { echo 'another command keeps the lock of the drains' >&2; exit 75; }
}
put() { cat > "$1.new" && mv -f "$1.new" "$1"; }
state_of() { state=; [ -r "$1/state" ] && read -r state < "$1/state"; }
mark() { echo "$2" > "$1/state.new" && mv -f "$1/state.new" "$1/state"; }
words_of() { # how long it may be silent, and what happens then
  dead_after=600 on_death=hold
  [ -r "$1/rules" ] && read -r dead_after on_death < "$1/rules"
  case $dead_after in ''|*[!0-9]*|??????????*) dead_after=600 ;; esac
}
read -r up _ < /proc/uptime; up=\${up%.*}
boot=$(cat /proc/sys/kernel/random/boot_id 2> /dev/null || echo -)
beat() { printf '%s %s %s\n' "$up" "$boot" "$(date +%s)" | put "$1/beat"; }
silence() {
  b_up=0 b_boot= b_at=0
  [ -r "$1/beat" ] && read -r b_up b_boot b_at < "$1/beat"
  if [ "$b_boot" = "$boot" ]; then silent=$((up - b_up)); else silent=$(($(date +%s) - b_at)); fi
  [ "$silent" -ge 0 ] || silent=0
}
# Has it a dead man that lives?
watched() { [ -e "$1/watch.lock" ] && ! flock -n "$1/watch.lock" true; }
watch_it() {
  words_of "$1"
  [ "$on_death" = release ] && [ -s "$1/give" ] || return 1
  watched "$1" && return 1
  setsid sh "$1/watch" "$1" "$drains/lock" < /dev/null > /dev/null 2>&1 9>&- &
}
# Waits until its dead man does nothing any more.
quiet() { flock -w 30 "$1/watch.lock" true || { echo 'the dead man is still at it' >&2; exit 75; }; }
describe() {
  state_of "$1"; silence "$1"; words_of "$1"
  count=$(cat "$1"/keys.* 2> /dev/null | wc -l)
  alive=0
  case $state in running|releasing) watched "$1" && alive=1 ;; esac
  printf 'drain %s %s %s %s %s\n' "$(basename "$1")" "\${state:--}" "$((count))" "$silent" "$alive"
  printf 'start '; head -c 20000 "$1/start" | tr -d '\n'; echo
  printf 'note '; [ ! -r "$1/note" ] || head -c 60000 "$1/note" | tr -d '\n'; echo
}
case $verb in
begin)
  # $1 seconds without a heartbeat, $2 release or hold, $3 bytes of the description; then keys whose drains may be taken over.
  my_seconds=$1 my_end=$2 bytes=$3; shift 3
  case $my_seconds$bytes in ''|*[!0-9]*) exit 64 ;; esac
  text=$(cat; echo .); text=\${text%.}
  command -v flock > /dev/null && command -v setsid > /dev/null || { echo 'there is no flock or no setsid (util-linux)' >&2; exit 69; }
  lock
  for other in "$drains"/*/; do
    other=\${other%/}
    [ -s "$other/start" ] && [ "$other" != "$dir" ] || continue
    state_of "$other"; silence "$other"; words_of "$other"
    case $state in
      running|releasing) ;;
      released) [ "$silent" -lt 604800 ] || rm -rf -- "$other"; continue ;;
      *) continue ;;
    esac
    mine=
    for dead; do [ "$(basename "$other")" = "$dead" ] && mine=1; done
    if [ -z "$mine" ]; then
      { [ "$state" = running ] && [ "$silent" -gt "$dead_after" ] && ! watched "$other"; } || { describe "$other"; exit 0; }
    fi
    # Whose messages these were is still known there. A dead man that only waits sees it before he acts.
    mark "$other" held
    [ "$state" = running ] || quiet "$other"
  done
  mkdir -p "$dir" || exit 73
  state_of "$dir"
  if [ "$state" = releasing ]; then mark "$dir" held; quiet "$dir"; fi
  rm -f -- "$dir/given"
  printf '%s' "$text" | head -c "$bytes" | put "$dir/start" || exit 73
  printf '%s' "$text" | tail -c "+$((bytes + 1))" | put "$dir/give" || exit 73
  printf '%s %s\n' "$my_seconds" "$my_end" | put "$dir/rules" || exit 73
  put "$dir/watch" << 'EOF_OF_DEAD_MAN'
${DEAD_MAN}
EOF_OF_DEAD_MAN
  beat "$dir" && mark "$dir" running || exit 73
  watch_it "$dir"
  echo granted
  ;;
keep)
  part=$1
  case $part in ''|*[!A-Za-z0-9]*) echo 'no name of a part' >&2; exit 64 ;; esac
  lock
  state_of "$dir"
  [ "$state" = running ] || { cat > /dev/null; echo lost; exit 0; }
  put "$dir/keys.$part" || exit 73
  sync "$dir/keys.$part" "$dir" 2> /dev/null || sync
  beat "$dir" || exit 73
  echo granted
  ;;
beat)
  lock
  state_of "$dir"
  if [ "$state" = running ]; then
    put "$dir/note" && beat "$dir" || exit 73
    watch_it "$dir"
    echo granted
  else cat > /dev/null; echo lost; fi
  exec 9>&-
  # Guards: the words are a shell of the server's, with its text.
  [ "$#" = 0 ] || "$@" < /dev/null
  :
  ;;
end)
  how=$1
  lock
  state_of "$dir"
  case $how:$state in
    *:running|done:held|done:released) ;;
    # Told so before, while its dead man had a part in hand: he may have it still.
    held:held) quiet "$dir" ;;
    *:releasing) mark "$dir" held; quiet "$dir" ;;
    *) echo lost; exit 0 ;;
  esac
  if [ "$how" = held ]; then mark "$dir" held
  else rm -f -- "$dir/state"; rm -rf -- "$dir"; fi
  echo granted
  ;;
wake)
  count=0
  [ ! -d "$drains" ] || for one in "$drains"/*/; do
    one=\${one%/}
    [ -s "$one/start" ] || continue
    state_of "$one"
    case $state in running|releasing) ;; *) continue ;; esac
    watch_it "$one" && count=$((count + 1))
  done
  echo "woke $count"
  ;;
found)
  for one in "$drains"/*/; do
    one=\${one%/}
    [ -s "$one/start" ] && describe "$one"
  done
  echo whole
  ;;
keys)
  [ -d "$dir" ] || { echo "there is no drain $key" >&2; exit 66; }
  for file in "$dir"/keys.*; do
    [ -f "$file" ] && case $file in *.new) ;; *) cut -f 1 "$file" ;; esac
  done
  :
  ;;
*) exit 64 ;;
esac
`.replaceAll('\\${', '${');
