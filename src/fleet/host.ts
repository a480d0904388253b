// A host as the configuration names it. A name, never a connection.

/** A machine, reached through one transport. */
export interface Host {
  /** The name in the configuration, and the word given to ssh. */
  readonly name: string;
  readonly transport: 'ssh' | 'local';
  /** Adds HostName to ssh's own configuration, nothing else. */
  readonly address?: string | undefined;
  readonly groups: readonly string[];
  /** Rack or row; hosts that fail together share one. */
  readonly location?: string | undefined;
  /** Of several replicas, the one on the host of higher preference becomes master first; 0 when it says nothing. */
  readonly preference?: number | undefined;
  /** Masters that it can carry at once. */
  readonly maxSlots?: number | undefined;
  /** How it is cut off for good, where somebody can do that. */
  readonly fence?: Fence | undefined;
}

/** The commands that cut a host off, and that see whether it is; words, never a shell line. */
export interface Fence {
  readonly run: readonly string[];
  /** Exits 0 when the host is off. */
  readonly verify?: readonly string[] | undefined;
  /** Host that they run on; undefined: here. */
  readonly on?: string | undefined;
  readonly timeoutMs: number;
}
