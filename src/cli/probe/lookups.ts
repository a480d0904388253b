// Names to servers for a probe. The resolver may use the very uplink that is broken: it gets little time, what it once
// answered is kept in the state directory, and a destination that cannot be looked up now is looked at by its last
// known addresses. A dead resolver is told, and is no verdict on anything.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf, ipBytes } from '../../lib/ip.js';
import type { Target } from '../../probe/observation.js';
import {
  type DestinationWish,
  type FoundTargets,
  findTargets,
  type TargetLookups,
} from '../../probe/targets.js';
import { openDns } from '../../transport/dns.js';
import { openDnsCache } from '../../transport/dns-cache.js';
import type { Context } from '../context.js';

const TRY_MS = 800;
const ALL_MS = 3000;
const NAME = 'probe-targets.json';
const MOST_KEPT = 500;

interface Kept {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly domain: string | null;
  readonly targets: readonly Target[];
}

/** The servers of all destinations; `old`: those that are looked at by what was known before. */
export async function lookUpTargets(
  context: Context,
  wishes: readonly DestinationWish[],
): Promise<FoundTargets & { readonly old: ReadonlyMap<string, number> }> {
  const { clock } = context;
  const dir = await context.stateDir().catch(() => undefined);
  const cache =
    dir === undefined ? undefined : await openDnsCache(join(dir, 'dns-cache.json'), () => clock.now());
  const dns = openDns({ clock, cache, tryMs: TRY_MS, allMs: ALL_MS });
  const signal = context.interruption.abort;
  const lookups: TargetLookups = {
    mx: (domain) => dns.mx(domain, signal),
    addresses: (name) => dns.addresses(name, signal),
  };
  const found = await findTargets(wishes, lookups);
  if (dir === undefined) return { ...found, old: new Map() };
  const file = join(dir, NAME);
  const kept = await readKept(file);
  const old = new Map<string, number>();
  const targets = [...found.targets];
  const domains = new Map(found.domains);
  const failed = found.failed.filter(({ destination }) => {
    const known = kept.get(destination);
    if (known === undefined) return true;
    targets.push(...known.targets);
    if (known.domain !== null) domains.set(destination, known.domain);
    old.set(destination, known.at);
    return false;
  });
  for (const { destination, address } of wishes) {
    const own = found.targets.filter((target) => target.destination === destination);
    if (address !== null || own.length === 0) continue;
    kept.delete(destination);
    kept.set(destination, {
      at: clock.now(),
      domain: found.domains.get(destination) ?? null,
      targets: own,
    });
  }
  await Promise.all([cache?.save(), writeKept(file, kept)]);
  // In the order of the wishes, whichever way they were found.
  const order = new Map(wishes.map(({ destination }, at) => [destination, at]));
  targets.sort((a, b) => (order.get(a.destination) ?? 0) - (order.get(b.destination) ?? 0));
  return { targets, domains, failed, old };
}

async function readKept(file: string): Promise<Map<string, Kept>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!Array.isArray(parsed)) return new Map();
    return new Map(
      parsed.flatMap((one): readonly [string, Kept][] =>
        Array.isArray(one) && typeof one[0] === 'string' && isKept(one[1]) ? [[one[0], one[1]]] : [],
      ),
    );
  } catch {
    return new Map();
  }
}

async function writeKept(file: string, kept: ReadonlyMap<string, Kept>): Promise<void> {
  const fresh = `${file}.${process.pid}`;
  try {
    await writeFile(fresh, `${JSON.stringify([...kept].slice(-MOST_KEPT))}\n`, { mode: 0o600 });
    await rename(fresh, file);
  } catch {
    // They are looked up next time.
  }
}

function isKept(value: unknown): value is Kept {
  const { at, domain, targets } = (value ?? {}) as { at?: unknown; domain?: unknown; targets?: unknown };
  return (
    typeof at === 'number' &&
    (domain === null || typeof domain === 'string') &&
    Array.isArray(targets) &&
    targets.length > 0 &&
    targets.every((target: Partial<Record<keyof Target, unknown>>) => {
      const { destination, host, address, family, port } = target;
      return (
        typeof destination === 'string' &&
        (host === null || typeof host === 'string') &&
        typeof address === 'string' &&
        ipBytes(address) !== undefined &&
        family === familyOf(address) &&
        typeof port === 'number'
      );
    })
  );
}
