// The directory as it was when it last answered: what a failover goes by when the directory is away and the operator
// says --directory-later. Pure; a copy that cannot be wholly read is none. It carries no versions: what is set from it
// compares masters only.

import type { Slot } from './slot.js';
import { readSlotMap, toSlotMapItems } from './slot-map.js';

/** A copy, and when it was made. */
export interface DirectoryCopy {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly slots: readonly Slot[];
}

const FORMAT = 'directory-copy-1';

/** The copy as text. `source` names the directory, without secrets: a copy of another one is not used. */
export function formatDirectoryCopy(source: string, slots: readonly Slot[], at: number): string {
  const states = new Map(slots.map(({ slot, state }) => [slot, state]));
  const items = toSlotMapItems(slots).map((item) => ({ ...item, state: states.get(item.slot) }));
  return `${JSON.stringify({ format: FORMAT, source, at: Math.trunc(at), slots: items })}\n`;
}

/** The copy in `text`, if it is one of `source`. */
export function parseDirectoryCopy(text: string, source: string): DirectoryCopy | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const copy = (value ?? {}) as { format?: unknown; source?: unknown; at?: unknown; slots?: unknown };
  if (copy.format !== FORMAT || copy.source !== source || typeof copy.at !== 'number') return undefined;
  const { entries, faults } = readSlotMap({ slots: copy.slots }, { unknownKeys: 'ignore' });
  if (faults.length > 0) return undefined;
  return {
    at: copy.at,
    slots: entries.map(({ slot, master, instances, state }) => ({
      slot,
      master,
      instances,
      state: state ?? 'normal',
      version: undefined,
    })),
  };
}
