// Short sessions over many source ports: connect, banner, EHLO, QUIT. Some of several equal paths may be dead, and only
// connections with other ports meet the others. One that died is tried once more with its own port: dead again, it is
// its path; alive, it was a loss.
import type { Clock } from '../lib/clock.js';
import type { FlowResult, FlowSeen, Phase, SessionEnd, SessionSeen, Target } from './observation.js';
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
  const second = await runSession(
    vantage,
    leaving,
    target,
    { ...short, sourcePort: seen.localPort, phaseMs: AGAIN_MS, totalMs: 2 * AGAIN_MS, urgent: true },
    clock,
    signal,
  );
  const again = flowOf(second);
  return { ...seen, again: { result: again.result, retransmits: again.retransmits } };
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
