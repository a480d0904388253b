// Columns of `queue stats`: one row a group, its states and ages as columns of their own, so that tsv needs no lists.
import { isoOf } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { StatKey } from '../../queue/stat-keys.js';
import { AGE_STEPS, type KeyValue, type StatGroup } from '../../queue/stats.js';
import type { Column } from './column.js';

/** States that have a column each; what else there is goes into one. */
const STATES = ['incoming', 'active', 'deferred', 'hold', 'corrupt'] as const;

/** For tsv and ndjson; the keys come first. `now`: epoch seconds. */
export function statColumns(by: readonly StatKey[], now: number): readonly Column<StatGroup>[] {
  return [
    ...by.map(
      (key, at): Column<StatGroup> => ({
        key: key.replace('-', '_'),
        header: key.toUpperCase(),
        value: (group) => group.key[at] ?? null,
      }),
    ),
    { key: 'messages', header: 'MSGS', value: ({ messages }) => messages },
    { key: 'recipients', header: 'RCPTS', value: ({ recipients }) => recipients },
    { key: 'size_bytes', header: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
    { key: 'oldest_at', header: 'OLDEST', value: ({ oldestAt }) => isoOf(oldestAt) },
    { key: 'oldest_age_s', header: 'AGE', value: ({ oldestAt }) => ageOf(oldestAt, now) },
    ...STATES.map(
      (state): Column<StatGroup> => ({
        key: state,
        header: state.toUpperCase(),
        value: ({ states }) => states.get(state) ?? 0,
      }),
    ),
    {
      key: 'other_states',
      header: 'OTHER',
      value: ({ states, messages }) =>
        messages - STATES.reduce((sum, state) => sum + (states.get(state) ?? 0), 0),
    },
    ...[...AGE_STEPS, null].map(
      (upTo, at): Column<StatGroup> => ({
        key: upTo === null ? 'older' : `up_to_${upTo}_s`,
        header: upTo === null ? 'OLDER' : `<${formatDuration(upTo * 1000)}`,
        value: ({ ages }) => ages[at]?.messages ?? 0,
      }),
    ),
  ];
}

/** Seconds since then; null: not known. A time ahead of ours is now. */
export function ageOf(at: number | null, now: number): number | null {
  return at === null ? null : Math.max(0, now - at);
}

/** A key for people: `<>` is the null sender, `?` what nobody knows. */
export function keyText(key: StatKey, value: KeyValue): string {
  if (value === null) return key === 'submitter' ? '(no login)' : key === 'reason' ? '(not tried yet)' : '?';
  if (typeof value === 'number') return `<${formatDuration(value * 1000)}`;
  if (key === 'age') return `>${formatDuration((AGE_STEPS.at(-1) ?? 0) * 1000)}`;
  if (value !== '') return value;
  return key === 'sender' || key === 'sender-domain' ? '<>' : '(none)';
}
