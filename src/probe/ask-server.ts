// Asking a name server, as the probes see it. Types only; drivers/vantage/name-server.ts asks.
import type { DnsQuestion, DnsReply } from '../transport/dns-message.js';

/** What asking gave. */
export type DnsAnswerSeen =
  | { readonly kind: 'reply'; readonly reply: DnsReply; readonly ms: number; readonly overTcp: boolean }
  /** Nothing came, or what came is no answer. */
  | { readonly kind: 'silent'; readonly why: string; readonly ms: number; readonly overTcp: boolean };

/** Asks one server; never throws for what the server does. */
export type AskServer = (
  server: string,
  question: DnsQuestion,
  options?: { readonly tcp?: boolean | undefined },
) => Promise<DnsAnswerSeen>;
