// `ip route get`: the kernel's choice for one destination. JSON since iproute2 4.13; older ones, and busybox, print
// `192.0.2.1 from 198.51.100.10 via 198.51.100.9 dev eth1 table 102 uid 0`, which is read as well.
import type { PolicyRoute } from '../../probe/observation.js';
import type { Way } from '../../probe/vantage.js';

/** Words of the command. */
export function routeWords(way: Way, isJson: boolean): readonly string[] {
  const from = way.source === null ? [] : ['from', way.source];
  const dev = way.interface === null ? [] : ['oif', way.interface];
  return ['ip', ...(isJson ? ['-j'] : []), 'route', 'get', way.address, ...from, ...dev];
}

/** Reads its answer; null: it is none. */
export function parseRoute(text: string): PolicyRoute | null {
  return parseJson(text) ?? parseWords(text);
}

function parseJson(text: string): PolicyRoute | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const [first] = Array.isArray(parsed) ? (parsed as unknown[]) : [];
  if (typeof first !== 'object' || first === null) return null;
  const fields = first as Record<string, unknown>;
  const word = (key: string) =>
    typeof fields[key] === 'string' ? (fields[key] as string).slice(0, 100) : null;
  // `unreachable`, `prohibit`, `blackhole` are routes that lead nowhere.
  const type = word('type');
  if (type !== null && type !== 'unicast' && type !== 'local') return null;
  const dev = word('dev');
  if (dev === null) return null;
  const via = fields.via as { host?: unknown } | undefined;
  return {
    gateway: word('gateway') ?? (typeof via?.host === 'string' ? via.host : null),
    dev,
    table: word('table'),
    source: word('prefsrc') ?? word('from'),
  };
}

function parseWords(text: string): PolicyRoute | null {
  const words = (text.split('\n')[0] ?? '').trim().split(/\s+/).slice(0, 40);
  if (/^(?:unreachable|prohibit|blackhole|throw|RTNETLINK)/.test(words[0] ?? '')) return null;
  const after = (key: string) => {
    const at = words.indexOf(key);
    return at === -1 ? null : (words[at + 1] ?? null);
  };
  const dev = after('dev');
  if (dev === null) return null;
  return { gateway: after('via'), dev, table: after('table'), source: after('src') ?? after('from') };
}
