// A host as a vantage, by a relay that needs nothing installed: perl, else python3, else nc once per connection. What
// a poorer way cannot do is said in `limits`, never guessed. Ordinary user throughout.
import { MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import { icmpMeaning } from '../../lib/icmp.js';
import { familyOf } from '../../lib/ip.js';
import type { PingSeen } from '../../probe/observation.js';
import type { HopAnswer, HopOptions, PingOptions, Vantage, VantageAbilities } from '../../probe/vantage.js';
import { secureOver } from '../../transport/tls.js';
import type { Transport } from '../../transport/transport.js';
import { errnoName, errnoWords } from './errno.js';
import { FlowError } from './failure.js';
import { parseRoute, routeWords } from './ip-route.js';
import { netcatConnect } from './netcat.js';
import { DEFAULT_SIZE, parsePing, pingWords } from './ping-command.js';
import { msOf, Relay, type RelayHello } from './relay.js';

/** How a vantage is opened. */
export interface VantageSettings {
  readonly transport: Transport;
  readonly host: Host;
  readonly clock: Clock;
  /** For tests: this way and no other. */
  readonly only?: 'perl' | 'python3' | 'nc' | undefined;
  /** The longest that it may live there; an hour. */
  readonly lifeMs?: number | undefined;
}

const LIFE_MS = 3_600_000;
const ROUTE_MS = 4000;
/** Of a packet that is to die on its way: 60 bytes, as traceroute sends them. */
const HOP_SIZE = 60;
/** Where traceroute's UDP packets go: nobody listens there. */
const HOP_PORT = 33_434;

/**
 * Opens a vantage on a host.
 * @throws TransportError when the host cannot be asked; MailctlError `probe.no-tool` when there is nothing to look with
 */
export async function openVantage(settings: VantageSettings, signal?: AbortSignal): Promise<Vantage> {
  const { transport, host, clock } = settings;
  const lifeMs = settings.lifeMs ?? LIFE_MS;
  const relay = await Relay.open({ transport, host, clock, only: settings.only, lifeMs }, signal);
  const { hello } = relay;
  if (hello.how === 'none') {
    await relay.close();
    if (hello.facts.get('nc') !== 'source') {
      throw new MailctlError(`${host.name}: there is nothing to probe with`, {
        code: 'probe.no-tool',
        exitCode: 3,
        detail:
          hello.facts.get('nc') === 'no'
            ? 'neither perl, python3 nor nc was found there'
            : 'neither perl nor python3 was found there, and its nc takes no source address (-s)',
        hint: 'install perl-base or python3 there, or look from another host: --from HOST',
      });
    }
    return netcatVantage(settings, hello);
  }
  return relayVantage(settings, relay, hello.how);
}

function relayVantage(settings: VantageSettings, relay: Relay, how: 'perl' | 'python3'): Vantage {
  const { host, clock } = settings;
  const { hello } = relay;
  const can = abilitiesOf(hello);
  const run = async (words: readonly string[], ms: number, signal: AbortSignal | undefined) => {
    const data = Buffer.from(words.join('\0'));
    const { rest, data: text } = await relay.ask('R', [ms], { ms, data, signal });
    return { status: Number(rest[0]), text: text.toString('utf8') };
  };
  return {
    host: host.name,
    name: nameOf(hello, host),
    how,
    can,
    limits: limitsOf(hello),
    connect: (options, signal) => relay.connect(options, familyOf(options.address), signal),
    secure: (flow, serverName, signal) => secureOver(flow, serverName, clock.now(), signal),
    async ping(options, signal) {
      const size = options.size ?? DEFAULT_SIZE;
      const family = familyOf(options.address);
      const ms = options.count * options.intervalMs + options.waitMs;
      try {
        if (hello.facts.get(`icmp${family}`) === 'no') {
          if (hello.facts.get('ping') !== '1')
            return noPing(size, 'no ICMP socket may be opened there, and there is no ping');
          return parsePing((await run(pingWords(options, family), ms + 2000, signal)).text, size);
        }
        const { rest } = await relay.ask(
          'P',
          [
            family,
            options.address,
            options.source,
            options.interface,
            options.count,
            options.intervalMs,
            options.waitMs,
            size,
          ],
          { ms, signal },
        );
        return pingOf(rest, options, size);
      } catch (error) {
        signal?.throwIfAborted();
        return noPing(size, (error as Error).message);
      }
    },
    hop: (options, signal) => hop(relay, options, signal),
    async datagram(options, signal) {
      const { rest, data } = await relay.ask(
        'U',
        [
          ...[familyOf(options.address), options.address, options.port, options.source, options.interface],
          ...[null, null, 0, options.timeoutMs],
        ],
        { ms: options.timeoutMs, data: options.payload, signal },
      );
      const [what, errno = '0', us] = rest;
      if (what === 'data') return data;
      const number = what === 'silent' ? 110 : Number(errno);
      throw new FlowError({ phase: what === 'local' ? 'local' : 'connect', errno: number, ms: msOf(us) });
    },
    async route(way, signal) {
      if (hello.facts.get('ip') !== '1')
        throw new FlowError({
          phase: 'local',
          errno: null,
          code: 'ENOENT',
          message: 'there is no ip(8) there',
        });
      let said = await run(routeWords(way, true), ROUTE_MS, signal);
      if (said.status !== 0 && /-j|option|usage/i.test(said.text))
        said = await run(routeWords(way, false), ROUTE_MS, signal);
      const route = said.status === 0 ? parseRoute(said.text) : null;
      if (route === null) {
        const words = said.text.trim().split('\n')[0] ?? '';
        throw new FlowError({
          phase: 'local',
          errno: null,
          code: 'ENETUNREACH',
          message: words.slice(0, 200) || 'ip route get gave no route',
        });
      }
      return route;
    },
    close: () => relay.close(),
  };
}

/** What the host calls itself, if that is a name. */
function nameOf({ facts }: RelayHello, host: Host): string {
  const name = facts.get('name') ?? '';
  return /^[A-Za-z0-9][A-Za-z0-9.-]{0,253}$/.test(name) ? name : host.name;
}

function abilitiesOf({ facts }: RelayHello): VantageAbilities {
  const icmp = facts.get('icmp4') !== 'no' || facts.get('ping') === '1';
  return { ttl: true, mss: true, sourcePort: true, ping: icmp, datagrams: true };
}

function limitsOf({ facts }: RelayHello): readonly string[] {
  const limits: string[] = [];
  if (facts.get('icmp4') === 'no' && facts.get('ping') !== '1')
    limits.push('no pings: no ICMP socket may be opened there, and there is no ping(8)');
  if (facts.get('clock') === 'ticks')
    limits.push('times in hundredths of a second: no finer clock is known for that machine');
  if (facts.get('queue') === '0')
    limits.push('routers that answer cannot be named: no way to read the error queue on that machine');
  if (facts.get('ip') !== '1') limits.push('policy routing not checked: there is no ip(8)');
  return limits;
}

function noPing(size: number, error: string): PingSeen {
  return { sent: 0, received: 0, size, rttMs: null, error };
}

function pingOf(rest: readonly string[], { count }: PingOptions, size: number): PingSeen {
  const [how, errnoText, sentText, receivedText, min, avg, max] = rest;
  const errno = Number(errnoText);
  if (how === 'error') return noPing(size, errnoWords(errno));
  const sent = Number(sentText);
  const received = Number(receivedText);
  return {
    sent,
    received,
    size,
    rttMs: received === 0 ? null : { min: msOf(min), avg: msOf(avg), max: msOf(max) },
    // What a router answered explains why nothing came; with answers beside it, it explains the losses.
    error:
      sent < count ? 'the burst was cut short' : received === 0 && errno !== 0 ? errnoWords(errno) : null,
  };
}

async function hop(relay: Relay, options: HopOptions, signal: AbortSignal | undefined): Promise<HopAnswer> {
  const family = familyOf(options.address);
  const size = options.size ?? HOP_SIZE;
  const payload = Buffer.alloc(Math.max(0, size - (family === 6 ? 48 : 28)), 'm');
  const none = { from: null, mtu: null, icmp: null, error: null };
  try {
    const { rest } = await relay.ask(
      'U',
      [
        ...[
          family,
          options.address,
          options.port ?? HOP_PORT + options.ttl,
          options.source,
          options.interface,
        ],
        ...[options.sourcePort ?? null, options.ttl, 1, options.timeoutMs],
      ],
      { ms: options.timeoutMs, data: payload, signal },
    );
    const [what, errnoText, us, from, type, code, info] = rest;
    const errno = Number(errnoText);
    const ms = msOf(us);
    if (what === 'silent') return { ...none, what: 'silent', ms };
    if (what === 'data') return { ...none, what: 'reply', from: options.address, ms };
    if (what === 'local') {
      // A packet above what the host's own interface, or its knowledge of the way, allows.
      return { ...none, what: errno === 90 ? 'too-big' : 'local', ms, error: errnoWords(errno) };
    }
    if (what === 'error') {
      const isPort = errno === 111;
      const said = isPort
        ? 'unreachable'
        : errno === 113
          ? 'expired'
          : errno === 13
            ? 'prohibited'
            : 'no-route';
      return {
        ...none,
        what: said,
        from: isPort ? options.address : null,
        ms,
        error: isPort ? null : errnoName(errno),
      };
    }
    const icmp = { type: Number(type), code: Number(code) };
    const meaning = icmpMeaning(family, icmp);
    return {
      from: from === undefined || from === '-' ? null : from,
      ms,
      what: meaning,
      mtu: meaning === 'too-big' ? Number(info) || null : null,
      icmp,
      error: null,
    };
  } catch (error) {
    signal?.throwIfAborted();
    return { ...none, what: 'local', ms: 0, error: (error as Error).message };
  }
}

/** The poorest way. */
function netcatVantage({ transport, host, clock }: VantageSettings, hello: RelayHello): Vantage {
  const cannot = (what: string) =>
    new FlowError({ phase: 'local', errno: null, code: 'ENOTSUP', message: `${what}: nc cannot` });
  return {
    host: host.name,
    name: nameOf(hello, host),
    how: 'nc',
    can: {
      ttl: false,
      mss: false,
      ping: false,
      sourcePort: true,
      datagrams: false,
    },
    limits: [
      `${host.name} has neither perl nor python3, so nc is used: connects and banners are told apart and stalls are seen; not known are retransmissions, MTU faults, losses by ping, routes`,
    ],
    connect: (options, signal) => netcatConnect({ transport, host, clock }, options, signal),
    secure: (flow, serverName, signal) => secureOver(flow, serverName, clock.now(), signal),
    ping: ({ size }) => Promise.resolve(noPing(size ?? DEFAULT_SIZE, 'nc cannot ping')),
    hop: () =>
      Promise.resolve({
        from: null,
        ms: 0,
        what: 'local' as const,
        mtu: null,
        icmp: null,
        error: 'nc cannot do it',
      }),
    datagram: () => Promise.reject(cannot('datagrams')),
    route: () => Promise.reject(cannot('routes')),
    close: () => Promise.resolve(),
  };
}
