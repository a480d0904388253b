// The error codes that the program can print, read off its sources: `code: '...'` literals, dotted literals of
// the error families, and the kinds of transport failures. mailctl(1) has to list exactly these.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Families whose dotted literals are codes and nothing else. `slot.` and `directory.` also begin names of actions. */
const FAMILIES = /'((?:usage|config|transport|state|journal|runs?|plan|step)\.[a-z][a-z-]*)'/g;
/** Codes of zod's own findings, not ours. */
const NOT_OURS: ReadonlySet<string> = new Set(['custom']);

/** Sorted, each once. */
export function errorCodes(src: string): readonly string[] {
  const codes = new Set<string>();
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const code = readFileSync(join(src, file), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*\*).*$/gm, '');
    for (const [, one] of code.matchAll(/\bcode: (?:[\w.]+ \?\? )?'([a-z][a-z.-]*)'/g))
      if (one) codes.add(one);
    for (const [, one] of code.matchAll(FAMILIES)) if (one) codes.add(one);
    for (const [, one] of code.matchAll(/stepError\([^;]*?'(slot\.[a-z-]+)'/g)) if (one) codes.add(one);
    // Made of a family and a word that is seen: the page explains the family.
    for (const [, one] of code.matchAll(/`(step|slot|run|plan|state|journal)\.\$\{/g)) codes.add(`${one}.*`);
    if (file === 'errors.ts') {
      const kinds = /type TransportFailure =([^;]*);/.exec(code)?.[1] ?? '';
      for (const [, kind] of kinds.matchAll(/'([a-z-]+)'/g)) codes.add(`transport.${kind}`);
    }
  }
  return [...codes].filter((code) => !NOT_OURS.has(code)).sort();
}
