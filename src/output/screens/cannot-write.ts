// A host on which the lease of a slot, or the record of its lane, cannot be written: what to look at there. Pure; what it
// reads off is the reason of a step that failed with `slot.cannot-write`.
import { formatCommand } from '../../lib/command-text.js';

/** The host, and the command that shows its disk; undefined: the reason is another one. */
export function cannotWrite(
  reason: string | null | undefined,
): { readonly host: string; readonly look: string } | undefined {
  const [, host, folder] =
    /(?:^|; )([^\s;:]+): cannot write (\S+)\/mailctl\.(?:lease|lane)(?::|;|$)/.exec(reason ?? '') ?? [];
  if (host === undefined || folder === undefined) return undefined;
  // What ssh is given, a shell reads again over there.
  const look = formatCommand(['ssh', host, formatCommand(['df', '-h', folder])]);
  return { host, look: `${look}   a few kB freed there are enough` };
}
