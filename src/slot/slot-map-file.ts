// A slot map as text: YAML or JSON (which YAML 1.2 includes), with file:line:col for whatever is wrong. Loads the
// YAML library, so reach it by `await import()`. Scalars stay text: a slot called 0017 or on is called so.
import { type Document, isMap, isNode, LineCounter, type Node, parseDocument, stringify } from 'yaml';
import { ConfigError } from '../errors.js';
import type { Slot } from './slot.js';
import {
  readSlotMap,
  type SlotMapEntry,
  type SlotMapFault,
  type SlotMapRules,
  toSlotMapItems,
} from './slot-map.js';

/** Some 40,000 slots. */
const MOST_CHARACTERS = 4_000_000;
/** A slot map needs four; the YAML library gets slow and large long before it gives up. */
const MOST_NESTING = 30;

/**
 * Reads an import file. `file` is its name for messages; `hosts` are those of the configuration.
 * @throws ConfigError `config.slot-map`: the first fault as file:line:col, all of them in the detail.
 */
export function parseSlotMapFile(
  text: string,
  options: { readonly file: string; readonly hosts: readonly string[] },
): readonly SlotMapEntry[] {
  const parsed = parseSlotMapText(text, { unknownKeys: 'refuse', hosts: options.hosts });
  if (parsed.faults.length === 0) return parsed.entries;
  const lines = parsed.faults.map(({ line, column, what }) => `${options.file}:${line}:${column}: ${what}`);
  throw new ConfigError(lines[0] ?? '', {
    code: 'config.slot-map',
    detail: lines.length > 1 ? lines.slice(1).join('\n') : undefined,
    hint: 'nothing was imported; correct the file and import it again',
  });
}

/** A fault with its place, from 1. */
export interface PlacedFault {
  readonly line: number;
  readonly column: number;
  readonly what: string;
}

/** The same for any text, with the faults as data. */
export function parseSlotMapText(
  text: string,
  rules: SlotMapRules,
  mostCharacters = MOST_CHARACTERS,
): { readonly entries: readonly SlotMapEntry[]; readonly faults: readonly PlacedFault[] } {
  const whole = (what: string) => ({ entries: [], faults: [{ line: 1, column: 1, what }] });
  if (text.length > mostCharacters) return whole(`is larger than ${mostCharacters} characters`);
  if (isNestedDeeply(text)) return whole(`is nested more than ${MOST_NESTING} deep`);
  if (text.includes('\0')) return whole('is no text: it holds NUL characters');
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ' '), {
    lineCounter: lines,
    prettyErrors: false,
    // Numbers and booleans stay the text that was written; null stays null.
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === 'string' || !/:(int|float|bool)$/.test(tag.tag)),
  });
  if (document.errors.length > 0) {
    const faults = document.errors
      .slice(0, 5)
      .map((error) => ({ ...place(lines, error.pos[0]), what: oneLine(error.message) }));
    return { entries: [], faults };
  }
  if (document.contents === null)
    return whole('is empty: expected a list of slots: - {slot: NAME, master: HOST, replicas: [HOST]}');
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    return whole(oneLine(error instanceof Error ? error.message : String(error)));
  }
  const { entries, faults } = readSlotMap(value, rules);
  return {
    entries,
    faults: faults.map(({ path, what }) => ({ ...place(lines, offsetOf(document, path)), what })),
  };
}

/** The same list as text. */
export function formatSlotMap(slots: readonly Slot[], format: 'yaml' | 'json'): string {
  const items = toSlotMapItems(slots);
  if (format === 'json') return `${JSON.stringify(items, null, 2)}\n`;
  if (items.length === 0) return '[]\n';
  // One line a slot, as people write it; the library quotes what needs it.
  return items
    .map(
      (item) => `- ${stringify(item, { collectionStyle: 'flow', lineWidth: 0, version: '1.1' }).trimEnd()}\n`,
    )
    .join('');
}

/** A rough count of open brackets, and of dashes and keys that open a block on one line; quotes are not looked at. */
function isNestedDeeply(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '[' || char === '{') depth++;
    else if ((char === ']' || char === '}') && depth > 0) depth--;
    if (depth > MOST_NESTING) return true;
  }
  return new RegExp(`^ *(?:(?:[-?]|[^\\s:]{1,20}:)[ \\t]+){${MOST_NESTING}}`, 'm').test(text);
}

function place(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** Where the thing at `path` begins; where there is no such thing, what was to hold it. */
function offsetOf(document: Document, path: SlotMapFault['path']): number {
  let node: Node | null = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    if (isMap(node) && depth === path.length - 1) {
      // The key, since a fault of an unknown key has no other place.
      const pair = node.items.find((item) => String(item.key) === key);
      return isNode(pair?.key) ? (pair.key.range?.[0] ?? offset) : offset;
    }
    const next: unknown =
      isNode(node) && 'get' in node
        ? (node as { get(key: unknown, keep: true): unknown }).get(key, true)
        : undefined;
    if (!isNode(next)) return offset;
    node = next;
    offset = node.range?.[0] ?? offset;
  }
  return offset;
}

function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '?')
    .slice(0, 300);
}
