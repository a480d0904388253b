// Hosts that one section names and `hosts` must have. Pure.
import type { Section } from './config.js';
import type { RawFile } from './format.js';

/** A host that is not under `hosts`, and where it is named. */
export interface DanglingHost {
  readonly section: Section;
  readonly path: readonly (string | number)[];
  readonly host: string;
}

/** The names of hosts that may be used: those of the file, or this machine's where it has none. */
export function knownHosts(raw: RawFile, thisHost: string): ReadonlySet<string> {
  const names = Object.keys(raw.hosts ?? {});
  return new Set(names.length > 0 ? names : [thisHost]);
}

/** Every host that is named and not known. */
export function danglingHosts(raw: RawFile, known: ReadonlySet<string>): readonly DanglingHost[] {
  const hooks = (raw.directory?.hooks ?? []).map((hook, index) => ({
    section: 'directory' as const,
    path: ['directory', 'hooks', index, 'host'],
    host: hook.host,
  }));
  const uplinks = Object.entries(raw.uplinks ?? {}).map(([name, uplink]) => ({
    section: 'uplinks' as const,
    path: ['uplinks', name, 'host'],
    host: uplink.host,
  }));
  const deliveries = Object.entries(raw.deliveries ?? {}).flatMap(([name, { host, imap }]) => [
    { section: 'deliveries' as const, path: ['deliveries', name, 'host'], host },
    { section: 'deliveries' as const, path: ['deliveries', name, 'imap', 'from'], host: imap?.from },
  ]);
  const road = (['imap', 'lmtp'] as const).map((kind) => {
    const key = kind === 'imap' ? 'from' : 'host';
    const host = kind === 'imap' ? raw.stores?.road?.imap?.from : raw.stores?.road?.lmtp?.host;
    return { section: 'stores' as const, path: ['stores', 'road', kind, key], host };
  });
  return [...hooks, ...uplinks, ...deliveries, ...road].flatMap(({ section, path, host }) =>
    host === undefined || known.has(host) ? [] : [{ section, path, host }],
  );
}
