// The server that a word of the command line means: `HOST`, `HOST:PORT`, an address, `[ADDRESS]:PORT`. A domain stands
// for its first mail exchanger. Names are looked up here, not at the vantage: which servers there are does not depend
// on the uplink.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { ipBytes } from '../../lib/ip.js';
import type { Target } from '../../probe/observation.js';
import { exchangerHosts, MX_IS_NO_HOST, TAKES_NO_MAIL } from '../../probe/targets.js';
import type { Dns } from '../../transport/dns.js';
import type { Parse } from '../command.js';
import type { Context } from '../context.js';

/** The word, taken apart. */
export interface ServerWord {
  readonly host: string;
  readonly port: number | undefined;
}

/** A server as it was found. */
export interface FoundServer {
  readonly target: Target;
  /** Its other addresses. */
  readonly others: readonly string[];
}

const SMTP_PORT = 25;

/** Reads the word. */
export const serverWord: Parse<ServerWord> = (word) => {
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?$/.exec(word);
  const plain = /^([^\s:[\]/@]{1,253})(?::(\d{1,5}))?$/.exec(word);
  const isAddress6 = /^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(word);
  const [host, portText] = isAddress6
    ? [word, undefined]
    : [bracketed?.[1] ?? plain?.[1], bracketed?.[2] ?? plain?.[2]];
  const port = portText === undefined ? undefined : Number(portText);
  const isName = host !== undefined && addressFamily(host) === undefined && !host.startsWith('-');
  const isAddress = host !== undefined && ipBytes(host) !== undefined;
  if (!(isName || isAddress) || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new UsageError(`${JSON.stringify(word)} is no server`, {
      hint: 'for example mx1.example.net, mx1.example.net:587, 192.0.2.25 or [2001:db8::25]:25',
    });
  }
  return { host, port };
};

/** The name of a destination of the configuration means its first domain; any other word itself. */
export async function configuredServer(word: ServerWord, context: Context): Promise<ServerWord> {
  const domain = (await context.config()).destinations.get(word.host)?.domains[0];
  return domain === undefined ? word : { ...word, host: domain };
}

/** An address for RCPT: nothing in it may end the command's line. */
export const recipientWord: Parse<string> = (word) => {
  if (!/^[^\s<>\p{Cc}]{1,64}@[^\s<>@\p{Cc}]{1,255}$/u.test(word)) {
    throw new UsageError(`${JSON.stringify(word)} is no address of a recipient`, {
      hint: 'for example postmaster@example.net',
    });
  }
  return word;
};

/** An envelope sender; `<>` is the null sender. */
export const senderWord: Parse<string> = (word) => (word === '<>' ? '' : recipientWord(word));

/** Whether a text is an address, of which family; undefined: it is a name. */
export function addressFamily(text: string): 4 | 6 | undefined {
  if (/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text)) return 4;
  return text.includes(':') ? 6 : undefined;
}

/**
 * What a name is tried as. `host-first`: a host, else a domain; `mx-first`: a domain, else a host; `mail-of`: the
 * domain of an address, whose mail goes nowhere while its MX cannot be looked up.
 */
export type ServerOrder = 'host-first' | 'mx-first' | 'mail-of';

/**
 * Finds it. `family` undefined: IPv4 where there is one.
 * @throws UsageError when there is no such server, MailctlError when the resolver does not answer
 */
export async function findServer(
  { host, port = SMTP_PORT }: ServerWord,
  dns: Dns,
  family: 4 | 6 | undefined,
  signal?: AbortSignal,
  order: ServerOrder = 'host-first',
): Promise<FoundServer> {
  const own = addressFamily(host);
  if (own !== undefined) {
    if (family !== undefined && own !== family) throw new UsageError(`${host} is no IPv${family} address`);
    return { target: { destination: host, host: null, address: host, family: own, port }, others: [] };
  }
  const name = host.toLowerCase().replace(/\.$/, '');
  let server = name;
  let addresses: Awaited<ReturnType<Dns['addresses']>> =
    order === 'host-first' ? await dns.addresses(name, signal) : { kind: 'none' };
  if (addresses.kind === 'none') {
    const mx = await dns.mx(name, signal);
    if (mx.kind === 'none' && mx.isNull === true) {
      throw new UsageError(`${name} ${TAKES_NO_MAIL}`, {
        hint: 'to speak with it all the same, give its address',
      });
    }
    if (mx.kind === 'found') {
      const [first] = exchangerHosts(mx.values);
      if (first === undefined) throw new UsageError(`${name} ${MX_IS_NO_HOST}`);
      server = first;
      addresses = await dns.addresses(server, signal);
    } else if (mx.kind === 'failed' && order === 'mail-of') addresses = mx;
    else if (order !== 'host-first') addresses = await dns.addresses(name, signal);
  }
  if (addresses.kind === 'failed') {
    throw new MailctlError(`${server} could not be looked up: ${addresses.why}`, {
      code: 'probe.no-address',
      exitCode: EXIT.partial,
      hint: 'give its address: the resolver may use the uplink that is broken',
    });
  }
  const all = addresses.kind === 'found' ? addresses.values : [];
  const sorted = [...all].sort((a, b) => (addressFamily(a) ?? 0) - (addressFamily(b) ?? 0));
  const address = sorted.find((one) => family === undefined || addressFamily(one) === family);
  if (address === undefined) {
    throw new UsageError(`${server} has no ${family === undefined ? '' : `IPv${family} `}address`);
  }
  return {
    target: { destination: name, host: server, address, family: addressFamily(address) ?? 4, port },
    others: sorted.filter((one) => one !== address),
  };
}

/** Whether an error of findServer is about this one name: the next one may be found. */
export function isOfName(error: unknown): error is MailctlError {
  return error instanceof UsageError || (error instanceof MailctlError && error.code === 'probe.no-address');
}
