// DNS messages as bytes and back, by dns-packet: what a probe asks a name server of its own choice, from an address of
// its own choice. Answers are strangers' bytes: what cannot be read is an answer that is broken, never a crash, and
// texts are bounded.
import { randomInt } from 'node:crypto';
import dnsPacket from 'dns-packet';

/** Record types that are asked for. */
export type DnsType = 'A' | 'AAAA' | 'MX' | 'NS' | 'PTR' | 'SOA' | 'TXT' | 'TLSA' | 'DS' | 'DNSKEY';

/** A question. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: DnsType;
  /** True for a resolver, false for a server that knows by itself. */
  readonly recursion: boolean;
  /** Answer although the signature is wrong. */
  readonly checkingDisabled?: boolean | undefined;
}

/** One record; names and addresses in small letters. */
export interface DnsRecord {
  readonly name: string;
  readonly ttl: number | null;
  readonly type: string;
  /** The address, name, text, serial; `usage selector matching hex` of TLSA; empty where only being there counts. */
  readonly value: string;
  /** Of MX. */
  readonly preference?: number;
}

/** An answer. */
export interface DnsReply {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`, ... */
  readonly rcode: string;
  readonly isAuthoritative: boolean;
  /** The resolver says that it has checked the signatures. */
  readonly isAuthentic: boolean;
  readonly isTruncated: boolean;
  /** RFC 8914; null: none. */
  readonly extendedError: number | null;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly bytes: number;
}

/** What fits into a datagram everywhere (DNS flag day 2020). */
const EDNS_SIZE = 1232;
/** RFC 8914. */
const EXTENDED_ERROR = 15;
const LONGEST_TEXT = 4096;
const MOST_RECORDS = 200;

/** A question as bytes. */
export function encodeQuestion({ name, type, recursion, checkingDisabled }: DnsQuestion): {
  readonly bytes: Buffer;
  readonly id: number;
} {
  const id = randomInt(1, 65_535);
  const bytes = dnsPacket.encode({
    type: 'query',
    id,
    flags:
      (recursion ? dnsPacket.RECURSION_DESIRED : 0) |
      (checkingDisabled === true ? dnsPacket.CHECKING_DISABLED : 0) |
      dnsPacket.AUTHENTIC_DATA,
    questions: [{ type, name, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: EDNS_SIZE,
        flags: dnsPacket.DNSSEC_OK,
        extendedRcode: 0,
        ednsVersion: 0,
        flag_do: true,
        options: [],
      },
    ],
  });
  return { bytes, id };
}

/** The same with its length before it, for TCP. */
export function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** An answer read; a text: why it is none. */
export function decodeReply(bytes: Buffer, id: number): DnsReply | string {
  let packet: dnsPacket.DecodedPacket & { readonly rcode?: string };
  try {
    packet = dnsPacket.decode(bytes);
  } catch (error) {
    return `the answer is broken: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (packet.id !== id || packet.type !== 'response') return 'the answer is to another question';
  const options: readonly { readonly code: number; readonly data?: unknown }[] = (
    packet.additionals ?? []
  ).flatMap((one) => (one.type === 'OPT' ? one.options : []));
  const extended = options.find(({ code }) => code === EXTENDED_ERROR);
  return {
    rcode: packet.rcode ?? 'NOERROR',
    isAuthoritative: packet.flag_aa,
    isAuthentic: packet.flag_ad,
    isTruncated: packet.flag_tc,
    extendedError:
      Buffer.isBuffer(extended?.data) && extended.data.length >= 2 ? extended.data.readUInt16BE(0) : null,
    answers: recordsOf(packet.answers),
    authorities: recordsOf(packet.authorities),
    additionals: recordsOf(packet.additionals),
    bytes: bytes.length,
  };
}

function recordsOf(answers: readonly dnsPacket.Answer[] | undefined): readonly DnsRecord[] {
  return (answers ?? []).slice(0, MOST_RECORDS).flatMap((answer): readonly DnsRecord[] => {
    const name = answer.name.toLowerCase();
    const ttl = 'ttl' in answer && typeof answer.ttl === 'number' ? answer.ttl : null;
    switch (answer.type) {
      case 'A':
      case 'AAAA':
        return [{ name, ttl, type: answer.type, value: answer.data.toLowerCase() }];
      case 'NS':
      case 'PTR':
      case 'CNAME':
        return [{ name, ttl, type: answer.type, value: answer.data.toLowerCase() }];
      case 'MX':
        return [
          {
            name,
            ttl,
            type: 'MX',
            value: answer.data.exchange.toLowerCase(),
            preference: answer.data.preference ?? 0,
          },
        ];
      case 'TXT': {
        const parts = [answer.data].flat();
        const text = parts
          .map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)))
          .join('');
        return [{ name, ttl, type: 'TXT', value: text.slice(0, LONGEST_TEXT) }];
      }
      case 'SOA':
        return [{ name, ttl, type: 'SOA', value: String(answer.data.serial ?? '') }];
      case 'TLSA': {
        const { usage, selector, matchingType, certificate } = answer.data;
        return [
          {
            name,
            ttl,
            type: 'TLSA',
            value: `${usage} ${selector} ${matchingType} ${certificate.toString('hex')}`,
          },
        ];
      }
      case 'DS':
      case 'DNSKEY':
      case 'RRSIG':
        return [{ name, ttl, type: answer.type, value: '' }];
      default:
        return [];
    }
  });
}
