// One SMTP session as a probe speaks it: connect, banner, EHLO, STARTTLS, TLS, EHLO again, commands of full packets,
// MAIL and RCPT only when asked for, QUIT; never DATA. Each phase has its deadline, and all of them together. What
// stands still is not waited for idly: the kernel is asked what it knows of the connection, and fresh connections with
// small segments try to come past the same point. Reply codes are the server's word and no fault of a way.
import type { Duplex } from 'node:stream';
import type { CertificateSeen } from '../lib/certificate.js';
import type { Clock } from '../lib/clock.js';
import { NoTimeLeft } from './deadline.js';
import { errorSeen, isFlowFailure, isVantageGone } from './failure.js';
import type {
  ControlResult,
  Phase,
  PhaseSeen,
  SessionEnd,
  SessionSeen,
  Target,
  TcpInfo,
} from './observation.js';
import { type FullReply, ReplyReader, StreamEnd } from './reply.js';
import type { Flow, Vantage } from './vantage.js';

/** Where the session leaves. */
export interface Leaving {
  readonly source: string | null;
  readonly interface: string | null;
}

/** How far a session goes. */
export interface SessionPlan {
  /** Our own name in EHLO. */
  readonly helo: string;
  /** Without the second EHLO and the full packets. */
  readonly light: boolean;
  /** Without TLS as well. */
  readonly plain?: boolean | undefined;
  /** Whom RCPT names; null: no MAIL, no RCPT. */
  readonly recipient: string | null;
  /** Envelope sender of MAIL; empty: the null sender. */
  readonly sender?: string | undefined;
  /** Small segments tried when it stands still. */
  readonly controls: boolean;
  /** Ends behind this phase, without QUIT. */
  readonly until?: Phase | undefined;
  readonly mss?: number | undefined;
  readonly sourcePort?: number | undefined;
  readonly phaseMs?: number | undefined;
  readonly totalMs?: number | undefined;
  readonly urgent?: boolean | undefined;
  /** Hears everything that is said, as it is said. */
  readonly onLine?: ((who: 'us' | 'them' | 'note', text: string) => void) | undefined;
}

/** Deadlines in ms; measured (field notes of the house): nothing healthy takes longer. */
const SESSION_LIMITS = {
  phaseMs: 4000,
  totalMs: 8000,
  /** A server whose resolver does not answer for our name says nothing for 5 s or more: its banner may take so long. */
  bannerMs: 7000,
  /** What may follow a banner that was late. */
  afterBannerMs: 3500,
  /** So long nothing came: controls begin. */
  stillMs: 1600,
  controlMs: 2500,
  /** Segments of the controls. */
  controlMss: [1200, 400],
} as const;

const TICK_MS = 100;
/** A tick that comes so late was held up here. */
const LATE_MS = 200;
/** A line of 506 bytes; three in one write fill a packet. RSET may be pipelined (RFC 2920). */
const FULL_LINE = `RSET${' '.repeat(500)}\r\n`;
/** More bytes than fit into one packet of 1500, when they come without a pause. */
const FULL_FLIGHT_BYTES = 1460;
const MOST_EXTENSIONS = 40;

/** Ends a session from the inside. */
class Ended extends Error {
  readonly end: SessionEnd;
  constructor(end: SessionEnd) {
    super('ended');
    this.end = end;
  }
}

/** Speaks one. Never throws: the vantage's own end, or the signal, is `given-up`. */
export async function runSession(
  vantage: Vantage,
  leaving: Leaving,
  target: Target,
  plan: SessionPlan,
  clock: Clock,
  signal?: AbortSignal,
): Promise<SessionSeen> {
  const session = new Session(vantage, leaving, target, plan, clock, signal);
  return session.run();
}

class Session {
  readonly #vantage: Vantage;
  readonly #leaving: Leaving;
  readonly #target: Target;
  readonly #plan: SessionPlan;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #phases: PhaseSeen[] = [];
  readonly #skipped: { phase: Phase; why: string }[] = [];
  #begunAt = 0;
  #endsAt: number;
  #phase: Phase = 'connect';
  #flow: Flow | undefined;
  #stream: Duplex | undefined;
  #replies: ReplyReader | undefined;
  #banner: string | null = null;
  #bannerLateMs: number | null = null;
  #offersStartTls: boolean | null = null;
  #extensions: readonly string[] = [];
  #tlsVersion: string | null = null;
  #certificate: CertificateSeen | null = null;
  #localPort: number | null = null;
  #tcpInfo: TcpInfo | null = null;
  #inbound = false;
  #outbound = false;

  constructor(
    vantage: Vantage,
    leaving: Leaving,
    target: Target,
    plan: SessionPlan,
    clock: Clock,
    signal: AbortSignal | undefined,
  ) {
    this.#vantage = vantage;
    this.#leaving = leaving;
    this.#target = target;
    this.#plan = plan;
    this.#clock = clock;
    this.#signal = signal;
    this.#endsAt = Number.POSITIVE_INFINITY;
  }

  async run(): Promise<SessionSeen> {
    this.#begunAt = this.#clock.monotonic();
    let end: SessionEnd;
    try {
      await this.#speak();
      end = { kind: 'done' };
    } catch (error) {
      end = this.#endOf(error);
    }
    const tookMs = this.#clock.monotonic() - this.#begunAt;
    this.#tcpInfo ??= (await this.#flow?.tcpInfo()) ?? null;
    const isClean = end.kind === 'done' && this.#plan.until === undefined;
    // What hangs leaves nothing behind on the host: it is reset, not closed.
    this.#flow?.destroy(isClean ? undefined : new StreamEnd('the probe has seen enough'));
    if (this.#stream !== this.#flow) this.#stream?.destroy();
    return {
      phases: this.#phases,
      end,
      skipped: this.#skipped,
      tookMs,
      localPort: this.#localPort,
      banner: this.#banner,
      bannerLateMs: this.#bannerLateMs,
      offersStartTls: this.#offersStartTls,
      extensions: this.#extensions,
      tlsVersion: this.#tlsVersion,
      certificate: this.#certificate,
      bigProven: { inbound: this.#inbound, outbound: this.#outbound },
      tcpInfo: this.#tcpInfo,
    };
  }

  async #speak(): Promise<void> {
    const { light, recipient, until } = this.#plan;
    await this.#connect();
    const banner = await this.#reply('banner');
    this.#banner = banner.text;
    this.#expect('banner', banner);
    const ehlo = await this.#ehlo('ehlo');
    this.#offersStartTls = this.#has(ehlo, 'STARTTLS');
    const { plain } = this.#plan;
    if (plain === true)
      for (const phase of ['starttls', 'tls', 'ehlo-tls'] as const) this.#skip(phase, 'a short flow');
    else if (this.#offersStartTls) await this.#startTls();
    else
      for (const phase of ['starttls', 'tls', 'ehlo-tls'] as const)
        this.#skip(phase, 'no STARTTLS is offered');
    if (light) {
      // After TLS nothing that was offered before counts, and servers want a greeting before MAIL (RFC 3207, 4.2).
      if (recipient !== null && this.#offersStartTls && plain !== true) await this.#ehlo('ehlo-tls');
      else this.#skip('ehlo-tls', 'a light probe');
      this.#skip('big', 'a light probe');
    } else {
      const last = this.#offersStartTls ? await this.#ehlo('ehlo-tls') : ehlo;
      await this.#big(this.#has(last, 'PIPELINING'));
    }
    if (recipient !== null) {
      this.#expect('mail', await this.#command('mail', `MAIL FROM:<${this.#plan.sender ?? ''}>`));
      this.#expect('rcpt', await this.#command('rcpt', `RCPT TO:<${recipient}>`));
      await this.#command('rset', 'RSET');
    }
    if (until !== undefined) return;
    try {
      await this.#command('quit', 'QUIT');
    } catch (error) {
      // Some hang up at once instead of answering: nothing is amiss.
      if (!(error instanceof StreamEnd) && !(isFlowFailure(error) && error.code === 'ECONNRESET'))
        throw error;
      this.#skip('quit', 'it hung up instead of answering');
    }
  }

  async #connect(): Promise<void> {
    this.#phase = 'connect';
    const { mss, sourcePort, urgent } = this.#plan;
    const flow = await this.#vantage.connect(
      {
        ...this.#leaving,
        address: this.#target.address,
        port: this.#target.port,
        mss,
        sourcePort,
        urgent,
        timeoutMs: this.#plan.phaseMs ?? SESSION_LIMITS.phaseMs,
      },
      this.#signal,
    );
    this.#flow = flow;
    this.#stream = flow;
    // Not every way to connect tells its port.
    this.#localPort = flow.localPort === 0 ? null : flow.localPort;
    // Places are waited for before the connection, so that the clock of the session begins with it.
    this.#begunAt = this.#clock.monotonic() - flow.connectMs;
    this.#endsAt = this.#begunAt + (this.#plan.totalMs ?? SESSION_LIMITS.totalMs);
    this.#phases.push({ phase: 'connect', ms: flow.connectMs, reply: null });
    this.#note(`connected from port ${flow.localPort} in ${flow.connectMs.toFixed(1)} ms`);
    this.#replies = new ReplyReader(flow, (line) => this.#plan.onLine?.('them', line));
    this.#stopHere('connect');
  }

  async #ehlo(phase: 'ehlo' | 'ehlo-tls'): Promise<FullReply> {
    const first = await this.#command(phase, `EHLO ${this.#plan.helo}`);
    // Servers older than ESMTP.
    const reply =
      first.code === 500 || first.code === 502
        ? await this.#command(phase, `HELO ${this.#plan.helo}`)
        : first;
    this.#expect(phase, reply);
    this.#extensions = reply.lines.slice(1, 1 + MOST_EXTENSIONS).map((line) => line.slice(0, 100));
    return reply;
  }

  #has(reply: FullReply, extension: string): boolean {
    return reply.lines.slice(1).some((line) => line.trim().split(/\s/)[0]?.toUpperCase() === extension);
  }

  async #startTls(): Promise<void> {
    this.#expect('starttls', await this.#command('starttls', 'STARTTLS'));
    const flow = this.#flow as Flow;
    // RFC 3207: what came in the clear behind the reply is nobody's word.
    const { isClean } = this.#replies?.release() ?? { isClean: true };
    if (!isClean) this.#note('something was said behind the reply to STARTTLS, and is not believed');
    this.#phase = 'tls';
    const begunAt = this.#clock.monotonic();
    const bytes = flow.bytesReceived;
    const abort = new AbortController();
    const securing = this.#vantage.secure(flow, this.#target.host, abort.signal);
    try {
      const secured = await this.#within(securing);
      this.#stream = secured.stream;
      this.#tlsVersion = secured.version;
      this.#certificate = secured.certificate;
      this.#stream.on('error', () => {});
    } catch (error) {
      abort.abort();
      securing.catch(() => {});
      throw error;
    }
    this.#inbound = flow.bytesReceived - bytes > FULL_FLIGHT_BYTES;
    this.#phases.push({ phase: 'tls', ms: this.#clock.monotonic() - begunAt, reply: null });
    this.#note(
      `${this.#tlsVersion ?? 'TLS'}, certificate of ${this.#certificate?.subject ?? 'nobody'}: ${this.#certificate?.error ?? 'good'}`,
    );
    this.#replies = new ReplyReader(this.#stream, (line) => this.#plan.onLine?.('them', line));
    this.#stopHere('tls');
  }

  async #big(canPipeline: boolean): Promise<void> {
    const lines = canPipeline ? 3 : 1;
    if (!canPipeline) this.#skip('big', 'no PIPELINING: a full packet outbound is not proven');
    this.#phase = 'big';
    const begunAt = this.#write(
      FULL_LINE.repeat(lines),
      `RSET and 500 blanks${canPipeline ? ', three times in one packet' : ''}`,
    );
    let worst: FullReply | undefined;
    for (let line = 0; line < lines; line += 1) {
      const reply = await this.#answer();
      if (worst === undefined || reply.code > worst.code) worst = reply;
      if (reply.code === 421) break;
    }
    const reply = worst as FullReply;
    this.#phases.push({ phase: 'big', ms: this.#since(begunAt), reply: replyOf(reply) });
    // Whatever it says to them: they arrived.
    this.#outbound = canPipeline;
    if (reply.code === 421) throw new Ended({ kind: 'reply', phase: 'big', reply: replyOf(reply) });
    this.#stopHere('big');
  }

  async #command(phase: Phase, line: string): Promise<FullReply> {
    this.#phase = phase;
    return this.#reply(phase, this.#write(`${line}\r\n`, line));
  }

  /** When it was written, by the clock here. */
  #write(data: string, shown: string): number {
    this.#plan.onLine?.('us', shown);
    const stream = this.#stream as Duplex;
    if (!stream.destroyed && !stream.writableEnded) stream.write(data);
    return this.#clock.monotonic();
  }

  async #reply(phase: Phase, begunAt = this.#clock.monotonic()): Promise<FullReply> {
    this.#phase = phase;
    const reply = await this.#answer();
    const ms = this.#since(begunAt);
    this.#phases.push({ phase, ms, reply: replyOf(reply) });
    if (phase === 'banner' && ms > (this.#plan.phaseMs ?? SESSION_LIMITS.phaseMs)) {
      this.#bannerLateMs = ms;
      this.#endsAt = Math.max(this.#endsAt, this.#clock.monotonic() + SESSION_LIMITS.afterBannerMs);
    }
    if (reply.code < 400) this.#stopHere(phase);
    return reply;
  }

  #answer(): Promise<FullReply> {
    return this.#within((this.#replies as ReplyReader).next());
  }

  /** By the vantage's own clock where it has one: the way to the host is not the server's fault. */
  #since(begunAt: number): number {
    const here = this.#clock.monotonic() - begunAt;
    const flow = this.#flow;
    if (flow === undefined || flow.receivedAt === null || flow.sentAt === null) return here;
    const there = flow.receivedAt - flow.sentAt;
    return there >= 0 && there <= here ? there : here;
  }

  #expect(phase: Phase, reply: FullReply): void {
    if (reply.code >= 400) throw new Ended({ kind: 'reply', phase, reply: replyOf(reply) });
  }

  #stopHere(phase: Phase): void {
    if (this.#plan.until === phase) throw new Ended({ kind: 'done' });
  }

  #skip(phase: Phase, why: string): void {
    if (!this.#skipped.some((one) => one.phase === phase)) this.#skipped.push({ phase, why });
  }

  #note(text: string): void {
    this.#plan.onLine?.('note', text);
  }

  /** Waits for an answer of the server within the deadlines, and looks closer when nothing moves. */
  async #within<T>(work: Promise<T>): Promise<T> {
    const clock = this.#clock;
    const flow = this.#flow as Flow;
    const phase = this.#phase;
    const phaseMs = this.#plan.phaseMs ?? SESSION_LIMITS.phaseMs;
    const begunAt = clock.monotonic();
    let bytes = flow.bytesReceived;
    let lastAt = begunAt;
    let tickedAt = begunAt;
    let deadline = begunAt + phaseMs;
    const controls = new Controls();
    const settled = work.then(
      (value) => ({ ok: true as const, value }),
      (error: unknown) => ({ ok: false as const, error }),
    );
    try {
      for (;;) {
        const first = await Promise.race([settled, pause(clock, TICK_MS, settled)]);
        if (first !== 'tick') {
          if (first.ok) return first.value;
          throw first.error;
        }
        this.#signal?.throwIfAborted();
        const now = clock.monotonic();
        // A connection that has ended has nothing more to say, whatever is read over it.
        if (flow.destroyed && flow.errored !== null) throw flow.errored;
        const late = now - tickedAt - TICK_MS;
        tickedAt = now;
        if (late > LATE_MS) {
          // It was we who were busy: nobody else stood still.
          lastAt += late;
          deadline += late;
          this.#endsAt += late;
        }
        if (flow.bytesReceived !== bytes) {
          bytes = flow.bytesReceived;
          lastAt = now;
        }
        if (now - lastAt >= SESSION_LIMITS.stillMs && this.#plan.controls && !controls.begun) {
          this.#note(`nothing came for ${SESSION_LIMITS.stillMs} ms: trying small segments`);
          controls.begin(SESSION_LIMITS.controlMss.map((mss) => this.#control(phase, mss, controls.signal)));
        }
        if (now < deadline && now < this.#endsAt) continue;
        if (now < deadline || now - lastAt < SESSION_LIMITS.stillMs) {
          throw new Ended({ kind: 'too-slow', phase, afterMs: now - this.#begunAt });
        }
        const tcpInfo = await flow.tcpInfo();
        const isQuiet = tcpInfo !== null && tcpInfo.unacked === 0 && tcpInfo.totalRetransmits === 0;
        if (
          phase === 'banner' &&
          isQuiet &&
          this.#plan.until === undefined &&
          deadline < begunAt + SESSION_LIMITS.bannerMs
        ) {
          deadline = begunAt + SESSION_LIMITS.bannerMs;
          this.#endsAt = Math.max(this.#endsAt, deadline + TICK_MS);
          continue;
        }
        this.#tcpInfo = tcpInfo;
        const [mss1200 = 'not-tried', mss400 = 'not-tried'] = await controls.results();
        throw new Ended({
          kind: 'stall',
          stall: { phase, afterMs: now - lastAt, tcpInfo, controls: { mss1200, mss400 } },
        });
      }
    } finally {
      controls.stop();
    }
  }

  /** A fresh connection with small segments up to the same phase. */
  async #control(phase: Phase, mss: number, signal: AbortSignal): Promise<ControlResult> {
    if (!this.#vantage.can.mss) return 'not-tried';
    const { end, phases } = await runSession(
      this.#vantage,
      this.#leaving,
      this.#target,
      {
        helo: this.#plan.helo,
        light: this.#plan.light,
        plain: this.#plan.plain,
        recipient: this.#plan.recipient,
        sender: this.#plan.sender,
        controls: false,
        until: phase,
        mss,
        phaseMs: SESSION_LIMITS.controlMs,
        totalMs: SESSION_LIMITS.controlMs,
        urgent: true,
      },
      this.#clock,
      signal,
    );
    if (phases.some((one) => one.phase === phase)) return 'passes';
    if (end.kind === 'stall' || end.kind === 'too-slow') return 'stalls';
    return end.kind === 'error' && end.error.phase === 'connect' ? 'stalls' : 'not-tried';
  }

  #endOf(error: unknown): SessionEnd {
    if (error instanceof Ended) return error.end;
    if (this.#signal?.aborted) {
      const { reason } = this.#signal;
      const why =
        reason instanceof NoTimeLeft ? `${this.#phase}: ${reason.message}` : 'the probe was stopped';
      return { kind: 'given-up', why };
    }
    if (isVantageGone(error)) return { kind: 'given-up', why: (error as Error).message };
    // The stream over it tells less than the connection itself.
    const cause = this.#flow?.errored ?? error;
    if (isVantageGone(cause)) return { kind: 'given-up', why: (cause as Error).message };
    if (isFlowFailure(cause)) {
      this.#localPort ??= cause.localPort;
      this.#tcpInfo ??= cause.tcpInfo;
    }
    return { kind: 'error', error: errorSeen(this.#phase, cause, this.#target.address) };
  }
}

/** Fresh connections beside one that stands still; they end with it. */
class Controls {
  readonly #stop = new AbortController();
  #running: readonly Promise<ControlResult>[] = [];

  get begun(): boolean {
    return this.#running.length > 0;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  begin(running: readonly Promise<ControlResult>[]): void {
    this.#running = running;
  }

  results(): Promise<readonly ControlResult[]> {
    return Promise.all(this.#running);
  }

  stop(): void {
    this.#stop.abort();
  }
}

async function pause(clock: Clock, ms: number, until: Promise<unknown>): Promise<'tick'> {
  return new Promise((resolve) => {
    const cancel = clock.timer(ms, () => resolve('tick'));
    void until.then(cancel);
  });
}

function replyOf({ code, enhanced, text }: FullReply) {
  return { code, enhanced, text };
}
