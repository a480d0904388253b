// Which hosts a run has cut off. Nothing gives a host back (host.fence has no undo), so whatever became of its slots, the
// operator is told of it, by which words it happened, and that the way back is their own. Pure.
import type { RunProgress } from '../plan/progress.js';

/** A host that the run's fence was used on. */
export interface CutOff {
  readonly host: string;
  /** The site's words, as they were run, and where: `power-off imap21 (on mx1)`. */
  readonly command: string;
  /** It was seen off after that; false: the words were run, and it was not seen off. */
  readonly isSeenOff: boolean;
}

/** Of all lanes, each host once. */
export function hostsCutOff(progress: RunProgress): readonly CutOff[] {
  const hosts = new Map<string, CutOff>();
  for (const { step, happened } of progress.lanes.flatMap(({ steps }) => steps)) {
    if (step.action !== 'host.fence' || happened === undefined) continue;
    const words = Array.isArray(step.params.run) ? step.params.run.map(String) : [];
    const on = typeof step.params.on === 'string' ? ` (on ${step.params.on})` : '';
    const isSeenOff = happened === 'seen' || hosts.get(step.host)?.isSeenOff === true;
    hosts.set(step.host, { host: step.host, command: `${words.join(' ')}${on}`, isSeenOff });
  }
  return [...hosts.values()];
}
