// What the domain asks of a mail-store driver: to look at instances, and to change one of them by one act. The
// driver knows its software and nothing of plans; the domain knows order and safety and nothing of commands.
import type { Host } from '../fleet/host.js';
import type { CanaryFound, CanarySent } from './canary.js';
import type { Owner, OwnerContent } from './content.js';
import type { RecentMessages } from './mx-lookup.js';
import type { QuarantineDriver } from './quarantine-driver.js';
import type { ReplicationLook } from './replication-look.js';
import type { Instance } from './slot.js';

/** A role that an instance can have. `readonly`: a replica that serves reading (failover.md, third way). */
export type Role = 'master' | 'replica' | 'readonly';

/** One service of an instance, as its own configuration asks for it. */
export interface Service {
  readonly name: string;
  readonly kind: 'imap' | 'lmtp' | 'sync' | 'other';
  /** Address it listens on; empty: all addresses. */
  readonly address: string;
  /** undefined: a unix socket. */
  readonly port: number | undefined;
  /** Seen listening, by a socket of this instance's own process. */
  readonly listening: boolean;
  /** It speaks TLS from the first byte (`imapd -s`). */
  readonly wrapped?: true | undefined;
}

/** One replication log on an instance's disk. */
export interface ChannelState {
  /** Empty: the default channel. */
  readonly channel: string;
  /** Where it goes by the instance's own configuration; undefined when that is not there (a replica's). */
  readonly syncHost: string | undefined;
  /** Is there anything to send (`log` or `log-run` exists)? */
  readonly pending: boolean;
  /** Lines in the files: a rough size, two per delivery. */
  readonly events: number;
  /** Epoch seconds by the host's clock; null: nothing pending, or the file system has no birth times. */
  readonly oldestBirth: number | null;
  /** How `oldestBirth` is known; absent: as the file's birth. */
  readonly birthBy?: BirthMethod;
  /**
   * Newest change of the oldest file, epoch seconds: a lower bound of the lag where no birth is known; null or
   * absent: not known.
   */
  readonly changedAt?: number | null;
  /** A sync_client of this channel is alive. */
  readonly clientAlive: boolean;
}

/**
 * How the age of a log is known: `birth` by stat, `statx` by the system call where stat cannot, `seen empty`: it is
 * younger than the last stored observation without one, an upper bound of the lag.
 */
export type BirthMethod = 'birth' | 'statx' | 'seen empty';

/** A lease as its file says; see lease.ts for its meaning. */
export interface Lease {
  /** A number that only grows. */
  readonly token: number;
  /** undefined: given back. */
  readonly run: string | undefined;
  readonly operator: string;
  readonly bastion: string;
  readonly from: string;
  readonly to: string;
  readonly phase: string;
  /** Epoch seconds by the host's clock. */
  readonly expires: number;
}

/** What was seen of one instance on a host that answered. null: could not be known; `problem` says why. */
export interface InstanceState {
  readonly slot: string;
  readonly host: string;
  readonly instance: string;
  /** The host's own clock, epoch seconds. */
  readonly at: number;
  readonly running: boolean | null;
  /** Every port that its configuration asks for is listened on. */
  readonly started: boolean;
  /** By its ports; null when it does not run or cannot be told. */
  readonly role: Role | null;
  /** What it would come up as. */
  readonly configuredRole: Role | null;
  readonly services: readonly Service[];
  /** Logs on its disk, also those left by an earlier time as master. */
  readonly channels: readonly ChannelState[];
  /** Replication is logged at all (`sync_log: yes`); what a master does not log is never sent. */
  readonly logging: boolean;
  /** Quarantined log files and their lines. */
  readonly quarantined: {
    readonly files: number;
    readonly events: number;
    readonly oldestBirth: number | null;
    /** File by file, and the channel on which it could not be sent; null: not known, so that it counts for all. */
    readonly byChannel?: readonly {
      readonly channel: string | null;
      readonly events: number;
      readonly oldestBirth: number | null;
    }[];
  };
  readonly lease: Lease | null;
  /** Lines of its lane file, oldest first, as they are. */
  readonly laneLines: readonly string[];
  readonly freeBytes: number | null;
  /** Size of that file system; null or absent: not told. */
  readonly totalBytes?: number | null;
  /** The file system of its data was remounted read-only: nothing can be written there. */
  readonly readOnlyDisk?: boolean;
  /** Its host's load average over a minute for each processor; null or absent: not told. */
  readonly hostLoad?: number | null;
  /** Version of the software on its host, as it says itself; null or absent: not known. */
  readonly version?: string | null;
  /** Why it cannot serve reading only, and what would have to be written; null: its files are ready for it. */
  readonly readOnlyFault?: string | null;
  /** Why its files cannot make it a master; null or absent: nothing speaks against it, or it cannot be told. */
  readonly masterFault?: string | null;
  readonly problem: string | null;
}

/**
 * One TCP port as tried from a host. `greeting`: it speaks; `open`: accepts and says nothing; `silent`: no answer;
 * `unknown`: it could not be tried (its name is not known there).
 */
export interface PortSight {
  readonly address: string;
  readonly port: number;
  readonly seen: 'greeting' | 'open' | 'refused' | 'silent' | 'unknown';
}

/** What the files of a replica tell (field notes, "What the replica alone tells"). Epoch seconds. */
export interface ReplicaFiles {
  readonly slot: string;
  /** Newest moment at which replication applied anything (ctime); null: nothing was found. */
  readonly newestApplied: number | null;
  /** Newest arrival on the master among what was applied (mtime). */
  readonly newestArrival: number | null;
  /** False: the walk met its deadline, so that there may be newer ones. */
  readonly complete: boolean;
}

/** An instance found on a host. What its path does not say is undefined. */
export interface FoundInstance {
  readonly path: string;
  readonly slot: string | undefined;
  readonly instance: string | undefined;
  readonly address: string | undefined;
}

/** Proof of the right to change an instance: the lease on its host that this run holds. */
export interface Grip {
  readonly run: string;
  readonly token: number;
  readonly phase: string;
  /** A line for the lane file, written under the lock before the act. */
  readonly record?: string | undefined;
}

/** A lease to be written. */
export interface LeaseWish {
  readonly run: string;
  readonly operator: string;
  readonly bastion: string;
  readonly from: string;
  readonly to: string;
  readonly phase: string;
  /** Runs whose lease may be taken before it expires: dead ones of our own journals, and --take-over's. */
  readonly takeOver: readonly string[];
  /** First line of the lane; added to the lane file, which says what is owed and what was not given back. */
  readonly record: string;
}

/** What came of asking for a lease. */
export type LeaseAnswer =
  | { readonly granted: true; readonly token: number }
  | { readonly granted: false; readonly held: Lease; readonly secondsLeft: number };

/** What a drain came to. */
export interface DrainResult {
  readonly left: readonly ChannelState[];
  /** What sync_client said last, raw. */
  readonly said: string;
}

/** What came of sending: what could not be sent and why, and what there was no time for. */
export interface SendResult {
  readonly failed: readonly { readonly name: string; readonly said: string }[];
  readonly left: readonly string[];
}

/** One mailbox of an instance's list. */
export interface Mailbox {
  readonly name: string;
  readonly uniqueId: string;
  readonly deleted: boolean;
}

/** What a former master's logs still say: something of these was changed. */
export interface LeftoverEvent {
  /** `deleted-user`: the last mailbox of a user went; `settings`: subscriptions, marks, scripts, quotas. */
  readonly kind: 'mailbox' | 'rename' | 'user' | 'deleted-user' | 'settings';
  /** null: whose it is, its mailboxes say. */
  readonly user: string | null;
  /** Internal names; a rename has the old one first. */
  readonly mailboxes: readonly string[];
  /** As it stands there. */
  readonly line: string;
  /** How often. */
  readonly count: number;
}

/** What a rejoin finds on a former master's disk. */
export interface Leftovers {
  /** Log files that still are where they were written. */
  readonly logs: number;
  /** Those set aside; birth in epoch seconds. */
  readonly files: readonly {
    readonly name: string;
    readonly birth: number | null;
    readonly events: number;
  }[];
  /** Lines of the files that were set aside, each once. */
  readonly events: readonly LeftoverEvent[];
  /** Lines that say nothing: torn, or nobody's. */
  readonly unreadable: number;
}

/** What is sent from a stopped former master to the new one. */
export interface Replay {
  /** Internal names; those of one unit are sent together (both names of what was renamed). */
  readonly mailboxes: readonly (readonly string[])[];
  /** Whole users. */
  readonly users: readonly string[];
  /** Lines of a log, as they are. */
  readonly lines: readonly string[];
}

/** Whether an instance serves, as tried on its own host. */
export interface Serving {
  readonly imap: 'ok' | 'failed' | 'none';
  readonly lmtp: 'ok' | 'failed' | 'none';
  readonly login: 'ok' | 'failed' | 'not-tried';
  /** Raw text of the server behind a failure. */
  readonly detail: string;
  /** Why the login was not tried, although there is an account for it. */
  readonly unverified?: string | undefined;
}

/** What a version of a mail store can do, by the name of the feature; null: not known. */
export interface Capabilities {
  /** An instance can serve reading alone (Cyrus 3.4: `readonly: yes`). */
  readonly readonly: boolean | null;
  /** One log file can be sent and waited for (Cyrus 3.4: `sync_client -R -1`); a drain needs it. */
  readonly onePass: boolean | null;
  readonly [feature: string]: boolean | null;
}

/** Whether an instance lets people read and nothing else, as tried on its own host. */
export interface Readable {
  readonly imap: 'ok' | 'failed' | 'none';
  readonly login: 'ok' | 'failed' | 'not-tried';
  /** A mailbox could be opened, and it refused a change that would have changed nothing. */
  readonly refusesChanges: 'yes' | 'no' | 'not-tried';
  /** Raw text of the server behind a failure, or why something was not tried. */
  readonly detail: string;
}

/** A mail-store driver. All calls throw MailctlError (TransportError when the host could not be asked). */
export interface StoreDriver {
  readonly software: string;
  /** Events that are set aside. */
  readonly quarantine: QuarantineDriver;
  /** All that can be known of these instances, in one trip; one state per instance, in their order. */
  observe(
    host: Host,
    instances: readonly Instance[],
    signal?: AbortSignal,
  ): Promise<readonly InstanceState[]>;
  /** All instances that a host has by the site's own layout, whatever the directory says. Reads only. */
  findInstances(host: Host, signal?: AbortSignal): Promise<readonly FoundInstance[]>;
  /** The same of one instance, fewer facts re-read; calls made together go in one trip. */
  look(host: Host, instance: Instance): Promise<InstanceState>;
  /** Tries TCP ports of another host from this one. */
  tryPorts(
    from: Host,
    ports: readonly { readonly address: string; readonly port: number }[],
    seconds: number,
    signal?: AbortSignal,
  ): Promise<readonly PortSight[]>;
  replicaFiles(
    host: Host,
    instances: readonly Instance[],
    signal?: AbortSignal,
  ): Promise<readonly ReplicaFiles[]>;
  /** Messages that arrived since a moment (epoch seconds by the master's clock), newest first; bounded. */
  recentMessages(
    host: Host,
    instance: Instance,
    since: number,
    signal?: AbortSignal,
  ): Promise<RecentMessages>;
  mailboxes(host: Host, instance: Instance, role: Role): Promise<readonly Mailbox[]>;
  /** The replication logs of these instances from near: whose events wait, and whether the senders get on. */
  replication(
    host: Host,
    instances: readonly Instance[],
    signal?: AbortSignal,
  ): Promise<readonly ReplicationLook[]>;
  /** Delivers a canary to the probe mailbox of each of these masters, on their own host. */
  sendCanaries(
    host: Host,
    masters: readonly { readonly state: InstanceState; readonly address: string | undefined }[],
    user: string,
  ): Promise<readonly CanarySent[]>;
  /** Looks for the newest canary in the probe mailbox of each, running or not. */
  findCanaries(host: Host, instances: readonly Instance[], user: string): Promise<readonly CanaryFound[]>;
  /** Takes canaries below a UID out of the masters' probe mailboxes; gives why it could not, by slot. */
  cleanCanaries(
    host: Host,
    masters: readonly {
      readonly state: InstanceState;
      readonly address: string | undefined;
      readonly oldBelow: number;
    }[],
    user: string,
  ): Promise<ReadonlyMap<string, string>>;
  /** What the software of an instance can do, by its version; null where that is not known. Never guessed. */
  capabilities(state: InstanceState): Capabilities;
  serving(host: Host, instance: Instance): Promise<Serving>;
  /**
   * What an instance holds of these owners, in figures (content.ts), in their order; `role` is the one whose
   * configuration is read. The instance may run or not. Hundreds of owners a call, not thousands.
   */
  content(
    host: Host,
    instance: Instance,
    role: Role,
    owners: readonly Owner[],
    signal?: AbortSignal,
  ): Promise<readonly OwnerContent[]>;
  readable(host: Host, instance: Instance): Promise<Readable>;

  takeLease(host: Host, instance: Instance, wish: LeaseWish): Promise<LeaseAnswer>;
  renewLease(host: Host, instance: Instance, grip: Grip): Promise<void>;
  /** `laneLines` replace the lane file; none: it is removed. */
  giveLeaseBack(host: Host, instance: Instance, grip: Grip, laneLines: readonly string[]): Promise<void>;
  /** Adds lines to the lane file, under the lease. */
  recordLane(host: Host, instance: Instance, grip: Grip): Promise<void>;

  stop(host: Host, instance: Instance, grip: Grip, planned: boolean): Promise<void>;
  start(host: Host, instance: Instance, grip: Grip, role: Role): Promise<void>;
  setRole(host: Host, instance: Instance, grip: Grip, role: Role): Promise<void>;
  /** The stopped master's log goes to the channels' replicas; ends when nothing is pending or after `seconds`. */
  drain(
    host: Host,
    instance: Instance,
    grip: Grip,
    channels: readonly string[],
    seconds: number,
  ): Promise<DrainResult>;
  /** Ends the instance's sync_clients; its master starts new ones, which connect at once (a waiting one may idle for minutes). */
  restartReplication(host: Host, instance: Instance, grip: Grip): Promise<void>;
  /** Sends whole users from a stopped master, by its own configuration; gives those that failed. */
  sendUsers(
    host: Host,
    instance: Instance,
    grip: Grip,
    channel: string,
    users: readonly string[],
    seconds: number,
  ): Promise<readonly string[]>;

  /**
   * Sends whole users, or mailboxes by their internal names, to one channel's replica; the instance may run. What
   * is equal already costs next to nothing. At most a few hundred names at once.
   */
  sendMany(
    host: Host,
    instance: Instance,
    grip: Grip,
    channel: string,
    kind: 'users' | 'mailboxes',
    names: readonly string[],
    seconds: number,
    /** sync_clients at once. */
    atOnce?: 1 | 2,
  ): Promise<SendResult>;
  /** Bytes that an instance takes on disk; null: it could not be measured in that time. */
  sizeOf(host: Host, instance: Instance, role: Role, seconds: number): Promise<number | null>;
  /** What is left of an instance's time as master. */
  leftovers(host: Host, instance: Instance, signal?: AbortSignal): Promise<Leftovers>;
  /** Sets aside what a stopped instance's logs hold, also what is quarantined there. */
  setLeftoversAside(host: Host, instance: Instance, grip: Grip): Promise<void>;
  /**
   * Sends what is asked for from a stopped instance to the master at that address (its IMAP port). `channel` is the
   * one whose login is used. Gives what failed, by the first name of its unit. @throws CommandError when nothing goes
   */
  replay(
    host: Host,
    instance: Instance,
    grip: Grip,
    to: { readonly address: string; readonly port: number; readonly channel: string },
    what: Replay,
    seconds: number,
  ): Promise<readonly { readonly name: string; readonly said: string }[]>;
  /** What was set aside goes, or is kept on that disk for a person; gives where. */
  endLeftovers(host: Host, instance: Instance, grip: Grip, keep: boolean): Promise<string>;

  /** How long an act may take on its host, in ms: for deadlines of steps. */
  readonly limits: {
    readonly stopMs: (planned: boolean) => number;
    readonly startMs: number;
    readonly setRoleMs: number;
  };
  /** The commands of an act for people: no secrets. */
  preview(
    act:
      | 'stop'
      | 'start'
      | 'set-role'
      | 'drain'
      | 'lease'
      | 'give-back'
      | 'serving'
      | 'set-aside'
      | 'replay'
      | 'send-users'
      | 'end-leftovers',
    instance: Instance,
    role: Role,
  ): readonly string[];
  /** Where a slot's users reach an instance, by its master configuration: for observers. */
  masterPorts(
    state: InstanceState,
  ): readonly { readonly address: string; readonly port: number; readonly kind: 'imap' | 'lmtp' }[];
}
