// Where a Postfix host's log is, for the scripts that read its end: by its own configuration, by the usual places,
// and in the journal where there is no file. A log is bounded in bytes and is hostile text: never more than data.

/** Defines `log_end BYTES`, which prints the log's end, with that of the file before it where one was just begun. */
export const LOG_END = String.raw`
PATH=$PATH:/usr/sbin:/sbin
US=$(printf '\037')
log=$(postconf -h maillog_file 2> /dev/null)
[ -n "$log" ] && [ -f "$log" ] || for file in /var/log/mail.log /var/log/maillog /var/log/mail; do
  [ -f "$file" ] && { log=$file; break; }
done
log_end() {
  if [ -n "$log" ] && [ -f "$log" ]; then
    size=$(($(wc -c < "$log") + 0))
    if [ "$size" -lt "$1" ]; then
      before=$(ls -t "$log.1" "$log"-[0-9]* 2> /dev/null | grep -Ev '\.(gz|xz|bz2|zst)$' | head -n 1)
      [ -z "$before" ] || tail -c $(($1 - size)) -- "$before" 2> /dev/null
    fi
    tail -c "$1" -- "$log"
  elif command -v journalctl > /dev/null && command -v postconf > /dev/null; then
    journalctl -q --no-pager -o short-iso -u 'postfix*' -n 200000 2> /dev/null | tail -c "$1"
  fi
}
`;
