// Everything of a rejoin before the operator's word: which instances are meant, what their hosts say, what is decided
// for each. Reads only.
import { MailctlError, RefusedError, UsageError } from '../errors.js';
import { nearest } from '../lib/nearest.js';
import type { Directory } from './directory.js';
import { withFormers } from './former.js';
import { lookAtSlots, type Surroundings } from './look-around.js';
import { judgeReturn, type RejoinWishes, type Return, returnsOf } from './rejoin.js';
import type { FleetSight } from './sight.js';
import type { Slot } from './slot.js';
import type { UserSources } from './users.js';

/** What was found out. */
export interface PreparedRejoin {
  readonly returns: readonly Return[];
  /** Slots that were looked at. */
  readonly slots: readonly Slot[];
  readonly sight: FleetSight;
  /** Targets with nothing to bring back. */
  readonly empty: readonly string[];
}

/** What a rejoin is prepared from. */
export interface RejoinSources {
  readonly directory: Directory;
  readonly users: UserSources;
  readonly around: Surroundings;
}

/**
 * Looks and decides. Nothing is changed.
 * @throws UsageError for a target that is neither host nor slot, RefusedError when the directory, or a list that tells
 * who has moved away, cannot be read: a replay without it could bring back somebody who was deleted
 */
export async function prepareRejoin(
  targets: readonly string[],
  wishes: RejoinWishes,
  { directory, users, around }: RejoinSources,
): Promise<PreparedRejoin> {
  const all = await mustRead({ what: 'the directory', code: 'directory-away' }, () => directory.list());
  const isHost = (target: string) => around.hosts.has(target) || !all.some((slot) => slot.slot === target);
  for (const target of targets) {
    if (around.hosts.has(target)) continue;
    if (all.some((slot) => slot.slot === target || slot.instances.some((one) => one.host === target)))
      continue;
    throw new UsageError(`${target} is neither a host of the configuration nor a slot of the directory`, {
      detail: `${around.hosts.size} hosts are configured, the directory has ${all.length} slots`,
      hint: suggestion(target, [...around.hosts.keys(), ...all.map((slot) => slot.slot)]),
    });
  }
  const carries = (slot: Slot, host: string) => slot.instances.some((one) => one.host === host);
  const listed = all.filter((slot) =>
    targets.some((target) => {
      if (!isHost(target)) return slot.slot === target;
      // One that carries nothing by the directory may have been replaced: only the slots' own hosts know.
      return carries(slot, target) || !all.some((one) => carries(one, target));
    }),
  );
  const { slots, sight } = await withFormers(listed, await lookAtSlots(listed, around), around);
  const meant = new Map<string, { readonly slot: Slot; readonly host: string }>();
  const empty: string[] = [];
  for (const target of targets) {
    const found = returnsOf(target, isHost(target), slots, sight);
    if (found.length === 0) empty.push(target);
    for (const one of found) meant.set(`${one.slot.slot}\n${one.host}`, one);
  }
  const known = new Set([...meant.values()].map(({ slot }) => slot.slot));
  for (const slot of wishes.acceptLoss) {
    if (known.has(slot)) continue;
    throw new UsageError(`--accept-loss names ${slot}, which is not among the slots of this rejoin`, {
      hint: suggestion(slot, [...known]),
    });
  }
  const returns = [...meant.values()].map((one) => judgeReturn(one, sight, wishes));
  const going = returns.filter(({ gate, how }) => gate === null && how === 'rejoin');
  if (going.length > 0) {
    await mustRead({ what: "the site's list of moves", code: 'users-away' }, () => users.moves());
    const [first] = going;
    await mustRead({ what: "the site's list of users", code: 'users-away' }, () =>
      users.usersOf(first?.slot.slot ?? ''),
    );
  }
  return { returns, slots, sight, empty };
}

async function mustRead<T>(
  { what, code }: { readonly what: string; readonly code: string },
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    throw new RefusedError(`${what} cannot be read, so nothing is begun: ${error.message}`, {
      code,
      detail: error.detail,
      hint: error.hint ?? `${what} has to answer first`,
      cause: error,
    });
  }
}

function suggestion(word: string, names: readonly string[]): string {
  const near = nearest(word, names).join(', ');
  return near === '' ? 'mailctl slots list shows what there is' : `did you mean ${near}?`;
}
