// Where a probe looks from: the uplinks of the configuration, or a host by its default route. One vantage per host,
// opened when it is first asked for, within the limits of a probe; all are closed together.
import { UsageError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import { nearest } from '../../lib/nearest.js';
import { type LimitedVantage, limitVantage } from '../../probe/limits.js';
import type { Context } from '../context.js';

/** One place to look from. */
export interface LookFrom {
  /** The configuration's name of the uplink; of a host without any, the host's own. */
  readonly uplink: string;
  readonly host: Host;
  /** Its addresses: none (the host's own choice), one, or one of each family. */
  readonly sources: readonly string[];
  readonly interface: string | null;
}

/** Opens vantages. */
export interface VantageDesk {
  /** The host's vantage; asked for twice, it is the same. @throws TransportError, MailctlError */
  of(host: Host): Promise<LimitedVantage>;
  /** Ends all. Never throws. */
  close(): Promise<void>;
}

/** Vantages over the command's own transport. */
export async function openVantageDesk(context: Context): Promise<VantageDesk> {
  const [{ openVantage }, transport] = await Promise.all([
    import('../../drivers/vantage/vantage.js'),
    context.transport({ readOnly: true }),
  ]);
  const { clock, interruption } = context;
  const opened = new Map<string, Promise<LimitedVantage>>();
  return {
    of(host) {
      let vantage = opened.get(host.name);
      if (vantage === undefined) {
        vantage = openVantage({ transport, host, clock }, interruption.abort).then((one) =>
          limitVantage(one, clock),
        );
        opened.set(host.name, vantage);
      }
      return vantage;
    },
    async close() {
      await Promise.all(
        [...opened.values()].map(async (opening) => {
          const vantage = await opening.catch(() => undefined);
          await vantage?.close();
        }),
      );
    },
  };
}

/**
 * One place: the uplink of that name, else the host, else this machine.
 * @throws UsageError when there is no such uplink or host, or they do not belong together
 */
export async function oneLookFrom(
  context: Context,
  wish: { readonly uplink: string | undefined; readonly from: string | undefined },
): Promise<LookFrom> {
  const [{ uplinks }, inventory] = await Promise.all([context.config(), context.inventory()]);
  const host = wish.from === undefined ? undefined : hostOf(inventory.byName, wish.from);
  if (wish.uplink === undefined) {
    const at = host ?? context.thisHost();
    return { uplink: at.name, host: at, sources: [], interface: null };
  }
  const uplink = uplinks.get(wish.uplink);
  if (uplink === undefined) {
    const names = [...uplinks.keys()];
    throw new UsageError(`no uplink is called ${JSON.stringify(wish.uplink)}`, {
      hint: names.length === 0 ? 'the configuration has no uplinks' : hintOf(wish.uplink, names),
    });
  }
  if (host !== undefined && host.name !== uplink.host) {
    throw new UsageError(`the uplink ${wish.uplink} is one of ${uplink.host}, not of ${host.name}`, {
      hint: `leave out --from, or name an uplink of ${host.name}`,
    });
  }
  const { sources, interface: device } = uplink;
  const at = host ?? hostOf(inventory.byName, uplink.host);
  return {
    uplink: wish.uplink,
    host: at,
    sources,
    interface: device ?? null,
  };
}

/** All places of a host: its uplinks, else its default route. @throws UsageError when there is no such host */
export async function looksFromHost(context: Context, name: string): Promise<readonly LookFrom[]> {
  const [{ uplinks }, inventory] = await Promise.all([context.config(), context.inventory()]);
  const host = hostOf(inventory.byName, name);
  const own = [...uplinks].filter(([, uplink]) => uplink.host === name);
  if (own.length === 0) return [{ uplink: name, host, sources: [], interface: null }];
  return own.map(([uplink, { sources, interface: device }]) => ({
    uplink,
    host,
    sources,
    interface: device ?? null,
  }));
}

function hostOf(hosts: ReadonlyMap<string, Host>, name: string): Host {
  const host = hosts.get(name);
  if (host === undefined) {
    const names = [...hosts.keys()];
    throw new UsageError(`no host is called ${JSON.stringify(name)}`, {
      hint: names.length === 0 ? 'the configuration has no hosts' : hintOf(name, names),
    });
  }
  return host;
}

/** Of a hint. */
const MOST_NAMES = 8;

function hintOf(word: string, names: readonly string[]): string {
  const near = nearest(word, names, 1)[0];
  if (near !== undefined) return `did you mean ${near}?`;
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `there ${names.length === 1 ? 'is' : 'are'} ${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}
