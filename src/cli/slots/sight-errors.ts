// Hosts that did not answer to a look at slots, as the documents of slot commands name them.
import type { FleetSight } from '../../slot/sight.js';
import { type ErrorReport, reportError } from '../report.js';

/** The looks that failed. */
export function silentIn(sight: FleetSight) {
  return [...sight.values()].flatMap((seen) => (seen.ok ? [] : [seen]));
}

/** As `errors` of a document. */
export function sightErrors(sight: FleetSight): readonly ErrorReport[] {
  return silentIn(sight).map((seen) => ({ ...reportError(seen.error).report, host: seen.host.name }));
}
