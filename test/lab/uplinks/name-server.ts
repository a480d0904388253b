/**
 * The world's name servers: they are authoritative for everything that the lab has names for and answer anybody,
 * over UDP and TCP, so that a mail host may also use them as its resolver. Just enough of RFC 1035.
 */
import dgram from 'node:dgram';
import net from 'node:net';
import { mailHostName, namesOf, type UplinksSpec } from './spec.js';

type RecordType = 'A' | 'AAAA' | 'MX' | 'PTR' | 'TXT' | 'NS' | 'SOA';
const numbers: Readonly<Record<RecordType, number>> = {
  A: 1,
  NS: 2,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
};

interface DnsRecord {
  readonly type: RecordType;
  readonly data: Buffer;
}

/** A name as DNS writes it. */
function name(text: string): Buffer {
  const labels = text.split('.').filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

function addressBytes(address: string): Buffer {
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  return Buffer.from(expand(address).join(''), 'hex');
}

/** The eight groups of an IPv6 address. */
function expand(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...(tail === undefined ? [] : zeros), ...right].map((group) => group.padStart(4, '0'));
}

/** The name under which an address is looked up. */
export function reverseName(address: string): string {
  if (net.isIPv4(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  return `${expand(address).join('').split('').reverse().join('.')}.ip6.arpa`;
}

function zoneOf(spec: UplinksSpec): ReadonlyMap<string, readonly DnsRecord[]> {
  const zone = new Map<string, DnsRecord[]>();
  const add = (owner: string, type: RecordType, data: Buffer) => {
    const key = owner.toLowerCase();
    zone.set(key, [...(zone.get(key) ?? []), { type, data }]);
  };
  const address = (owner: string, value: string) =>
    add(owner, net.isIPv4(value) ? 'A' : 'AAAA', addressBytes(value));
  const text = (owner: string, value: string) =>
    add(owner, 'TXT', Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]));
  for (const [value, owner] of namesOf(spec)) {
    address(owner, value);
    add(reverseName(value), 'PTR', name(owner));
  }
  const servers = (owner: string) => {
    for (const one of spec.nameServers) add(owner, 'NS', name(one.name));
    const times = Buffer.alloc(20);
    [1, 3600, 600, 86_400, 60].forEach((value, at) => {
      times.writeUInt32BE(value, at * 4);
    });
    add(owner, 'SOA', Buffer.concat([name('ns1.world.example'), name('hostmaster.world.example'), times]));
  };
  for (const { domain, name: exchanger } of spec.servers) {
    add(domain, 'MX', Buffer.concat([Buffer.from([0, 10]), name(exchanger)]));
    servers(domain);
  }
  const own = mailHostName.split('.').slice(1).join('.');
  add(own, 'MX', Buffer.concat([Buffer.from([0, 10]), name(mailHostName)]));
  servers(own);
  const all = spec.providers.flatMap(({ source4, source6 }) => [`ip4:${source4}`, `ip6:${source6}`]);
  text(own, `v=spf1 ${all.join(' ')} -all`.slice(0, 255));
  address('2.0.0.127.bl.example', '127.0.0.2');
  return zone;
}

/** Answers one question; undefined for what is none. */
function answer(zone: ReadonlyMap<string, readonly DnsRecord[]>, query: Buffer): Buffer | undefined {
  if (query.length < 17) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    if (length > 63 || at + length + 1 > query.length) return undefined;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  if (at + 5 > query.length) return undefined;
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const owner = labels.join('.').toLowerCase();
  const known = zone.get(owner);
  const exists = known !== undefined || [...zone.keys()].some((key) => key.endsWith(`.${owner}`));
  const found = (known ?? []).filter((record) => numbers[record.type] === type);
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  // An answer, authoritative, recursion available, and whether it was desired.
  head.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x0100) | (exists ? 0 : 3), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(found.length, 6);
  const records = found.map(({ type: kind, data }) => {
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(numbers[kind], 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(60, 6);
    fixed.writeUInt16BE(data.length, 10);
    return Buffer.concat([fixed, data]);
  });
  return Buffer.concat([head, question, ...records]);
}

/** Serves them all, on all their addresses. */
export async function startNameServers(spec: UplinksSpec): Promise<void> {
  const zone = zoneOf(spec);
  await Promise.all(
    spec.nameServers
      .flatMap(({ four, six }) => [four, six])
      .flatMap((address) => [udp(zone, address), tcp(zone, address)]),
  );
}

function udp(zone: ReadonlyMap<string, readonly DnsRecord[]>, address: string): Promise<void> {
  const socket = dgram.createSocket(net.isIPv4(address) ? 'udp4' : 'udp6');
  socket.on('message', (query, peer) => {
    let reply = answer(zone, query);
    if (reply === undefined) return;
    if (reply.length > 1232) {
      // Too big for one datagram: the question alone, marked as cut.
      reply = reply.subarray(0, 12);
      reply.writeUInt16BE(reply.readUInt16BE(2) | 0x0200, 2);
      reply.writeUInt16BE(0, 4);
      reply.writeUInt16BE(0, 6);
    }
    socket.send(reply, peer.port, peer.address, () => {});
  });
  return new Promise((resolve) => socket.bind(53, address, resolve));
}

function tcp(zone: ReadonlyMap<string, readonly DnsRecord[]>, address: string): Promise<void> {
  const server = net.createServer((socket) => {
    let pending = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const size = pending.readUInt16BE(0);
        const reply = answer(zone, pending.subarray(2, 2 + size));
        pending = pending.subarray(2 + size);
        if (reply === undefined) return void socket.destroy();
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length, 0);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  });
  return new Promise((resolve) => server.listen(53, address, () => resolve()));
}
