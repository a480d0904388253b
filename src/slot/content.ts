// What a user, or a shared mailbox, holds on two sides, in figures that are equal where the content is. A log that is
// empty can be wrong (field notes, "Silent loss"): only this finds it. Pure.
import type { Mailbox } from './driver.js';
import { userOf } from './mailbox-lists.js';

/** Whose content it is: a user with all mailboxes, or one mailbox that is no user's, by its internal name. */
export interface Owner {
  readonly kind: 'user' | 'shared';
  readonly name: string;
}

/** One mailbox. The figures are compared as text. */
export interface MailboxContent {
  /** Internal name. */
  readonly name: string;
  readonly uniqueId: string;
  readonly crc: string;
  readonly annotationCrc: string;
  readonly lastUid: string;
  readonly highestModseq: string;
  readonly uidValidity: string;
  readonly acl: string;
}

/** What an instance holds of an owner; without a mailbox it has none there. */
export type OwnerContent =
  | {
      readonly ok: true;
      readonly mailboxes: readonly MailboxContent[];
      /** Subscriptions, scripts and quotas, a line each. */
      readonly settings: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

/** One difference, for people: `INBOX: 3 messages' worth of UIDs here, 2 there`. */
export interface ContentDifference {
  readonly mailbox: string;
  readonly kind: 'only-master' | 'only-replica' | 'other-id' | 'messages' | 'flags' | 'settings';
  readonly detail: string;
}

/** How one owner differs. */
export interface OwnerDifference {
  readonly owner: Owner;
  readonly differences: readonly ContentDifference[];
}

/** One name for an owner in lists and documents: the user, or `shared mailbox NAME`. */
export function ownerLabel(owner: Owner): string {
  return owner.kind === 'user' ? owner.name : `shared mailbox ${owner.name}`;
}

/** The owners of two lists' live mailboxes, users first, by name. */
export function ownersOf(...lists: readonly (readonly Mailbox[])[]): readonly Owner[] {
  const users = new Set<string>();
  const shared = new Set<string>();
  for (const mailbox of lists.flat()) {
    if (mailbox.deleted) continue;
    const user = userOf(mailbox.name);
    if (user === '') shared.add(mailbox.name);
    else users.add(user);
  }
  const sorted = (names: ReadonlySet<string>, kind: Owner['kind']) =>
    [...names].sort().map((name): Owner => ({ kind, name }));
  return [...sorted(users, 'user'), ...sorted(shared, 'shared')];
}

/** How an owner's content on the master differs from that on a replica; empty: equal. */
export function differencesOf(
  master: Extract<OwnerContent, { ok: true }>,
  replica: Extract<OwnerContent, { ok: true }>,
): readonly ContentDifference[] {
  const there = new Map(replica.mailboxes.map((mailbox) => [mailbox.name, mailbox]));
  const found: ContentDifference[] = [];
  for (const here of master.mailboxes) {
    const other = there.get(here.name);
    there.delete(here.name);
    if (other === undefined)
      found.push({ mailbox: here.name, kind: 'only-master', detail: 'only on the master' });
    else found.push(...mailboxDifference(here, other));
  }
  for (const name of there.keys())
    found.push({ mailbox: name, kind: 'only-replica', detail: 'only on the replica' });
  const [ours, theirs] = [[...master.settings].sort(), [...replica.settings].sort()];
  if (ours.join('\n') !== theirs.join('\n')) {
    const lacking = ours.find((line) => !theirs.includes(line));
    const extra = theirs.find((line) => !ours.includes(line));
    const detail = lacking === undefined ? `only on the replica: ${extra}` : `only on the master: ${lacking}`;
    found.push({ mailbox: '', kind: 'settings', detail: detail.slice(0, 200) });
  }
  return found;
}

function mailboxDifference(here: MailboxContent, there: MailboxContent): readonly ContentDifference[] {
  const mailbox = here.name;
  if (here.uniqueId !== there.uniqueId || here.uidValidity !== there.uidValidity) {
    const detail = `two different mailboxes of one name: ${here.uniqueId} on the master, ${there.uniqueId} on the replica`;
    return [{ mailbox, kind: 'other-id', detail }];
  }
  if (here.lastUid !== there.lastUid) {
    const detail = `last UID ${here.lastUid} on the master, ${there.lastUid} on the replica`;
    return [{ mailbox, kind: 'messages', detail }];
  }
  if (here.crc !== there.crc) {
    const detail = `messages or flags differ (sum ${here.crc} and ${there.crc}, last UID ${here.lastUid})`;
    return [{ mailbox, kind: 'messages', detail }];
  }
  if (here.highestModseq !== there.highestModseq) {
    const detail = `last change ${here.highestModseq} on the master, ${there.highestModseq} on the replica`;
    return [{ mailbox, kind: 'flags', detail }];
  }
  if (here.annotationCrc !== there.annotationCrc)
    return [{ mailbox, kind: 'flags', detail: 'annotations differ' }];
  if (here.acl !== there.acl) return [{ mailbox, kind: 'settings', detail: 'access rights differ' }];
  return [];
}

/** Is it the same content, figure by figure? For two looks at one side. */
export function isSameContent(a: OwnerContent, b: OwnerContent): boolean {
  return a.ok && b.ok && differencesOf(a, b).length === 0;
}
