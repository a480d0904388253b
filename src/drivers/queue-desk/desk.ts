// The desk beside a queue over a transport (queue/desk.ts): one script a call. Works for every mail server, since it
// knows none; outside of any container, whose disk may be gone tomorrow.
import { ParseError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DeskAnswer, DeskPlace, DeskRecord, FoundRecord, QueueDesk } from '../../queue/desk.js';
import type { QueueAct } from '../../queue/driver.js';
import type { Transport } from '../../transport/transport.js';
import { DESK_SCRIPT } from './desk-script.js';
import { guardScript } from './guard-script.js';
import { keyReader, type PlaceCall, placeCaller } from './place-call.js';
import { nameOf, word } from './place-names.js';

/** A lease lasts so long; whoever has it renews it three times as often. */
const LEASE_S = 90;
const QUICK_MS = 20_000;
/** A million keys on their way. */
const KEYS_MS = 120_000;

const ACTS: readonly unknown[] = ['hold', 'release', 'requeue', 'flush', 'delete', 'restore'];

/** The desks of all hosts. */
export function queueDesk(transport: Transport, hostNamed: (name: string) => Host): QueueDesk {
  const call = placeCaller(transport, hostNamed, {
    name: 'queue.desk',
    what: 'the desk',
    script: DESK_SCRIPT,
    quickMs: QUICK_MS,
  });
  const run: PlaceCall = async (...words) => (await call(...words)).trim();
  const granted = (answer: string, place: DeskPlace): boolean => {
    if (answer === 'granted') return true;
    if (answer === 'lost') return false;
    throw new ParseError(
      place.host,
      `the desk of ${place.queue} answers ${JSON.stringify(answer.slice(0, 80))}`,
    );
  };
  return {
    async take(place, { holder, record, dead }, signal) {
      const answer = await run(
        place,
        'take',
        holder.key,
        [word(holder.operator), word(holder.bastion), String(LEASE_S), ...dead],
        { stdin: record === null ? '' : JSON.stringify(record), signal },
      );
      return answer === 'granted' ? { granted: true } : heldBy(answer, place);
    },
    renew: async (place, key, signal) =>
      granted(await run(place, 'renew', key, [String(LEASE_S)], { signal }), place),
    keep: async (place, key, part, lines, signal) =>
      granted(
        await run(place, 'keep', key, [String(LEASE_S), part], { stdin: lines, timeoutMs: KEYS_MS, signal }),
        place,
      ),
    guard: (place, key) => guardScript(nameOf(place), key),
    async end(place, key, { complete, drop }, signal) {
      await run(place, 'end', key, [complete ? '1' : '0', ...drop], { signal });
    },
    async records(place, signal) {
      const found: FoundRecord[] = [];
      const onLine = (line: string) => {
        const one = parseRecordLine(line);
        if (one !== undefined) found.push(one);
      };
      await run(place, 'records', '', [], { readOnly: true, onLine, signal });
      return found;
    },
    async keys(place, key, onKey, signal) {
      const onLine = keyReader(`${place.host}: record ${key}`, onKey);
      await run(place, 'keys', key, [], { readOnly: true, timeoutMs: KEYS_MS, onLine, signal });
    },
  };
}

function heldBy(answer: string, place: DeskPlace): DeskAnswer {
  const [, key, seconds, bastion, operator] = /^held (\S+) (-?\d{1,15}) (\S+) (\S+)$/.exec(answer) ?? [];
  if (key === undefined || bastion === undefined || operator === undefined)
    throw new ParseError(
      place.host,
      `the desk of ${place.queue} answers ${JSON.stringify(answer.slice(0, 80))}`,
    );
  return { granted: false, held: { key, operator, bastion }, secondsLeft: Number(seconds) };
}

/** A line of `records`; undefined: it is none, or its record cannot be read. */
export function parseRecordLine(line: string): FoundRecord | undefined {
  const [, key, messages, complete, json] =
    /^record ([0-9a-f]{4,16}) (\d{1,9}) ([01]) (.*)$/.exec(line) ?? [];
  if (key === undefined || json === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const text = (name: string) => (typeof fields[name] === 'string' ? (fields[name] as string) : undefined);
  const { at, until, meanwhile, act } = fields;
  if (!ACTS.includes(act) || typeof at !== 'number') return undefined;
  const isWords = Array.isArray(meanwhile) && meanwhile.every((one) => typeof one === 'string');
  const record: DeskRecord = {
    key,
    run: text('run') ?? key,
    act: act as QueueAct,
    operator: text('operator') ?? '?',
    bastion: text('bastion') ?? '?',
    reason: text('reason') ?? null,
    at,
    until: typeof until === 'number' ? until : null,
    meanwhile: isWords ? (meanwhile as readonly string[]) : null,
  };
  return { record, messages: Number(messages), complete: complete === '1' };
}
