// Where Mailman 3 keeps its queues, for the scripts that look there: by its own configuration file, read here, since
// `mailman conf` costs a second of CPU, expands no variable, and as root refuses only after it has made folders that
// Mailman itself can no longer write (3.3.8). Variables of the file are expanded as Mailman does; nothing is run.

/**
 * Defines `queue_dir` (prints the path, or fails), `log_dir`, `config_file` (where they were read; may be empty),
 * `as_owner WORD...` (runs words as the owner of the queues) and `python_of_mailman`.
 */
export const MAILMAN_PLACES = String.raw`
config_file() {
  for file in "$MAILMAN_CONFIG_FILE" $(master_config) /etc/mailman3/mailman.cfg /etc/mailman.cfg \
    /opt/mailman/mm/mailman.cfg /opt/mailman/mailman.cfg /opt/mailman/etc/mailman.cfg; do
    [ -n "$file" ] && [ -f "$file" ] && { printf '%s\n' "$file"; return; }
  done
}
# What the running master was started with.
master_config() {
  for line in $(grep -ls 'bin/master' /proc/[0-9]*/cmdline 2> /dev/null); do
    { tr '\000' '\n' < "$line"; } 2> /dev/null |
      awk '(last == "-C" || last == "--config") && /^\/[A-Za-z0-9._\/-]+$/ { print; exit } { last = $0 }'
  done | head -n 1
}
# $1: a name of the [paths.*] section.
path_of() {
  file=$(config_file)
  [ -z "$file" ] || awk -v want="$1" '
    /^[ \t]*([#;]|$)/ { next }
    /^\[/ { section = $0; sub(/^\[/, "", section); sub(/\].*/, "", section); next }
    {
      at = match($0, /[:=]/); if (at < 2) next
      key = substr($0, 1, at - 1); value = substr($0, at + 1)
      gsub(/^[ \t]+|[ \t\r]+$/, "", key); gsub(/^[ \t]+|[ \t\r]+$/, "", value)
      conf[section "." key] = value
    }
    END {
      layout = conf["mailman.layout"]; own = "paths." layout "."
      var["queue_dir"] = layout == "fhs" ? "/var/spool/mailman" : "$var_dir/queue"
      var["log_dir"] = layout == "fhs" ? "/var/log/mailman" : "$var_dir/logs"
      var["var_dir"] = layout == "fhs" ? "/var/lib/mailman" : layout == "local" ? "/var/tmp/mailman" : ""
      for (name in conf) if (index(name, own) == 1) var[substr(name, length(own) + 1)] = conf[name]
      path = var[want]
      for (i = 0; i < 10 && match(path, /[$][{]?[a-z_]+[}]?/); i++) {
        name = substr(path, RSTART + 1, RLENGTH - 1); gsub(/[{}]/, "", name)
        path = substr(path, 1, RSTART - 1) var[name] substr(path, RSTART + RLENGTH)
      }
      if (path ~ /^\// && path !~ /[$]/) print path
    }' "$file"
}
queue_dir() {
  for dir in "$(path_of queue_dir)" /var/lib/mailman3/queue /opt/mailman/var/queue /opt/mailman/mm/var/queue \
    /var/spool/mailman /var/lib/mailman/queue; do
    [ -n "$dir" ] && [ -d "$dir/out" ] && [ -d "$dir/shunt" ] && { printf '%s\n' "$dir"; return; }
  done
  return 1
}
log_dir() {
  for dir in "$(path_of log_dir)" /var/log/mailman3 /opt/mailman/var/logs /opt/mailman/mm/var/logs; do
    [ -n "$dir" ] && [ -d "$dir" ] && { printf '%s\n' "$dir"; return; }
  done
  return 1
}
enter_queues() {
  spool=$(queue_dir) || { echo 'no queue directory of Mailman 3 was found' >&2; exit 69; }
  cd "$spool" && [ -r out ] && [ -x out ] || { echo "$spool: only root and the group of Mailman may look there" >&2; exit 77; }
}
# Mailman's own programs write locks and logs: as root they would leave files that it cannot write. $PWD is the spool.
as_owner() {
  owner=$(stat -c %U out 2> /dev/null)
  if [ "$(id -u)" != 0 ] || [ "$(stat -c %u out)" = 0 ]; then "$@"
  elif command -v setpriv > /dev/null && setpriv --help 2>&1 | grep -q init-groups; then
    setpriv --reuid="$owner" --regid="$(stat -c %g out)" --init-groups -- "$@"
  else su -s /bin/sh "$owner" -c 'exec "$@"' -- sh "$@"
  fi
}
# The interpreter that has Mailman's modules: the one its program names.
python_of_mailman() {
  program=$(command -v mailman) || return 1
  IFS= read -r line < "$program" || return 1
  case $line in
    '#!/usr/bin/env '*) command -v "$(printf '%s' "$line" | cut -c 16- | cut -d ' ' -f 1)" ;;
    '#!/'*) printf '%s\n' "$line" | cut -c 3- | cut -d ' ' -f 1 ;;
    *) return 1 ;;
  esac
}
`;

/** Names of what keeps messages back: folders beside the queues, on the same file system, so that a move is a rename. */
export const HELD_DIR = '.mailctl-hold';
export const SAVED_DIR = '.mailctl-deleted';
