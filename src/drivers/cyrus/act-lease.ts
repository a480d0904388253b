// How the acting script reads and writes the two files of an instance that say who changes it and what is owed: the
// lease and the lane's records (failover.md, "The lease"). Neither may get lost on a disk that is full: the lease is
// written over its own block, the lane file is replaced only by one that is whole, and a line that was cut off goes.

/** `lease_read`, `lease_write`, `lane_write`, `plain`, `held`; `cannot FILE` answers why nothing can be written. */
export const LEASE = String.raw`
lease_read() {
  l_token=0 l_run=- l_operator=- l_bastion=- l_from=- l_to=- l_phase=- l_expires=0
  while IFS=' ' read -r key value; do
    case $key in
      token) l_token=$value ;; run) l_run=$value ;; operator) l_operator=$value ;; bastion) l_bastion=$value ;;
      from) l_from=$value ;; to) l_to=$value ;; phase) l_phase=$value ;; expires) l_expires=$value ;;
      # What follows the blanks is left of a longer one.
      '') break ;;
    esac
  done < "$lease"
  # Only what a shell reckons with: a leading zero is octal to it, and too many digits wrap around.
  case $l_token in ''|*[!0-9]*|0?*|????????????????*) l_token=0 ;; esac
  case $l_expires in ''|*[!0-9]*|0?*|????????????????*) l_expires=0 ;; esac
}
# In place, so that the lock stays on the file that everybody opens; and through the descriptor that was looked at. Filled
# up with blanks and not cut before: a disk that is full by now takes what is no longer than the block that is there.
lease_write() {
  said=$(printf 'token %s\nrun %s\noperator %s\nbastion %s\nfrom %s\nto %s\nphase %s\nexpires %s' \
    "$l_token" "$l_run" "$l_operator" "$l_bastion" "$l_from" "$l_to" "$l_phase" "$l_expires")
  if [ "\${#said}" -lt 1000 ]; then { printf '%s\n%*s\n' "$said" "$((1022 - \${#said}))" '' 1<> /proc/self/fd/9; } 2>/dev/null
  else { printf '%s\n' "$said" > /proc/self/fd/9; } 2>/dev/null; fi
}
# Replaces the lane file ("new"), or adds to it ("more"), by lines.
lane_write() {
  how=$1; shift
  if [ "$how" = new ]; then
    next=$lane.mailctl.$$.$i
    if [ -e "$next" ] || [ -L "$next" ]; then rm -f -- "$next"; fi
    if (set -C; printf '%s\n' "$@" > "$next") 2>/dev/null && mv -fT -- "$next" "$lane" 2>/dev/null; then return 0; fi
    rm -f -- "$next"; return 1
  fi
  { command exec 8>> "$lane"; } 2>/dev/null && plain_quietly "$lane" && [ "$lane" -ef /proc/self/fd/8 ] || { exec 8>&-; return 1; }
  { printf '%s\n' "$@" >&8; } 2>/dev/null; wrote=$?
  # Its beginning may have found room: the next line would be added to it.
  if [ $wrote -ne 0 ] && [ -n "$(tail -c 1 /proc/self/fd/8 2>/dev/null)" ]; then
    truncate -s "-$(tail -n 1 /proc/self/fd/8 | wc -c)" /proc/self/fd/8 2>/dev/null
  fi
  exec 8>&-
  return $wrote
}
# Answers that a file cannot be written, and why as far as that can be seen.
cannot() {
  why=
  if [ ! -w "$cd" ]; then why=': read-only file system, or no right to write there'
  else
    IFS=' '; set -- "$1" $(stat -f -c '%a %d %c' -- "$cd" 2>/dev/null); IFS=$US
    case $2/$3/$4 in 0/*) why=': no space left on device' ;; */0/[1-9]*) why=': no inodes left on device' ;; esac
  fi
  o "$i" no "cannot write $1$why"
}
# Never through a link that somebody with rights on the store only has put there.
plain() {
  for f; do plain_quietly "$f" || { o "$i" no "$f is not a plain file"; return 1; }; done
}
plain_quietly() {
  [ ! -L "$1" ] && { [ ! -e "$1" ] || [ -f "$1" ]; }
}
held() { o "$i" held "$l_token" "$l_run" "$l_operator" "$l_bastion" "$l_from" "$l_to" "$l_phase" "$l_expires" "$now"; }
`.replaceAll('\\$', '$');
