// What the end of a failover says of mail that waits on the MXs: how much waited, how much went, what is left and
// why. Pure; a reason is a server's text, and is escaped where the screen is written.
import type { WaitingRow } from '../../slot/waiting.js';
import { joinNames } from './slots.js';

/** One text a line; the caller folds them. null: nothing was looked at. */
export function waitingLines(rows: readonly WaitingRow[] | null): readonly string[] {
  if (rows === null)
    return ['not looked at: no host has queues: [postfix] in the configuration, or the run stopped first'];
  const unseen = rows.filter(({ left }) => left === null);
  const seen = rows.filter(({ left }) => left !== null);
  const sum = (value: (row: WaitingRow) => number) => seen.reduce((all, row) => all + value(row), 0);
  const waited = sum((row) => row.messages ?? 0);
  const left = sum((row) => row.left ?? 0);
  const slots = new Set(seen.map(({ slot }) => slot)).size;
  const where = joinNames([...new Set(seen.map(({ mx }) => mx))], 4);
  const went = `${count(waited)} for ${slots === 1 ? '1 slot' : `${slots} slots`} on ${where}: ${
    left === 0 ? 'all gone out' : `${waited - left} gone out, ${left} left`
  }`;
  const stuck = seen.filter((row) => (row.left ?? 0) > 0 && row.problem !== null);
  return [
    ...(seen.length > 0 ? [went] : unseen.length > 0 ? [] : ['nothing on the MXs']),
    ...stuck
      .slice(0, 3)
      .map(
        ({ mx, slot, left: stay, problem }) =>
          `${slot ?? 'slot not known'} on ${mx}: ${stay} left: ${problem}`,
      ),
    ...(stuck.length > 3 ? [`+ ${stuck.length - 3} more that do not move`] : []),
    ...unseen.map(({ mx, problem }) => `${mx} was not seen: ${problem}`),
  ];
}

const count = (messages: number) =>
  `${messages.toLocaleString('en')} ${messages === 1 ? 'message' : 'messages'}`;
