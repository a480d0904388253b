// The leases that one run holds (failover.md, "The lease"): a file per slot and host, with a token that only
// grows. This keeps the tokens, takes what is missing, and renews what is held; the files are the driver's.
import { BusyError, TransportError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Clock } from '../lib/clock.js';
import { formatIso } from '../lib/clock.js';
import type { Grip, StoreDriver } from './driver.js';
import { type LaneWay, openedLine, type TENDING } from './lane-record.js';
import type { Instance } from './slot.js';

/** What every lease of a run says. */
export interface LeaseHolder {
  readonly run: string;
  readonly operator: string;
  readonly bastion: string;
  /** Runs that may be taken over before their lease expires. */
  readonly takeOver: readonly string[];
}

/** What a lease says of its lane. */
export interface LaneOfLease {
  readonly from: string;
  readonly to: string;
  readonly phase: string;
  readonly judged: { readonly provenUntil: number; readonly lastAlive: number } | null;
  readonly started: boolean;
  /** The directory is away, and is told later. */
  readonly later?: boolean | undefined;
  /** Absent: it moves the slot. */
  readonly way?: LaneWay | typeof TENDING | undefined;
}

/** Leases are renewed this often; they last three times as long. */
const RENEW_MS = 20_000;
/** ms that taking one may last before the others are proven once more. */
const LATE_MS = 5000;

/** The leases of one run. */
export class Leases {
  readonly #held = new Map<string, { host: Host; instance: Instance; token: number; phase: string }>();

  constructor(
    readonly driver: StoreDriver,
    readonly clock: Clock,
    readonly holder: LeaseHolder,
  ) {}

  has(host: string, slot: string): boolean {
    return this.#held.has(`${host}\n${slot}`);
  }

  /** Takes the lease if this run does not hold it yet. @throws BusyError, TransportError */
  async ensure(host: Host, instance: Instance, lane: LaneOfLease): Promise<void> {
    if (this.has(host.name, instance.slot)) return;
    // One that is taken late, since its host was away: free it may be because another run has ended the lane.
    const begunAt = this.clock.monotonic();
    await this.prove(instance.slot);
    const { run, operator, bastion, takeOver } = this.holder;
    const { from, to, phase, judged, started, later, way } = lane;
    const answer = await this.driver.takeLease(host, instance, {
      run,
      operator,
      bastion,
      takeOver,
      from,
      to,
      phase,
      record: openedLine({
        run,
        from,
        to,
        operator,
        bastion,
        at: formatIso(this.clock.now()),
        judged,
        started,
        ...(later === true ? { later } : {}),
        ...(way === undefined ? {} : { way }),
      }),
    });
    if (!answer.granted) {
      const { held, secondsLeft } = answer;
      throw new BusyError(
        `${instance.slot} on ${host.name} is held by run ${held.run} of ${held.operator} on ${held.bastion}, lease for another ${secondsLeft} s`,
        { hint: `when that run is dead: --take-over ${held.run}` },
      );
    }
    // A process that stood still in between got it after the lane was ended. Not held then, it runs out by itself.
    if (this.clock.monotonic() - begunAt > LATE_MS) await this.prove(instance.slot);
    this.#held.set(`${host.name}\n${instance.slot}`, { host, instance, token: answer.token, phase });
  }

  /** The proof that an act needs. @throws an assertion when the lease was never taken */
  grip(host: string, slot: string, record?: string): Grip {
    const held = this.#held.get(`${host}\n${slot}`);
    if (held === undefined) throw new Error(`no lease of ${slot} on ${host}`);
    return { run: this.holder.run, token: held.token, phase: held.phase, record };
  }

  /** From here on the lease is not ours. */
  forget(host: string, slot: string): void {
    this.#held.delete(`${host}\n${slot}`);
  }

  /** Hosts on which the lease of a slot is held. */
  hostsOf(slot: string): readonly string[] {
    return [...this.#held.values()]
      .filter((held) => held.instance.slot === slot)
      .map((held) => held.host.name);
  }

  /** Makes sure that no other run has taken a slot's lease, on each host of it that answers. @throws `slot.lease-lost` */
  async prove(slot: string): Promise<void> {
    const held = [...this.#held.values()].filter((one) => one.instance.slot === slot);
    await Promise.all(
      held.map(async ({ host, instance }) => {
        try {
          await this.driver.recordLane(host, instance, this.grip(host.name, slot));
        } catch (error) {
          if (!(error instanceof TransportError)) throw error;
        }
      }),
    );
  }

  /** Renews until it is aborted. A host that cannot be asked is tried again at the next turn. */
  async renew(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.clock.sleep(RENEW_MS, signal);
      } catch {
        return;
      }
      await Promise.allSettled(
        [...this.#held.values()].map(({ host, instance }) =>
          this.driver.renewLease(host, instance, this.grip(host.name, instance.slot)),
        ),
      );
    }
  }
}

/** Was the host silent when it was asked? */
export function isAwayError(error: unknown): error is TransportError {
  return error instanceof TransportError;
}
