// Connections that are open to the destinations of a drain: whose an address is, and what each kernel says, asked once for
// all queues that share it.
import { MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import { OPEN_STATES, type Socket } from '../queue/socket.js';

/** Connections that were asked for so short a time ago are not asked for again. */
const ASKED_MS = 1500;
/** Addresses of one destination; the newest stay. */
const MOST_ADDRESSES = 64;

/** What is asked for connections: a queue, by the kernel that counts once for all its queues. */
export interface ConnectionSource {
  readonly kernel: string;
  /** Throws MailctlError when they cannot be seen. */
  sockets(signal?: AbortSignal): Promise<readonly Socket[]>;
}

/** Null: they cannot be seen. */
export type Seen = readonly Socket[] | null;

/** Counts them by destination. */
export class OpenConnections {
  readonly #clock: Clock;
  readonly #destinations = new Map<string, string>();
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #asked = new Map<string, { readonly at: number; readonly sockets: Promise<Seen> }>();
  /** Taken in last, by kernel. */
  readonly #taken = new Map<string, readonly Socket[]>();

  /** `peers`: whose the addresses are, as far as it is known. */
  constructor(clock: Clock, peers: ReadonlyMap<string, string>) {
    this.#clock = clock;
    for (const [address, destination] of peers) this.learn(address, destination);
  }

  /** Addresses of a destination's servers. */
  addressesOf(destination: string): readonly string[] {
    return this.#addresses.get(destination) ?? [];
  }

  /** Takes in whose an address is; the first word stands. */
  learn(address: string, destination: string): void {
    if (this.#destinations.has(address)) return;
    this.#destinations.set(address, destination);
    this.#addresses.set(destination, [...this.addressesOf(destination), address].slice(-MOST_ADDRESSES));
  }

  /** Queues that share a kernel share its answer, too. */
  read(source: ConnectionSource, abort: AbortSignal): Promise<Seen> {
    const at = this.#clock.monotonic();
    const last = this.#asked.get(source.kernel);
    if (last !== undefined && at - last.at < ASKED_MS) return last.sockets;
    const sockets = source.sockets(abort).catch((error: unknown) => {
      if (error instanceof MailctlError) return null;
      throw error;
    });
    this.#asked.set(source.kernel, { at, sockets });
    return sockets;
  }

  /** What an answer counts, by destination; undefined: another queue of its kernel has taken it in. */
  newOf({ kernel }: ConnectionSource, seen: Seen): ReadonlyMap<string, number> | null | undefined {
    if (seen === null) return null;
    if (this.#taken.get(kernel) === seen) return undefined;
    this.#taken.set(kernel, seen);
    const open = new Map<string, number>();
    for (const destination of this.#destinations.values()) open.set(destination, 0);
    for (const { peer, state } of seen) {
      const destination = this.#destinations.get(peer);
      if (destination === undefined || !OPEN_STATES.has(state)) continue;
      open.set(destination, (open.get(destination) ?? 0) + 1);
    }
    return open;
  }
}
