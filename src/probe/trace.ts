// Traces one uplink's way to one server with packets that meet what is wrong with it, by nothing but what an ordinary
// user may do: single packets and beginnings of connections with a short life, whose ends the kernel tells of, pings of
// the routers themselves, and connections whose life is cut short once they stand still. Routers answer about once a
// second and asker (Linux: six at once before that), so few are asked, silence is asked again, and silence alone is
// never a fault. Each question has a socket of its own: traces at the same time do not take each other's answers.
import type { Clock } from '../lib/clock.js';
import { icmpMeaning } from '../lib/icmp.js';
import { isFlowFailure } from './failure.js';
import type { Family, HopSeen, PathSeen, PingSeen, RouteSeen, Target } from './observation.js';
import { runSession } from './session.js';
import type { Symptom } from './symptom.js';
import type { ConnectOptions, Flow, HopAnswer, Vantage } from './vantage.js';

/** What is traced. */
export interface TraceQuestion {
  /** The configuration's name. */
  readonly uplink: string;
  readonly family: Family;
  readonly source: string | null;
  readonly interface: string | null;
  readonly target: Target;
  readonly symptom: Symptom;
}

/** How far, and how patiently; ms. All of a trace stays below 5 s, a walk through connections included. */
const TRACE_LIMITS = {
  hops: 20,
  /** Between two packets of a trace: what is near answers before the far ones are asked. */
  gapMs: 20,
  answerMs: 900,
  againMs: 700,
  /** Of a connection's beginning. The first of its repetitions comes after 1 s. */
  beginMs: 800,
  /** Connections of a walk: their far ends see them. */
  walks: 8,
  /** A connection that gets nothing for so long stands still. */
  stillMs: 500,
  /** From then on: repetitions come 0.6, 1.4 and 3.0 s after what they repeat. */
  walkMs: 1700,
  pings: 100,
  pingGapMs: 10,
  bigPings: 2,
  smallBytes: 60,
  bigBytes: 1500,
  /** Silent hops in a row behind which nobody is asked any more. */
  silence: 5,
} as const;

/** Traces. Never throws; a stopped trace gives what was seen so far. */
export async function traceUplink(
  vantage: Vantage,
  question: TraceQuestion,
  clock: Clock,
  signal?: AbortSignal,
): Promise<RouteSeen> {
  const tracer = new Tracer(vantage, question, clock, signal);
  const limits: string[] = [];
  const { symptom } = question;
  const hasPackets = vantage.can.datagrams;
  if (!hasPackets) limits.push(`${vantage.how} on ${vantage.host} sends no packets with a short life`);
  const wants = (...kinds: readonly Symptom['kind'][]) => kinds.includes(symptom.kind);
  const tracingSmall = hasPackets ? tracer.packets(TRACE_LIMITS.smallBytes, wants('slow')) : null;
  const pinging = async () => {
    const path = await tracingSmall;
    const what = wants('loss') ? 'loss' : wants('size') ? 'size' : null;
    return path === null || what === null || !vantage.can.ping ? [] : tracer.pingHops(path, what);
  };
  const [small, big, begun, sameFlow, pings] = await Promise.all([
    tracingSmall,
    hasPackets && wants('size', 'none') ? tracer.packets(TRACE_LIMITS.bigBytes, false) : null,
    hasPackets && wants('no-connect', 'intercepted') ? tracer.beginnings() : null,
    symptom.kind === 'some-flows' && vantage.can.sourcePort && hasPackets
      ? tracer.oneFlow(symptom.sourcePort)
      : null,
    pinging(),
  ]);
  // The last means, since servers see it: where large packets by themselves do not show it, and where only
  // connections that have lived for a while are dead.
  const isShown = big !== null && small !== null && !big.reached && lastAnswer(big) < lastAnswer(small);
  const walks = wants('flow') || (wants('size') && !isShown && !pings.some(({ lost }) => lost > 0));
  const inFlow = walks && vantage.can.ttl ? await tracer.walk(small) : null;
  return {
    uplink: question.uplink,
    family: question.family,
    target: question.target,
    small,
    big,
    begun: begun ?? sameFlow,
    inFlow,
    pings,
    limits,
  };
}

/** The farthest hop that answered, the destination as the one behind all. */
function lastAnswer(path: PathSeen): number {
  if (path.reached) return Number.POSITIVE_INFINITY;
  return path.hops.findLast(({ addresses }) => addresses.length > 0)?.ttl ?? 0;
}

/** One hop while its packets are out. */
interface Asked {
  readonly ttl: number;
  answer: HopAnswer | undefined;
  rttMs: number | null;
  readonly addresses: string[];
}

class Tracer {
  readonly #vantage: Vantage;
  readonly #question: TraceQuestion;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;

  constructor(vantage: Vantage, question: TraceQuestion, clock: Clock, signal: AbortSignal | undefined) {
    this.#vantage = vantage;
    this.#question = question;
    this.#clock = clock;
    this.#signal = signal;
  }

  get #way(): { source: string | null; interface: string | null; address: string } {
    const { source, interface: device, target } = this.#question;
    return { source, interface: device, address: target.address };
  }

  /** Single UDP packets of this size with lives of 1, 2, 3 ...; `twice`: for the better of two times. */
  async packets(size: number, twice: boolean): Promise<PathSeen> {
    const asked: Asked[] = [];
    const ask = async (hop: Asked, timeoutMs: number) => {
      const { ttl } = hop;
      const answer = await this.#vantage.hop({ ...this.#way, ttl, size, timeoutMs }, this.#signal);
      if (answer.from === null && answer.what !== 'local') return;
      hop.answer ??= answer;
      if (answer.from === null) return;
      if (!hop.addresses.includes(answer.from)) hop.addresses.push(answer.from);
      hop.rttMs = Math.min(hop.rttMs ?? Number.POSITIVE_INFINITY, answer.ms);
    };
    const begunAt = this.#clock.monotonic();
    await this.#ascend(asked, (hop) => ask(hop, TRACE_LIMITS.answerMs), endOf);
    const upTo = interesting(asked);
    const again = asked.filter(
      (hop) => hop.ttl <= upTo && (hop.addresses.length === 0 || twice) && hop.answer?.what !== 'local',
    );
    if (again.length > 0 && !this.#isStopped())
      await Promise.all(again.map((hop) => ask(hop, TRACE_LIMITS.againMs)));
    return this.#pathOf('udp', size, asked, begunAt);
  }

  /** Beginnings of connections, each with a source port of its own. */
  async beginnings(): Promise<PathSeen> {
    const asked: Asked[] = [];
    const begunAt = this.#clock.monotonic();
    await this.#ascend(asked, (hop) => this.#begin(hop, undefined), endOf);
    return this.#pathOf('tcp', TRACE_LIMITS.smallBytes, asked, begunAt);
  }

  /** Beginnings of one connection, one after the other: they may not overlap. */
  async oneFlow(sourcePort: number): Promise<PathSeen> {
    const asked: Asked[] = [];
    const begunAt = this.#clock.monotonic();
    let silent = 0;
    for (let ttl = 1; ttl <= TRACE_LIMITS.hops && silent < 2 && !this.#isStopped(); ttl += 1) {
      const hop: Asked = { ttl, answer: undefined, rttMs: null, addresses: [] };
      asked.push(hop);
      await this.#begin(hop, sourcePort);
      silent = hop.addresses.length === 0 ? silent + 1 : 0;
      if (endOf(hop)) break;
    }
    return this.#pathOf('tcp', TRACE_LIMITS.smallBytes, asked, begunAt);
  }

  /** One beginning. A connection that comes about is ended at once: somebody answers here. */
  async #begin(hop: Asked, sourcePort: number | undefined): Promise<void> {
    const { address } = this.#question.target;
    const begunAt = this.#clock.monotonic();
    const options: ConnectOptions = {
      ...this.#way,
      port: this.#question.target.port,
      ttl: hop.ttl,
      timeoutMs: TRACE_LIMITS.beginMs,
      ...(sourcePort === undefined ? {} : { sourcePort }),
    };
    const reached = (what: 'reply' | 'refused', ms: number) => {
      hop.answer = { from: address, ms, what: 'reply', mtu: null, icmp: null, error: what };
      hop.addresses.push(address);
      hop.rttMs = ms;
    };
    try {
      const flow = await this.#vantage.connect(options, this.#signal);
      reached('reply', flow.connectMs);
      flow.destroy(new Error('a beginning only'));
    } catch (error) {
      if (!isFlowFailure(error)) return;
      const { from, icmp, code, phase } = error;
      const ms = error.ms || this.#clock.monotonic() - begunAt;
      if (from !== null) {
        const what = icmp === null ? 'no-route' : icmpMeaning(this.#question.family, icmp);
        hop.answer = { from, ms, what, mtu: null, icmp, error: null };
        hop.addresses.push(from);
        hop.rttMs = ms;
      } else if (code === 'ECONNREFUSED' || code === 'ECONNRESET') reached('refused', ms);
      else if (phase === 'local')
        hop.answer = { from: null, ms, what: 'local', mtu: null, icmp: null, error: error.message };
    }
  }

  /** Pings the routers themselves, and the server: many small ones for loss, two small and two large ones for size. */
  async pingHops(small: PathSeen, what: 'loss' | 'size'): Promise<HopPings[]> {
    const { target } = this.#question;
    const places = small.hops
      .filter(({ addresses }) => addresses.length > 0 && addresses[0] !== target.address)
      .map(({ ttl, addresses }) => ({ ttl, address: addresses[0] as string }))
      .slice(0, 12);
    places.push({ ttl: (small.hops.at(-1)?.ttl ?? 0) + (small.reached ? 0 : 1), address: target.address });
    const { pings, pingGapMs, bigPings, bigBytes } = TRACE_LIMITS;
    const ping = (address: string, more: { count: number; intervalMs: number; size?: number }) =>
      this.#vantage
        .ping({ ...this.#way, ...more, address, waitMs: TRACE_LIMITS.againMs }, this.#signal)
        .catch((): PingSeen => ({ sent: 0, received: 0, size: 0, rttMs: null, error: 'stopped' }));
    return (
      await Promise.all(
        places.map(async ({ ttl, address }): Promise<HopPings | null> => {
          if (what === 'loss') {
            const seen = await ping(address, { count: pings, intervalMs: pingGapMs });
            return seen.error !== null
              ? null
              : { ttl, address, size: seen.size, sent: seen.sent, lost: seen.sent - seen.received };
          }
          const [few, large] = await Promise.all([
            ping(address, { count: bigPings, intervalMs: 100 }),
            ping(address, { count: bigPings, intervalMs: 100, size: bigBytes }),
          ]);
          // Who answers no small one says nothing by not answering a large one.
          if (few.received === 0 || large.error !== null) return null;
          return { ttl, address, size: bigBytes, sent: large.sent, lost: large.sent - large.received };
        }),
      )
    ).filter((one) => one !== null);
  }

  /**
   * Connections that are brought to where they stand still, and then get a life of 1, 2, 3 ... hops: the errors that
   * come back tell how far packets of such a connection still come.
   */
  async walk(small: PathSeen | null): Promise<PathSeen> {
    const begunAt = this.#clock.monotonic();
    const known = small?.reached === true ? (small.hops.at(-1)?.ttl ?? 0) - 1 : lastAnswerOf(small) + 1;
    const count = Math.min(TRACE_LIMITS.walks, Math.max(3, known));
    const asked = Array.from(
      { length: count },
      (_, index): Asked => ({ ttl: index + 1, answer: undefined, rttMs: null, addresses: [] }),
    );
    let stood = 0;
    await Promise.all(
      asked.map(async (hop) => {
        const seen = await this.#walkTo(hop.ttl);
        if (seen !== 'moves') stood += 1;
        if (seen !== 'expired') return;
        // The error does not tell who sent it; the small trace knows who is there.
        hop.addresses.push(...(small?.hops[hop.ttl - 1]?.addresses ?? []));
        hop.answer = {
          from: hop.addresses[0] ?? null,
          ms: 0,
          what: 'expired',
          mtu: null,
          icmp: null,
          error: null,
        };
      }),
    );
    const path = this.#pathOf('in-flow', 0, asked, begunAt);
    // Where connections go on all the same, there is nothing to be seen.
    return { ...path, reached: stood === 0 };
  }

  async #walkTo(ttl: number): Promise<'expired' | 'silent' | 'moves'> {
    const { target, source, interface: device } = this.#question;
    const stop = new AbortController();
    const signal = this.#signal === undefined ? stop.signal : AbortSignal.any([stop.signal, this.#signal]);
    let flow: Flow | undefined;
    const watched: Vantage = {
      ...this.#vantage,
      connect: async (options, abort) => {
        flow = await this.#vantage.connect({ ...options, errorQueue: true }, abort);
        return flow;
      },
      secure: (stream, name, abort) => this.#vantage.secure(stream, name, abort),
    };
    const plan = { helo: this.#vantage.name, light: false, recipient: null, controls: false };
    let isOver = false;
    const session = runSession(
      watched,
      { source, interface: device },
      target,
      plan,
      this.#clock,
      signal,
    ).finally(() => {
      isOver = true;
    });
    try {
      // Standing still is seen from here: nothing came for a while.
      let last: number | null | undefined;
      let changedAt = this.#clock.monotonic();
      for (;;) {
        const now = this.#clock.monotonic();
        if (isOver || this.#isStopped()) return 'moves';
        const received = flow?.receivedAt;
        if (received !== last || flow === undefined) {
          last = received;
          changedAt = now;
        }
        if (now - changedAt >= TRACE_LIMITS.stillMs) break;
        await this.#clock.sleep(50, signal);
      }
      const walked = flow as Flow;
      const before = walked.errors.length;
      await walked.setTtl(ttl);
      const info = await walked.tcpInfo();
      // What waits for its acknowledgement is repeated with the new life; else something must be sent.
      if (info?.unacked === 0) walked.write('\r\n', () => {});
      const until = this.#clock.monotonic() + TRACE_LIMITS.walkMs;
      while (this.#clock.monotonic() < until && !isOver) {
        if (walked.errors.length > before) return 'expired';
        await this.#clock.sleep(50, signal);
      }
      return 'silent';
    } catch {
      return 'silent';
    } finally {
      stop.abort(new Error('the walk is over'));
      await session.catch(() => {});
      flow?.destroy(new Error('the walk is over'));
    }
  }

  #isStopped(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Sends one after the other without waiting for answers, until one of them says that it is the end. */
  async #ascend(
    asked: Asked[],
    ask: (hop: Asked) => Promise<void>,
    isEnd: (hop: Asked) => boolean,
  ): Promise<void> {
    const running: Promise<void>[] = [];
    const sentAt = new Map<Asked, number>();
    let isOver = false;
    for (let ttl = 1; ttl <= TRACE_LIMITS.hops && !isOver && !this.#isStopped(); ttl += 1) {
      const hop: Asked = { ttl, answer: undefined, rttMs: null, addresses: [] };
      asked.push(hop);
      sentAt.set(hop, this.#clock.monotonic());
      running.push(
        ask(hop).then(
          () => {
            if (isEnd(hop)) isOver = true;
          },
          () => {},
        ),
      );
      try {
        await this.#clock.sleep(TRACE_LIMITS.gapMs, this.#signal);
      } catch {
        break;
      }
      if (isSilentTail(asked, this.#clock.monotonic(), sentAt)) break;
    }
    await Promise.all(running);
  }

  #pathOf(how: PathSeen['how'], size: number, asked: readonly Asked[], begunAt: number): PathSeen {
    const { address } = this.#question.target;
    // Who answers in the end answers all that come after it, too.
    const end = asked.findIndex((hop) => endOf(hop));
    const hops = end < 0 ? asked.slice(0, lastIndex(asked) + 2) : asked.slice(0, end + 1);
    return {
      how,
      size,
      hops: hops.map(
        ({ ttl, addresses, rttMs, answer }): HopSeen => ({
          ttl,
          addresses,
          names: addresses.map(() => null),
          rttMs,
          mark: markOf(answer),
        }),
      ),
      reached: end >= 0 && asked[end]?.addresses.includes(address) === true,
      tookMs: this.#clock.monotonic() - begunAt,
    };
  }
}

/** Pings of one hop. */
export type HopPings = RouteSeen['pings'][number];

/** An answer behind which nothing is to be asked: the destination's, or a router's refusal. */
function endOf({ answer }: Asked): boolean {
  return answer !== undefined && answer.what !== 'expired' && answer.what !== 'silent';
}

function lastIndex(asked: readonly Asked[]): number {
  return asked.findLastIndex(({ addresses }) => addresses.length > 0);
}

function lastAnswerOf(path: PathSeen | null): number {
  return path?.hops.findLast(({ addresses }) => addresses.length > 0)?.ttl ?? 0;
}

/** Up to here a silence means something: two behind the last answer, or the end. */
function interesting(asked: readonly Asked[]): number {
  const end = asked.findIndex((hop) => endOf(hop));
  return end >= 0 ? end : lastIndex(asked) + 2;
}

/** Have so many in a row had time to answer and did not? */
function isSilentTail(asked: readonly Asked[], now: number, sentAt: ReadonlyMap<Asked, number>): boolean {
  const tail = asked.slice(lastIndex(asked) + 1).filter((hop) => now - (sentAt.get(hop) ?? now) > SILENT_MS);
  return tail.length >= TRACE_LIMITS.silence;
}

/** Longer than nearly any answer takes. */
const SILENT_MS = 300;

/** `!X`, as traceroute writes it. */
function markOf(answer: HopAnswer | undefined): string | null {
  if (answer === undefined) return null;
  switch (answer.what) {
    case 'prohibited':
      return '!X';
    case 'no-route':
      return '!H';
    case 'too-big':
      return answer.mtu === null ? '!F' : `!F-${answer.mtu}`;
    case 'reply':
      return answer.error === 'refused' ? 'RST' : answer.error === 'reply' ? 'SYN' : null;
    default:
      return null;
  }
}
