// Which deferrals say `you are too many`, and which are a message's own misfortune (a full mailbox, a greylist): only
// the first kind slows a drain, and only such messages are taken back for another try under its control. Pure.
import type { DeliveryEvent } from '../queue/delivery-event.js';

// 4.7.x: policy and reputation. 4.3.x: their system is short of something. 4.4.x: the way there, which breaks when
// too many walk it. Greylisting is a 4.7.1 with words of its own: it wants patience, not fewer connections.
const CODES = /^4\.(?:7|3|4)\./;
const WORDS =
  /(?:^|[\s:(-])421(?:[\s-]|$)|too many (?:conn|mess|concurrent|sess|recip)|rate.?limit|throttl|try again later|temporarily (?:deferred|suspended|blocked)|connection (?:refused|timed out|reset)|lost connection|service (?:not available|unavailable)/i;
const PATIENCE = /gr[ae]y.?list/i;

/** Did the far side, or the way there, say that it is too much? */
export function isPushBack({ outcome, dsn, reason }: DeliveryEvent): boolean {
  if (outcome !== 'deferred' || PATIENCE.test(reason)) return false;
  return (dsn !== null && CODES.test(dsn)) || WORDS.test(reason);
}

/**
 * Was it not tried at all, because the server itself keeps its next hop back after an earlier failure (Postfix: a
 * dead site, for `minimal_backoff_time`)? It says nothing new of the destination.
 */
export function isKeptBack({ outcome, reason }: DeliveryEvent): boolean {
  return outcome === 'deferred' && reason.startsWith('delivery temporarily suspended');
}
