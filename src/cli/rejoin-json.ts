// The document of a rejoin, as scripts rely on it (`mailctl/rejoin/v1`). Fields are only ever added.
import { formatIso } from '../lib/clock.js';
import type { Column } from '../output/columns/column.js';
import type { RunOutcome } from '../slot/overall.js';
import type { ReturnResult } from '../slot/rejoin-outcome.js';
import type { ErrorReport } from './report.js';

/** What the document is made of. */
export interface RejoinDocument {
  readonly run: string | null;
  readonly outcome: RunOutcome;
  readonly tookMs: number;
  readonly results: readonly ReturnResult[];
  readonly errors: readonly ErrorReport[];
}

/** The document's fields beside `schema`. */
export function rejoinDocument({ run, outcome, tookMs, results, errors }: RejoinDocument): object {
  return {
    run,
    outcome,
    took_ms: Math.round(tookMs),
    slots: results.map(({ returned, outcome: own, reason, code, found }) => ({
      slot: returned.slot.slot,
      host: returned.host,
      to: returned.slot.master,
      outcome: own,
      reason,
      code,
      replayed_events: found?.events ?? null,
      replayed_since:
        found === null || found.oldestBirth === null ? null : formatIso(found.oldestBirth * 1000),
      unreadable_events: found?.unreadable ?? null,
      users: found?.users ?? [],
      new_users: found?.newUsers ?? [],
      repaired: found?.repaired ?? [],
      compared: found?.compared ?? null,
      dropped: (found?.dropped ?? []).map(({ mailbox, user, why, events }) => ({
        mailbox,
        user,
        why,
        events,
      })),
      conflicts: (found?.conflicts ?? []).map(({ mailbox, user, oldId, nextId }) => ({
        mailbox,
        user,
        old_id: oldId,
        master_id: nextId,
      })),
      not_brought: found?.notBrought ?? [],
      kept_in: found?.keptIn ?? null,
      fresh_after_s: found?.freshAfterS ?? null,
    })),
    errors,
  };
}

/** One row an instance, for tsv and ndjson. */
export const rejoinColumns: readonly Column<ReturnResult>[] = [
  { key: 'slot', header: 'SLOT', value: ({ returned }) => returned.slot.slot },
  { key: 'host', header: 'HOST', value: ({ returned }) => returned.host },
  { key: 'to', header: 'TO', value: ({ returned }) => returned.slot.master },
  { key: 'outcome', header: 'OUTCOME', value: ({ outcome }) => outcome },
  { key: 'reason', header: 'REASON', value: ({ reason }) => reason },
  { key: 'replayed_events', header: 'EVENTS', value: ({ found }) => found?.events ?? null },
  { key: 'users', header: 'USERS', value: ({ found }) => found?.users.length ?? null },
  { key: 'dropped', header: 'LEFT OUT', value: ({ found }) => found?.dropped.length ?? null },
  {
    key: 'not_brought',
    header: 'NOT BROUGHT',
    value: ({ found }) => (found === null ? null : found.notBrought.length + found.conflicts.length),
  },
  { key: 'fresh_after_s', header: 'FRESH', value: ({ found }) => found?.freshAfterS ?? null },
];
