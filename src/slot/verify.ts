// Verifies copies: each replica of each slot is compared with its master by content, those first whose turn is
// longest ago, within one time for all. Reads only; what was found is stored, so that the next call goes on.
import { MailctlError } from '../errors.js';
import { type ContentComparison, type ContentParts, compareContent } from './compare-content.js';
import type { ComparisonStore, LastComparison } from './comparisons.js';
import { type Owner, ownerLabel } from './content.js';
import { type FleetSight, owedOf, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** One copy and how it stands. `partial`: equal as far as it was compared; `unknown`: it could not be told. */
export interface CopyVerdict {
  readonly slot: string;
  readonly master: string;
  readonly replica: string;
  readonly state: 'equal' | 'differs' | 'partial' | 'unknown';
  /** In words, when it is not equal. */
  readonly reason: string | null;
  /** null: nothing was compared. */
  readonly comparison: ContentComparison | null;
  /** What is stored of this copy, this comparison included; null: nothing. */
  readonly last: LastComparison | null;
}

/** What a verification is given. */
export interface VerifyParts extends ContentParts {
  readonly comparisons: ComparisonStore;
  readonly sight: FleetSight;
  /** Copies at once. */
  readonly width: number;
}

/** Its bounds. */
export interface VerifyBounds {
  readonly withinMs: number;
  /** Owners of each copy. */
  readonly most: number | undefined;
  readonly onProgress?: ((done: readonly CopyVerdict[], text: string) => void) | undefined;
}

interface Copy {
  readonly slot: Slot;
  readonly replica: string;
  readonly last: LastComparison | null;
}

/** Compares all copies of these slots; in the slots' order. */
export async function verifyCopies(
  slots: readonly Slot[],
  parts: VerifyParts,
  bounds: VerifyBounds,
): Promise<readonly CopyVerdict[]> {
  const stored = await parts.comparisons.latest(slots.map(({ slot }) => slot));
  const copies = slots.flatMap((slot) =>
    slot.instances
      .filter(({ host }) => host !== slot.master)
      .map(({ host }): Copy => ({ slot, replica: host, last: lastOf(stored, slot.slot, host) })),
  );
  const end = parts.clock.monotonic() + bounds.withinMs;
  const queue = [...copies].sort((a, b) => age(a) - age(b));
  const done = new Map<Copy, CopyVerdict>();
  const worker = async () => {
    for (let copy = queue.shift(); copy !== undefined; copy = queue.shift()) {
      const left = Math.max(0, end - parts.clock.monotonic());
      // A fair share: those that are done early leave their time to the others.
      const share = left / Math.max(1, Math.ceil((queue.length + 1) / parts.width));
      done.set(copy, await verifyCopy(copy, parts, bounds, share, () => [...done.values()]));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(parts.width, copies.length)) }, worker));
  return copies.map((copy) => done.get(copy) as CopyVerdict);
}

function age({ last }: Copy): number {
  if (last === null || last.compared < last.total) return Number.NEGATIVE_INFINITY;
  return last.oldestAt ?? Number.NEGATIVE_INFINITY;
}

function lastOf(stored: readonly LastComparison[], slot: string, replica: string): LastComparison | null {
  return stored.find((one) => one.slot === slot && one.replica === replica) ?? null;
}

async function verifyCopy(
  copy: Copy,
  parts: VerifyParts,
  bounds: VerifyBounds,
  withinMs: number,
  doneSoFar: () => readonly CopyVerdict[],
): Promise<CopyVerdict> {
  const { slot, replica, last } = copy;
  const base = { slot: slot.slot, master: slot.master, replica, comparison: null, last };
  const why = whyNot(slot, replica, parts.sight);
  if (why !== null) return { ...base, state: 'unknown', reason: why };
  try {
    const before = await parts.comparisons.ownersAt(slot.slot, replica);
    const comparison = await compareContent(
      {
        slot,
        master: { host: slot.master, role: 'master' },
        replica: { host: replica, role: 'replica' },
        owners: 'all',
        order: (owners) => byTurn(owners, before),
        most: bounds.most,
        withinMs,
        onProgress: (done, total, differing) =>
          bounds.onProgress?.(
            doneSoFar(),
            `${slot.slot} on ${replica}: ${done} of ${total} compared${differing > 0 ? `, ${differing} DIFFER` : ''}`,
          ),
      },
      parts,
    );
    return judgeCopy(base, comparison, await remember(comparison, parts));
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    const detail = error.detail === undefined ? '' : `: ${error.detail.split('\n')[0]}`;
    return { ...base, state: 'unknown', reason: `${error.message}${detail}` };
  }
}

function whyNot(slot: Slot, replica: string, sight: FleetSight): string | null {
  for (const host of [slot.master, replica]) {
    const seen = sight.get(host);
    if (seen?.ok === false) return seen.error.message;
    const state = stateOf(sight, slot.slot, host);
    if (state === undefined) return `${slot.slot} was not seen on ${host}`;
  }
  if (owedOf(sight, slot).some(({ host }) => host === replica))
    return `${replica} owes a rejoin: it is no copy`;
  return null;
}

/** Those never compared first, then those whose turn is longest ago. */
function byTurn(owners: readonly Owner[], at: ReadonlyMap<string, number>): readonly Owner[] {
  const turn = (owner: Owner) => at.get(ownerLabel(owner)) ?? Number.NEGATIVE_INFINITY;
  return [...owners].sort((a, b) => turn(a) - turn(b) || 0);
}

async function remember(comparison: ContentComparison, parts: VerifyParts): Promise<LastComparison | null> {
  const differing = new Set(comparison.differing.map(({ owner }) => ownerLabel(owner)));
  const all = [
    ...comparison.compared,
    ...comparison.left,
    ...[...comparison.waiting, ...comparison.unknown].map(({ owner }) => owner),
  ];
  const { slot, replica } = comparison;
  await parts.comparisons.store({
    slot,
    replica,
    at: parts.clock.now(),
    all,
    compared: comparison.compared.map((owner) => ({ owner, differs: differing.has(ownerLabel(owner)) })),
  });
  return lastOf(await parts.comparisons.latest([slot]), slot, replica);
}

/** The verdict: what is stored of the owners that were left out this time counts, too. */
export function judgeCopy(
  base: Omit<CopyVerdict, 'state' | 'reason' | 'comparison' | 'last'>,
  comparison: ContentComparison,
  last: LastComparison | null,
): CopyVerdict {
  const verdict = (state: CopyVerdict['state'], reason: string | null): CopyVerdict => ({
    ...base,
    state,
    reason,
    comparison,
    last,
  });
  const { differing, unknown, waiting, left, compared } = comparison;
  if (differing.length > 0) return verdict('differs', `${people(differing.length)} on the two sides`);
  const [first] = [...unknown, ...waiting];
  if (first !== undefined) {
    const others = unknown.length + waiting.length - 1;
    const more = others === 0 ? '' : ` (and ${others} more)`;
    return verdict('unknown', `${ownerLabel(first.owner)} could not be compared: ${first.reason}${more}`);
  }
  const before = last?.differing ?? 0;
  if (left.length > 0 && before > 0)
    return verdict('differs', `${people(before)}, as they were compared before`);
  const never = last === null ? left.length : Math.max(0, last.total - last.compared);
  if (left.length > 0 && never > 0)
    return verdict('partial', `${compared.length} are equal, ${never} were never compared yet`);
  return verdict('equal', null);
}

const people = (count: number) => (count === 1 ? '1 differs' : `${count} differ`);
