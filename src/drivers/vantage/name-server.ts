// Asks one name server from a vantage by a chosen way: UDP with EDNS, TCP for what does not fit or when it is asked for.
// A server that does not answer is an answer: the way to it may be what is broken.
import type { Clock } from '../../lib/clock.js';
import type { AskServer, DnsAnswerSeen } from '../../probe/ask-server.js';
import type { Vantage } from '../../probe/vantage.js';
import { type DnsQuestion, decodeReply, encodeQuestion, withLength } from '../../transport/dns-message.js';

const PORT = 53;
/** ms for one try; UDP is tried twice, since one packet may be lost on a healthy way. */
const TRY_MS = 1500;
const TCP_MS = 3000;

/** How it is asked. */
export interface ServerWay {
  readonly source: string | null;
  readonly interface: string | null;
  /** For tests and odd sites. */
  readonly port?: number | undefined;
}

/** Asks servers by this way. */
export function askFrom(vantage: Vantage, way: ServerWay, clock: Clock, signal?: AbortSignal): AskServer {
  const { source, interface: device, port = PORT } = way;
  const begun = () => {
    const at = clock.monotonic();
    return () => Math.round((clock.monotonic() - at) * 10) / 10;
  };
  const byUdp = async (address: string, question: DnsQuestion): Promise<DnsAnswerSeen> => {
    const took = begun();
    let why = 'no answer';
    for (let tries = 0; tries < 2; tries += 1) {
      const { bytes, id } = encodeQuestion(question);
      try {
        const answer = await vantage.datagram(
          { source, interface: device, address, port, payload: bytes, timeoutMs: TRY_MS },
          signal,
        );
        const reply = decodeReply(answer, id);
        if (typeof reply !== 'string') return { kind: 'reply', reply, ms: took(), overTcp: false };
        why = reply;
      } catch (error) {
        if (signal?.aborted) throw error;
        why = wordsOf(error);
      }
    }
    return { kind: 'silent', why, ms: took(), overTcp: false };
  };
  const byTcp = async (address: string, question: DnsQuestion): Promise<DnsAnswerSeen> => {
    const took = begun();
    const { bytes, id } = encodeQuestion(question);
    try {
      const flow = await vantage.connect(
        { source, interface: device, address, port, timeoutMs: TCP_MS },
        signal,
      );
      try {
        const answer = await new Promise<Buffer>((resolve, reject) => {
          const stop = clock.timer(TCP_MS, () => reject(new Error('no answer')));
          let seen = Buffer.alloc(0);
          const settle = (act: () => void) => {
            stop();
            act();
          };
          flow.on('data', (chunk: Buffer) => {
            seen = Buffer.concat([seen, chunk]);
            if (seen.length >= 2 && seen.length >= 2 + seen.readUInt16BE(0))
              settle(() => resolve(seen.subarray(2, 2 + seen.readUInt16BE(0))));
          });
          flow.on('error', (error) => settle(() => reject(error)));
          flow.on('close', () => settle(() => reject(new Error('closed without an answer'))));
          flow.write(withLength(bytes));
        });
        const reply = decodeReply(answer, id);
        if (typeof reply === 'string') return { kind: 'silent', why: reply, ms: took(), overTcp: true };
        return { kind: 'reply', reply, ms: took(), overTcp: true };
      } finally {
        flow.destroy();
      }
    } catch (error) {
      if (signal?.aborted) throw error;
      return { kind: 'silent', why: wordsOf(error), ms: took(), overTcp: true };
    }
  };
  return async (server, question, options) => {
    if (options?.tcp === true) return byTcp(server, question);
    const answer = await byUdp(server, question);
    return answer.kind === 'reply' && answer.reply.isTruncated ? byTcp(server, question) : answer;
  };
}

function wordsOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (code === 'ETIMEDOUT') return 'no answer';
  return typeof message === 'string' ? message : String(error);
}
