// What the end of a failover says of the road of people and mail, of mail that waits on the MXs, and of who looks
// after what is owed. Pure; a reason is a server's text, and is escaped where the screen is written.
import { formatDuration } from '../../lib/duration.js';
import type { RoadSight } from '../../slot/road.js';
import type { WaitingRow } from '../../slot/waiting.js';
import type { Watch } from '../../slot/watch.js';
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
    left === 0 ? 'all gone out' : `${figure(waited - left)} gone out, ${figure(left)} left`
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

const figure = (number: number) => number.toLocaleString('en');
const count = (messages: number) => `${figure(messages)} ${messages === 1 ? 'message' : 'messages'}`;

/** The road, one text a line; nothing where none is configured. */
export function roadLines(roads: readonly RoadSight[]): readonly string[] {
  const of = (kind: 'imap' | 'lmtp') =>
    roads.flatMap((one) => (one[kind] === null ? [] : [{ slot: one.slot, ...one[kind] }]));
  const [imap, lmtp] = [of('imap'), of('lmtp')];
  const tried = [
    ...(imap.length > 0 ? [`login by ${imap[0]?.via}`] : []),
    ...(lmtp.length > 0 ? [`recipient by ${lmtp[0]?.via}`] : []),
  ];
  if (tried.length === 0) return [];
  const failed = [...imap, ...lmtp].filter(({ ok }) => !ok);
  return [
    `${tried.join(' and ')} tried on each: ${failed.length === 0 ? 'ok' : `${failed.length} FAILED`}`,
    ...failed.slice(0, 3).map(({ slot, via, detail }) => `${slot} by ${via}: ${detail}`),
  ];
}

/** Who looks after what is owed. */
export function watchText({ isWatched, lastLookAt }: Watch, now: number): string {
  if (lastLookAt === null) return 'nobody watches';
  const ago = `${formatDuration(Math.max(0, now - lastLookAt), 'down')} ago`;
  return isWatched ? `a timer watches, looked ${ago}` : `nobody watches, last look ${ago}`;
}
