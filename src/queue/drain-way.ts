// What a drain asks of a queue's driver (the way: park, release, look) and of the mail host whatever runs on it (the
// post: lease, manifest, heartbeat, dead man, guards). Types only. How many go when, and what a figure means, is judged
// in drain/: a driver knows no rate and no window.
import type { DeskHolder, DeskPlace } from './desk.js';
import type { ActAnswer } from './driver.js';
import type { MessageKey } from './message.js';

/**
 * Where a message of a drain is now. `waiting`: free, and not tried since it was released. `active`: being delivered, or
 * next in line. `deferred`: tried since, and put off by the server's own back-off. `held`: parked. `gone`: out of the
 * queue: delivered, bounced or deleted, which only the log tells apart.
 */
export type DrainFate = 'waiting' | 'active' | 'deferred' | 'held' | 'gone';

/** A message to be released. */
export interface DrainRelease extends MessageKey {
  /**
   * Its next hop as the server tells them apart, mostly the recipient's domain: a server that keeps connections for
   * the next message keeps them for messages of the same hop.
   */
  readonly hop?: string | undefined;
  /** Connections that it makes to its destination at most: one a hop, or more for many recipients. Undefined: one. */
  readonly connections?: number | undefined;
}

/** Messages that share a window: mostly one destination's. */
export interface DrainLot {
  /** At most so many of the lot are in flight at once (`waiting` or `active`); what is above it already is left alone. */
  readonly window: number;
  /**
   * Connections that may be open to `peers`, whoever opened them: a server that keeps finished ones for the next
   * message has more open than it has messages in flight. Null, or no peer known: the window alone counts.
   */
  readonly connections?: number | null | undefined;
  /** Addresses of the destination's mail exchangers, as far as they are known. */
  readonly peers?: readonly string[] | undefined;
  /** At most so many are released a second; null: as fast as the window lets them. */
  readonly perSecond: number | null;
  /** Of `perSecond`, what may go at once, for it was left over before; less than nothing: too many went. Undefined: one. */
  readonly credit?: number | undefined;
  /** What the last look said of it (`DrainLook.reuses`). */
  readonly reuses?: number | undefined;
  /**
   * So many connections that are kept for the next message of their hops are left to end, so that others get a place:
   * the first of `release` have waited for long. Undefined: none.
   */
  readonly yields?: number | undefined;
  /** To be released in this order, as places in the window become free; what does not come to it stays held. */
  readonly release: readonly DrainRelease[];
  /** Ids that were released earlier and are not known to have ended: they take places in the window. */
  readonly watch: readonly string[];
  /** The next hops of `watch`, in its order. */
  readonly watchHops?: readonly string[] | undefined;
}

/** What one tick asks for. */
export interface DrainOrder {
  readonly lots: readonly DrainLot[];
  /**
   * The host itself keeps the windows full for so long, then answers: a delivery takes less time than a question to
   * the host. 0, or nothing to release: it only looks. A server that cannot do that releases once, and answers.
   */
  readonly forMs: number;
}

/** What a tick did and saw. */
export interface DrainLook {
  /** Epoch seconds by the host's clock, with fractions where it has them. */
  readonly at: number;
  /** Of every id of the order. `held`, of one to be released: its turn did not come. */
  readonly fates: ReadonlyMap<string, DrainFate>;
  /** Ids that could not be released, with the server's reason. Raw. */
  readonly failed: readonly { readonly id: string; readonly why: string }[];
  /** Messages of the whole queue that are being delivered or are next in line; null: cannot be counted. */
  readonly inFlight: number | null;
  /** Of those that are not ours: seconds that the oldest has waited for its turn; null: not known; 0: there is none. */
  readonly oldestOther: number | null;
  /** The server said that it is not running: nothing will move. */
  readonly isDown: boolean;
  /**
   * By the order's lots: how far messages are seen to take the connections that are kept for them, by a figure of the
   * server's own; below zero, not. A lot that is missing has not told.
   */
  readonly reuses?: ReadonlyMap<number, number> | undefined;
  /**
   * Messages that the server has put aside under names of its own since the first look, instead of delivering them:
   * those out of the queue are not all delivered. Null or absent: it gives no new names.
   */
  readonly aside?: number | null | undefined;
}

/** What the scripts on the host must know of a server. Fixed texts of POSIX sh, each run with `args`. */
export interface DrainSide {
  readonly args: readonly string[];
  /** Words put before a shell: the server lives in a container. */
  readonly within?: readonly string[] | undefined;
  /**
   * Sets `spool` to the folder that the queue is in, and `main` to the pids of the server's main processes, separated
   * by blanks: they and their children are looked at. What it cannot find out stays empty. Must be quick.
   */
  readonly locate: string;
  /** Its main processes may be deliveries that come and go: another one is no new start of the server. */
  readonly isShortLived?: boolean | undefined;
  /** Gives back what is held of the messages on its stdin, a `line` each; null: only mailctl can. Safe to repeat. */
  readonly giveBack: string | null;
  /** Null: no line can name it, so that no call parks it either. */
  line(key: MessageKey): string | null;
}

/** One queue's way of draining. Every call may be repeated; each looks at every message again before it acts. */
export interface DrainWay {
  /** True: what is released makes one connection each at most, so that in flight <= limit keeps the limit. */
  readonly oneConnectionEach: boolean;
  /** True: it keeps to `connections` of a lot by itself. */
  readonly countsConnections?: boolean | undefined;
  /** For the dead man and the guards. */
  readonly side: DrainSide;
  /** Seconds after which the server itself returns a message, from its arrival; null: it does not say. */
  lifetime(signal?: AbortSignal): Promise<number | null>;
  /** Holds them, also those that an earlier drain released and that were put off since. What is active may go out. */
  park(keys: readonly MessageKey[], signal?: AbortSignal): Promise<ActAnswer>;
  /** Releases, keeps the windows full for a while and looks, in one round trip. */
  tick(order: DrainOrder, signal?: AbortSignal): Promise<DrainLook>;
  /**
   * Starts again what has died and takes these messages, where the server itself does not; never one that somebody has
   * stopped as a whole. True: it was started.
   */
  revive?(ids: readonly string[], signal?: AbortSignal): Promise<boolean>;
  /** Gives them back to the server, which tries them at its own pace. */
  unpark(keys: readonly MessageKey[], signal?: AbortSignal): Promise<ActAnswer>;
  /** The commands, for people. */
  preview(part: 'park' | 'release' | 'unpark'): readonly string[];
}

/** What the host has left, as one round trip saw it; null: it cannot be seen there. */
export interface HostGuards {
  /** Epoch seconds by the host's clock. */
  readonly at: number;
  /** Of the host, or of the control group that the mail server runs in: the tighter of the two. */
  readonly memory: {
    readonly availableBytes: number;
    readonly totalBytes: number;
    /** The control group's path; absent: the host's own. */
    readonly group?: string | undefined;
  } | null;
  /** All of them: the host's and those of its groups, each with its own limit, whichever is nearest to it. */
  readonly memories?: readonly {
    readonly availableBytes: number;
    readonly totalBytes: number;
    readonly group?: string | undefined;
  }[];
  /** Processes and threads in the control groups of the mail server that limit them; absent: none does. */
  readonly tasks?: readonly { readonly tasks: number; readonly most: number; readonly group: string }[];
  /** Processes killed for lack of memory: since boot, or in the control group. */
  readonly oomKills: number | null;
  readonly sockets: {
    readonly inUse: number;
    readonly orphans: number;
    readonly mostOrphans: number | null;
    readonly timeWait: number;
    /** Ports that outgoing connections to one peer can take. */
    readonly ports: number | null;
    readonly memoryPages: number;
    /** Pages above which the kernel is short of them. */
    readonly mostMemoryPages: number | null;
  } | null;
  /** Of the mail server's processes the one that is nearest to its own limit. */
  readonly files: { readonly process: string; readonly open: number; readonly limit: number } | null;
  /** Of the mail server's processes the one that is nearest to the limit of its address space (`ulimit -v`). */
  readonly addressSpace?: { readonly process: string; readonly bytes: number; readonly limit: number } | null;
  /** The mail server's oldest main process: another one at the next look means that it was started again. */
  readonly server?: {
    readonly process: string;
    readonly pid: number;
    /** Epoch seconds by the host's clock. */
    readonly startedAt: number;
    /** Its processes, children included, and what they have in memory. */
    readonly processes: number;
    readonly residentBytes: number;
    /** Another one at the next look means nothing. */
    readonly isShortLived?: boolean | undefined;
  } | null;
  /** Connections that the packet filter follows, of those that it can. */
  readonly tracked?: { readonly connections: number; readonly most: number } | null;
  readonly load: { readonly one: number; readonly cpus: number } | null;
  /** Of the file system that the queue is on. */
  readonly disk: {
    readonly freeBytes: number;
    readonly totalBytes: number;
    readonly freeInodes: number | null;
    readonly totalInodes: number | null;
  } | null;
}

/** What happens to parked messages when no heartbeat comes any more. */
export type OnDeath = 'release' | 'hold';

/** Limits that an operator gave by hand: connections, and messages in flight; null: neither was said. */
export interface ToldLimits {
  readonly perSecond: number | null;
  readonly destinations: readonly (readonly [
    name: string,
    connections: number | null,
    inFlight: number | null,
  ])[];
}

/** What is written on the host when a drain begins. */
export interface DrainStart {
  /** What its operator said of destinations; undefined: nothing that can be read. */
  readonly limits?: ToldLimits | undefined;
  readonly holder: DeskHolder;
  /** The run as people say it. */
  readonly run: string;
  readonly reason: string;
  readonly onDeath: OnDeath;
  /** Seconds without a heartbeat after which the drain counts as dead. */
  readonly deadAfterS: number;
  /** Keys of drains whose lease may be taken from them: this one's own, or one that the operator takes over. */
  readonly dead: readonly string[];
}

/** A drain as its host knows it. */
export interface FoundDrain extends DrainStart {
  /** Ids in its manifest. */
  readonly messages: number;
  /** Of them held now; null: was not looked at. */
  readonly held: number | null;
  /** Seconds since its last heartbeat, by the host's clock. */
  readonly silentS: number;
  /** `running`: has a heartbeat; `dead`: has none; `released`: the dead man has put the rest back; `held`: stopped by its operator with the rest still held. */
  readonly state: 'running' | 'dead' | 'released' | 'held';
  /** A dead man lives and will act when no heartbeat comes. */
  readonly isWatched?: boolean | undefined;
  /** What the drain wrote with its last heartbeat; null: nothing. Hostile. */
  readonly note: unknown;
}

/** What a heartbeat found. */
export interface DrainBeat {
  /** False: the drain is no longer ours: another has taken it, or the dead man has put the rest back. */
  readonly isOurs: boolean;
  readonly guards: HostGuards;
}

/** The drains' place on a mail host. All calls throw MailctlError (TransportError when the host could not be asked). */
export interface DrainPost {
  /** Takes the queue for a drain, writes down whose it is and sets up the dead man. One drain a queue. */
  begin(
    place: DeskPlace,
    start: DrainStart,
    signal?: AbortSignal,
  ): Promise<{ readonly granted: true } | { readonly granted: false; readonly held: FoundDrain }>;
  /** Adds to the manifest, durably, before these are parked. False: it is not ours any more. */
  keep(
    place: DeskPlace,
    key: string,
    part: string,
    keys: readonly MessageKey[],
    signal?: AbortSignal,
  ): Promise<boolean>;
  /** Heartbeat, renewal of the lease and guards in one round trip; starts the dead man again where it is gone. */
  beat(place: DeskPlace, key: string, note: object, signal?: AbortSignal): Promise<DrainBeat>;
  /** Starts the dead man of every drain that has none and needs one: after a reboot. How many it started. */
  wake(place: DeskPlace, signal?: AbortSignal): Promise<number>;
  /** Guards alone, for a plan; changes nothing. */
  guards(place: DeskPlace, signal?: AbortSignal): Promise<HostGuards>;
  /**
   * Ends it and the dead man, who has nothing in hand any more then. `held`: the rest stays held, and the host remembers
   * whose it was. False: there is no such drain, or its rest was given back before.
   */
  end(place: DeskPlace, key: string, how: 'done' | 'held', signal?: AbortSignal): Promise<boolean>;
  /** All that is known there; changes nothing. */
  found(place: DeskPlace, signal?: AbortSignal): Promise<readonly FoundDrain[]>;
  /** The messages of a drain, as they were parked; for another bastion that goes on. */
  keys(place: DeskPlace, key: string, onKey: (key: MessageKey) => void, signal?: AbortSignal): Promise<void>;
}
