// The keys on a drain's screen, the same where it runs and where somebody attached to it: each is a request beside the
// journal, as drain pause, resume and stop write it, so that there is one way only of telling a run something.
import type { RunNotes } from '../../journal/run-notes.js';
import { SCREEN_COLUMNS } from '../../output/fold.js';
import type { Context } from '../context.js';
import type { Keys } from '../keys.js';

/** A key makes it so much slower, and the other as much faster. */
const STEP = 1.25;

/** What the operator was told, for the last line of the screen; empty: the keys themselves. */
export interface DrainKeys {
  readonly said: string;
  end(): void;
}

/** What the keys work on. */
export interface DrainKeyParts {
  readonly notes: RunNotes;
  isPaused(): boolean;
  /** What of the limits is used. */
  speed(): number;
  /** Leaves it running. */
  leave(): void;
  /** Something was said: to be drawn. */
  draw(): void;
}

/** Reads them until they are ended; undefined: there is no terminal, and no line that names them. */
export async function drainKeys(context: Context, parts: DrainKeyParts): Promise<DrainKeys | undefined> {
  const { notes } = parts;
  const by = context.operator.name;
  const shown = { said: '', since: 0 };
  const say = (text: string) => {
    shown.said = text;
    shown.since = context.clock.monotonic();
    parts.draw();
  };
  const ask = (request: object, text: string) => {
    say(text);
    notes.ask({ ...request, by }).catch((error: unknown) => say((error as Error).message));
  };
  const acts: Readonly<Record<string, () => void>> = {
    p: () => (parts.isPaused() ? ask({ ask: 'resume' }, 'going on') : ask({ ask: 'pause' }, 'pausing')),
    // The same key without shift.
    '=': () => acts['+']?.(),
    '+': () =>
      parts.speed() >= 1
        ? say('it is as fast as the limits let it: --limit and --rate of drain start say them')
        : ask({ ask: 'rate', factor: STEP }, 'faster'),
    '-': () => ask({ ask: 'rate', factor: 1 / STEP }, 'slower'),
    s: () => ask({ ask: 'stop', releaseRest: false }, 'stopping after this tick; the rest stays held'),
    q: () => {
      say('leaving; the drain goes on');
      parts.leave();
    },
    '?': () =>
      say(
        'p holds everything back, s ends it with the rest held, q closes this screen alone; other keys do nothing',
      ),
  };
  const keys: Keys | undefined = await context.keys((key) => acts[key]?.());
  if (keys === undefined) return undefined;
  return {
    get said() {
      return context.clock.monotonic() - shown.since < SAID_MS ? shown.said : '';
    },
    end: keys.end,
  };
}

const SAID_MS = 2500;

/** Columns of the live screen, asked anew at every draw: a narrow terminal gets a table that fits, a wide one no wider. */
export const screenWidth = ({ terminal }: Pick<Context, 'terminal'>): number =>
  Math.max(20, Math.min(SCREEN_COLUMNS, terminal.columns() - 1));
