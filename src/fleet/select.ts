// `-H` and `-g`: patterns to hosts. One kind widens (or), both kinds narrow (and). A pattern that matches nothing
// is an error, since a mistyped name must not look like a healthy fleet.

import { UsageError } from '../errors.js';
import { counted } from '../lib/count-text.js';
import { nearest } from '../lib/nearest.js';
import type { Host } from './host.js';
import type { Inventory } from './inventory.js';

/** What the operator named; both empty: all hosts. */
export interface HostPatterns {
  /** `-H`: names and globs. */
  readonly hosts: readonly string[];
  /** `-g`: names and globs of groups. */
  readonly groups: readonly string[];
}

/**
 * The hosts that are meant, each once, in the order of the configuration.
 * @throws UsageError when a pattern matches nothing, or no host is in both the hosts and the groups named.
 */
export async function selectHosts(inventory: Inventory, patterns: HostPatterns): Promise<readonly Host[]> {
  const byHost = await matching(inventory, 'host', patterns.hosts);
  const groups = await matching(inventory, 'group', patterns.groups);
  const byGroup = new Set(
    [...groups].flatMap((group) => (inventory.groups.get(group) ?? []).map((host) => host.name)),
  );
  const selected = inventory.hosts.filter(
    (host) =>
      (patterns.hosts.length === 0 || byHost.has(host.name)) &&
      (patterns.groups.length === 0 || byGroup.has(host.name)),
  );
  if (selected.length === 0 && patterns.hosts.length + patterns.groups.length > 0) {
    throw new UsageError(
      `no host is both ${quoted(patterns.hosts)} and in group ${quoted(patterns.groups)}`,
      {
        detail: `${byHost.size} hosts match the names, ${byGroup.size} are in the groups, none is both`,
        hint: 'give only -H or only -g',
      },
    );
  }
  return selected;
}

/**
 * The names that one kind of patterns matches.
 * @throws UsageError for the first pattern that matches nothing.
 */
async function matching(
  inventory: Inventory,
  kind: 'host' | 'group',
  patterns: readonly string[],
): Promise<ReadonlySet<string>> {
  const known = kind === 'host' ? [...inventory.byName.keys()] : [...inventory.groups.keys()];
  const found = new Set<string>();
  for (const pattern of patterns) {
    const matches = await matcher(pattern);
    const hits = known.filter(matches);
    if (hits.length === 0) throw nothingMatches(inventory, kind, pattern, known);
    for (const hit of hits) found.add(hit);
  }
  return found;
}

async function matcher(pattern: string): Promise<(name: string) => boolean> {
  if (!/[*?[\]{}]/.test(pattern)) return (name) => name === pattern;
  const { globMatcher } = await import('./glob.js');
  try {
    return globMatcher(pattern);
  } catch (error) {
    throw new UsageError(`${quoted([pattern])} is no pattern`, {
      detail: error instanceof Error ? error.message : undefined,
      hint: "patterns are names with * ? [ab] {a,b}, in quotes: -H 'mx*'",
      cause: error,
    });
  }
}

function nothingMatches(
  inventory: Inventory,
  kind: 'host' | 'group',
  pattern: string,
  known: readonly string[],
): UsageError {
  const option = kind === 'host' ? '-H' : '-g';
  const message = /[*?[\]{}]/.test(pattern)
    ? `no ${kind} matches ${quoted([pattern])}`
    : `there is no ${kind} ${quoted([pattern])}`;
  const near = nearest(pattern, known).map((name) => `${option} ${name}`);
  const isOtherKind = kind === 'host' ? inventory.groups.has(pattern) : inventory.byName.has(pattern);
  const hint = isOtherKind
    ? `${pattern} is a ${kind === 'host' ? 'group' : 'host'}: ${kind === 'host' ? '-g' : '-H'} ${pattern}`
    : near.length > 0
      ? `did you mean ${near.join(' or ')}?`
      : 'mailctl config show   lists them';
  return new UsageError(message, {
    code: kind === 'host' ? 'usage.no-such-host' : 'usage.no-such-group',
    detail: `${counted(inventory.hosts.length, 'host')} and ${counted(inventory.groups.size, 'group')} are configured`,
    hint,
  });
}

function quoted(patterns: readonly string[]): string {
  return patterns
    .map((pattern) => JSON.stringify(pattern.length > 60 ? `${pattern.slice(0, 57)}...` : pattern))
    .join(' or ');
}
