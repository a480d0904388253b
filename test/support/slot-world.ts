// A small world of slots behind the real interfaces: hosts with power and network, instances with roles, logs, mail,
// leases and lane files, a directory, and time. The StoreDriver over it does what the scripts of the real one do: a
// mutating act compares its token where it lands, in the same breath as it acts. What breaks on the way is up to a
// `Road`, so that unit tests and the crash suite share one world. The world judges by the promises of failover.md
// and keeps what was broken in `violations`.
import { CommandError, MailctlError, TransportError } from '../../src/errors.js';
import type { Fence, Host } from '../../src/fleet/host.js';
import type { OwnerContent } from '../../src/slot/content.js';
import type { Directory, SetResult, SetStateResult } from '../../src/slot/directory.js';
import type {
  ChannelState,
  Grip,
  InstanceState,
  Lease,
  LeaseAnswer,
  Mailbox,
  PortSight,
  Role,
  StoreDriver,
} from '../../src/slot/driver.js';
import { parseLaneFile } from '../../src/slot/lane-record.js';
import type { QuarantineNote } from '../../src/slot/quarantine.js';
import type { QuarantineDriver } from '../../src/slot/quarantine-driver.js';
import type { Instance, Slot } from '../../src/slot/slot.js';
import type { SlotMapStore } from '../../src/slot/slot-map.js';
import type { FakeClock } from './fake-clock.js';
import { host as makeHost, instance as makeInstance } from './slot-sight.js';

/** A message: its user, and when it was accepted (epoch seconds). */
export interface Mail {
  readonly id: number;
  readonly user: string;
  readonly at: number;
}

export interface ModelInstance {
  running: boolean;
  /** What it runs as; what its files say is `configured`. */
  runsAs: Role;
  configured: Role;
  /** False: it runs, and a port of its configuration is not listened on. */
  listens: boolean;
  readonly mail: Map<number, Mail>;
  /** By replica host: what its log still has to send. */
  readonly log: Map<string, Mail[]>;
  readonly quarantined: Mail[];
  /** What was set aside by a run, by the name of its file. */
  readonly quarantineFiles: Map<string, { mail: readonly Mail[]; note: QuarantineNote }>;
  /** Events of its logs that a rejoin has set aside. */
  aside: Mail[];
  /** Users that were deleted here: their mailboxes wait for their clean-up. */
  readonly gone: Set<string>;
  /** Epoch seconds of the newest replicated message: applied, arrived. */
  applied: { at: number; arrived: number } | undefined;
  lease: Lease | null;
  lane: string[];
  free: number;
  problem: string | null;
  /** The run that started it as a master; undefined: it came up by itself, or is none. */
  startedBy: string | undefined;
  /** Run that has stopped it; undefined: it runs, or nobody of ours has. */
  stoppedBy: string | undefined;
  /** It died by itself, and nobody has touched it since. */
  crashed: boolean;
  /** The master that served when it was started as a replica. */
  copyOf: string | undefined;
  /** Came up as a master by itself, or was cut off while it was one: nobody's choice. */
  stray: boolean;
}

export interface ModelSlot {
  readonly slot: string;
  readonly instances: Map<string, ModelInstance>;
  /** Hosts that have an instance, and that the directory does not name. */
  readonly unlisted: Set<string>;
  /** `state`: `readonly:HOST`; absent: `normal`. */
  directory: { master: string; version: number; state?: string };
  readonly acknowledged: Mail[];
}

export interface ModelHost {
  readonly name: string;
  /** Has power. */
  on: boolean;
  /** Is on the network. */
  linked: boolean;
  /** TCP accepts, nothing speaks. */
  hangs: boolean;
  /** Since when it answers, in ms of the clock. */
  upSince: number;
  /** Seconds that its clock is ahead. */
  skewS: number;
  /** Nothing can be written any more. */
  full: boolean;
  /** Its sshd is gone; what it serves it goes on serving. */
  sshGone: boolean;
  /** When it last lost its power or its network, or got one back, in ms of the clock. */
  disturbedAt: number;
  /** When somebody could no longer ask it, who goes on being able to ask others, in ms of the clock. */
  unheardAt: number;
  /** When a look at it failed by a fault of the test. */
  unseenAt: number;
}

/** How calls get to a host, or do not. The plain one breaks nothing. */
export interface Road {
  look<T>(label: string, host: string, see: () => T): Promise<T>;
  command(label: string, host: string, effects: readonly (() => void)[]): Promise<void>;
  alive(): Promise<void>;
}

export const plainRoad: Road = {
  look: async (_label, _host, see) => see(),
  command: async (_label, _host, effects) => {
    for (const effect of effects) effect();
  },
  alive: async () => {},
};

/** ms that a look and an act take, and that a dead host takes to be given up. */
const LOOK_MS = 40;
const ACT_MS = 300;
const CONNECT_MS = 5000;
/** A host that came up so short before an act was sent need not have been noticed: it is asked once a second, its ports are too. */
const UNNOTICED_MS = 4500;
const LEASE_S = 60;
/** A host that has been up for so long was up when the lane began. */
const LONG_MS = 180_000;

export class SlotWorld {
  readonly clock: FakeClock;
  readonly hosts = new Map<string, ModelHost>();
  readonly slots = new Map<string, ModelSlot>();
  readonly violations: string[] = [];
  /** What was done to instances, in order: `stop store1@imap21`. */
  readonly done: string[] = [];
  /** Set by the crash suite. */
  boundary = 0;
  directoryAway = false;
  /** The operator has said that every silent host is off. */
  fenced = false;
  /** `SLOT HOST`: the operator has passed a gate about that silent host, for that slot, by a word. */
  readonly passed = new Set<string>();
  /** Users whose events cannot be sent: what stands behind one waits. */
  readonly poison = new Set<string>();
  /** What cuts a host off, where that is configured. */
  readonly fences = new Map<string, Fence>();
  /** Hosts that were cut off by those words. */
  readonly cutOff = new Set<string>();
  /** Slots whose loss was accepted by name. */
  readonly accepted = new Set<string>();
  /** Something other than mail has changed since the promises were looked at. */
  dirty = true;
  /** What else must hold whenever something has changed: set by the crash suite. */
  onChange: (world: SlotWorld) => void = () => {};
  /**
   * The master's configuration can be read whatever the role is (a file per role); false: only the files in force,
   * so that an instance with the role of a replica shows neither where its log would go nor that it logs.
   */
  confPerRole = true;
  #mail = 0;

  constructor(clock: FakeClock, hosts: readonly string[]) {
    this.clock = clock;
    for (const name of hosts) this.addHost(name);
  }

  /** The same once more, at the same time of another clock: what happens to one does not happen to the other. */
  copy(clock: FakeClock): SlotWorld {
    const other = new SlotWorld(clock, []);
    const { clock: _, ...state } = this;
    Object.assign(other, copied(state, new Map()));
    other.#mail = this.#mail;
    return other;
  }

  addHost(name: string): void {
    const never = Number.NEGATIVE_INFINITY;
    const since = { upSince: never, disturbedAt: never, unheardAt: never, unseenAt: never };
    const state = { on: true, linked: true, hangs: false, skewS: 0, full: false, sshGone: false };
    this.hosts.set(name, { name, ...state, ...since });
  }

  get now(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  /** What the clock of a host says. */
  nowOn(host: string): number {
    return this.now + this.host(host).skewS;
  }

  /** Adds a slot: the first host is its master. */
  add(slot: string, hosts: readonly string[]): ModelSlot {
    const instances = hosts.map((host, index): [string, ModelInstance] => {
      const role: Role = index === 0 ? 'master' : 'replica';
      const fresh: ModelInstance = {
        running: true,
        runsAs: role,
        configured: role,
        listens: true,
        mail: new Map(),
        log: new Map(),
        quarantined: [],
        quarantineFiles: new Map(),
        aside: [],
        gone: new Set(),
        applied: undefined,
        lease: null,
        lane: [],
        free: 1e12,
        problem: null,
        stray: false,
        crashed: false,
        startedBy: undefined,
        stoppedBy: undefined,
        copyOf: hosts[0],
      };
      return [host, fresh];
    });
    const world: ModelSlot = {
      slot,
      instances: new Map(instances),
      unlisted: new Set(),
      directory: { master: hosts[0] ?? '', version: 1 },
      acknowledged: [],
    };
    this.slots.set(slot, world);
    return world;
  }

  slot(name: string): ModelSlot {
    const found = this.slots.get(name);
    if (found === undefined) throw new Error(`no slot ${name}`);
    return found;
  }

  at(slot: string, host: string): ModelInstance {
    const found = this.slot(slot).instances.get(host);
    if (found === undefined) throw new Error(`no ${slot} on ${host}`);
    return found;
  }

  host(name: string): ModelHost {
    const found = this.hosts.get(name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  }

  /** Answers to ssh. */
  isUp(name: string): boolean {
    const { on, linked, hangs, sshGone } = this.host(name);
    return on && linked && !hangs && !sshGone;
  }

  /** What runs on it can be reached, also when its sshd cannot. */
  isOnNet(name: string): boolean {
    const { on, linked, hangs } = this.host(name);
    return on && linked && !hangs;
  }

  isMaster(slot: ModelSlot, host: string): boolean {
    const instance = slot.instances.get(host);
    return instance?.running === true && instance.runsAs === 'master' && this.host(host).on;
  }

  // Events of the world

  /** The power goes. */
  fail(name: string): void {
    Object.assign(this.host(name), { on: false, hangs: false, sshGone: false });
    this.#disturb(name);
    for (const slot of this.slots.values()) {
      const instance = slot.instances.get(name);
      if (instance !== undefined) Object.assign(instance, { running: false, startedBy: undefined });
    }
  }

  /** The network goes; what runs there goes on running. */
  cut(name: string): void {
    this.host(name).linked = false;
    this.#disturb(name);
  }

  /** TCP accepts, nothing speaks any more; what runs there runs on when it wakes up. */
  hang(name: string): void {
    this.host(name).hangs = true;
    this.#disturb(name);
  }

  /** The host serves, and cannot be driven. */
  loseSsh(name: string): void {
    this.host(name).sshGone = true;
    this.#disturb(name);
  }

  /** The words of a fence have reached it. */
  fence(name: string): void {
    if (this.host(name).on) this.fail(name);
    this.cutOff.add(name);
  }

  /** An instance dies by itself. */
  crash(slot: string, host: string): void {
    const instance = this.at(slot, host);
    if (!instance.running) return;
    Object.assign(instance, { running: false, crashed: true });
    this.#disturb(host);
  }

  /** Somebody starts what has died by itself, as its files say. */
  restartCrashed(): void {
    for (const slot of this.slots.values()) {
      for (const [host, instance] of slot.instances) {
        if (!instance.crashed || !this.host(host).on) continue;
        const runsAs = instance.configured;
        const isSecond = slot.directory.master !== host || !this.#isAlone(slot, host);
        const stray = runsAs === 'master' && isSecond;
        Object.assign(instance, { running: true, crashed: false, runsAs, stray });
        this.#disturb(host);
      }
    }
  }

  /** No other instance of the slot runs as a master. */
  #isAlone(slot: ModelSlot, host: string): boolean {
    return ![...slot.instances.keys()].some((other) => other !== host && this.isMaster(slot, other));
  }

  #disturb(name: string): void {
    this.host(name).disturbedAt = this.clock.monotonic();
    this.dirty = true;
  }

  /** Power and network are back: its slots start in the roles of their files, where the power was gone. */
  bringBack(name: string): void {
    const host = this.host(name);
    if (this.isUp(name)) return;
    const booted = !host.on;
    const back = { on: true, linked: true, hangs: false, sshGone: false };
    Object.assign(host, { ...back, upSince: this.clock.monotonic() });
    this.#disturb(name);
    for (const slot of this.slots.values()) {
      const instance = slot.instances.get(name);
      if (instance === undefined) continue;
      if (booted) {
        instance.crashed = false;
        instance.running = true;
        instance.runsAs = instance.configured;
      }
      if (!instance.running || instance.runsAs !== 'master') continue;
      if (slot.directory.master !== name || (booted && !this.#isAlone(slot, name))) instance.stray = true;
    }
  }

  /** A message for the slot, delivered to where the directory says. Gives it when it was accepted. */
  deliver(slotName: string, user = 'ann'): Mail | undefined {
    const slot = this.slot(slotName);
    const { master, state = 'normal' } = slot.directory;
    // Its mail waits in the MXs meanwhile.
    if (state !== 'normal') return undefined;
    const instance = slot.instances.get(master);
    if (instance === undefined || !this.isOnNet(master) || !instance.running || instance.runsAs !== 'master')
      return undefined;
    this.#mail += 1;
    const mail = { id: this.#mail, user, at: this.now };
    instance.mail.set(mail.id, mail);
    for (const other of slot.instances.keys()) {
      if (other !== master) instance.log.set(other, [...(instance.log.get(other) ?? []), mail]);
    }
    slot.acknowledged.push(mail);
    return mail;
  }

  /** A stray takes a message, since somebody still sends to it. */
  deliverTo(slotName: string, host: string, user: string): void {
    const slot = this.slot(slotName);
    const instance = this.at(slotName, host);
    if (!this.isOnNet(host) || !this.isMaster(slot, host)) return;
    this.#mail += 1;
    const mail = { id: this.#mail, user, at: this.now };
    instance.mail.set(mail.id, mail);
    for (const other of slot.instances.keys()) {
      if (other !== host) instance.log.set(other, [...(instance.log.get(other) ?? []), mail]);
    }
    slot.acknowledged.push(mail);
  }

  /** A user is deleted where the slot is served: nobody misses that mail, and it may not come back. */
  deleteUser(slotName: string, user: string): void {
    const slot = this.slot(slotName);
    const master = this.at(slotName, slot.directory.master);
    master.gone.add(user);
    for (const mail of [...master.mail.values()]) if (mail.user === user) master.mail.delete(mail.id);
    for (const [to, log] of master.log)
      master.log.set(
        to,
        log.filter((mail) => mail.user !== user),
      );
    const left = slot.acknowledged.filter((mail) => mail.user !== user);
    slot.acknowledged.splice(0, slot.acknowledged.length, ...left);
    this.dirty = true;
  }

  /** One message of one log goes over, where it can. */
  replicateOne(slot: ModelSlot, from: string, to: string): void {
    const log = slot.instances.get(from)?.log.get(to) ?? [];
    const [mail, ...rest] = log;
    const target = slot.instances.get(to);
    if (mail === undefined || target === undefined || !this.takesReplication(slot, to) || !this.isOnNet(from))
      return;
    if (this.poison.has(mail.user)) return;
    slot.instances.get(from)?.log.set(to, rest);
    target.mail.set(mail.id, mail);
    target.applied = { at: this.now, arrived: Math.max(mail.at, target.applied?.arrived ?? 0) };
  }

  takesReplication(slot: ModelSlot, to: string): boolean {
    const target = slot.instances.get(to);
    return target?.running === true && target.runsAs === 'replica' && this.isOnNet(to);
  }

  /** Looks at the promises, if anything has changed. */
  judge(): void {
    if (!this.dirty) return;
    this.dirty = false;
    this.onChange(this);
  }

  /** Time passes a little: mail comes, running masters replicate some of theirs. */
  tick(): void {
    for (const slot of this.slots.values()) {
      // New users come all the time: lists of mailboxes differ as soon as two sides go their own ways.
      this.deliver(slot.slot, `user${Math.floor(this.boundary / 25)}`);
      for (const [from, instance] of slot.instances) {
        if (!this.isMaster(slot, from) || this.boundary % 3 !== 0) continue;
        for (const to of instance.log.keys()) this.replicateOne(slot, from, to);
      }
      this.#watch(slot);
    }
  }

  // Acts, as they land

  stop(slot: ModelSlot, host: string): void {
    const instance = this.at(slot.slot, host);
    this.dirty = true;
    instance.running = false;
    instance.startedBy = undefined;
    instance.crashed = false;
    instance.stray = false;
    this.done.push(`stop ${slot.slot}@${host}`);
  }

  setRole(slot: ModelSlot, host: string, role: Role): void {
    const instance = this.at(slot.slot, host);
    if (instance.running) throw new CommandError(host, 'set-link', 1, 'it is running');
    this.dirty = true;
    instance.configured = role;
    this.done.push(`role ${slot.slot}@${host} ${role}`);
  }

  /** Starts an instance in the role of its files. `sentAt`: when the act was sent, in ms of the clock. */
  start(slot: ModelSlot, host: string, sentAt: number): void {
    const instance = this.at(slot.slot, host);
    instance.crashed = false;
    if (instance.running) return;
    this.dirty = true;
    instance.running = true;
    instance.runsAs = instance.configured;
    instance.stray = false;
    this.done.push(`start ${slot.slot}@${host} ${instance.runsAs}`);
    const { master } = slot.directory;
    instance.copyOf = instance.runsAs === 'replica' && this.isMaster(slot, master) ? master : undefined;
    if (instance.runsAs === 'master') this.#judgeStart(slot, host, sentAt);
    if (instance.runsAs === 'readonly') this.#judgeReading(slot, host, sentAt);
    this.#watch(slot);
  }

  /** The directory's own change, once it has compared. */
  setDirectory(name: string, to: string): void {
    const slot = this.slot(name);
    slot.directory = { master: to, version: slot.directory.version + 1 };
    this.dirty = true;
    this.done.push(`directory ${name} ${to}`);
    // Whoever still looks users up finds them served nowhere, while another goes on as their master.
    for (const [other, instance] of slot.instances) {
      const isOld = this.host(other).upSince < this.clock.monotonic() - LONG_MS;
      if (other === to || !this.isUp(other) || !isOld || instance.stray || !this.isMaster(slot, other))
        continue;
      if (slot.instances.get(to)?.running === true && slot.instances.get(to)?.runsAs !== 'replica') continue;
      this.violations.push(`${name}: the directory was set to ${to} while ${other} runs as its master`);
    }
  }

  // Promise 1, and promise 4 as far as a start can break it.
  #judgeStart(slot: ModelSlot, host: string, sentAt: number): void {
    for (const [other, instance] of slot.instances) {
      if (other === host) continue;
      const { on, linked, hangs, sshGone } = this.host(other);
      if (on && linked && (hangs || sshGone)) {
        const isSafe =
          this.fenced || (instance.running ? instance.runsAs : instance.configured) === 'replica';
        if (!isSafe && this.host(other).disturbedAt < sentAt - UNNOTICED_MS)
          this.violations.push(
            `${slot.slot}: a master was started on ${host} while ${other} ${hangs ? 'hangs' : 'serves'}`,
          );
      }
      if (!this.isUp(other)) continue;
      if (this.host(other).upSince > sentAt - UNNOTICED_MS) {
        if (instance.running && instance.runsAs === 'master') instance.stray = true;
        continue;
      }
      const what = instance.running
        ? instance.runsAs === 'replica'
          ? null
          : `runs as ${instance.runsAs}`
        : null;
      const would =
        !instance.running && instance.configured !== 'replica' && !this.passed.has(`${slot.slot} ${other}`)
          ? 'is stopped and would come up as master'
          : null;
      if (what !== null || would !== null) {
        this.violations.push(`${slot.slot}: a master was started on ${host} while ${other} ${what ?? would}`);
      }
    }
    for (const third of slot.instances.keys()) {
      if (third === host || !this.takesReplication(slot, third)) continue;
      if (!this.isUp(third) || this.host(third).upSince > sentAt - LONG_MS) continue;
      // Its copy already, of one that has died by itself: nothing is added by starting that again.
      if (slot.instances.get(third)?.copyOf === host) continue;
      for (const [other, instance] of slot.instances) {
        if (other === host || other === third || instance.configured === 'replica') continue;
        this.violations.push(
          `${slot.slot}: a master was started on ${host} while ${third} would take replication from ${other} too`,
        );
      }
    }
    // The directory is away, and NEW's own file says that it is to be told (promise 4).
    const isToldLater = parseLaneFile(this.at(slot.slot, host).lane).open?.later === true;
    if (slot.directory.master !== host && !isToldLater) {
      this.violations.push(
        `${slot.slot}: a master was started on ${host}, the directory names ${slot.directory.master}`,
      );
    }
  }

  // Two servers with different content must not both serve.
  #judgeReading(slot: ModelSlot, host: string, sentAt: number): void {
    for (const other of slot.instances.keys()) {
      if (other === host || !this.isUp(other) || this.host(other).upSince > sentAt - UNNOTICED_MS) continue;
      if (this.isMaster(slot, other))
        this.violations.push(`${slot.slot}: readable on ${host} while ${other} serves it`);
    }
  }

  #watch(slot: ModelSlot): void {
    const ours = [...slot.instances].filter(
      ([host, instance]) => this.isUp(host) && this.isMaster(slot, host) && !instance.stray,
    );
    if (ours.length > 1)
      this.violations.push(`${slot.slot}: two masters, ${ours.map(([host]) => host).join(' and ')}`);
  }

  // What can be asked of it

  directorySlot(slot: ModelSlot): Slot {
    const { master, version, state = 'normal' } = slot.directory;
    const listed = [...slot.instances.keys()].filter((host) => !slot.unlisted.has(host));
    const hosts = [master, ...listed.filter((host) => host !== master)];
    return {
      slot: slot.slot,
      master,
      state,
      version,
      instances: hosts.map((host) => makeInstance(slot.slot, host)),
    };
  }

  stateOf(slot: ModelSlot, host: string): InstanceState {
    const instance = this.at(slot.slot, host);
    const setAside = [...instance.quarantineFiles.values()].flatMap(({ mail }) => mail);
    const quarantined = [...instance.quarantined, ...setAside];
    const isKnown = this.confPerRole || instance.configured === 'master';
    const channels = [...slot.instances.keys()]
      .filter((other) => other !== host)
      .map((other): ChannelState => {
        const log = instance.log.get(other) ?? [];
        return {
          channel: other,
          syncHost: isKnown ? other : undefined,
          pending: log.length > 0,
          events: log.length,
          oldestBirth: log[0] === undefined ? null : log[0].at + this.host(host).skewS,
          clientAlive: instance.running && instance.runsAs === 'master',
        };
      });
    return {
      slot: slot.slot,
      host,
      instance: slot.slot,
      at: this.nowOn(host),
      running: instance.problem === null ? instance.running : null,
      started: instance.running && instance.listens,
      role: instance.running ? instance.runsAs : null,
      configuredRole: instance.configured,
      services: [],
      channels: channels.filter((each) => isKnown || each.pending),
      logging: isKnown,
      quarantined: {
        files: Number(instance.quarantined.length > 0) + instance.quarantineFiles.size,
        events: quarantined.length,
        oldestBirth: quarantined[0]?.at ?? null,
      },
      lease: instance.lease,
      laneLines: [...instance.lane],
      freeBytes: instance.free,
      readOnlyFault: null,
      problem: instance.problem,
    };
  }
}

/** A deep copy, in which what was one thing is one again; functions are shared. */
function copied<T>(value: T, known: Map<object, unknown>): T;
function copied(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  const note = <C extends object>(copy: C): C => {
    known.set(value, copy);
    return copy;
  };
  if (value instanceof Map) {
    const copy = note(new Map());
    for (const [key, each] of value) copy.set(copied(key, known), copied(each, known));
    return copy;
  }
  if (value instanceof Set) {
    const copy = note(new Set());
    for (const each of value) copy.add(copied(each, known));
    return copy;
  }
  if (Array.isArray(value)) {
    const copy = note<unknown[]>([]);
    for (const each of value) copy.push(copied(each, known));
    return copy;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Error('no copy can be made of this');
  const copy = note<Record<string, unknown>>({});
  for (const [key, each] of Object.entries(value)) copy[key] = copied(each, known);
  return copy;
}

/** Hosts as the configuration knows them. */
export function worldHosts(world: SlotWorld): ReadonlyMap<string, Host> {
  return new Map(
    [...world.hosts.keys()].map((name) => [name, makeHost(name, { fence: world.fences.get(name) })]),
  );
}

/** Asks a host whether it is there. */
export function worldPing(world: SlotWorld, road: Road): (host: Host) => Promise<void> {
  return async (host) => {
    await road.alive();
    await world.clock.sleep(LOOK_MS);
    await reach(world, host.name);
    await road.alive();
  };
}

function noSpace(host: string, slot: string): MailctlError {
  return new MailctlError(`${host}: cannot write /srv/${slot}/conf/mailctl.lease: no space left on device`, {
    code: 'slot.cannot-write',
    exitCode: 3,
  });
}

async function reach(world: SlotWorld, name: string, signal?: AbortSignal): Promise<void> {
  if (world.isUp(name)) return;
  try {
    await world.clock.sleep(CONNECT_MS, signal);
  } catch {
    throw new TransportError(name, 'interrupted', `${name} was asked no longer`);
  }
  const { hangs } = world.host(name);
  if (world.isUp(name)) return;
  throw new TransportError(name, hangs ? 'hung' : 'unreachable', `${name} does not answer (5 s)`);
}

/** The directory over the world. */
export function worldDirectory(world: SlotWorld, road: Road): Directory {
  const see = async <T>(label: string, look: () => T): Promise<T> => {
    await world.clock.sleep(5);
    if (world.directoryAway)
      throw new MailctlError('the directory does not answer', { code: 'state.away', exitCode: 1 });
    return road.look(`directory ${label}`, '', look);
  };
  return {
    name: 'the directory',
    list: () => see('list', () => [...world.slots.values()].map((slot) => world.directorySlot(slot))),
    get: (name) =>
      see('get', () => {
        const slot = world.slots.get(name);
        return slot === undefined ? undefined : world.directorySlot(slot);
      }),
    async setMaster({ slot: name, from, to, version }) {
      await world.clock.sleep(5);
      if (world.directoryAway)
        throw new MailctlError('the directory does not answer', { code: 'state.away', exitCode: 1 });
      let result = undefined as SetResult | undefined;
      await road.command(`directory set ${name} ${to}`, '', [
        () => {
          const { directory } = world.slot(name);
          if (directory.master !== from || (version !== undefined && directory.version !== version)) {
            result = { outcome: 'conflict', master: directory.master, version: directory.version };
            return;
          }
          world.setDirectory(name, to);
          result = { outcome: 'set', version: directory.version + 1 };
        },
      ]);
      if (result === undefined) throw new Error('nothing landed');
      return result;
    },
    stateFault: null,
    async setState({ slot: name, master, from, to, version }) {
      await world.clock.sleep(5);
      if (world.directoryAway)
        throw new MailctlError('the directory does not answer', { code: 'state.away', exitCode: 1 });
      let result = undefined as SetStateResult | undefined;
      await road.command(`directory state ${name} ${to}`, '', [
        () => {
          const { directory } = world.slot(name);
          const state = directory.state ?? 'normal';
          const isOurs = directory.master === master && state === from;
          if (!isOurs || (version !== undefined && directory.version !== version)) {
            result = { outcome: 'conflict', ...directory, state };
            return;
          }
          world.slot(name).directory = { master, version: directory.version + 1, state: to };
          result = { outcome: 'set', version: directory.version + 1 };
        },
      ]);
      if (result === undefined) throw new Error('nothing landed');
      return result;
    },
    async raiseVersion(name) {
      if (world.directoryAway)
        throw new MailctlError('the directory does not answer', { code: 'state.away', exitCode: 1 });
      let raised = undefined as number | undefined;
      await road.command(`directory raise ${name}`, '', [
        () => {
          const { directory } = world.slot(name);
          world.slot(name).directory = { ...directory, version: directory.version + 1 };
          raised = directory.version + 1;
        },
      ]);
      return raised;
    },
  };
}

/** The directory where it can be told of new instances. */
export function worldSlotMap(world: SlotWorld, road: Road): SlotMapStore {
  return {
    async applySlotMap({ change }) {
      await world.clock.sleep(5);
      if (world.directoryAway)
        throw new MailctlError('the directory does not answer', { code: 'state.away', exitCode: 1 });
      for (const { before, after } of change) {
        await road.command(`map ${after.slot}`, '', [
          () => {
            const slot = world.slot(after.slot);
            if (slot.directory.version !== before.version || slot.directory.master !== before.master)
              throw new MailctlError('it was changed meanwhile', { code: 'directory.changed', exitCode: 1 });
            const listed = new Set(after.instances.map(({ host }) => host));
            for (const host of slot.instances.keys()) {
              if (listed.has(host)) slot.unlisted.delete(host);
              else slot.unlisted.add(host);
            }
            slot.directory = { ...slot.directory, version: slot.directory.version + 1 };
            world.dirty = true;
          },
        ]);
      }
    },
  };
}

/** The driver over the world, as one process uses it. */
export function worldDriver(world: SlotWorld, road: Road): StoreDriver {
  const { clock } = world;
  const see = async <T>(label: string, host: string, look: () => T): Promise<T> => {
    await road.alive();
    await clock.sleep(LOOK_MS);
    await reach(world, host);
    return road.look(label, host, () => {
      // It may have died under the question.
      if (!world.isUp(host)) throw new TransportError(host, 'lost', `${host}: the connection broke`);
      return look();
    });
  };
  /** An act: reaches the host, compares its token, moves the expiry, writes its line, acts. */
  const act = async (
    label: string,
    host: Host,
    instance: Instance,
    grip: Grip,
    effect: (sentAt: number) => void,
  ): Promise<void> => {
    await road.alive();
    await clock.sleep(ACT_MS);
    await reach(world, host.name);
    const sentAt = clock.monotonic();
    await road.command(`${label} ${instance.slot}`, host.name, [
      () => {
        if (!world.isUp(host.name))
          throw new TransportError(host.name, 'unreachable', `${host.name} does not answer`);
        const own = world.at(instance.slot, host.name);
        if (world.host(host.name).full) throw noSpace(host.name, instance.slot);
        if (own.lease?.token !== grip.token || own.lease.run !== grip.run) {
          throw new MailctlError(`the lease of ${instance.slot} is no longer ours`, {
            code: 'slot.lease-lost',
            exitCode: 6,
          });
        }
        own.lease = {
          ...own.lease,
          phase: grip.phase,
          expires: Math.max(own.lease.expires, world.nowOn(host.name) + LEASE_S),
        };
        if (grip.record !== undefined) own.lane.push(grip.record);
        effect(sentAt);
      },
    ]);
  };
  return {
    software: 'model',
    quarantine: worldQuarantine(world, see, act),
    limits: { stopMs: () => 4000, startMs: 4000, setRoleMs: 4000 },
    observe: (host, instances) =>
      see('observe', host.name, () => instances.map((one) => world.stateOf(world.slot(one.slot), host.name))),
    findInstances: (host) =>
      see('find', host.name, () =>
        [...world.slots.values()]
          .filter((slot) => slot.instances.has(host.name))
          .map(({ slot }) => ({ path: `/srv/${slot}/conf`, slot, instance: undefined, address: undefined })),
      ),
    look: (host, instance) =>
      see(`look ${instance.slot}`, host.name, () => world.stateOf(world.slot(instance.slot), host.name)),
    async tryPorts(from, ports, _seconds, signal) {
      await road.alive();
      await clock.sleep(LOOK_MS);
      await reach(world, from.name, signal);
      await road.alive();
      return ports.map((asked): PortSight => {
        const target = world.host(asked.address);
        const slots = [...world.slots.values()].filter((slot) => slot.instances.has(target.name));
        const serves = slots.some((slot) => {
          const own = slot.instances.get(target.name);
          return own?.running === true && own.runsAs !== 'replica';
        });
        const seen =
          !target.on || !target.linked ? 'silent' : target.hangs ? 'open' : serves ? 'greeting' : 'refused';
        return { ...asked, seen };
      });
    },
    replicaFiles: (host, instances) =>
      see('files', host.name, () =>
        instances.map((one) => {
          const applied = world.at(one.slot, host.name).applied;
          return {
            slot: one.slot,
            newestApplied: applied === undefined ? null : applied.at + world.host(host.name).skewS,
            newestArrival: applied?.arrived ?? null,
            complete: true,
          };
        }),
      ),
    recentMessages: (host, instance, since) =>
      see(`recent ${instance.slot}`, host.name, () => ({
        slot: instance.slot,
        messages: [...world.at(instance.slot, host.name).mail.values()]
          .filter(({ at }) => at >= since)
          .map(({ id, at }) => ({ messageId: `<${id}@model>`, arrivedAt: at })),
        complete: true,
      })),
    mailboxes: (host, instance) =>
      see(`mailboxes ${instance.slot}`, host.name, () => {
        const own = world.at(instance.slot, host.name);
        const users = new Set([...own.mail.values()].map((mail) => mail.user));
        return [
          ...[...users].map((user): Mailbox => ({ name: `user.${user}`, uniqueId: user, deleted: false })),
          ...[...own.gone].flatMap((user): Mailbox[] =>
            users.has(user) ? [] : [{ name: `DELETED.user.${user}.6B01F0C1`, uniqueId: user, deleted: true }],
          ),
        ];
      }),
    replication: (host, instances) =>
      see('replication', host.name, () =>
        instances.map((one) => {
          const state = world.stateOf(world.slot(one.slot), host.name);
          const own = world.at(one.slot, host.name);
          const users = (log: readonly { readonly user: string }[]) =>
            [...new Set(log.map((event) => event.user))].map((user) => ({
              user,
              events: log.filter((event) => event.user === user).length,
            }));
          const pending = (log: readonly { readonly user: string }[]) => ({
            users: users(log),
            moreUsers: 0,
            shared: 0,
            unread: 0,
            torn: null,
            readBytes: log.length,
            sizeBytes: log.length,
          });
          return {
            slot: one.slot,
            host: host.name,
            at: world.now,
            channels: state.channels.map((channel) => ({
              channel: channel.channel,
              events: channel.events,
              oldestBirth: channel.oldestBirth,
              birthBy: channel.oldestBirth === null ? null : ('birth' as const),
              pending: pending(own.log.get(channel.channel) ?? []),
              motion: !channel.clientAlive
                ? ('stopped' as const)
                : !channel.pending
                  ? ('idle' as const)
                  : world.poison.has(own.log.get(channel.channel)?.[0]?.user ?? '')
                    ? ('looping' as const)
                    : ('working' as const),
              complaint: null,
              stuckAt: null,
            })),
            hasGivenUp: false,
            quarantined: own.quarantined.map((event, index) => ({
              file: `run.${index}`,
              events: 1,
              birth: event.at,
              pending: pending([event]),
            })),
            skipped: [],
            problem: null,
          };
        }),
      ),
    sendCanaries: async (_host, masters) =>
      masters.map(({ state }) => ({ slot: state.slot, stamp: null, problem: 'the model has no canary' })),
    findCanaries: async (_host, instances) =>
      instances.map((one) => ({
        slot: one.slot,
        newest: null,
        messages: 0,
        oldBelow: null,
        problem: 'the model has no canary',
      })),
    cleanCanaries: async () => new Map(),
    capabilities: () => ({ readonly: true, onePass: true }),
    content: (host, instance, _role, owners) =>
      see(`content ${instance.slot}`, host.name, () => {
        const mail = [...world.at(instance.slot, host.name).mail.values()];
        return owners.map(({ name }): OwnerContent => contentOf(mail.filter((one) => one.user === name)));
      }),
    serving: (host, instance) =>
      see(`serving ${instance.slot}`, host.name, () => {
        const own = world.at(instance.slot, host.name);
        const ok = own.running && own.listens && own.runsAs === 'master';
        return {
          imap: ok ? 'ok' : 'none',
          lmtp: ok ? 'ok' : 'none',
          login: 'not-tried',
          detail: ok ? '' : 'no greeting',
        } as const;
      }),
    readable: (host, instance) =>
      see(`readable ${instance.slot}`, host.name, () => {
        const own = world.at(instance.slot, host.name);
        const ok = own.running && own.listens && own.runsAs === 'readonly';
        return {
          imap: ok ? 'ok' : 'none',
          login: 'not-tried',
          refusesChanges: ok ? 'yes' : 'not-tried',
          detail: ok ? '' : 'no greeting',
        } as const;
      }),
    async takeLease(host, instance, wish): Promise<LeaseAnswer> {
      await road.alive();
      await clock.sleep(ACT_MS);
      await reach(world, host.name);
      let answer = undefined as LeaseAnswer | undefined;
      await road.command(`take ${instance.slot}`, host.name, [
        () => {
          if (!world.isUp(host.name))
            throw new TransportError(host.name, 'unreachable', `${host.name} does not answer`);
          const own = world.at(instance.slot, host.name);
          if (world.host(host.name).full) throw noSpace(host.name, instance.slot);
          const held = own.lease;
          const isFree =
            held === null ||
            held.run === undefined ||
            held.run === wish.run ||
            held.expires < world.nowOn(host.name) ||
            wish.takeOver.includes(held.run);
          if (!isFree) {
            answer = { granted: false, held, secondsLeft: held.expires - world.nowOn(host.name) };
            return;
          }
          const token = (held?.token ?? 0) + 1;
          const { run, operator, bastion, from, to, phase } = wish;
          const expires = world.nowOn(host.name) + LEASE_S;
          own.lease = { token, run, operator, bastion, from, to, phase, expires };
          world.dirty = true;
          own.lane = [...own.lane, wish.record];
          answer = { granted: true, token };
        },
      ]);
      if (answer === undefined) throw new Error('nothing landed');
      return answer;
    },
    // Not a boundary of the crash suite: it gives way to every act.
    async renewLease(host, instance, grip) {
      await road.alive();
      await clock.sleep(LOOK_MS);
      await reach(world, host.name);
      await road.alive();
      const own = world.at(instance.slot, host.name);
      if (own.lease?.token === grip.token && own.lease.run === grip.run)
        own.lease = { ...own.lease, expires: world.nowOn(host.name) + LEASE_S };
    },
    giveLeaseBack: (host, instance, grip, lines) =>
      act('back', host, instance, grip, () => {
        const own = world.at(instance.slot, host.name);
        world.dirty = true;
        const kept = own.lane.filter((line) => line.startsWith('{"kind":"former",') && !lines.includes(line));
        own.lane = [...lines, ...kept];
        if (own.lease !== null) own.lease = { ...own.lease, run: undefined, phase: '-', expires: 0 };
      }),
    recordLane: (host, instance, grip) => act('record', host, instance, grip, () => {}),
    stop: (host, instance, grip) =>
      act('stop', host, instance, grip, () => {
        const own = world.at(instance.slot, host.name);
        if (own.running) own.stoppedBy = grip.run;
        world.stop(world.slot(instance.slot), host.name);
      }),
    start: (host, instance, grip) =>
      act('start', host, instance, grip, (sentAt) => {
        const own = world.at(instance.slot, host.name);
        const wasRunning = own.running;
        world.start(world.slot(instance.slot), host.name, sentAt);
        if (!wasRunning && own.runsAs === 'master') own.startedBy = grip.run;
        own.stoppedBy = undefined;
      }),
    setRole: (host, instance, grip, role) =>
      act('role', host, instance, grip, () => world.setRole(world.slot(instance.slot), host.name, role)),
    async drain(host, instance, grip, channels, seconds) {
      const slot = world.slot(instance.slot);
      const log = world.at(instance.slot, host.name).log;
      const left = () =>
        world
          .stateOf(slot, host.name)
          .channels.filter((one) => channels.includes(one.channel) && one.pending);
      await act('drain', host, instance, grip, () => {
        for (const to of channels) {
          for (let n = (log.get(to) ?? []).length; n > 0; n -= 1) world.replicateOne(slot, host.name, to);
        }
      });
      if (left().length > 0) await clock.sleep(seconds * 1000);
      await road.alive();
      return { left: left(), said: left().length > 0 ? 'Connection refused' : '' };
    },
    restartReplication: (host, instance, grip) =>
      act('kick', host, instance, grip, () => {
        const slot = world.slot(instance.slot);
        for (const [to, log] of world.at(instance.slot, host.name).log) {
          for (let n = log.length; n > 0; n -= 1) world.replicateOne(slot, host.name, to);
        }
      }),
    async sendUsers(host, instance, grip, to, users) {
      const slot = world.slot(instance.slot);
      const own = world.at(instance.slot, host.name);
      await act('send', host, instance, grip, () => {
        if (!world.takesReplication(slot, to)) return;
        for (const mail of own.mail.values()) {
          if (users.includes(mail.user)) world.at(instance.slot, to).mail.set(mail.id, mail);
        }
      });
      return world.takesReplication(slot, to) ? [] : users;
    },
    sizeOf: (host, instance) =>
      see(`size ${instance.slot}`, host.name, () => world.at(instance.slot, host.name).mail.size * 4096),
    async sendMany(host, instance, grip, to, _kind, names) {
      const slot = world.slot(instance.slot);
      const own = world.at(instance.slot, host.name);
      await act('send', host, instance, grip, () => {
        if (!world.takesReplication(slot, to)) return;
        // Made equal: what the replica alone has of them is forgotten, and what was deleted here is there too.
        const target = world.at(instance.slot, to);
        for (const mail of [...target.mail.values()]) {
          if (names.includes(mail.user) && !own.mail.has(mail.id)) target.mail.delete(mail.id);
        }
        for (const mail of own.mail.values()) if (names.includes(mail.user)) target.mail.set(mail.id, mail);
        for (const user of own.gone) if (names.includes(user)) target.gone.add(user);
        world.dirty = true;
      });
      const failed = world.takesReplication(slot, to) ? [] : names;
      return { failed: failed.map((name) => ({ name, said: 'Connection refused' })), left: [] };
    },
    leftovers: (host, instance) =>
      see(`leftovers ${instance.slot}`, host.name, () => {
        const own = world.at(instance.slot, host.name);
        const users = new Map<string, number>();
        for (const { user } of own.aside) users.set(user, (users.get(user) ?? 0) + 1);
        const events = own.aside.length;
        return {
          logs:
            [...own.log.values()].filter((log) => log.length > 0).length + Number(own.quarantined.length > 0),
          files: events === 0 ? [] : [{ name: 'log.1', birth: own.aside[0]?.at ?? null, events }],
          events: [...users].map(([user, count]) => ({
            kind: 'mailbox' as const,
            user: null,
            mailboxes: [`user.${user}`],
            line: `MAILBOX user.${user}`,
            count,
          })),
          unreadable: 0,
        };
      }),
    setLeftoversAside: (host, instance, grip) =>
      act('aside', host, instance, grip, () => {
        const own = world.at(instance.slot, host.name);
        if (own.running) throw new CommandError(host.name, 'collect', 1, 'it is running');
        own.aside.push(...own.quarantined.splice(0));
        for (const { mail } of own.quarantineFiles.values()) own.aside.push(...mail);
        own.quarantineFiles.clear();
        for (const log of own.log.values()) own.aside.push(...log);
        own.log.clear();
      }),
    async replay(host, instance, grip, to, what) {
      const slot = world.slot(instance.slot);
      await act('replay', host, instance, grip, () => {
        if (!world.isMaster(slot, to.address) || !world.isUp(to.address))
          throw new CommandError(host.name, 'replay', 1, 'Can not connect');
        const users = new Set([
          ...what.users,
          ...what.mailboxes.flat().map((name) => name.replace('user.', '')),
        ]);
        const master = world.at(instance.slot, to.address);
        for (const mail of world.at(instance.slot, host.name).mail.values()) {
          if (!users.has(mail.user) || master.mail.has(mail.id)) continue;
          master.mail.set(mail.id, mail);
          // What comes by replication is logged for the others, as any change is.
          for (const other of slot.instances.keys()) {
            if (other !== to.address && other !== host.name)
              master.log.set(other, [...(master.log.get(other) ?? []), mail]);
          }
        }
      });
      return [];
    },
    async endLeftovers(host, instance, grip) {
      await act('end', host, instance, grip, () => {
        world.at(instance.slot, host.name).aside = [];
      });
      return 'kept';
    },
    preview: (kind, instance, role) => [`${kind} ${instance.slot} ${role}`],
    masterPorts: (state) => [{ address: state.host, port: 10143, kind: 'imap' }],
  };
}

/** A user's one mailbox in figures: equal when the same messages are in it. */
function contentOf(mail: readonly Mail[]): OwnerContent {
  const [first] = mail;
  if (first === undefined) return { ok: true, mailboxes: [], settings: [] };
  const ids = mail.map(({ id }) => id).sort((a, b) => a - b);
  const mailbox = {
    name: `user.${first.user}`,
    uniqueId: first.user,
    crc: ids.join(','),
    annotationCrc: '0',
    lastUid: String(ids.at(-1)),
    highestModseq: String(ids.length),
    uidValidity: '1',
    acl: '',
  };
  return { ok: true, mailboxes: [mailbox], settings: [] };
}

type See = <T>(label: string, host: string, look: () => T) => Promise<T>;
type Act = (
  label: string,
  host: Host,
  instance: Instance,
  grip: Grip,
  effect: (sentAt: number) => void,
) => Promise<void>;

/**
 * Quarantine in the model: files by name, a line a message; what was put aside by hand is one more file. What is sent is
 * on the replica, or stays.
 */
function worldQuarantine(world: SlotWorld, see: See, act: Act): QuarantineDriver {
  const BY_HAND = 'model';
  const targetOf = (instance: Instance, host: string, channel: string) =>
    [...world.slot(instance.slot).instances.keys()].find(
      (name) => name !== host && (channel === '' || name === channel),
    );
  const filesOf = (slot: string, host: string) => {
    const { quarantined, quarantineFiles } = world.at(slot, host);
    const byHand = quarantined.length === 0 ? [] : [[BY_HAND, { mail: quarantined, note: null }] as const];
    return [...byHand, ...quarantineFiles];
  };
  const fileOf = (slot: string, host: string, file: string) =>
    filesOf(slot, host).find(([name]) => name === file)?.[1];
  const sealOf = (mail: readonly Mail[]) => mail.map(({ id }) => id).join(',');
  return {
    list: (host, instances) =>
      see('quarantine', host.name, () =>
        instances.map(({ slot }) =>
          filesOf(slot, host.name).map(([file, { mail, note }]) => ({
            slot,
            host: host.name,
            file,
            note,
            at: world.now,
            events: mail.length,
            birth: mail[0]?.at ?? null,
            users: [...new Set(mail.map(({ user }) => user))],
          })),
        ),
      ),
    read: (host, { slot }, file) =>
      see(`quarantine ${slot}`, host.name, () => {
        const found = fileOf(slot, host.name, file);
        if (found === undefined) return undefined;
        const { mail, note } = found;
        return {
          lines: mail.map(({ user, id }, index) => ({
            number: index + 1,
            users: [user],
            shared: null,
            torn: false,
            text: `MAILBOX user.${user} ${id}`,
          })),
          events: mail.length,
          seal: sealOf(mail),
          note,
          at: world.now,
        };
      }),
    setAside: (host, instance, grip, file, note) =>
      act('set aside', host, instance, grip, () => {
        const own = world.at(instance.slot, host.name);
        const to = targetOf(instance, host.name, note.channel);
        const log = to === undefined ? undefined : own.log.get(to);
        if (to === undefined || log === undefined || log.length === 0 || own.quarantineFiles.has(file))
          return;
        own.quarantineFiles.set(file, { mail: log, note });
        own.log.set(to, []);
        world.dirty = true;
      }),
    async send(host, instance, grip, { channel, file, lines }) {
      let outcome = 'away' as 'sent' | 'failed' | 'away';
      await act('send', host, instance, grip, () => {
        const slot = world.slot(instance.slot);
        const to = targetOf(instance, host.name, channel);
        if (to === undefined || !world.takesReplication(slot, to)) return;
        const { mail = [] } = fileOf(instance.slot, host.name, file) ?? {};
        const wanted = lines.flatMap((number) => mail[number - 1] ?? []);
        outcome = wanted.some(({ user }) => world.poison.has(user)) ? 'failed' : 'sent';
        if (outcome === 'failed') return;
        for (const one of wanted) world.at(instance.slot, to).mail.set(one.id, one);
      });
      return { outcome, said: outcome === 'sent' ? '' : outcome === 'failed' ? 'bad' : 'connect failed' };
    },
    keep: (host, instance, grip, { file, lines, seal, note }) =>
      act('keep', host, instance, grip, () => {
        const own = world.at(instance.slot, host.name);
        const { mail = [] } = fileOf(instance.slot, host.name, file) ?? {};
        if (sealOf(mail) !== seal) throw new CommandError(host.name, 'q-keep', 1, 'is not as it was read');
        const kept = mail.filter((_, index) => lines.includes(index + 1));
        if (file === BY_HAND) own.quarantined.splice(0, own.quarantined.length);
        own.quarantineFiles.delete(file);
        if (kept.length > 0) own.quarantineFiles.set(file, { mail: kept, note });
        world.dirty = true;
      }),
    explain: (_instance, _replica, who, _users, said) => ({ who, kind: 'unknown', text: said, repair: [] }),
    preview: (kind, instance) => [`${kind} ${instance.slot}`],
  };
}
