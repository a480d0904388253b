// ping(8) of iputils, for vantages whose user may open no ICMP socket: quiet, numeric, a burst. busybox knows no
// interval below a second and no `-I ADDRESS` on some builds: it says so, and that is the answer.
import type { PingSeen } from '../../probe/observation.js';
import type { PingOptions } from '../../probe/vantage.js';

/** Words of the command. An ordinary user may go down to 2 ms (iputils 20200821 or later; 200 ms before). */
export function pingWords(options: PingOptions, family: 4 | 6): readonly string[] {
  const from = options.interface ?? options.source;
  const headers = family === 6 ? 48 : 28;
  return [
    'ping',
    ...(family === 6 ? ['-6'] : []),
    ...['-n', '-q', '-c', String(options.count), '-i', String(options.intervalMs / 1000)],
    ...['-W', String(Math.max(1, Math.ceil(options.waitMs / 1000)))],
    ...['-s', String(Math.max(0, (options.size ?? DEFAULT_SIZE) - headers))],
    ...(from === null ? [] : ['-I', from]),
    options.address,
  ];
}

/** Of an IP packet with 56 bytes of data, as everybody's ping sends it. */
export const DEFAULT_SIZE = 84;

/** Reads what it printed. */
export function parsePing(text: string, size: number): PingSeen {
  const counts = /(\d{1,7}) packets transmitted, (\d{1,7})(?: packets)? received/.exec(text);
  if (counts === null) {
    const said = text.trim().split('\n').at(-1) ?? '';
    return { sent: 0, received: 0, size, rttMs: null, error: said.slice(0, 200) || 'ping gave no answer' };
  }
  const times = /= ([\d.]{1,12})\/([\d.]{1,12})\/([\d.]{1,12})/.exec(text);
  return {
    sent: Number(counts[1]),
    received: Number(counts[2]),
    size,
    rttMs: times === null ? null : { min: Number(times[1]), avg: Number(times[2]), max: Number(times[3]) },
    error: null,
  };
}
