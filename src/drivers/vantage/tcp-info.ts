// TCP_INFO as Linux gives it (struct tcp_info, linux/tcp.h), little-endian or big as the machine is: only the fields
// that a verdict rests on. The struct grew with the years; what an older kernel does not give is null.
import type { TcpInfo } from '../../probe/observation.js';

const STATES: readonly string[] = [
  'none',
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'closed',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
];

/** Reads hexadecimal digits; null: there is nothing to read. */
export function parseTcpInfo(hex: string, isBigEndian = false): TcpInfo | null {
  const data = Buffer.from(/^[0-9a-f]*$/.test(hex) ? hex : '', 'hex');
  // Up to tcpi_total_retrans: all kernels since 2.6.
  if (data.length < 104) return null;
  const word = (at: number) => (isBigEndian ? data.readUInt32BE(at) : data.readUInt32LE(at));
  const u32 = (at: number) => (data.length >= at + 4 ? word(at) : null);
  const u64 = (at: number) => {
    if (data.length < at + 8) return null;
    return Number(isBigEndian ? data.readBigUInt64BE(at) : data.readBigUInt64LE(at));
  };
  const rtt = word(68);
  return {
    state: STATES[data[0] ?? 0] ?? `state ${data[0]}`,
    retransmits: data[2] ?? 0,
    backoff: data[4] ?? 0,
    unacked: word(24),
    lost: word(32),
    totalRetransmits: word(100),
    rtoMs: word(8) / 1000,
    rttMs: rtt === 0 ? null : rtt / 1000,
    sendMss: word(16),
    receiveMss: word(20),
    pathMtu: word(60),
    bytesAcked: u64(120),
    bytesReceived: u64(128),
    outOfOrder: u32(224),
    lastReceivedMs: word(52),
  };
}
