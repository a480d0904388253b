// A model of a site, just deep enough to judge a failover: hosts that are up or not, instances that run or not
// and have a role, a replication log, the directory, leases with tokens, mail that is acknowledged by whatever
// accepts it. It watches its own laws: whoever starts a second master is named.
import type { FakeClock } from '../support/fake-clock.js';

export type Role = 'master' | 'replica';

/** A slot on a host. */
export interface InstanceWorld {
  running: boolean;
  /** What its files say: what it will be when it is started. */
  role: Role;
  /** What it was started as. */
  runsAs: Role;
  /** Its ports answer. */
  serving: boolean;
  /** The replication service, which accepts what a master sends. */
  replication: boolean;
  mail: Set<number>;
  /** Not yet sent to the replica. */
  pending: Set<number>;
  /** The boundary at which its host came up with it as a master, by itself; -1: it did not. */
  bootedAt: number;
  lease: { token: number; run: string; owner: string } | undefined;
  /** Tokens only grow, also over a lease that was given back. */
  lastToken: number;
}

/** One slot. */
export interface SlotWorld {
  readonly slot: string;
  readonly old: string;
  readonly new: string;
  readonly third: string | undefined;
  readonly instances: Map<string, InstanceWorld>;
  directory: { master: string; version: number };
  loginTried: boolean;
  hooks: number;
  acknowledged: Set<number>;
}

export class World {
  readonly clock: FakeClock;
  readonly up = new Map<string, boolean>();
  /** The boundary at which a host came up; absent: it was up from the beginning. */
  readonly #upSince = new Map<string, number>();
  readonly #blindUntil = new Map<string, number>();
  readonly slots = new Map<string, SlotWorld>();
  readonly violations: string[] = [];
  /** Number of the boundary that was crossed last. */
  boundary = 0;
  runHooks = 0;
  #mail = 0;

  constructor(clock: FakeClock, hosts: readonly string[]) {
    this.clock = clock;
    for (const host of hosts) this.up.set(host, true);
  }

  addSlot(slot: string, old: string, to: string, third: string | undefined): SlotWorld {
    const instance = (role: Role): InstanceWorld => ({
      running: true,
      role,
      runsAs: role,
      serving: true,
      replication: role === 'replica',
      mail: new Set(),
      pending: new Set(),
      bootedAt: -1,
      lease: undefined,
      lastToken: 0,
    });
    const instances = new Map([
      [old, instance('master')],
      [to, instance('replica')],
    ]);
    if (third !== undefined) instances.set(third, instance('replica'));
    const world: SlotWorld = {
      slot,
      old,
      new: to,
      third,
      instances,
      directory: { master: old, version: 1 },
      loginTried: false,
      hooks: 0,
      acknowledged: new Set(),
    };
    this.slots.set(slot, world);
    return world;
  }

  isUp(host: string): boolean {
    return this.up.get(host) === true;
  }

  hasBooted(host: string): boolean {
    return this.#upSince.has(host);
  }

  /** mailctl can ask it: it is up, and the network between is. */
  sees(host: string): boolean {
    return this.isUp(host) && this.clock.monotonic() >= (this.#blindUntil.get(host) ?? 0);
  }

  /** The network to a host is gone for a while; the host is not. */
  blind(host: string, ms: number): void {
    this.#blindUntil.set(host, this.clock.monotonic() + ms);
  }

  instance(slot: SlotWorld, host: string): InstanceWorld {
    const found = slot.instances.get(host);
    if (found === undefined) throw new Error(`no ${slot.slot} on ${host}`);
    return found;
  }

  /** A host's power goes. */
  fail(host: string): void {
    this.up.set(host, false);
    for (const slot of this.slots.values()) {
      const instance = slot.instances.get(host);
      if (instance !== undefined) instance.running = false;
    }
  }

  /** A host boots: its slots start in the role that their files give them. */
  boot(host: string): void {
    if (this.isUp(host)) return;
    this.up.set(host, true);
    this.#upSince.set(host, this.boundary);
    for (const slot of this.slots.values()) {
      const instance = slot.instances.get(host);
      if (instance === undefined) continue;
      instance.running = true;
      instance.runsAs = instance.role;
      instance.serving = true;
      // It was away for long enough that what it had expired.
      instance.lease = undefined;
      if (instance.role === 'master') instance.bootedAt = this.boundary;
    }
  }

  /** Time passes a little: mail arrives where the directory says, replication moves some of it. */
  tick(): void {
    for (const slot of this.slots.values()) {
      const master = this.instance(slot, slot.directory.master);
      const isServed = this.isUp(slot.directory.master) && master.running && master.serving;
      if (isServed && master.runsAs === 'master') {
        this.#mail += 1;
        master.mail.add(this.#mail);
        slot.acknowledged.add(this.#mail);
        if (slot.directory.master === slot.old) master.pending.add(this.#mail);
      }
      const [oldest] = this.instance(slot, slot.old).pending;
      if (oldest !== undefined && this.boundary % 3 === 0 && this.canReplicate(slot))
        this.replicate(slot, oldest);
      this.#watch(slot);
    }
  }

  /** NEW runs as a replica that OLD can send to. */
  canReplicate(slot: SlotWorld): boolean {
    const to = this.instance(slot, slot.new);
    return this.isUp(slot.old) && this.isUp(slot.new) && to.running && to.runsAs === 'replica';
  }

  replicate(slot: SlotWorld, message: number): void {
    this.instance(slot, slot.old).pending.delete(message);
    this.instance(slot, slot.new).mail.add(message);
  }

  masters(slot: SlotWorld): string[] {
    return [...slot.instances]
      .filter(([host, { running, runsAs }]) => this.isUp(host) && running && runsAs === 'master')
      .map(([host]) => host);
  }

  /** Starts an instance in the role that its files give it; one that runs is left alone. */
  start(slot: SlotWorld, host: string): void {
    const instance = this.instance(slot, host);
    if (instance.running) return;
    instance.running = true;
    instance.runsAs = instance.role;
    instance.serving = true;
  }

  stop(slot: SlotWorld, host: string): void {
    const instance = this.instance(slot, host);
    instance.running = false;
    instance.bootedAt = -1;
  }

  /**
   * Starts an instance as master on behalf of mailctl. `lookedAt` is the boundary of the look that allowed it:
   * what has booted since then nobody could know.
   */
  startMaster(slot: SlotWorld, host: string, lookedAt: number): void {
    const own = this.instance(slot, host);
    if (own.running && own.runsAs === 'master') return;
    for (const [other, instance] of slot.instances) {
      if (other === host || !this.isUp(other) || instance.bootedAt > lookedAt) continue;
      // Came up by itself behind a network that is gone: silent to all, and a stray once it is seen.
      if (instance.bootedAt >= 0 && !this.sees(other)) continue;
      const isOne = instance.running && instance.runsAs === 'master';
      // One that is stopped and cannot be asked is silent to all; one that runs is never excused.
      const couldBe = instance.role === 'master' && this.sees(other);
      if (!isOne && !couldBe) continue;
      this.violations.push(
        `${slot.slot}: started a master on ${host} while ${other} ${isOne ? 'is one' : 'is stopped in that role'}`,
      );
    }
    const { third } = slot;
    const wasSeen = third !== undefined && this.isUp(third) && (this.#upSince.get(third) ?? 0) <= lookedAt;
    if (host === slot.new && wasSeen && this.instance(slot, third).replication) {
      this.violations.push(`${slot.slot}: ${slot.third} would take replication from two masters`);
    }
    this.start(slot, host);
    this.#watch(slot);
  }

  #watch(slot: SlotWorld): void {
    const masters = this.masters(slot);
    const ours = masters.filter((host) => this.instance(slot, host).bootedAt < 0);
    if (ours.length > 1) this.violations.push(`${slot.slot}: two masters, ${ours.join(' and ')}`);
  }
}
