// The closed list of what a way, an uplink or a destination can be called, with a sentence each. Scripts rely on the
// words; nothing is added without telling them.

/** All verdicts, the best first. */
export const VERDICTS = [
  'ok',
  'slow',
  'lossy',
  'intercepted',
  'refused',
  'remote',
  'mtu',
  'hangs',
  'unreachable',
  'unknown',
] as const;

/** One of them. */
export type Verdict = (typeof VERDICTS)[number];

/** What each of them says, for the help and the manual. */
export const VERDICT_SENTENCES: Readonly<Record<Verdict, string>> = {
  ok: 'sessions go through, full packets included, and nothing is lost',
  slow: 'it works, but connecting takes more than three times as long as by the best other uplink',
  lossy: 'more packets are lost than chance allows',
  intercepted: 'something on the way answers in the place of the servers, or breaks connections off',
  refused: 'the servers answer this source address with a refusal: reputation, not the path',
  remote: 'the destination is bad from every uplink: its own fault, no uplink is blamed',
  mtu: 'connections succeed, then large packets vanish: a link takes less and nobody is told (MTU black hole)',
  hangs: 'connections succeed and then hang: what is sent vanishes on the way',
  unreachable: 'no connection succeeds, by another uplink they do',
  unknown: 'too little was seen to say anything; it is not ok',
};

/** How bad, 0 is ok; `unknown` is last because it may hide anything. */
export function severity(verdict: Verdict): number {
  return VERDICTS.indexOf(verdict);
}

/** The worst of some; `unknown` yields to what is known to be bad, and `ok` does not hide it. */
export function worstVerdict(verdicts: Iterable<Verdict>): Verdict {
  let worst: Verdict | undefined;
  let isUnknown = false;
  for (const verdict of verdicts) {
    if (verdict === 'unknown') isUnknown = true;
    else if (worst === undefined || severity(verdict) > severity(worst)) worst = verdict;
  }
  if (worst === undefined || (worst === 'ok' && isUnknown)) return 'unknown';
  return worst;
}
