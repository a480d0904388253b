// A failover while the directory is away (--directory-later): what the operator's word does not pass, and how the
// decisions say that the directory is told later. Pure. Promise 1 normally stands on the directory pointing elsewhere;
// without it silence is no proof, and every host that nobody sees needs the operator's own eyes.
import type { DeathVerdict } from './death.js';
import type { Decision } from './decide.js';

/** Silent hosts, judged for a run that cannot tell anybody who is master. */
export function withoutDirectory(
  deaths: ReadonlyMap<string, DeathVerdict>,
): ReadonlyMap<string, DeathVerdict> {
  return new Map(
    [...deaths].map(([host, verdict]) => [
      host,
      verdict.gate !== null
        ? verdict
        : {
            ...verdict,
            gate: 'not-proven-dead' as const,
            reason: `${host} is silent, and while the directory is away that is no proof: it still points there`,
          },
    ]),
  );
}

/**
 * The decisions of such a run. What rests on the directory's word alone (who is the stray, what is readable only)
 * waits for it.
 */
export function decidedWithoutDirectory(decisions: readonly Decision[]): readonly Decision[] {
  return decisions.map((decision) => {
    if (!['demote', 'readonly', 'end-readonly'].includes(decision.kind)) return { ...decision, later: true };
    const reason = 'the directory is away, and only it can say who the master is';
    return { ...decision, gates: [...decision.gates, { gate: 'directory-away', reason, word: null }] };
  });
}
