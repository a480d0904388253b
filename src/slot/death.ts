// Is the master's host dead? Silence to ssh proves little: what it serves is asked from other hosts, and before
// that, whether it is we who are cut off (failover.md, "Is OLD dead?"). Pure; the asking is gather.ts's.
import type { PortSight } from './driver.js';

/** What one observer saw of a slot's ports on the silent host. */
export interface Sighting {
  readonly observer: string;
  readonly slot: string;
  readonly ports: readonly (PortSight & { readonly kind: 'imap' | 'lmtp' })[];
}

/** The gates that a host's silence may close, worst first; null: dead, seen so by others. */
export type DeathGate = 'still-serving' | 'not-proven-dead' | null;

/** How a silent host is judged. */
export interface DeathVerdict {
  readonly gate: DeathGate;
  readonly reason: string;
  /** Who looked, and saw nothing. */
  readonly witnesses: readonly string[];
}

/** What is known of a silent host. */
export interface Silence {
  readonly host: string;
  /** Kind and text of the transport's failure. */
  readonly failure: string;
  readonly message: string;
  readonly sightings: readonly Sighting[];
  /** Why it may be us, when it may: more than half of the hosts, or a whole location, are silent from here. */
  readonly maybeUs: string | null;
  /** A peer elsewhere saw it dead too, so that it is not us. */
  readonly peerElsewhere: boolean;
}

/** Judges a host that does not answer to ssh. */
export function judgeDeath(silence: Silence): DeathVerdict {
  const { host, failure, sightings } = silence;
  const witnesses = [...new Set(sightings.map((sighting) => sighting.observer))].sort();
  const seen = (what: PortSight['seen']) =>
    sightings.find((sighting) => sighting.ports.some((port) => port.seen === what));
  const serving = seen('greeting');
  if (serving !== undefined) {
    const port = serving.ports.find((one) => one.seen === 'greeting');
    return {
      gate: 'still-serving',
      reason: `${serving.observer} sees ${serving.slot} served by ${host} (${port?.kind.toUpperCase()} port ${port?.port}), while it is silent to ssh`,
      witnesses,
    };
  }
  const gate = (reason: string): DeathVerdict => ({ gate: 'not-proven-dead', reason, witnesses });
  if (failure === 'hung')
    return gate(`${host} accepts connections and says nothing: it hangs, and may wake up`);
  if (failure !== 'unreachable' && failure !== 'silent' && failure !== 'timeout')
    return gate(`${host} answers, and cannot be driven: ${silence.message}`);
  const open = seen('open');
  if (open !== undefined)
    return gate(`${open.observer} sees ports of ${host} accept and say nothing: it hangs, and may wake up`);
  const refused = seen('refused');
  if (refused !== undefined)
    return gate(`${refused.observer} gets refusals from ${host}: its kernel lives, it may be booting`);
  if (sightings.every((sighting) => sighting.ports.every((port) => port.seen === 'unknown'))) {
    return gate(
      `${host} is silent to ssh from here, and nobody else could be asked for its IMAP and LMTP ports`,
    );
  }
  if (silence.maybeUs !== null && !silence.peerElsewhere)
    return gate(`${silence.maybeUs}: it may be us who are cut off`);
  return { gate: null, reason: `no ssh, no IMAP, no LMTP`, witnesses };
}

/** Is it us? Words when more than half of the hosts asked, or all of a location of two or more, are silent. */
export function maybeUs(
  hosts: readonly {
    readonly name: string;
    readonly location: string | undefined;
    readonly silent: boolean;
  }[],
): string | null {
  const silent = hosts.filter((host) => host.silent);
  if (silent.length === 0) return null;
  if (silent.length * 2 > hosts.length)
    return `${silent.length} of ${hosts.length} hosts asked are silent from here`;
  const locations = new Map<string, { all: number; silent: number }>();
  for (const host of hosts) {
    if (host.location === undefined) continue;
    const count = locations.get(host.location) ?? { all: 0, silent: 0 };
    locations.set(host.location, count);
    count.all++;
    if (host.silent) count.silent++;
  }
  for (const [location, count] of locations) {
    if (count.all >= 2 && count.silent === count.all)
      return `all ${count.all} hosts of ${location} are silent from here`;
  }
  return null;
}
