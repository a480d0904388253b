// The slot map as data: which hosts carry which slot, and who is master. It comes from an import file or from a
// site's directory, is compared with what the directory has, and goes out again as the same list. Pure; reading
// text is slot-map-file.ts (it loads the YAML library).
import { nearest } from '../lib/nearest.js';
import type { Instance, Slot } from './slot.js';
import { addressFault, hostNameFault, quoteName, slotNameFault } from './slot-name.js';

/** One slot as a list names it; `instances` begins with the master's. */
export interface SlotMapEntry {
  readonly slot: string;
  readonly master: string;
  readonly instances: readonly Instance[];
  /** `normal` or `readonly:HOST`; undefined where the list does not say (an import file never does). */
  readonly state: string | undefined;
}

/** What is wrong with a list, and where in it: `[3, 'replicas', 0]` is the first replica of the fourth entry. */
export interface SlotMapFault {
  readonly path: readonly (string | number)[];
  readonly what: string;
}

/** How strict a list is read. */
export interface SlotMapRules {
  /** A file of ours names no key that means nothing (`refuse`); a site's own output may say more (`ignore`). */
  readonly unknownKeys: 'refuse' | 'ignore';
  /** The hosts of the configuration; undefined: any host will do. */
  readonly hosts?: readonly string[] | undefined;
}

/** More faults than these help nobody. */
const MOST_FAULTS = 20;

/** No site has more; a list that has is no list of replicas. */
const MOST_REPLICAS = 100;

/**
 * Reads a list of `{slot, master, replicas}`, or `{slots: [...]}` around it. A host is its name or
 * `{host, instance, address}`. Never throws: what is wrong comes back, and then the entries are not to be used.
 */
export function readSlotMap(
  value: unknown,
  rules: SlotMapRules,
): { readonly entries: readonly SlotMapEntry[]; readonly faults: readonly SlotMapFault[] } {
  const faults: SlotMapFault[] = [];
  const fault = (path: SlotMapFault['path'], what: string): undefined => {
    if (faults.length < MOST_FAULTS) faults.push({ path, what });
  };
  const root: (string | number)[] = [];
  let list = value;
  if (isObject(value)) {
    if (value.slots === undefined)
      fault([], 'expected a list of slots: - {slot: NAME, master: HOST, replicas: [HOST]}');
    checkKeys(
      value,
      ['slots', 'schema', 'at', 'errors', 'outcome', 'changes', 'unclear'],
      root,
      rules,
      fault,
    );
    list = value.slots;
    root.push('slots');
  }
  const entries: SlotMapEntry[] = [];
  if (!Array.isArray(list)) {
    if (faults.length === 0)
      fault(root, 'expected a list of slots: - {slot: NAME, master: HOST, replicas: [HOST]}');
    return { entries, faults };
  }
  const seen = new Map<string, number>();
  list.forEach((item: unknown, index) => {
    const entry = readEntry(item, [...root, index], rules, fault);
    if (entry === undefined) return;
    const first = seen.get(entry.slot);
    if (first !== undefined)
      fault(
        [...root, index, 'slot'],
        `slot ${quoteName(entry.slot)} is listed twice (entries ${first + 1} and ${index + 1})`,
      );
    seen.set(entry.slot, first ?? index);
    entries.push(entry);
  });
  return { entries, faults };
}

type Report = (path: SlotMapFault['path'], what: string) => undefined;
type Path = readonly (string | number)[];

function readEntry(item: unknown, path: Path, rules: SlotMapRules, fault: Report): SlotMapEntry | undefined {
  if (!isObject(item)) return fault(path, 'expected {slot, master, replicas}');
  checkKeys(
    item,
    ['slot', 'master', 'replicas', ...(rules.unknownKeys === 'ignore' ? ['state'] : [])],
    path,
    rules,
    fault,
  );
  if (item.slot === undefined || item.slot === null) return fault(path, 'the key "slot" is missing');
  const slot = toWord(item.slot);
  if (slot === undefined) return fault([...path, 'slot'], 'slot must be a name');
  const wrong = slotNameFault(slot);
  if (wrong !== undefined) return fault([...path, 'slot'], `slot ${quoteName(slot)} ${wrong}`);
  if (item.master === undefined || item.master === null)
    return fault(path, `slot ${quoteName(slot)} has no master`);
  const master = readInstance(slot, item.master, [...path, 'master'], rules, fault);
  const replicas = item.replicas ?? [];
  if (!Array.isArray(replicas)) return fault([...path, 'replicas'], 'replicas must be a list of hosts');
  if (replicas.length > MOST_REPLICAS) {
    return fault([...path, 'replicas'], `slot ${quoteName(slot)} has more than ${MOST_REPLICAS} replicas`);
  }
  const instances: Instance[] = master === undefined ? [] : [master];
  replicas.forEach((replica: unknown, index) => {
    const where = [...path, 'replicas', index];
    const instance = readInstance(slot, replica, where, rules, fault);
    if (instance === undefined) return;
    if (!instances.some(({ host }) => host === instance.host)) {
      instances.push(instance);
    } else if (rules.unknownKeys === 'refuse') {
      const twice =
        instance.host === master?.host ? 'is the master and among the replicas' : 'is listed twice';
      fault(where, `slot ${quoteName(slot)}: host ${quoteName(instance.host)} ${twice}`);
    }
  });
  const state = item.state === undefined || item.state === null ? undefined : toWord(item.state);
  if (state !== undefined && !isServing(state))
    return fault([...path, 'state'], `slot ${quoteName(slot)}: unknown state ${quoteName(state)}`);
  return master === undefined ? undefined : { slot, master: master.host, instances, state };
}

/** A word that a slot's state can be: `normal`, `readonly:HOST`. */
export function isServing(state: string): boolean {
  return state === 'normal' || (state.startsWith('readonly:') && hostNameFault(state.slice(9)) === undefined);
}

function readInstance(
  slot: string,
  value: unknown,
  path: Path,
  rules: SlotMapRules,
  fault: Report,
): Instance | undefined {
  const about = `slot ${quoteName(slot)}:`;
  let parts: Record<string, unknown> = { host: value };
  if (isObject(value)) {
    checkKeys(value, ['host', 'instance', 'address'], path, rules, fault);
    if (value.host === undefined || value.host === null)
      return fault(path, `${about} the key "host" is missing`);
    parts = value;
  }
  const host = toWord(parts.host);
  if (host === undefined) return fault(path, `${about} expected a host's name or {host, instance, address}`);
  const wrongHost = hostNameFault(host);
  if (wrongHost !== undefined) return fault(path, `${about} host ${quoteName(host)} ${wrongHost}`);
  if (rules.hosts !== undefined && !rules.hosts.includes(host)) {
    const [near] = nearest(host, rules.hosts, 1);
    const right = near === undefined ? 'add it under hosts: in the configuration' : `did you mean ${near}?`;
    fault(path, `${about} host ${quoteName(host)} is not in the configuration; ${right}`);
  }
  const instance = optionalWord(parts.instance);
  const address = optionalWord(parts.address);
  if (instance === null) return fault([...path, 'instance'], `${about} instance must be a name`);
  if (address === null) return fault([...path, 'address'], `${about} address must be an address`);
  const wrongInstance = instance === undefined ? undefined : slotNameFault(instance);
  if (wrongInstance !== undefined)
    return fault([...path, 'instance'], `${about} instance ${quoteName(instance ?? '')} ${wrongInstance}`);
  const wrongAddress = address === undefined ? undefined : addressFault(address);
  if (wrongAddress !== undefined)
    return fault([...path, 'address'], `${about} address ${quoteName(address ?? '')} ${wrongAddress}`);
  return { slot, host, instance: instance ?? slot, address };
}

function checkKeys(
  value: object,
  known: readonly string[],
  path: Path,
  rules: SlotMapRules,
  fault: Report,
): void {
  if (rules.unknownKeys === 'ignore') return;
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const [near] = nearest(key, known, 1);
    fault(
      [...path, key],
      `unknown key ${quoteName(key)}; ${near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`}`,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name; whole numbers are names too (a slot called 1001). */
function toWord(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** undefined: not given; null: no word. */
function optionalWord(value: unknown): string | undefined | null {
  return value === undefined || value === null ? undefined : (toWord(value) ?? null);
}

/** A listed slot that differs from what the directory has. */
export interface SlotMapChange {
  readonly before: Slot;
  readonly after: SlotMapEntry;
  /** For people: `master imap21 -> imap22`, `replica imap23 added`. */
  readonly what: readonly string[];
  /** It renames the master without any host being asked: never what a failover is for. */
  readonly changesMaster: boolean;
}

/** What an import would do. */
export interface SlotMapDiff {
  readonly add: readonly SlotMapEntry[];
  readonly change: readonly SlotMapChange[];
  /** Taken out of the directory: only with `prune`. */
  readonly remove: readonly Slot[];
  /** In the directory, not in the list, and left alone. */
  readonly unlisted: readonly Slot[];
  /** Names of slots that are as listed. */
  readonly same: readonly string[];
}

/** Compares a list with the directory. A slot that the list lacks is removed only with `prune`. Pure. */
export function diffSlotMap(
  current: readonly Slot[],
  wanted: readonly SlotMapEntry[],
  options: { readonly prune: boolean } = { prune: false },
): SlotMapDiff {
  const bySlot = new Map(current.map((slot) => [slot.slot, slot]));
  const listed = new Set(wanted.map(({ slot }) => slot));
  const add: SlotMapEntry[] = [];
  const change: SlotMapChange[] = [];
  const same: string[] = [];
  for (const after of wanted) {
    const before = bySlot.get(after.slot);
    if (before === undefined) {
      add.push(after);
      continue;
    }
    const what = differences(before, after);
    if (what.length === 0) same.push(after.slot);
    else change.push({ before, after, what, changesMaster: before.master !== after.master });
  }
  const absent = current.filter(({ slot }) => !listed.has(slot));
  return { add, change, remove: options.prune ? absent : [], unlisted: options.prune ? [] : absent, same };
}

/** True when the diff touches what is there already, so that the operator must agree (`--yes`). */
export function needsConsent(diff: SlotMapDiff): boolean {
  return diff.change.length > 0 || diff.remove.length > 0;
}

function differences(before: Slot, after: SlotMapEntry): readonly string[] {
  const what: string[] = [];
  if (before.master !== after.master) what.push(`master ${before.master} -> ${after.master}`);
  for (const old of before.instances) {
    const now = after.instances.find(({ host }) => host === old.host);
    if (now === undefined) {
      what.push(`${old.host} removed`);
      continue;
    }
    if (old.instance !== now.instance)
      what.push(`instance on ${old.host} ${old.instance} -> ${now.instance}`);
    if (old.address !== now.address)
      what.push(`address on ${old.host} ${old.address ?? 'none'} -> ${now.address ?? 'none'}`);
  }
  for (const { host } of after.instances) {
    if (!before.instances.some((old) => old.host === host)) what.push(`${host} added`);
  }
  if (what.length === 0 && before.instances.some((old, index) => old.host !== after.instances[index]?.host)) {
    what.push(`order of replicas ${hostsOf(before)} -> ${hostsOf(after)}`);
  }
  return what;
}

function hostsOf(slot: { readonly instances: readonly Instance[] }): string {
  return slot.instances
    .slice(1)
    .map(({ host }) => host)
    .join(', ');
}

/** A host in a list: its name where that says all. */
export type SlotMapHost =
  | string
  | { readonly host: string; readonly instance?: string; readonly address?: string };

/** One item of the list that `slots export` prints and `slots import` reads. */
export interface SlotMapItem {
  readonly slot: string;
  readonly master: SlotMapHost;
  readonly replicas: readonly SlotMapHost[];
}

/** The directory as the list that an import reads back to the same. */
export function toSlotMapItems(slots: readonly Slot[]): readonly SlotMapItem[] {
  return slots.map(({ slot, master, instances }) => {
    const carrier = instances.find(({ host }) => host === master);
    return {
      slot,
      master: carrier === undefined ? master : toItemHost(carrier),
      replicas: instances.filter(({ host }) => host !== master).map(toItemHost),
    };
  });
}

function toItemHost({ slot, host, instance, address }: Instance): SlotMapHost {
  if (instance === slot && address === undefined) return host;
  return { host, ...(instance === slot ? {} : { instance }), ...(address === undefined ? {} : { address }) };
}

/** Where an import goes. */
export interface SlotMapStore {
  /**
   * Does all of a diff or nothing of it.
   * @throws MailctlError `directory.changed` when the directory is no longer what the diff was made from.
   */
  applySlotMap(diff: SlotMapDiff): Promise<void>;
}
