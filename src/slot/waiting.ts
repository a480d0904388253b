// Mail that waits on the MXs for slots that have moved: whose a queued message is, and how many there are. A
// recipient is told by the site's form of addresses, by the directory's users, or by where the last try went. Pure.
import type { QueueMessage, QueueRecipient } from '../queue/message.js';

/** Where mail for a slot is handed over, as an MX may name it: host names and addresses with their LMTP ports. */
export interface SlotRoad {
  readonly slot: string;
  readonly ends: readonly { readonly name: string; readonly port: number }[];
}

/** The slot that a recipient's mail waits for; UNKNOWN_SLOT: one of ours, nobody knows which; null: none of ours. */
export type Whose = (recipient: QueueRecipient) => string | null;

/** Stands for a slot whose name is not known. */
export const UNKNOWN_SLOT = '';

/** How the last try ended, in the forms that name a next hop; what the far side said comes later in the text. */
const NEXT_HOP =
  /^(?:delivery temporarily suspended: )?(?:connect to|host|lost connection with|conversation with) ([^\s[\]]*)\[([^\s[\]]+)\](?::(\d{1,5}))?/;

/** The next hop that a delay reason names. */
export function nextHopOf(
  reason: string | null,
): { readonly names: readonly string[]; readonly port: number | null } | null {
  const found = reason === null ? null : NEXT_HOP.exec(reason);
  if (found === null) return null;
  const [, name = '', address = '', port] = found;
  const short = /^[\d.]+$|:/.test(name) ? name : (name.split('.')[0] ?? name);
  const names = [name, short, address].map((one) => one.toLowerCase()).filter((one) => one !== '');
  return { names: [...new Set(names)], port: port === undefined ? null : Number(port) };
}

/** A site's form of addresses, `{user}@{slot}.example.net`, as a reader of recipients. */
export function recipientForm(
  form: string,
): (address: string) => { readonly user: string; readonly slot: string } | null {
  const parts = form.toLowerCase().split(/(\{user\}|\{slot\})/);
  const names: string[] = [];
  const pattern = parts.map((part) => {
    if (part !== '{user}' && part !== '{slot}') return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    names.push(part);
    // A slot's name has no @; a user may have anything.
    return part === '{slot}' ? '([^@]+?)' : '(.+?)';
  });
  const whole = new RegExp(`^${pattern.join('')}$`, 's');
  return (address) => {
    const found = address.length > 1000 ? null : whole.exec(address.toLowerCase());
    if (found === null) return null;
    const value = (name: string) => found[names.indexOf(name) + 1] ?? '';
    return { user: value('{user}'), slot: value('{slot}') };
  };
}

/** What recipients are told by, strongest first. */
export interface WhoseParts {
  readonly roads: readonly SlotRoad[];
  /** `stores.recipient` of the configuration. */
  readonly form?: string | undefined;
  /** Slot of a recipient by the directory's users, lower case; undefined of one that it does not know. */
  readonly slotOfUser?: ((address: string) => string | undefined) | undefined;
}

/** Joins what is known into one answer. */
export function whoseMail({ roads, form, slotOfUser }: WhoseParts): Whose {
  const ours = new Map(roads.map(({ slot }) => [slot.toLowerCase(), slot]));
  const read = form === undefined ? undefined : recipientForm(form);
  const byEnd = new Map<string, Set<string>>();
  const add = (key: string, slot: string) => byEnd.set(key, (byEnd.get(key) ?? new Set()).add(slot));
  for (const { slot, ends } of roads) {
    for (const { name, port } of ends) {
      add(`${name.toLowerCase()}\n${port}`, slot);
      add(name.toLowerCase(), slot);
    }
  }
  const byReason = (reason: string | null): string | null => {
    const hop = nextHopOf(reason);
    if (hop === null) return null;
    for (const name of hop.names) {
      const slots = byEnd.get(hop.port === null ? name : `${name}\n${hop.port}`);
      if (slots === undefined) continue;
      return slots.size === 1 ? ([...slots][0] as string) : UNKNOWN_SLOT;
    }
    return null;
  };
  return ({ address, reason }) => {
    const told = read?.(address)?.slot ?? slotOfUser?.(address.toLowerCase());
    // Who says that it is another slot's is believed: a reason may be older than a move.
    if (told !== undefined) return ours.get(told.toLowerCase()) ?? null;
    return byReason(reason);
  };
}

/** One message of ours, as it was listed last. */
export interface WaitingMessage {
  readonly id: string;
  readonly slots: readonly string[];
  readonly state: string;
  readonly arrivedAt: number;
  readonly reason: string | null;
}

/** Messages of one queue that are remembered by id; more are counted, and come up once these have gone. */
export const MOST_KEPT = 300_000;

/** What of a queue waits for slots of ours. */
export interface WaitingList {
  readonly messages: ReadonlyMap<string, WaitingMessage>;
  /** True: there are more than could be remembered. */
  readonly isCut: boolean;
}

/** Folds a listing; an id that comes twice is one message, its last line holds. */
export class WaitingFold implements WaitingList {
  readonly messages = new Map<string, WaitingMessage>();
  isCut = false;
  readonly #whose: Whose;
  readonly #most: number;

  constructor(whose: Whose, most = MOST_KEPT) {
    this.#whose = whose;
    this.#most = most;
  }

  add({ id, state, arrivedAt, recipients }: QueueMessage): void {
    const slots = new Set<string>();
    let reason: string | null = null;
    for (const recipient of recipients) {
      const slot = this.#whose(recipient);
      if (slot === null) continue;
      slots.add(slot);
      reason ??= recipient.reason?.slice(0, 300) ?? null;
    }
    if (slots.size === 0) {
      this.messages.delete(id);
      return;
    }
    if (!this.messages.has(id) && this.messages.size >= this.#most) {
      this.isCut = true;
      return;
    }
    this.messages.set(id, { id, slots: [...slots], state, arrivedAt: arrivedAt ?? 0, reason });
  }
}

/** One row of the report: what waited on one MX for one slot. */
export interface WaitingRow {
  readonly mx: string;
  /** null: the MX as a whole, or a slot that nobody knows. */
  readonly slot: string | null;
  /** All that were seen waiting; null: not known. */
  readonly messages: number | null;
  /** Given back to the queue manager by this run. */
  readonly released: number;
  /** Still there when it was looked at last; null: not known. */
  readonly left: number | null;
  /** Of those left, what somebody has put on hold: never touched. */
  readonly held: number;
  /** Why it is not known, or does not move. */
  readonly problem: string | null;
}

/** What the end of a failover says of mail that waits; empty: nothing does. */
export function waitingReasons(rows: readonly WaitingRow[] | null): readonly string[] {
  if (rows === null) return [];
  const unseen = rows.filter(({ left }) => left === null).map(({ mx }) => mx);
  const stuck = rows.filter(({ left, held, problem }) => (left ?? 0) > held && problem !== null);
  const moving = rows.filter(({ left, held, problem }) => (left ?? 0) > held && problem === null);
  const held = rows.reduce((sum, row) => sum + row.held, 0);
  const sum = (of: readonly WaitingRow[]) => of.reduce((all, row) => all + (row.left ?? 0) - row.held, 0);
  const on = (of: readonly WaitingRow[]) => [...new Set(of.map(({ mx }) => mx))].join(', ');
  const messages = (count: number) => `${count} ${count === 1 ? 'message' : 'messages'}`;
  return [
    ...(unseen.length > 0 ? [`the queue of ${[...new Set(unseen)].join(', ')} was not seen`] : []),
    ...(stuck.length > 0
      ? [`${messages(sum(stuck))} on ${on(stuck)} ${sum(stuck) === 1 ? 'does' : 'do'} not move`]
      : []),
    ...(moving.length > 0
      ? [`${messages(sum(moving))} still ${sum(moving) === 1 ? 'waits' : 'wait'} on ${on(moving)}`]
      : []),
    ...(held > 0 ? [`${messages(held)} for these slots ${held === 1 ? 'is' : 'are'} on hold`] : []),
  ];
}
