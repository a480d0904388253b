// The script of the desk: /var/lib/mailctl/queues/NAME on the mail host (in the home of a user who is not root), with
// `lease`, and below runs/KEY the record of each run and its keys. Names and keys are checked here once more before
// they become part of a path. The lease is written under a lock, as a new file that takes the place of the old one.
// Answers are lines; what a record holds is hostile.

/** $1 verb, $2 name of the queue; $3 the run's key; the rest by verb. */
export const DESK_SCRIPT = String.raw`
umask 077
verb=$1 name=$2 key=$3; shift 3
case $name in ''|.*|*[!A-Za-z0-9._-]*) echo 'no name of a queue' >&2; exit 64 ;; esac
case $key in *[!0-9a-f]*|?????????????????*) echo 'no key of a run' >&2; exit 64 ;; esac
if [ "$(id -u)" = 0 ]; then base=/var/lib/mailctl; else base=$HOME/.local/state/mailctl; fi
desk=$base/queues/$name
read_lease() {
  l_key=- l_operator=- l_bastion=- l_expires=0
  [ -r "$desk/lease" ] || return 0
  while IFS=' ' read -r word value; do
    case $word in
      key) l_key=$value ;; operator) l_operator=$value ;; bastion) l_bastion=$value ;; expires) l_expires=$value ;;
    esac
  done < "$desk/lease"
  case $l_expires in ''|*[!0-9]*|0?*|????????????????*) l_expires=0 ;; esac
}
write_lease() {
  printf 'key %s\noperator %s\nbastion %s\nexpires %s\n' "$l_key" "$l_operator" "$l_bastion" "$l_expires" > "$desk/lease.new" &&
    mv -f "$desk/lease.new" "$desk/lease"
}
lock() {
  mkdir -p "$desk/runs" || exit 73
  exec 9>> "$desk/lock" || exit 73
  flock -w 10 9 || { echo 'another command keeps the lock of the lease' >&2; exit 75; }
}
mine() { read_lease; [ "$l_key" = "$key" ]; }
# Everything of stdin into a file, whole or not at all.
put() { cat > "$1.new" && mv -f "$1.new" "$1"; }
case $verb in
take)
  l_seconds=$3 operator=$1 bastion=$2; shift 3
  lock
  now=$(date +%s)
  read_lease
  free=
  [ "$l_key" = - ] || [ "$l_key" = "$key" ] || [ "$l_expires" -lt "$now" ] && free=1
  for dead; do [ "$l_key" = "$dead" ] && free=1; done
  [ -n "$free" ] || { printf 'held %s %s %s %s\n' "$l_key" "$((l_expires - now))" "$l_bastion" "$l_operator"; exit 0; }
  l_key=$key l_operator=$operator l_bastion=$bastion l_expires=$((now + l_seconds))
  write_lease || exit 73
  mkdir -p "$desk/runs/$key" && put "$desk/runs/$key/record" || exit 73
  [ -s "$desk/runs/$key/record" ] || rm -rf -- "$desk/runs/$key"
  echo granted
  ;;
renew)
  lock
  mine || { echo lost; exit 0; }
  l_expires=$(($(date +%s) + $1))
  write_lease || exit 73
  echo granted
  ;;
keep)
  part=$2
  case $part in ''|*[!A-Za-z0-9]*) echo 'no name of a part' >&2; exit 64 ;; esac
  lock
  mine || { echo lost; exit 0; }
  l_expires=$(($(date +%s) + $1))
  write_lease || exit 73
  mkdir -p "$desk/runs/$key" && put "$desk/runs/$key/keys.$part" || exit 73
  echo granted
  ;;
end)
  complete=$1; shift
  lock
  if mine; then rm -f -- "$desk/lease"; fi
  [ "$complete" = 1 ] && [ -d "$desk/runs/$key" ] && : > "$desk/runs/$key/complete"
  for old; do
    case $old in ''|*[!0-9a-f]*) continue ;; esac
    rm -rf -- "$desk/runs/$old"
  done
  echo granted
  ;;
records)
  for dir in "$desk"/runs/*/; do
    [ -s "$dir"record ] || continue
    own=$(basename "$dir")
    count=$(cat "$dir"keys.* 2> /dev/null | wc -l)
    complete=0; [ -e "$dir"complete ] && complete=1
    printf 'record %s %s %s ' "$own" "$((count))" "$complete"
    head -c 60000 "$dir"record | tr -d '\n'
    echo
  done
  ;;
keys)
  [ -d "$desk/runs/$key" ] || { echo "there is no record $key" >&2; exit 66; }
  for file in "$desk/runs/$key"/keys.*; do
    [ -f "$file" ] && case $file in *.new) ;; *) cat "$file" ;; esac
  done
  :
  ;;
*) exit 64 ;;
esac
`;
