// What Exim's main log says of deliveries: the reading of it, wherever it is by Exim's own configuration.
import type { DeliveryEvent } from '../../queue/delivery-event.js';
import type { LogPosition, LogReading } from '../../queue/driver.js';
import { type LogPlace, readLogLines } from '../../transport/log-source.js';
import type { ActPlace } from './act.js';
import { LOCATE_LOG } from './locate-log.js';
import { LOG_PATTERN, type LogReader, openLog } from './parse-log.js';

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
