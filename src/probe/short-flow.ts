// Short sessions over many source ports: connect, banner, EHLO, QUIT. Some of several equal paths may be dead, and only
// connections with other ports meet the others. One that died is tried once more with its own port: dead again, it is
// its path; alive, it was a loss.
import type { Clock } from '../lib/clock.js';
import type { FlowResult, FlowSeen, Phase, SessionEnd, SessionSeen, Target } from './observation.js';
import { diedConnecting } from './reading.js';
import { type Leaving, runSession, type SessionPlan } from './session.js';
import type { Vantage } from './vantage.js';

/** ms that the second try of a flow may take in each phase: it is known where it died. */
const AGAIN_MS = 2500;
/** ms for a first try: what moves longer than this is alive, and a verdict waits for the dead ones' second try. */
const TOTAL_MS = 5000;

/** One flow, and its second try where it died. Never throws. */
export async function runFlow(
  vantage: Vantage,
  leaving: Leaving,
  target: Target,
  plan: Pick<SessionPlan, 'helo'>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<FlowSeen> {
  const short: SessionPlan = {
    helo: plan.helo,
    light: true,
    recipient: null,
    controls: false,
    plain: true,
    totalMs: TOTAL_MS,
  };
  const first = await runSession(vantage, leaving, target, short, clock, signal);
  const seen = flowOf(first);
  // A server that acknowledges everything and says nothing is not asked again: its flow is not dead.
  if (isQuietBanner(first)) return seen;
  if (seen.result !== 'dead' || seen.localPort === null || !vantage.can.sourcePort || signal?.aborted)
    return seen;
  return { ...seen, again: await tryAgain(vantage, leaving, target, short, seen.localPort, clock, signal) };
}

/**
 * A full session that died while it connected, tried once more with its own port as a short flow is: it tells a dead
 * way of several from a loss. Null: it did not die there, or cannot be tried again. Never throws.
 */
export async function flowOfDead(
  vantage: Vantage,
  leaving: Leaving,
  target: Target,
  session: SessionSeen,
  plan: Pick<SessionPlan, 'helo'>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<FlowSeen | null> {
  const seen = flowOf(session);
  if (!diedConnecting(session) || seen.localPort === null || !vantage.can.sourcePort || signal?.aborted)
    return null;
  const short = { helo: plan.helo, light: true, recipient: null, controls: false, plain: true };
  return { ...seen, again: await tryAgain(vantage, leaving, target, short, seen.localPort, clock, signal) };
}

async function tryAgain(
  vantage: Vantage,
  leaving: Leaving,
  target: Target,
  plan: SessionPlan,
  sourcePort: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<FlowSeen['again']> {
  const second = await runSession(
    vantage,
    leaving,
    target,
    { ...plan, sourcePort, phaseMs: AGAIN_MS, totalMs: 2 * AGAIN_MS, urgent: true },
    clock,
    signal,
  );
  const { result, retransmits } = flowOf(second);
  return { result, retransmits };
}

function isQuietBanner({ end }: SessionSeen): boolean {
  if (end.kind !== 'stall' || end.stall.phase !== 'banner') return false;
  const { tcpInfo } = end.stall;
  return tcpInfo !== null && tcpInfo.unacked === 0 && tcpInfo.totalRetransmits === 0;
}

function flowOf(session: SessionSeen): FlowSeen {
  const { end, phases, tcpInfo } = session;
  const connect = phases.find(({ phase }) => phase === 'connect');
  return {
    localPort: session.localPort,
    connectMs: connect?.ms ?? null,
    tookMs: session.tookMs,
    result: resultOf(end),
    phase: phaseOf(end) ?? phases.at(-1)?.phase ?? 'connect',
    reply: end.kind === 'reply' ? end.reply : null,
    error: end.kind === 'error' ? end.error : null,
    tcpInfo,
    retransmits: tcpInfo?.totalRetransmits ?? null,
    again: null,
  };
}

function phaseOf(end: SessionEnd): Phase | undefined {
  if (end.kind === 'stall') return end.stall.phase;
  if (end.kind === 'error') return end.error.phase;
  return 'phase' in end ? end.phase : undefined;
}

function resultOf(end: SessionEnd): FlowResult {
  switch (end.kind) {
    case 'done':
      return 'ok';
    case 'reply':
      return 'reply';
    case 'stall':
      return 'dead';
    // It moves, if slowly.
    case 'too-slow':
      return 'ok';
    case 'given-up':
      return 'given-up';
    case 'error':
      if (end.error.kind === 'timeout') return 'dead';
      return end.error.kind === 'local' ? 'given-up' : 'error';
  }
}
