// The part of the acting script that sends many users or mailboxes whole, from an instance that runs or not, by its
// master configuration (`sync_client -u` / `-m`; 3.x). All names in one process first, which passes over what is
// equal already in milliseconds; only when that fails each by itself, to find out which one it is.

/**
 * Verb `send-many`: seconds, imapd.conf, channel (`.`: the default), `u` or `m`, how many at once (1 or 2), names
 * (internal ones after `m`).
 */
export const SEND_ACTS = String.raw`
# The name that an administrator writes: a/b for the internal a.b, x.y for x^y, a/b@domain for domain!a.b.
external() {
  name=$1 domain=
  case $name in *!*) domain=@\${name%%!*} name=\${name#*!} ;; esac
  [ -n "$dotted" ] || name=$(printf '%s' "$name" | tr '.^' '/.')
  ext=$name$domain
}
send_many() {
  ticks
  end=$((cs + 100 * $1)) imapd=$2 channel=$3 kind=$4 jobs=$5; shift 5
  dotted=
  grep -iqE '^unixhierarchysep:[[:space:]]*(no|off|f|false|0)[[:space:]]*$' "$imapd" 2>/dev/null && dotted=1
  if [ "$kind" = m ]; then
    n=$#
    while [ "$n" -gt 0 ]; do external "$1"; shift; set -- "$@" "$ext"; n=$((n - 1)); done
  fi
  send() {
    ticks; limit=$(((end - cs) / 100))
    [ "$limit" -gt 0 ] || return 124
    if [ "$channel" = . ]; then said=$(timeout -k 2 "$limit" sync_client -C "$imapd" "-$kind" -- "$@" 2>&1 9>&- < /dev/null)
    else said=$(timeout -k 2 "$limit" sync_client -C "$imapd" -n "$channel" "-$kind" -- "$@" 2>&1 9>&- < /dev/null); fi
  }
  # The names from place $1 on, at most $2 of them.
  send_part() {
    place=$1 most=$2; shift 2
    n=$#
    while [ "$n" -gt 0 ]; do
      name=$1; shift
      [ $(($# + 1 - n)) -ge "$most" ] || set -- "$@" "$name"
      n=$((n - 1))
    done
    send "$@"; status=$?
    [ $status -eq 0 ] && return
    for name; do
      [ $# -gt 1 ] && { send "$name"; status=$?; }
      case $status in
        0) ;;
        124|137) o "$i" bad left "$place" ;;
        *) o "$i" bad failed "$place" "$(printf '%s' "$said" | clean 200)" ;;
      esac
      place=$((place + 1))
    done
  }
  if [ "$jobs" = 2 ] && [ $# -gt 1 ]; then
    half=$(($# / 2))
    (shift "$half"; send_part "$half" $# "$@") &
    (send_part 0 "$half" "$@") &
    wait
  else send_part 0 $# "$@"; fi
  o "$i" ok
}
`.replaceAll('\\$', '$');
