// YAML with places: the full library, loaded when a file is not plain (plain-yaml.ts) or when there is a fault to
// point at. A fault of the YAML itself makes the whole file untrustworthy.
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import { maskUrlPasswords } from '../lib/redact.js';
import type { Fault } from './faults.js';
import { type KeyPath, type Position, positionAt, positionOf } from './position.js';

/** What a text holds, or why it holds nothing. */
export type YamlDocument =
  | {
      readonly ok: true;
      readonly value: unknown;
      /** Where the value (or the key) of a path stands. */
      locate(path: KeyPath, at: 'key' | 'value'): Position;
    }
  | { readonly ok: false; readonly faults: readonly Fault[] };

// Far above what a configuration needs; the library recurses, and deep nesting would end the process.
const MAX_DEPTH = 64;
const MAX_LEADING = 400;

/** Reads any YAML text. Never throws for what the text holds. */
export function readYaml(text: string): YamlDocument {
  const deep = tooDeep(text);
  if (deep !== undefined) return { ok: false, faults: [deep] };
  const lines = new LineCounter();
  const document = parseDocument(text, {
    prettyErrors: false,
    lineCounter: lines,
    stringKeys: true,
    merge: false,
  });
  const faults = [...document.errors, ...document.warnings].map((error) => ({
    ...wholeFile,
    ...positionAt(lines, error.pos[0]),
    ...syntaxWords(error.code, error.message, text.slice(error.pos[0])),
  }));
  if (faults.length > 0) return { ok: false, faults };
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { ok: true, value, locate: (path, at) => positionOf(document, lines, path, at) };
  } catch (error) {
    // Unknown aliases, and aliases of aliases that would unfold to gigabytes.
    const what = maskUrlPasswords(error instanceof Error ? error.message : String(error));
    const place = positionAt(lines, unresolvedAlias(document) ?? 0);
    return {
      ok: false,
      faults: [{ ...wholeFile, ...place, what, right: 'write the values out instead of *aliases' }],
    };
  }
}

const wholeFile = { section: 'file', line: 1, column: 1, path: '' } as const;

/** Offset of the first alias without its anchor. */
function unresolvedAlias(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = alias.range?.[0];
      return visit.BREAK;
    },
  });
  return offset;
}

function tooDeep(text: string): Fault | undefined {
  let depth = 0;
  let line = 1;
  let leading = true;
  let lineStart = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '\n') {
      line += 1;
      lineStart = index + 1;
      leading = true;
      continue;
    }
    if (char === '[' || char === '{') depth += 1;
    else if ((char === ']' || char === '}') && depth > 0) depth -= 1;
    leading &&=
      char === ' ' || char === '-' || char === '?' || char === '\t' || char === '\r' || char === ':';
    if (depth > MAX_DEPTH || (leading && index - lineStart > MAX_LEADING)) {
      return {
        ...wholeFile,
        line,
        column: index - lineStart + 1,
        what: 'is nested too deeply',
        right: 'close the brackets',
      };
    }
  }
  return undefined;
}

/** The library's words, or better ones where a mistake is common. */
function syntaxWords(
  code: string,
  message: string,
  rest: string,
): { what: string; right: string | undefined } {
  if (code === 'DUPLICATE_KEY') return { what: 'this key stands here twice', right: 'keep one of the two' };
  if (code === 'TAB_AS_INDENT') return { what: 'a tab is used as indentation', right: 'use blanks' };
  if (code === 'NON_STRING_KEY')
    return { what: 'a key must be text', right: 'quote text that begins with { or [' };
  if (code === 'MULTIPLE_DOCS')
    return { what: 'a second document begins here', right: 'remove the line ---' };
  const what = maskUrlPasswords(message.split('\n')[0] ?? message);
  if (code === 'TAG_RESOLVE_FAILED') return { what, right: 'tags have no meaning here, remove it' };
  // `conf: {slot}/conf`: YAML sees a map and then stray text.
  if (code === 'UNEXPECTED_TOKEN' && /^\s*[^\s]/.test(rest))
    return { what, right: 'quote text that begins with { or [' };
  return { what, right: undefined };
}
