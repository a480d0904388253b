// Where Exim's main log is, by its own configuration. Shell text for the scripts that read it or write to it.

/**
 * Shell: sets `log` to the main log's path, empty where Exim writes by way of syslog and no file of that is at its
 * usual place. Takes Exim's own time zone, which the log is written in.
 */
export const LOCATE_LOG = String.raw`
log=
exim=$(command -v exim || command -v exim4) && {
  zone=$("$exim" -bP timezone 2> /dev/null < /dev/null | sed -n 's/^timezone = //p')
  [ -z "$zone" ] || { TZ=$zone; export TZ; }
  path=$("$exim" -bP log_file_path 2> /dev/null < /dev/null | sed -n 's/^log_file_path = *//p')
  [ -n "$path" ] || path=$("$exim" -bP spool_directory 2> /dev/null < /dev/null | sed -n 's/^spool_directory = //p')/log/%slog
  log=$(printf '%s\n' "$path" | tr ':' '\n' | sed -n -e 's/^ *//' -e 's/ *$//' -e '/^\//p' | head -n 1 |
    sed -e 's/%s/main/g' -e "s/%D/$(date +%Y%m%d)/g" -e "s/%M/$(date +%Y%m)/g")
  [ -n "$log" ] || for file in /var/log/mail.log /var/log/maillog /var/log/mail; do
    [ -f "$file" ] && { log=$file; break; }
  done
}`;
