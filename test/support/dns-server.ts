// A small name server for tests, over UDP on a port of its own: answers MX, A, AAAA and PTR from a table, can stay
// silent or fail. Names in answers are written whole, without compression.
import dgram from 'node:dgram';
import type { AddressInfo } from 'node:net';

/** What a name has. */
export interface Zone {
  readonly mx?: readonly (readonly [preference: number, name: string])[];
  readonly a?: readonly string[];
  readonly ptr?: readonly string[];
  /** Answers so instead. */
  readonly says?: 'servfail' | 'nothing' | 'refused';
}

/** A server that runs. */
export interface DnsServer {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** `MX example.net`, each question as it came. */
  readonly asked: string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 12: 'PTR', 15: 'MX', 28: 'AAAA' };

/** Starts one. */
export async function startDnsServer(zones: ReadonlyMap<string, Zone>, port = 0): Promise<DnsServer> {
  const socket = dgram.createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (packet, from) => {
    let at = 12;
    const labels: string[] = [];
    for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
      labels.push(packet.subarray(at + 1, at + 1 + length).toString('latin1'));
      at += 1 + length;
    }
    const type = packet.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    const question = packet.subarray(12, at + 5);
    asked.push(`${TYPES[type] ?? type} ${name}`);
    const zone = zones.get(name);
    if (zone?.says === 'nothing') return;
    const data: Buffer[] = [];
    if (type === 15)
      for (const [preference, host] of zone?.mx ?? [])
        data.push(Buffer.concat([Buffer.from([preference >> 8, preference & 255]), encodeName(host)]));
    if (type === 1)
      for (const address of zone?.a ?? []) data.push(Buffer.from(address.split('.').map(Number)));
    if (type === 12) for (const host of zone?.ptr ?? []) data.push(encodeName(host));
    const code = zone?.says === 'servfail' ? 2 : zone?.says === 'refused' ? 5 : zone === undefined ? 3 : 0;
    const head = Buffer.alloc(12);
    packet.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(data.length, 6);
    const answers = data.map((rdata) => {
      const fixed = Buffer.alloc(12);
      fixed.writeUInt16BE(0xc00c, 0);
      fixed.writeUInt16BE(type, 2);
      fixed.writeUInt16BE(1, 4);
      fixed.writeUInt32BE(300, 6);
      fixed.writeUInt16BE(rdata.length, 10);
      return Buffer.concat([fixed, rdata]);
    });
    socket.send(Buffer.concat([head, question, ...answers]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}
