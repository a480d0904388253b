// The configuration as the rest of the program sees it: durations in ms, paths expanded, defaults filled in.
// Types only; schema.ts checks a file against them, load.ts reads one. Keys as in design 2.3.

/** `defaults:` */
export interface Defaults {
  readonly ssh: {
    /** ssh's own configuration file (`-F`), if not the user's default. */
    readonly config: string | undefined;
    readonly connectTimeoutMs: number;
    readonly controlPersistMs: number;
  };
  /** false, or the user that privileged scripts run as (`true` in the file means root). */
  readonly sudo: string | false;
}

/** One of `hosts:`; see fleet/host.ts for what the program uses. */
export interface HostConfig {
  readonly groups: readonly string[];
  readonly location: string | undefined;
  readonly address: string | undefined;
  readonly transport: 'ssh' | 'local';
  /** Queues of the host; none: the queue commands look for them. */
  readonly queues: readonly QueueConfig[];
  /** The host's own `sudo:`, else `defaults.sudo`; false, or the user that privileged scripts run as. */
  readonly sudo: string | false;
  /** Higher becomes master first. */
  readonly preference: number;
  /** Masters at once; undefined: no limit is known. */
  readonly maxSlots: number | undefined;
  readonly fence: FenceConfig | undefined;
}

/** A host's `fence:`: the commands that cut it off, and that see whether it is. */
export interface FenceConfig {
  readonly run: readonly string[];
  readonly verify: readonly string[] | undefined;
  /** Host that they run on; undefined: here. */
  readonly on: string | undefined;
  readonly timeoutMs: number;
}

/** `stores.min_free`: one of the two is 0; a percentage is of the whole disk. */
export interface RoomConfig {
  readonly bytes: number;
  readonly percent: number;
}

/** One entry of a host's `queues:`. */
export interface QueueConfig {
  readonly driver: string;
  /** Which of several on the host, by the mail server's own name; undefined: its first. */
  readonly instance: string | undefined;
  readonly within: readonly string[] | undefined;
  /** Of the driver `exec`, the site's own. */
  readonly commands: QueueCommands | undefined;
  /** What its processes are called. */
  readonly process?: string | undefined;
}

/** A site's own sender: what lists its queue, and what acts on messages. */
export type QueueCommands = { readonly list: readonly string[] } & {
  readonly [act in 'hold' | 'release' | 'requeue' | 'flush' | 'delete' | 'restore']?:
    | readonly string[]
    | undefined;
};

/** How a slot's role is set: by a link, or by the site's own commands. */
export type RoleConfig =
  | {
      readonly kind: 'link';
      /** Path of the symbolic link; its target is one of the three below. */
      readonly link: string;
      readonly master: string;
      readonly replica: string;
      readonly readonly: string | undefined;
    }
  | { readonly kind: 'command'; readonly set: readonly string[]; readonly get: readonly string[] };

/**
 * `stores.cyrus:`. Every string and argv may hold {slot} {instance} {host} {address} {role}; they are filled in
 * per instance, never through a shell.
 */
export interface CyrusConfig {
  readonly user: string;
  readonly configDir: string;
  readonly imapdConf: string;
  readonly cyrusConf: string;
  readonly pidFile: string;
  readonly role: RoleConfig;
  readonly start: 'builtin' | readonly string[];
  readonly stop: 'builtin' | readonly string[];
  /** How long a stop may take before SIGKILL when the master is dead. */
  readonly stopTimeoutMs: number;
  /** The same for planned work. */
  readonly plannedStopTimeoutMs: number;
  readonly admin: Account | undefined;
}

/** A login whose password is in a file that others cannot read; read when it is used, never shown. */
export interface Account {
  readonly user: string;
  readonly passwordFile: string;
}

/** `stores.road:`, the way that people and mail take to a slot. What is undefined is not tried. */
export interface RoadConfig {
  readonly imap:
    | {
        /** Name or address of the frontend. */
        readonly host: string;
        readonly port: number;
        /** Name that the test account of a slot has there, with {user} and {slot}. */
        readonly user: string;
        /** Host to log in from; undefined: this machine. */
        readonly from: string | undefined;
      }
    | undefined;
  /** The MX that hands mail over. */
  readonly lmtp: { readonly host: string } | undefined;
}

/** `stores:` */
export interface StoresConfig {
  readonly maxLagMs: number;
  readonly drainTimeoutMs: number;
  readonly testAccount: Account | undefined;
  /** One small message to this user of each slot, sent by `slots sample`; undefined: none. */
  readonly canary: { readonly user: string; readonly everyMs: number } | undefined;
  readonly quarantine: {
    /** `replication watch` sets blocked events aside, and sends them again when they are due, by itself. */
    readonly auto: boolean;
    readonly retryMs: number;
    /** Who looks after what is set aside. */
    readonly owner: string | undefined;
  };
  /** undefined: 1G, or 5 % of a disk on which that is less. */
  readonly minFree: RoomConfig | undefined;
  /** How addresses of a slot read, `{user}@{slot}.example.net`; undefined: they do not tell. */
  readonly recipient: string | undefined;
  /** Waiting mail that is released on each MX after a failover. */
  readonly releasePerSecond: number;
  /** How long a failover goes on releasing. */
  readonly releaseTimeoutMs: number;
  readonly road: RoadConfig;
  readonly cyrus: CyrusConfig | undefined;
}

/** One of `directory.hooks:`. */
export interface HookConfig {
  /** Host it runs on; undefined: here. */
  readonly host: string | undefined;
  readonly run: readonly string[];
  readonly per: 'slot' | 'run';
  readonly timeoutMs: number;
}

/** `directory.moves:`: where the moves of users between slots are listed. */
export type MovesConfig =
  | { readonly kind: 'command'; readonly command: readonly string[] }
  | { readonly kind: 'file'; readonly file: string }
  /** In the directory's database. */
  | { readonly kind: 'table'; readonly table: string };

/** A database of ours: a file, or a PostgreSQL server. */
export interface DatabaseConfig {
  readonly url: string | undefined;
  /** A server's password, where the url has none; a file that others cannot read. */
  readonly passwordFile: string | undefined;
}

/** `directory:` */
export type DirectoryConfig = {
  /** Prints the users of {slot}, or of all slots. */
  readonly users: readonly string[] | undefined;
  readonly moves: MovesConfig | undefined;
  readonly hooks: readonly HookConfig[];
} & (
  | ({ readonly kind: 'database' } & DatabaseConfig)
  | {
      readonly kind: 'commands';
      readonly list: readonly string[];
      readonly get: readonly string[];
      readonly set: readonly string[];
    }
);

/** One of `destinations:`: a mailbox provider as a receiver sees itself. */
export interface DestinationConfig {
  /** Recipient domains, in lower case. */
  readonly domains: readonly string[];
  /** Globs over the names of MX hosts, in lower case. */
  readonly mx: readonly string[];
  /** Connections at once; undefined: no limit known. */
  readonly connections: number | undefined;
  readonly ratePerSecond: number | undefined;
}

/** `queue:`: acts on messages. */
export interface QueueActsConfig {
  /** More messages than this are confirmed by typing their number. */
  readonly confirmAbove: number;
  /** How long deleted messages are kept. */
  readonly keepDeletedMs: number;
  /** Bytes that they may take on a host. */
  readonly keepAtMost: number;
  /** Globs of envelope senders whose mail a drain lets go first, and last. */
  readonly drainFirst: readonly string[];
  readonly drainLast: readonly string[];
}

/** One of `uplinks:`: a place on the network to look from. */
export interface UplinkConfig {
  readonly host: string;
  /** Source addresses: none, one, or one of each family. */
  readonly sources: readonly string[];
  readonly interface: string | undefined;
  /** Takes it out of use, with {uplink} {host} {source}; offered by `probe`, never run by it. */
  readonly drop: readonly string[] | undefined;
}

/** `probe:` */
export interface ProbeConfig {
  /** Domains that we send from, in lower case. */
  readonly domains: readonly string[];
  /** Zones of block lists. */
  readonly blockLists: readonly string[];
}

/** One of `deliveries:`: a mailbox of our own that a probe sends to and looks into. */
export interface DeliveryConfig {
  readonly to: string;
  /** Envelope sender and From. */
  readonly from: string;
  /** Host that hands the message over; undefined: this machine. */
  readonly host: string | undefined;
  /** Whom to, as that host sees it: `127.0.0.1:25`. */
  readonly server: string;
  readonly imap: Account & {
    /** `imap.example.net:993`; TLS from the start on 993, by STARTTLS on any other port. */
    readonly server: string;
    /** Host to look from; undefined: this machine. */
    readonly from: string | undefined;
  };
  /** How long the message may take. */
  readonly timeoutMs: number;
}

/** The whole configuration. A part that the file lacks has its default; `stores.cyrus` has none. */
export interface Config {
  /** The file it came from; undefined: none was found, the built-in defaults hold. */
  readonly file: string | undefined;
  readonly defaults: Defaults;
  readonly hosts: ReadonlyMap<string, HostConfig>;
  readonly stores: StoresConfig;
  readonly directory: DirectoryConfig;
  /** Database url of the state, e.g. `sqlite:/var/lib/mailctl/mailctl.db`; undefined: in the state directory. */
  readonly state: DatabaseConfig;
  readonly destinations: ReadonlyMap<string, DestinationConfig>;
  readonly uplinks: ReadonlyMap<string, UplinkConfig>;
  readonly probe: ProbeConfig;
  readonly deliveries: ReadonlyMap<string, DeliveryConfig>;
  readonly queue: QueueActsConfig;
  /** Group (name or number) whose members may write configuration files; counts in /etc/mailctl/mailctl.yaml only. */
  readonly configGroup: string | undefined;
}

/** Top-level sections of the file. A command names those that it needs; a fault in any other is a warning. */
export type Section =
  | 'defaults'
  | 'hosts'
  | 'stores'
  | 'directory'
  | 'state'
  | 'destinations'
  | 'uplinks'
  | 'probe'
  | 'deliveries'
  | 'queue'
  | 'config_group';
