// The time of a pair, on a clock of the test: whatever a server, a way or a queue of our own does, a pair ends, and what
// is not known by then is called so.
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { judge } from '../../../src/probe/judge.js';
import { limitVantage } from '../../../src/probe/limits.js';
import type { PingSeen, Target } from '../../../src/probe/observation.js';
import { DEFAULT_PLAN, observePair, PAIR_MS } from '../../../src/probe/observe-pair.js';
import type { ConnectOptions, Flow, Vantage } from '../../../src/probe/vantage.js';
import { fakeClock } from '../../support/fake-clock.js';

const target: Target = { destination: 'x', host: null, address: '203.0.113.131', family: 4, port: 25 };
const way = { uplink: 'a', source: '192.0.2.10', interface: null };
const plan = { ...DEFAULT_PLAN, helo: 'mx1.example.net' };

type Connect = (options: ConnectOptions, signal: AbortSignal | undefined) => Promise<Flow>;

class Dead extends Error {
  readonly phase = 'connect' as const;
  readonly code = 'ETIMEDOUT';
  readonly errno = 110;
  readonly from = null;
  readonly icmp = null;
  readonly tcpInfo = null;
  readonly ms = 0;
  constructor(readonly localPort: number) {
    super('no answer');
  }
}

function vantageOf(connect: Connect, ping: Partial<PingSeen> = {}): Vantage {
  const can = {
    tcpInfo: true,
    ttl: true,
    mss: true,
    connectTime: true,
    ping: true,
    interface: true,
    sourcePort: true,
    datagrams: true,
  };
  const seen = { sent: 100, received: 100, size: 84, rttMs: null, error: null, ...ping };
  const unused = () => Promise.reject(new Error('not in this test'));
  return {
    host: 'mx1',
    name: 'mx1.example.net',
    how: 'perl',
    can,
    limits: [],
    connect,
    secure: unused,
    ping: () => Promise.resolve(seen),
    hop: unused,
    datagram: unused,
    route: unused,
    close: () => Promise.resolve(),
  } as unknown as Vantage;
}

/** A connection attempt that nothing ever becomes of, not even its own deadline. */
const never: Connect = (_, signal) =>
  new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

/** A connection that stands, and then speaks no SMTP: it hears itself. */
function stood(): Flow {
  const flow = new PassThrough();
  flow.write('hello\r\n');
  const facts = {
    connectMs: 1,
    localPort: 41_000,
    bytesReceived: 0,
    receivedAt: null,
    sentAt: null,
    errors: [],
  };
  return Object.assign(flow, facts, { tcpInfo: async () => null }) as unknown as Flow;
}

describe('a pair', () => {
  test('ends in its time when nothing else does, and is not known then', async () => {
    const clock = fakeClock({ auto: true });
    const pair = await observePair(limitVantage(vantageOf(never), clock), way, target, plan, clock);
    expect(pair.tookMs).toBeLessThanOrEqual(PAIR_MS);
    expect(pair.session?.end).toEqual({ kind: 'given-up', why: 'connect: not known within 8.5 s' });
    const judged = judge([pair]);
    expect(judged.uplinks.map(({ verdict }) => verdict)).toEqual(['unknown']);
    expect(judged.cells.map(({ verdict }) => verdict)).toEqual(['unknown']);
    expect(judged.isComplete).toBe(false);
  });

  test('ends sooner when its pings show that it loses much', async () => {
    const clock = fakeClock({ auto: true });
    const pair = await observePair(
      limitVantage(vantageOf(never, { received: 60 }), clock),
      way,
      target,
      plan,
      clock,
    );
    expect(pair.tookMs).toBeLessThan(6000);
  });

  test('does not count what it waits for a place', async () => {
    const clock = fakeClock({ auto: true });
    const limits = { sockets: 1, perDestination: 1, perSecond: 1000, pings: 1 };
    let places = 0;
    const slow: Connect = async (_, signal) => {
      places += 1;
      await clock.sleep(5000, signal);
      throw new Error('refused');
    };
    const limited = limitVantage(vantageOf(slow), clock, limits);
    const pair = await observePair(limited, way, target, plan, clock);
    expect(places).toBe(1 + plan.flows);
    expect(pair.tookMs).toBeGreaterThan(5000 * plan.flows);
    expect(pair.session?.end.kind).toBe('error');
    expect(pair.flows.every(({ result }) => result !== 'given-up')).toBe(true);
  });

  test('tries a session that died as it began once more with its own port', async () => {
    const clock = fakeClock({ auto: true });
    const ports: (number | undefined)[] = [];
    const connect: Connect = async ({ sourcePort, timeoutMs }, signal) => {
      if (ports.length > 3 && sourcePort === undefined) return stood();
      const port = sourcePort ?? 40_000 + ports.push(undefined);
      if (sourcePort !== undefined) ports.push(sourcePort);
      await clock.sleep(timeoutMs, signal);
      throw new Dead(port);
    };
    const pair = await observePair(vantageOf(connect), way, target, plan, clock);
    expect(ports).toContain(40_001);
    expect(pair.flows).toHaveLength(1 + plan.flows);
    expect(pair.flows[0]).toMatchObject({ localPort: 40_001, phase: 'connect', again: { result: 'dead' } });
    expect(pair.tookMs).toBeLessThanOrEqual(PAIR_MS);
  });
});
