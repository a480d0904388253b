// What Exim's main log says of deliveries: the reading of it, wherever it is by Exim's own configuration.
import type { DeliveryEvent } from '../../queue/delivery-event.js';
import type { LogPosition, LogReading } from '../../queue/driver.js';
import { type LogPlace, readLogEvents } from '../../transport/log-source.js';
import type { ActPlace } from './act.js';
import { LOCATE_LOG } from './locate-log.js';
import { LOG_PATTERN, openLog } from './parse-log.js';

const PLACE: LogPlace = { locate: LOCATE_LOG, journal: 'SYSLOG_FACILITY=2', pattern: LOG_PATTERN };

/** Reads it. @throws TransportError, CommandError */
export async function readEximLog(
  { transport, host, within }: ActPlace,
  from: { readonly since: number } | { readonly position: LogPosition },
  onEvent: (event: DeliveryEvent) => void,
  signal?: AbortSignal,
): Promise<LogReading> {
  return readLogEvents(transport, host, PLACE, from, openLog, onEvent, { within, signal });
}
