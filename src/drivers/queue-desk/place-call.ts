// What the desk and the drains of a queue share on its host: one fixed script that is told a verb, the queue's folder
// and a run's key, and the keys of messages as these scripts print them.
import { CommandError, ParseError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DeskPlace } from '../../queue/desk.js';
import type { MessageKey } from '../../queue/message.js';
import type { Transport } from '../../transport/transport.js';
import { nameOf } from './place-names.js';

/** What may differ from call to call. */
export interface CallMore {
  readonly stdin?: string;
  readonly readOnly?: boolean;
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Calls the script beside a queue; gives its stdout as it is. @throws TransportError, CommandError */
export type PlaceCall = (
  place: DeskPlace,
  verb: string,
  key: string,
  args: readonly string[],
  more?: CallMore,
) => Promise<string>;

/** Calls of one script. `name` begins the names of its commands, `what` its errors: `the desk of mx1 (take)`. */
export function placeCaller(
  transport: Transport,
  hostNamed: (name: string) => Host,
  of: { readonly name: string; readonly what: string; readonly script: string; readonly quickMs: number },
): PlaceCall {
  return async (place, verb, key, args, more = {}) => {
    const { status, stdout, stderr } = await transport.run(
      hostNamed(place.host),
      {
        name: `${of.name}-${verb}`,
        script: of.script,
        args: [verb, nameOf(place), key, ...args],
        ...(more.stdin === undefined ? {} : { stdin: more.stdin }),
        readOnly: more.readOnly === true,
        privileged: true,
        timeoutMs: more.timeoutMs ?? of.quickMs,
      },
      { signal: more.signal, onLine: more.onLine },
    );
    if (status !== 0)
      throw new CommandError(place.host, `${of.what} of ${place.queue} (${verb})`, status, stderr);
    return stdout;
  };
}

/** Reads keys as they are printed, one a line; a line that is none ends the reading. */
export function keyReader(where: string, onKey: (key: MessageKey) => void): (line: string) => void {
  let number = 0;
  return (line) => {
    number += 1;
    if (line !== '') onKey(parseKeyLine(line, `${where}:${number}`));
  };
}

function parseKeyLine(line: string, where: string): MessageKey {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ParseError(where, 'not a key of a message');
  }
  const [id, arrivedAt, sender] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (typeof id !== 'string' || id === '') throw new ParseError(where, 'not a key of a message');
  return {
    id,
    arrivedAt: typeof arrivedAt === 'number' ? arrivedAt : null,
    sender: typeof sender === 'string' ? sender : null,
  };
}
