// Whether what --limit and --in-flight name is a destination of this drain: a limit that nothing keeps to is worse than
// none. Pure.
import { UsageError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import { nearest } from '../../lib/nearest.js';

type Named = readonly (readonly [name: string, count: number])[];

/** Of each destination, and each domain, the destination that it counts for. */
export function destinationOf(
  names: Iterable<string>,
  domains: Iterable<string>,
  of: (domain: string) => string,
): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const domain of domains) known.set(domain, of(domain));
  for (const name of [...known.values(), ...names]) known.set(name, name);
  return known;
}

/** @throws UsageError for a name of which nothing is sent, and for a domain whose destination has another name */
export function mustBeKnown(
  { limits, inFlight }: { readonly limits: Named; readonly inFlight: Named },
  known: ReadonlyMap<string, string>,
  isConfigured: (name: string) => boolean,
): void {
  for (const [option, named] of [['--limit', limits] as const, ['--in-flight', inFlight] as const])
    for (const [name, count] of named) {
      const own = known.get(name);
      if (name === '' || own === name || isConfigured(name)) continue;
      if (own !== undefined)
        throw new UsageError(
          `${name} counts for the destination ${own}: a limit of its own would hold nothing`,
          {
            hint: formatCommand([option, `${own}=${count}`]),
          },
        );
      const names = [...new Set(known.values())];
      const [near] = nearest(name, names, 1);
      throw new UsageError(`no message is for a destination ${JSON.stringify(name)}`, {
        detail: `there are ${names.slice(0, 6).join(', ')}`,
        hint: near === undefined ? 'mailctl queue stats names them' : `did you mean ${near}?`,
      });
    }
}
