// What a site's own directory commands print, in the forms that sites have at hand. `list`: JSON (an array, or
// {slots: [...]}), one JSON object a line, YAML as for `slots import`, or lines of
// slot TAB master TAB replica,replica [TAB state]. `get`: a JSON object, or a master and a state as words.
// Anything that is not wholly understood is a ParseError with its line: half a directory is worse than none.
import { ParseError } from '../../errors.js';
import { isServing, readSlotMap, type SlotMapEntry } from '../../slot/slot-map.js';
import { hostNameFault, quoteName } from '../../slot/slot-name.js';

/** Some 1,500 slots. YAML is slow to read, and slower when it is none; the other forms have the transport's limit. */
const MOST_YAML_CHARACTERS = 100_000;

/** Reads what `list` printed; empty output is an empty directory. `where` names the command in errors. */
export async function parseDirectoryList(output: string, where: string): Promise<readonly SlotMapEntry[]> {
  const text = output.replace(/^\uFEFF/, '');
  const lines = text.split(/\r?\n/);
  const first = lines.find(isContent);
  if (first === undefined) return [];
  if (/^\s*[[{]/.test(first)) {
    const whole = parseJson(text);
    if (whole.ok) return entriesOf(isSingle(whole.value) ? [whole.value] : whole.value, where);
    if (/^\s*\{/.test(first) && parseJson(first).ok) return parseJsonLines(lines, where);
  }
  if (first.includes('\t') && !/^\s*(-|\[|\{|\t)/.test(first)) return parseTabbed(lines, where);
  const { parseSlotMapText } = await import('../../slot/slot-map-file.js');
  const { entries, faults } = parseSlotMapText(text, { unknownKeys: 'ignore' }, MOST_YAML_CHARACTERS);
  const [fault] = faults;
  if (fault !== undefined) throw new ParseError(`${where}: line ${fault.line}`, fault.what);
  return entries;
}

/** What `get` says of one slot. `entry` is undefined where it names no replicas. */
export interface DirectoryAnswer {
  readonly master: string;
  readonly state: string;
  readonly entry: SlotMapEntry | undefined;
}

/** Reads what `get` printed for `slot`; undefined when it printed nothing (or `null`): there is no such slot. */
export function parseDirectoryGet(output: string, slot: string, where: string): DirectoryAnswer | undefined {
  const text = output.replace(/^\uFEFF/, '').trim();
  if (text === '' || text === 'null') return undefined;
  if (text.startsWith('{') || text.startsWith('[')) return parseGetJson(text, slot, where);
  if (/[\r\n]/.test(text)) throw new ParseError(`${where}: line 2`, 'one line was expected: MASTER [STATE]');
  const [master = '', state = 'normal', ...rest] = text.split(/[ \t]+/);
  if (rest.length > 0)
    throw new ParseError(`${where}: line 1`, 'at most two words were expected: MASTER [STATE]');
  const wrong = hostNameFault(master);
  if (wrong !== undefined) throw new ParseError(`${where}: line 1`, `master ${quoteName(master)} ${wrong}`);
  if (!isServing(state)) throw new ParseError(`${where}: line 1`, `unknown state ${quoteName(state)}`);
  return { master, state, entry: undefined };
}

function parseGetJson(text: string, slot: string, where: string): DirectoryAnswer {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new ParseError(`${where}: line 1`, `no valid JSON: ${parsed.what}`);
  const list = Array.isArray(parsed.value) ? parsed.value : [parsed.value];
  const named = list.map((item: unknown) => (isObject(item) ? { slot, ...item } : item));
  const [entry, more] = entriesOf(named, where);
  if (entry === undefined || more !== undefined) throw new ParseError(where, 'exactly one slot was expected');
  if (entry.slot !== slot)
    throw new ParseError(where, `was asked for ${quoteName(slot)} and answers for ${quoteName(entry.slot)}`);
  const namesReplicas = isObject(list[0]) && Array.isArray(list[0].replicas);
  return { master: entry.master, state: entry.state ?? 'normal', entry: namesReplicas ? entry : undefined };
}

function parseJsonLines(lines: readonly string[], where: string): readonly SlotMapEntry[] {
  const numbers: number[] = [];
  const items = lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const parsed = parseJson(line);
    if (!parsed.ok) throw new ParseError(`${where}: line ${index + 1}`, `no valid JSON: ${parsed.what}`);
    numbers.push(index + 1);
    return [parsed.value];
  });
  return entriesOf(items, where, numbers);
}

function parseTabbed(lines: readonly string[], where: string): readonly SlotMapEntry[] {
  const numbers: number[] = [];
  const items = lines.flatMap((line, index) => {
    if (!isContent(line) || (numbers.length === 0 && /^slot\tmaster(\t|$)/.test(line))) return [];
    const [slot, master, replicas = '', state, ...rest] = line.split('\t');
    if (master === undefined || rest.length > 0) {
      throw new ParseError(
        `${where}: line ${index + 1}`,
        'expected slot TAB master TAB replica,replica [TAB state]',
      );
    }
    numbers.push(index + 1);
    const hosts = replicas.split(',').map((host) => host.trim());
    return [
      {
        slot,
        master,
        replicas: replicas.trim() === '' ? [] : hosts,
        state: state === '' ? undefined : state,
      },
    ];
  });
  return entriesOf(items, where, numbers);
}

/** `numbers`: the line of each item, where items are lines. */
function entriesOf(value: unknown, where: string, numbers?: readonly number[]): readonly SlotMapEntry[] {
  const { entries, faults } = readSlotMap(value, { unknownKeys: 'ignore' });
  const [fault] = faults;
  if (fault === undefined) return entries;
  const index = fault.path.find((part) => typeof part === 'number');
  const line = index === undefined ? undefined : numbers?.[index];
  if (line !== undefined) throw new ParseError(`${where}: line ${line}`, fault.what);
  throw new ParseError(index === undefined ? where : `${where}: entry ${index + 1}`, fault.what);
}

function isContent(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#');
}

/** One slot, not a list of them: the only line of JSON lines. */
function isSingle(value: unknown): boolean {
  return isObject(value) && value.slots === undefined && value.slot !== undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly what: string };

function parseJson(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    // V8 quotes the text it stumbles on: no line breaks or escapes of it may come through.
    const what = error instanceof Error ? error.message : String(error);
    return { ok: false, what: what.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 200) };
  }
}
