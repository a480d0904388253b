// Which messages an acting command means: selectors, ids as words or on stdin, or --all; and never everything by
// having said nothing.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { UsageError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatExactDuration } from '../../lib/duration.js';
import { NamedMessages, type Selection } from '../../queue/change.js';
import type { QueueMessage } from '../../queue/message.js';
import type { MessageFilter } from '../../queue/select.js';
import type { Context } from '../context.js';
import { filterByDestination } from './destinations.js';
import { type MessageOptions, messageOptions } from './selectors.js';
import type { SourceOptions } from './source.js';

/** Ids that stdin may give: five times the largest queue. */
const MOST_IDS = 5_000_000;

/** What was asked for. */
export interface ChosenMessages {
  readonly filter: MessageFilter;
  readonly named: NamedMessages;
  readonly selection: Selection;
  /** Patterns of hosts that the ids name; empty: none does. */
  readonly hosts: readonly string[];
}

/** Reads it. @throws UsageError when nothing was named, or too much */
export async function chosenMessages(
  context: Context,
  request: {
    readonly ids: readonly string[];
    readonly selectors: MessageOptions & SourceOptions;
    readonly all: boolean;
    readonly asksOnStdin: boolean;
  },
): Promise<ChosenMessages> {
  const filter = await filterByDestination(context, request.selectors);
  const named = new NamedMessages();
  const words = request.ids.filter((word) => word !== '-');
  for (const word of words) addId(named, word);
  const fromStdin = words.length < request.ids.length;
  if (fromStdin) {
    if (request.asksOnStdin) {
      throw new UsageError('stdin gives the ids, so that it cannot give the answer to a question', {
        code: 'usage.needs-yes',
        hint: formatCommand([...context.commandLine, '--yes']),
      });
    }
    await idsOfStdin(named);
  }
  const isNarrow = !filter.isEmpty || named.count > 0 || fromStdin;
  if (!isNarrow && !request.all) {
    throw new UsageError('no message was named, and nothing acts on all of them by itself', {
      code: 'usage.no-message',
      hint: `selectors (--sender, --domain, --older-than ...), ids, or all of them: ${formatCommand([...context.commandLine, '--all'])}`,
    });
  }
  if (isNarrow && request.all) {
    throw new UsageError('--all means every message, and here some are named as well', {
      code: 'usage.all-and-some',
      hint: 'leave out --all, or everything else',
    });
  }
  const now = Math.floor(context.clock.now() / 1000);
  const byName = named.count > 0 || fromStdin;
  return {
    filter,
    named,
    hosts: [...new Set(named.places.map((place) => place.split(':', 1)[0] ?? place))],
    selection: {
      wantsHeld: request.selectors.states.includes('hold'),
      matches: (message: QueueMessage) =>
        (filter.isEmpty || filter.matches(message, now)) && (!byName || named.takes(message)),
    },
  };
}

function addId(named: NamedMessages, word: string): void {
  const at = word.lastIndexOf('/');
  const [place, id] = at < 0 ? ['', word] : [word.slice(0, at), word.slice(at + 1)];
  if (id === '' || at === 0 || id.length > 200) {
    throw new UsageError(`${JSON.stringify(word.slice(0, 80))} is no id of a message`, {
      hint: 'HOST/ID, or ID: mailctl queue list prints them',
    });
  }
  named.add(place, id);
}

/** One id a line, or an object a line as `queue list -o ndjson` prints it; of a line with more words the first. */
async function idsOfStdin(named: NamedMessages): Promise<void> {
  const input = createReadStream('', { fd: 0, autoClose: false });
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const text = line.trim();
    if (text === '') continue;
    if (text.startsWith('{')) addObject(named, text);
    else addId(named, text.split(/\s+/, 1)[0] ?? '');
    if (named.count > MOST_IDS) throw new UsageError(`stdin gives more than ${MOST_IDS} ids`);
  }
}

function addObject(named: NamedMessages, text: string): void {
  const { queue, host, id } = objectOf(text);
  const place = queue ?? host ?? '';
  if (typeof place !== 'string' || typeof id !== 'string' || id === '')
    throw new UsageError(`${JSON.stringify(text.slice(0, 80))} is no message of queue list -o ndjson`);
  named.add(place, id);
}

function objectOf(text: string): { readonly [key: string]: unknown } {
  try {
    return JSON.parse(text) as { readonly [key: string]: unknown };
  } catch {
    return {};
  }
}

/** The selectors as words of a command line, for what arrives meanwhile; ids and ages name no new mail. */
export function wordsOf(options: MessageOptions): readonly string[] {
  return Object.entries(messageOptions).flatMap(([key, spec]) => {
    const [word = ''] = /--[\w-]+/.exec(spec.flags) ?? [];
    const value = options[key as keyof MessageOptions];
    if (value === undefined || value === false) return [];
    if (value === true) return [word];
    if (Array.isArray(value)) return (value as readonly string[]).flatMap((one) => [word, one]);
    if (typeof value === 'number')
      return [word, key.endsWith('Ms') ? formatExactDuration(value) : String(value)];
    return [];
  });
}

/** The other way: words that a host keeps, checked like those of a command line. @throws UsageError */
export function optionsOf(words: readonly string[]): MessageOptions {
  const values: Record<string, unknown> = {};
  const specs = Object.entries(messageOptions);
  for (const [key, { kind }] of specs)
    values[key] = kind === 'list' ? [] : kind === 'flag' ? false : undefined;
  for (let at = 0; at < words.length; at += 1) {
    const found = specs.find(([, spec]) => /--[\w-]+/.exec(spec.flags)?.[0] === words[at]);
    if (found === undefined)
      throw new UsageError(`${JSON.stringify(words[at]?.slice(0, 40))} is no selector`);
    const [key, spec] = found;
    if (spec.kind === 'flag') {
      values[key] = true;
      continue;
    }
    at += 1;
    const value = spec.parse(words[at] ?? '');
    values[key] = spec.kind === 'list' ? [...(values[key] as unknown[]), value] : value;
  }
  return values as unknown as MessageOptions;
}
