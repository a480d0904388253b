// The names of routers on a traced way. They are an ornament: each gets little time of its own, however late it is asked
// for, and what is no name of a host is none, since whoever owns the address wrote it.
import { type DnsOptions, openDns } from '../../transport/dns.js';
import type { Context } from '../context.js';

const NAME_MS = 1500;

/** Names of addresses by PTR; null: there is none, or nobody could be asked in time. */
export function routerNames(
  { clock, interruption }: Pick<Context, 'clock' | 'interruption'>,
  servers?: DnsOptions['servers'],
): (address: string) => Promise<string | null> {
  const dns = openDns({ clock, servers, tryMs: NAME_MS / 2, eachMs: NAME_MS });
  return async (address) => {
    const names = await dns.names(address, interruption.abort);
    const name = names.kind === 'found' ? names.values[0] : undefined;
    return name !== undefined && /^[\w.-]{1,253}$/.test(name) ? name : null;
  };
}
