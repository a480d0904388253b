// A change of the slot map as commands tell it and ask about it: shared by what imports a list and what reads the
// hosts.
import { MailctlError } from '../../errors.js';
import type { Slot } from '../../slot/slot.js';
import type { SlotMapDiff } from '../../slot/slot-map.js';
import type { Context } from '../context.js';

/** The lists that scripts rely on. */
export function changeNames(diff: SlotMapDiff): object {
  return {
    added: diff.add.map(({ slot }) => slot),
    changed: diff.change.map(({ after, what, changesMaster }) => ({
      slot: after.slot,
      what,
      changes_master: changesMaster,
    })),
    removed: diff.remove.map(({ slot }) => slot),
    unlisted: diff.unlisted.map(({ slot }) => slot),
    same: diff.same,
  };
}

/** What the directory says, without making one. A directory that is not there yet is empty. */
export async function currentSlots(context: Context): Promise<readonly Slot[]> {
  try {
    return await (await context.directory({ readOnly: true })).list();
  } catch (error) {
    if (error instanceof MailctlError && (error.code === 'state.missing' || error.code === 'state.empty'))
      return [];
    throw error;
  }
}

/** Asks before slots that are there are touched. */
export async function askForChanges(context: Context, diff: SlotMapDiff): Promise<boolean> {
  const prompt = await context.prompt();
  const touched = diff.remove.length + diff.change.length;
  const purpose = [
    ...(diff.remove.length > 0 ? [`remove ${slots(diff.remove.length)}`] : []),
    ...(diff.change.length > 0 ? [`change ${slots(diff.change.length)}`] : []),
    ...(diff.add.length > 0 ? [`add ${slots(diff.add.length)}`] : []),
  ].join(', ');
  // Where a slot is lost or its master renamed, the answer is the number of slots that are touched.
  const isGrave = diff.remove.length > 0 || diff.change.some((change) => change.changesMaster);
  return isGrave
    ? prompt.typed({ word: String(touched), purpose: `to ${purpose}` })
    : prompt.yesNo(`${purpose}?`);
}

function slots(count: number): string {
  return `${count} ${count === 1 ? 'slot' : 'slots'}`;
}
