// The drains' place on the mail hosts over a transport (queue/drain-way.ts): one script a call. It knows no mail server:
// what a server's messages are given back by, and where its processes are, its own driver says. What comes back from a
// host is hostile, and a description that cannot be read is a drain all the same: it holds somebody's mail.
import { MailctlError, ParseError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DeskPlace } from '../../queue/desk.js';
import type { DrainPost, DrainSide, FoundDrain, ToldLimits } from '../../queue/drain-way.js';
import type { MessageKey } from '../../queue/message.js';
import { quoteLine } from '../../transport/script.js';
import type { Transport } from '../../transport/transport.js';
import { DRAIN_SCRIPT } from './drain-script.js';
import { parseGuards, readGuards } from './guards.js';
import { guardsScript } from './guards-script.js';
import { keyReader, placeCaller } from './place-call.js';
import { word } from './place-names.js';

const RUN = /^[0-9a-f]{4,16}$/;
const QUICK_MS = 40_000;
/** A million keys on their way. */
const KEYS_MS = 120_000;

/** As the transport gives it to every script; a shell in a container has it from nowhere. */
const HEAD = 'LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH\n';

/** The drains of all hosts; `sideOf` knows the server of each queue. */
export function drainPost(
  transport: Transport,
  hostNamed: (name: string) => Host,
  sideOf: (place: DeskPlace) => DrainSide,
): DrainPost {
  const run = placeCaller(transport, hostNamed, {
    name: 'queue.drain',
    what: 'the drains',
    script: DRAIN_SCRIPT,
    quickMs: QUICK_MS,
  });
  const granted = (answer: string, place: DeskPlace): boolean => {
    const [first = ''] = answer.split('\n', 1);
    if (first === 'granted' || first === 'lost') return first === 'granted';
    throw new ParseError(
      place.host,
      `the drains of ${place.queue} answer ${JSON.stringify(first.slice(0, 80))}`,
    );
  };
  return {
    async begin(place, start, signal) {
      const side = sideOf(place);
      if (start.onDeath === 'release' && side.giveBack === null) throw noDeadMan(place);
      const { holder, dead, ...rest } = start;
      const text = `${JSON.stringify({ ...rest, holder: { ...holder, operator: word(holder.operator), bastion: word(holder.bastion) } })}\n`;
      const answer = await run(
        place,
        'begin',
        holder.key,
        [wholeSeconds(start.deadAfterS), start.onDeath, String(Buffer.byteLength(text)), ...dead],
        { stdin: `${text}${giveBackText(side)}`, signal },
      );
      if (answer.startsWith('granted\n')) return { granted: true };
      const [held] = parseFound(answer);
      if (held === undefined)
        throw new ParseError(
          place.host,
          `the drains of ${place.queue} answer ${JSON.stringify(answer.slice(0, 80))}`,
        );
      return { granted: false, held };
    },
    async keep(place, key, part, keys, signal) {
      const { line } = sideOf(place);
      const stdin = keys
        .flatMap((one) => {
          const text = line(one)?.trimEnd();
          // A line more would be another message for the dead man.
          return text === undefined || /[\r\n\0]/.test(text) ? [] : [`${keyText(one)}\t${text}\n`];
        })
        .join('');
      return granted(await run(place, 'keep', key, [part], { stdin, timeoutMs: KEYS_MS, signal }), place);
    },
    async beat(place, key, note, signal) {
      const side = sideOf(place);
      const words = [
        ...(side.within ?? []),
        'sh',
        '-c',
        HEAD + guardsScript(side.locate),
        'sh',
        ...side.args,
      ];
      const answer = await run(place, 'beat', key, words, { stdin: JSON.stringify(note), signal });
      return { isOurs: granted(answer, place), guards: parseGuards(answer, side) };
    },
    async wake(place, signal) {
      const answer = await run(place, 'wake', '', [], { signal });
      return Number(/^woke (\d{1,6})$/m.exec(answer)?.[1] ?? 0);
    },
    guards: (place, signal) => readGuards(transport, hostNamed(place.host), sideOf(place), signal),
    async end(place, key, how, signal) {
      return granted(await run(place, 'end', key, [how], { signal }), place);
    },
    async found(place, signal) {
      const answer = await run(place, 'found', '', [], { readOnly: true, signal });
      if (!answer.endsWith('whole\n') && answer !== 'whole')
        throw new ParseError(place.host, `the list of the drains of ${place.queue} did not come to its end`);
      return parseFound(answer);
    },
    async keys(place, key, onKey, signal) {
      const onLine = keyReader(`${place.host}: drain ${key}`, onKey);
      await run(place, 'keys', key, [], { readOnly: true, timeoutMs: KEYS_MS, onLine, signal });
    },
  };
}

/** The dead man's own command: the server's text in the server's place. */
function giveBackText({ giveBack, within, args }: DrainSide): string {
  if (giveBack === null) return '';
  return `${HEAD}exec ${quoteLine([...(within ?? []), 'sh', '-c', HEAD + giveBack, 'sh', ...args])}\n`;
}

const wholeSeconds = (seconds: number): string => String(Math.max(1, Math.min(999_999, Math.floor(seconds))));

const keyText = ({ id, arrivedAt, sender }: MessageKey): string => JSON.stringify([id, arrivedAt, sender]);

function noDeadMan({ queue }: DeskPlace): MailctlError {
  return new MailctlError(`${queue}: nothing on the host can give its messages back by itself`, {
    code: 'drain.no-dead-man',
    exitCode: 4,
    hint: 'with --on-death hold they stay held should this drain die',
  });
}

/** Reads what `found` and a refused `begin` print. */
export function parseFound(answer: string): readonly FoundDrain[] {
  const all: FoundDrain[] = [];
  const lines = answer.split('\n');
  lines.forEach((line, at) => {
    const [, key, state, messages, silent, watched] =
      /^drain ([0-9a-f]{4,16}) ([a-z-]{1,12}) (\d{1,9}) (\d{1,12}) ([01])$/.exec(line) ?? [];
    if (key === undefined) return;
    const start = fieldsOf(lines[at + 1], 'start ');
    const note = jsonOf(lines[at + 2], 'note ');
    const text = (name: string) => (typeof start[name] === 'string' ? (start[name] as string) : undefined);
    const holder = objectOf(start.holder);
    const deadAfterS = typeof start.deadAfterS === 'number' && start.deadAfterS > 0 ? start.deadAfterS : 600;
    const silentS = Number(silent);
    all.push({
      holder: { key, operator: wordOf(holder.operator), bastion: wordOf(holder.bastion) },
      // It goes into commands that are copied.
      run: RUN.test(text('run') ?? '') ? (text('run') as string) : key,
      reason: text('reason') ?? '',
      onDeath: start.onDeath === 'release' ? 'release' : 'hold',
      deadAfterS,
      dead: [],
      limits: parseTold(start.limits),
      messages: Number(messages),
      held: heldOf(note),
      silentS,
      isWatched: watched === '1',
      state: stateOf(state ?? '', silentS > deadAfterS),
      note,
    });
  });
  return all;
}

/** Of the last heartbeat: so many were parked then. Null: it does not say. */
function heldOf(note: unknown): number | null {
  const held = objectOf(objectOf(note).counts).held;
  return isCount(held) ? held : null;
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function parseTold(value: unknown): ToldLimits {
  const { perSecond, destinations } = objectOf(value);
  const positive = (one: unknown) => (isCount(one) && one > 0 && one < 1_000_000 ? one : null);
  return {
    perSecond: typeof perSecond === 'number' && perSecond > 0 ? perSecond : null,
    destinations: (Array.isArray(destinations) ? destinations : []).flatMap((one) =>
      Array.isArray(one) && typeof one[0] === 'string' && one[0] !== ''
        ? [[one[0], positive(one[1]), positive(one[2])] as const]
        : [],
    ),
  };
}

function stateOf(word: string, isSilent: boolean): FoundDrain['state'] {
  if (word === 'released' || word === 'held') return word;
  return word === 'running' && !isSilent ? 'running' : 'dead';
}

const wordOf = (value: unknown): string => (typeof value === 'string' && value !== '' ? value : '?');

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

function jsonOf(line: string | undefined, before: string): unknown {
  if (line === undefined || !line.startsWith(before)) return null;
  try {
    return JSON.parse(line.slice(before.length));
  } catch {
    return null;
  }
}

const fieldsOf = (line: string | undefined, before: string): Readonly<Record<string, unknown>> =>
  objectOf(jsonOf(line, before));
