// A slot as the directory describes it: one mail store, an instance per host that carries it, one of them the
// master. What is really seen on the hosts is in driver.ts (InstanceState).

/** A slot on a host, under the name and address that it has there. */
export interface Instance {
  readonly slot: string;
  readonly host: string;
  /** Name there; the slot's own unless the site says otherwise. */
  readonly instance: string;
  /** Address there; undefined: the host's. */
  readonly address: string | undefined;
  /** Another one was put in its place, the directory names it no longer, and it has something of a master: former.ts. */
  readonly former?: true;
}

/** `normal`, or `readonly:HOST` while a stale replica serves reading. */
export type SlotServing = string;

/** What the directory says of a slot. */
export interface Slot {
  readonly slot: string;
  /** Host of the master. */
  readonly master: string;
  readonly state: SlotServing;
  /** Raised by every change; undefined where the site's directory keeps none. */
  readonly version: number | undefined;
  /** All that carry it, the master's first. */
  readonly instances: readonly Instance[];
}

/** The instance of a slot on a host. */
export function instanceOn(slot: Slot, host: string): Instance | undefined {
  return slot.instances.find((instance) => instance.host === host);
}
