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
}
