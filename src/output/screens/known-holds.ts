// Lines about holds that end by themselves, for screens that are about something else: what has passed and was not
// released, and what still keeps new mail away. Owners, reasons and selectors come from files on hosts.
import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';

/** A hold of a run. */
export interface HeldRun {
  readonly record: {
    readonly key: string;
    readonly run: string;
    readonly operator: string;
    readonly bastion: string;
    readonly reason: string | null;
    readonly until: number | null;
    readonly meanwhile: readonly string[] | null;
  };
  readonly queues: readonly string[];
  readonly messages: number;
  readonly hasPassed: boolean;
}

const MOST = 5;

/** `now`: epoch seconds. */
export function knownHoldLines(runs: readonly HeldRun[], now: number): readonly Line[] {
  const lines = runs
    .slice(0, MOST)
    .flatMap((run): readonly Line[] =>
      run.hasPassed
        ? [
            ...folded([{ text: '! ', tone: 'bad' }], passedText(run, now), '  '),
            `  ${formatCommand(releaseOf(run))}`,
          ]
        : folded([{ text: '= ', tone: 'warn' }], standingText(run, now), '  '),
    );
  if (runs.length > MOST) lines.push(` + ${runs.length - MOST} more holds (mailctl queue holds)`);
  return lines;
}

/** What ends a hold. */
function releaseOf({ record }: HeldRun): readonly string[] {
  return ['mailctl', 'queue', 'release', '--run', record.key];
}

/** What has passed, in a sentence. */
export function passedText({ record, queues, messages }: HeldRun, now: number): string {
  const ago = formatDuration(Math.max(0, now - (record.until ?? now)) * 1000);
  const what = messages > 0 ? `${messages.toLocaleString('en')} messages on ` : '';
  return `the hold of ${record.operator}@${record.bastion} (${what}${namesOf(queues)}) ended ${ago} ago and its mail was not released`;
}

function standingText({ record, queues }: HeldRun, now: number): string {
  const left = formatDuration(Math.max(0, (record.until ?? now) - now) * 1000);
  const why = record.reason === null ? '' : `: ${record.reason.slice(0, 100)}`;
  return `new mail is held for ${left} more on ${namesOf(queues)}: ${formatCommand(record.meanwhile ?? []).slice(0, 200)} (run ${record.run} of ${record.operator}@${record.bastion}${why})`;
}

function namesOf(queues: readonly string[]): string {
  return queues.length > 4
    ? `${queues.slice(0, 3).join(', ')} and ${queues.length - 3} more`
    : queues.join(', ');
}

/** As scripts rely on it. */
export function heldRunJson({ record, queues, messages, hasPassed }: HeldRun): object {
  return {
    run: record.run,
    key: record.key,
    queues,
    messages,
    operator: record.operator,
    bastion: record.bastion,
    reason: record.reason,
    until: record.until === null ? null : formatIso(record.until * 1000),
    has_passed: hasPassed,
    meanwhile: record.meanwhile,
  };
}
