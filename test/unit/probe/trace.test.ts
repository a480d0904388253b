// Traces over a vantage that is a model of a way with routers: who answers, who limits its answers, what vanishes where.
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import type { Target } from '../../../src/probe/observation.js';
import { sharesOf } from '../../../src/probe/observe-pair.js';
import { findHop } from '../../../src/probe/parting.js';
import type { Symptom } from '../../../src/probe/symptom.js';
import { traceUplink } from '../../../src/probe/trace.js';
import type { ConnectOptions, HopAnswer, HopOptions, Vantage } from '../../../src/probe/vantage.js';

const target: Target = { destination: 'x', host: null, address: '203.0.113.131', family: 4, port: 25 };

/** What a packet meets. */
interface Way {
  readonly routers: number;
  /** True: it goes no farther than this router. */
  readonly drops?: (
    router: number,
    packet: { readonly size: number; readonly isTcp: boolean; readonly port: number },
  ) => boolean;
  readonly silent?: readonly number[];
  /** Answers of each router before it falls silent. */
  readonly patience?: number;
  readonly can?: Partial<Vantage['can']>;
}

class Refused extends Error {
  readonly phase = 'connect' as const;
  readonly errno = 113;
  readonly localPort = 40_000;
  readonly tcpInfo = null;
  readonly ms = 1;
  constructor(
    readonly code: string,
    readonly from: string | null,
    readonly icmp: { readonly type: number; readonly code: number } | null,
  ) {
    super(code);
  }
}

function model(way: Way): Vantage & { readonly asked: () => number } {
  const left = new Map<number, number>();
  let asked = 0;
  /** The router where it ends, 0: it arrives, null: nobody says anything. */
  const end = (ttl: number, packet: { size: number; isTcp: boolean; port: number }): number | null => {
    asked += 1;
    for (let router = 1; router <= way.routers; router += 1) {
      if (router === ttl) {
        const patience = left.get(router) ?? way.patience ?? 100;
        left.set(router, patience - 1);
        return way.silent?.includes(router) || patience <= 0 ? null : router;
      }
      if (way.drops?.(router, packet) === true) return null;
    }
    return 0;
  };
  const answer = (more: Partial<HopAnswer>): HopAnswer => ({
    from: null,
    ms: 1,
    what: 'silent',
    mtu: null,
    icmp: null,
    error: null,
    ...more,
  });
  const can = {
    tcpInfo: true,
    ttl: true,
    mss: true,
    connectTime: true,
    ping: true,
    interface: true,
    sourcePort: true,
    datagrams: true,
    ...way.can,
  };
  const unused = () => Promise.reject(new Error('not in this test'));
  return {
    host: 'mx1',
    name: 'mx1.example',
    how: 'perl',
    can,
    limits: [],
    asked: () => asked,
    hop: async ({ ttl, size = 60 }: HopOptions) => {
      const at = end(ttl, { size, isTcp: false, port: 0 });
      if (at === null) return answer({ what: 'silent' });
      return at === 0
        ? answer({ what: 'unreachable', from: target.address })
        : answer({ what: 'expired', from: `192.0.2.${at}` });
    },
    connect: async ({ ttl = 64, sourcePort = 0 }: ConnectOptions) => {
      const at = end(ttl, { size: 60, isTcp: true, port: sourcePort });
      if (at === null) throw new Refused('ETIMEDOUT', null, null);
      if (at === 0) throw new Refused('ECONNREFUSED', null, null);
      throw new Refused('EHOSTUNREACH', `192.0.2.${at}`, { type: 11, code: 0 });
    },
    ping: async ({ address, count, size = 84 }) => {
      const last = Number(address.split('.')[3]);
      const isServer = address === target.address;
      const lost = Array.from(
        { length: (isServer ? way.routers + 1 : last) - 1 },
        (_, router) => router + 1,
      ).some((router) => way.drops?.(router, { size, isTcp: false, port: 0 }));
      return { sent: count, received: lost ? 0 : count, size, rttMs: null, error: null };
    },
    secure: unused,
    datagram: unused,
    route: unused,
    close: async () => {},
  };
}

async function hopOf(symptom: Symptom, way: Way) {
  const vantage = model(way);
  const question = { uplink: 'level3', family: 4 as const, source: null, interface: null, target, symptom };
  const seen = await traceUplink(vantage, question, systemClock);
  return { seen, ...findHop(symptom, seen), asked: vantage.asked() };
}

test('a healthy way is traced with few packets and no hop is blamed', async () => {
  const { seen, hop, asked } = await hopOf({ kind: 'none' }, { routers: 4 });
  expect(seen.small?.reached).toBe(true);
  expect(seen.small?.hops.map(({ addresses }) => addresses[0])).toEqual([
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.3',
    '192.0.2.4',
    target.address,
  ]);
  expect(hop).toBeNull();
  expect(asked).toBeLessThan(20);
});

test('large packets that vanish behind hop 2 are seen there, whichever hop is silent anyway', async () => {
  const { hop } = await hopOf(
    { kind: 'size' },
    { routers: 5, silent: [3], drops: (router, { size }) => router === 2 && size > 500 },
  );
  expect(hop).toMatchObject({ ttl: 2, address: '192.0.2.2' });
});

test('routers that answer only once are not called the end', async () => {
  const { hop } = await hopOf(
    { kind: 'size' },
    { routers: 4, patience: 2, drops: (router, { size }) => router === 3 && size > 1400 },
  );
  expect(hop).toMatchObject({ ttl: 3 });
});

test('a dead flow is followed on its own source port', async () => {
  const { hop } = await hopOf(
    { kind: 'some-flows', sourcePort: 4711 },
    { routers: 4, drops: (router, { isTcp, port }) => isTcp && port === 4711 && router === 3 },
  );
  expect(hop).toMatchObject({ ttl: 3 });
});

test('connections to the port that end at hop 1 are told from other packets that do not', async () => {
  const { hop } = await hopOf(
    { kind: 'no-connect' },
    { routers: 4, drops: (router, { isTcp }) => isTcp && router === 1 },
  );
  expect(hop).toMatchObject({
    ttl: 1,
    evidence: 'connections to the port come no farther, other packets do',
  });
});

test('a black hole in front of a long way is given up soon', async () => {
  const { hop, asked, seen } = await hopOf(
    { kind: 'no-connect' },
    { routers: 15, drops: (router) => router === 2 },
  );
  expect(hop).toMatchObject({ ttl: 2 });
  expect(seen.small?.hops).toHaveLength(3);
  expect(asked).toBeLessThan(60);
});

test('a vantage without packets of its own says so and finds nothing', async () => {
  const { hop, seen } = await hopOf(
    { kind: 'size' },
    { routers: 4, can: { datagrams: false, ttl: false, ping: false } },
  );
  expect(hop).toBeNull();
  expect(seen.limits).toHaveLength(1);
});

test('a stopped trace ends at once', async () => {
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  const question = {
    uplink: 'x',
    family: 4 as const,
    source: null,
    interface: null,
    target,
    symptom: { kind: 'size' as const },
  };
  const seen = await traceUplink(model({ routers: 4 }), question, systemClock, stop.signal);
  expect(seen.inFlow?.reached ?? true).toBe(true);
});

test('many servers need fewer flows and pings each', () => {
  expect([1, 3, 10, 50].map(sharesOf)).toEqual([
    { flows: 6, pings: 100 },
    { flows: 6, pings: 100 },
    { flows: 2, pings: 30 },
    { flows: 2, pings: 20 },
  ]);
});
