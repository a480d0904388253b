// The outcome of a whole run from those of its parts, and the exit code of design 2.1: one rule for what moves slots
// and for what brings instances back. Pure.
import { EXIT } from '../errors.js';

/** Outcome of the whole. */
export type RunOutcome = 'done' | 'partial' | 'refused' | 'failed' | 'incomplete' | 'busy' | 'planned';

/** Of all parts together. `achieved`: what an outcome is called that did what was asked; `isBusy`: held by another run. */
export function overallOf<Part extends { readonly outcome: string }>(
  parts: readonly Part[],
  of: {
    readonly achieved: readonly Part['outcome'][];
    readonly isBusy: (part: Part) => boolean;
    readonly isDryRun: boolean;
  },
): RunOutcome {
  const count = (...outcomes: readonly string[]) =>
    parts.filter(({ outcome }) => outcomes.includes(outcome)).length;
  if (count('incomplete') > 0) return 'incomplete';
  if (parts.length > 0 && count('refused') === parts.length)
    return parts.every(of.isBusy) ? 'busy' : 'refused';
  if (of.isDryRun) return 'planned';
  if (count(...of.achieved) === parts.length) return 'done';
  if (count('failed') === parts.length) return 'failed';
  return 'partial';
}

/** The exit code of an outcome. A dry run with a part refused is partial. */
export function exitOf(outcome: RunOutcome, parts: readonly { readonly outcome: string }[]): number {
  const codes: { readonly [outcome in RunOutcome]: number } = {
    done: EXIT.done,
    partial: EXIT.partial,
    refused: EXIT.refused,
    failed: EXIT.failed,
    incomplete: EXIT.incomplete,
    busy: EXIT.busy,
    planned: parts.some((part) => part.outcome === 'refused') ? EXIT.partial : EXIT.done,
  };
  return codes[outcome];
}
