// What a Postfix instance's log says of deliveries: where the log is by its own configuration, and the reading of it.
import type { DeliveryEvent } from '../../queue/delivery-event.js';
import type { LogPosition, LogReading } from '../../queue/driver.js';
import { type LogPlace, readLogEvents } from '../../transport/log-source.js';
import { CHOOSE_INSTANCE, type PostfixPlace } from './instance.js';
import { LOG_PATTERN, openLog } from './parse-log.js';

// Several instances mostly share a file: theirs are told apart by syslog_name.
const PLACE: LogPlace = {
  locate: `${CHOOSE_INSTANCE}
log=$(postconf -hx maillog_file 2> /dev/null)
[ -n "$log" ] && [ -f "$log" ] || for file in /var/log/mail.log /var/log/maillog /var/log/mail; do
  [ -f "$file" ] && { log=$file; break; }
done
[ "$(postmulti -l 2> /dev/null | wc -l)" -le 1 ] || tag=$(postconf -hx syslog_name 2> /dev/null)`,
  journal: 'SYSLOG_FACILITY=2',
  pattern: LOG_PATTERN,
};

/** Reads it. @throws TransportError, CommandError */
export async function readPostfixLog(
  place: PostfixPlace,
  from: { readonly since: number } | { readonly position: LogPosition },
  onEvent: (event: DeliveryEvent) => void,
  signal?: AbortSignal,
): Promise<LogReading> {
  const { transport, host, instance, within } = place;
  return readLogEvents(transport, host, PLACE, from, openLog, onEvent, { args: [instance], within, signal });
}
