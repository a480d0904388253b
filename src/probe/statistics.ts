// The arithmetic behind the verdicts: how much loss is a fault, how many flows find dead ones, and how often a healthy
// way would be called bad. Measured on a network of three providers with three servers each (100 pings and 6 flows a
// pair, 9 pairs); a healthy way of the internet is taken to lose 0.5 % of its packets. Pure numbers, no words.

/** Loss of a healthy way; below it nothing is a fault. */
const BACKGROUND_LOSS = 0.005;
/** Loss that must be found: mail over such a way crawls. */
const FAULTY_LOSS = 0.05;
/** How often one test may call a healthy way bad. */
const ALPHA = 0.001;
/** The same for all tests of a run together. */
const ALPHA_OF_ALL = 0.01;

/** Chance of at least `least` hits of `tries` when each hits with `chance`. */
export function chanceOfAtLeast(least: number, tries: number, chance: number): number {
  if (least <= 0) return 1;
  if (least > tries || chance <= 0) return 0;
  if (chance >= 1) return 1;
  if (least < tries * chance) return 1 - chanceOfAtLeast(tries - least + 1, tries, 1 - chance);
  // Terms upwards from `least`, above the mean: they fall quickly, and nothing is subtracted from 1.
  let logTerm = least * Math.log(chance) + (tries - least) * Math.log1p(-chance);
  for (let at = 1; at <= least; at += 1) logTerm += Math.log(tries - least + at) - Math.log(at);
  let term = Math.exp(logTerm);
  let sum = term;
  for (let at = least; at < tries; at += 1) {
    term *= ((tries - at) / (at + 1)) * (chance / (1 - chance));
    sum += term;
    if (term < sum * 1e-12) break;
  }
  return Math.min(1, sum);
}

const alarms = new Map<string, number>();

/**
 * Lost packets of `sent` at which it is called loss, when `tests` are made in one run: 7 of 300. With 0.5 % background
 * a healthy provider reaches that with 0.09 %; a loss of 5 % is seen with 99 %, 3 % with 80 %, 2 % with 39 %.
 */
export function lossAlarmAt(sent: number, tests = 1, background = BACKGROUND_LOSS): number {
  const alpha = Math.min(ALPHA, ALPHA_OF_ALL / Math.max(1, tests));
  const key = `${sent} ${alpha} ${background}`;
  let least = alarms.get(key);
  if (least === undefined) {
    least = 1;
    while (least <= sent && chanceOfAtLeast(least, sent, background) > alpha) least += 1;
    alarms.set(key, least);
  }
  return least;
}

/** Wilson's interval of a share; `z` 2.576 is 99 %. 7 of 300: 0.9 to 5.8 %. */
export function wilson(
  hits: number,
  tries: number,
  z = 2.576,
): { readonly low: number; readonly high: number } {
  if (tries <= 0) return { low: 0, high: 1 };
  const share = hits / tries;
  const z2 = z * z;
  const middle = (share + z2 / (2 * tries)) / (1 + z2 / tries);
  const half = (z / (1 + z2 / tries)) * Math.sqrt((share * (1 - share)) / tries + z2 / (4 * tries * tries));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** What Wald's sequential test says: loss of 5 %, no more than the background, or go on sending. */
export type SequentialAnswer = 'faulty' | 'healthy' | 'open';

/** The steps and limits of the sequential test: alpha 0.001, since nine pairs are tested at once, beta 0.01. */
export const SEQUENTIAL = {
  perLost: Math.log(FAULTY_LOSS / BACKGROUND_LOSS),
  perGood: Math.log((1 - FAULTY_LOSS) / (1 - BACKGROUND_LOSS)),
  alarm: Math.log((1 - 0.01) / ALPHA),
  fine: Math.log(0.01 / (1 - ALPHA)),
} as const;

/** The sequential test after `lost` of `sent`: 3 lost among the first few alarm, 100 good ones in a row are fine. */
export function sequentialTest(lost: number, sent: number): SequentialAnswer {
  const sum = lost * SEQUENTIAL.perLost + (sent - lost) * SEQUENTIAL.perGood;
  if (sum >= SEQUENTIAL.alarm) return 'faulty';
  return sum <= SEQUENTIAL.fine ? 'healthy' : 'open';
}

/** Chance that a share of dead flows is not met by any of `flows`: 0.6 % for a quarter and 18 flows. */
export function chanceOfMissing(deadShare: number, flows: number): number {
  return (1 - deadShare) ** flows;
}

/** Share of dead flows that `flows` good ones leave possible with 1 % of doubt. */
export function undetectedShare(flows: number): number {
  return flows <= 0 ? 1 : 1 - 0.01 ** (1 / flows);
}

/**
 * Chance that all `sends` of one segment are lost: what a healthy way does to a session by chance. Within 4 s a SYN is
 * sent 3 times and data 5 times: 1e-6 and 1e-10 at 1 % loss, 1e-4 and 3e-7 at 5 %.
 */
export function chanceOfFalseStall(loss: number, sends: number): number {
  return loss ** sends;
}

/** SYN, two commands and FIN: segments of a short flow that can be sent again. */
const SENDS_PER_FLOW = 4;
/** A segment is sent again when it is lost, or its acknowledgement. */
const RESEND_CHANCE = 2 * BACKGROUND_LOSS;

/** Retransmissions of `flows` short flows that came through at which it is called loss: 5 of 18 flows. */
export function retransmitAlarmAt(flows: number, tests = 1): number {
  return lossAlarmAt(flows * SENDS_PER_FLOW, tests, RESEND_CHANCE);
}

/**
 * Does TCP deny the loss that pings claim? So few segments sent again would be a miracle with as much loss: the pings
 * are limited or filtered by somebody, the way is not bad.
 */
export function isDeniedByTcp(
  ping: { readonly lost: number; readonly sent: number },
  tcp: { readonly retransmits: number; readonly flows: number },
): boolean {
  const sends = tcp.flows * SENDS_PER_FLOW;
  const claimed = wilson(ping.lost, ping.sent).low;
  if (sends === 0 || claimed <= 0) return false;
  return 1 - chanceOfAtLeast(tcp.retransmits + 1, sends, claimed) < ALPHA;
}
