// What Exim's main log says of deliveries: where the log is by its own configuration, and the reading of it.
import type { DeliveryEvent } from '../../queue/delivery-event.js';
import type { LogPosition, LogReading } from '../../queue/driver.js';
import { type LogPlace, readLogLines } from '../../transport/log-source.js';
import type { ActPlace } from './act.js';
import { LOG_PATTERN, type LogReader, openLog } from './parse-log.js';

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

const PLACE: LogPlace = { locate: LOCATE_LOG, journal: 'SYSLOG_FACILITY=2', pattern: LOG_PATTERN };

/** Reads it. @throws TransportError, CommandError */
export async function readEximLog(
  { transport, host, within }: ActPlace,
  from: { readonly since: number } | { readonly position: LogPosition },
  onEvent: (event: DeliveryEvent) => void,
  signal?: AbortSignal,
): Promise<LogReading> {
  const since = 'since' in from ? from.since : 0;
  let reader: LogReader | undefined;
  return readLogLines(
    transport,
    host,
    PLACE,
    from,
    (line, clock) => {
      reader ??= openLog(clock);
      const event = reader.line(line);
      if (event !== null && event.at >= since) onEvent(event);
    },
    { within, signal },
  );
}
