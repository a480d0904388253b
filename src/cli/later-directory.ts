// A directory that may be away now and answer later: opened at each call until it is open. That it is away is
// remembered for a moment, so that fifteen slots do not each wait for it.
import { MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import type { Directory } from '../slot/directory.js';

/** How long an answer that did not come holds for the next caller, in ms. */
const AWAY_MS = 5_000;

/** The directory behind `open`, whenever it answers. `name` is how messages name it until then. */
export function laterDirectory(open: () => Promise<Directory>, name: string, clock: Clock): Directory {
  let opened: Directory | undefined;
  let away: { readonly error: unknown; readonly until: number } | undefined;
  let asking: Promise<unknown> = Promise.resolve();
  const ask = <T>(question: (directory: Directory) => Promise<T>): Promise<T> => {
    // One after the other: the first that finds it away tells those who wait.
    const answer = asking.then(async () => {
      if (away !== undefined && clock.monotonic() < away.until) throw away.error;
      try {
        opened ??= await open();
        const given = await question(opened);
        away = undefined;
        return given;
      } catch (error) {
        if (isAway(error)) away = { error, until: clock.monotonic() + AWAY_MS };
        throw error;
      }
    });
    asking = answer.catch(() => {});
    return answer;
  };
  return {
    get name() {
      return opened?.name ?? name;
    },
    get stateFault() {
      return opened === undefined ? 'the directory is away' : opened.stateFault;
    },
    list: () => ask((directory) => directory.list()),
    get: (slot) => ask((directory) => directory.get(slot)),
    setMaster: (change) => ask((directory) => directory.setMaster(change)),
    setState: (change) => ask((directory) => directory.setState(change)),
    raiseVersion: (slot) => ask((directory) => directory.raiseVersion(slot)),
  };
}

/** Nothing of what it said is about a slot. */
function isAway(error: unknown): boolean {
  return error instanceof MailctlError && !error.code.startsWith('directory.');
}
