// Statistics of several looks as one: queues that were looked at apart, so that one that hangs keeps no other waiting.
// No message is in two of them. Pure.
import {
  compareGroups,
  groupName,
  type QueueCount,
  type QueueStats,
  type StatCount,
  type StatGroup,
  type StatGroups,
  sumCounts,
} from './stats.js';

/** All of them. */
export interface StatsUnion {
  readonly total: StatCount;
  readonly queues: readonly QueueCount[];
  readonly groups: StatGroups;
}

/** Adds them up. */
export function unionOf(all: readonly QueueStats[]): StatsUnion {
  const totals = all.map((stats) => stats.totals());
  const byName = new Map<string, StatGroup[]>();
  for (const stats of all)
    for (const group of stats.groups()) {
      const name = groupName(group.key);
      const parts = byName.get(name);
      if (parts === undefined) byName.set(name, [group]);
      else parts.push(group);
    }
  const groups = [...byName.values()]
    .map((parts): StatGroup => {
      const [first] = parts as [StatGroup, ...StatGroup[]];
      return parts.length === 1 ? first : { ...sumCounts(parts), key: first.key };
    })
    .sort(compareGroups);
  return {
    total: sumCounts(totals.map(({ total }) => total)),
    queues: totals.flatMap(({ queues }) => queues),
    groups: {
      count: groups.length,
      first: (most) => groups.slice(0, most),
      rest: (most) => {
        const shown = new Set(groups.slice(0, most).map(({ key }) => groupName(key)));
        return sumCounts(all.map((stats) => stats.outside(shown)));
      },
      [Symbol.iterator]: () => groups[Symbol.iterator](),
    },
  };
}
