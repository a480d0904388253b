// Text of a configuration file to checked sections and faults with their places. Reads no file and fills in no
// defaults. A fault of the YAML itself makes the whole file untrustworthy; any other spoils its section only.
// Heavy (yaml, zod): loaded when there is a file.
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import { maskUrlPasswords } from '../lib/redact.js';
import type { Section } from './config.js';
import { type Fault, formatPath, showValue, sortFaults } from './faults.js';
import { type Finding, findIssues, unknownKey } from './issues.js';
import { type KeyPath, type Position, positionAt, positionOf } from './position.js';
import { type RawFile, sectionSchemas } from './schema.js';

/** What a text holds. */
export interface ParsedFile {
  /** The sections without fault, by their names. */
  readonly raw: RawFile;
  /** In the order of the file. */
  readonly faults: readonly Fault[];
  /** True: the YAML itself is broken; `raw` is empty. */
  readonly isBroken: boolean;
  /** Where the value (or the key) of a path stands. */
  locate(path: KeyPath, at?: 'key' | 'value'): Position;
}

const SECTIONS = Object.keys(sectionSchemas) as Section[];

// Far above what a configuration needs; the YAML library recurses, and deep nesting would end the process.
const MAX_DEPTH = 64;
const MAX_LEADING = 400;

/**
 * Parses and checks a file. `thisHost` is the name that stands for this machine when the file names no hosts.
 * Never throws for what the text holds.
 */
export function parseConfigText(text: string, thisHost: string): ParsedFile {
  const deep = tooDeep(text);
  if (deep !== undefined) return broken([deep]);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    prettyErrors: false,
    lineCounter: lines,
    stringKeys: true,
    merge: false,
  });
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    section: 'file' as const,
    ...positionAt(lines, error.pos[0]),
    path: '',
    ...syntaxWords(error.code, error.message, text.slice(error.pos[0])),
  }));
  if (syntax.length > 0) return broken(syntax);

  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Unknown aliases, and aliases of aliases that would unfold to gigabytes.
    const what = maskUrlPasswords(error instanceof Error ? error.message : String(error));
    const place = positionAt(lines, unresolvedAlias(document) ?? 0);
    return broken([{ ...wholeFile, ...place, what, right: 'write the values out instead of *aliases' }]);
  }
  if (value === null || value === undefined)
    return { raw: {}, faults: [], isBroken: false, locate: () => ({ line: 1, column: 1 }) };
  if (typeof value !== 'object' || Array.isArray(value)) {
    return broken([
      { ...wholeFile, what: 'is not a map of sections', right: `known sections: ${SECTIONS.join(', ')}` },
    ]);
  }
  return checkSections(value as Record<string, unknown>, document, lines, thisHost);
}

function checkSections(
  value: Record<string, unknown>,
  document: Document,
  lines: LineCounter,
  thisHost: string,
): ParsedFile {
  const locate = (path: KeyPath, at: 'key' | 'value' = 'value') => positionOf(document, lines, path, at);
  const raw: Record<string, unknown> = {};
  const faults: Fault[] = [];
  const add = (section: Section, finding: Finding) =>
    faults.push({
      section,
      ...locate(finding.path, finding.at),
      path: formatPath(finding.path),
      what: finding.what,
      right: finding.right,
    });
  for (const section of Object.keys(value)) {
    if (SECTIONS.includes(section as Section)) continue;
    const { what, right } = unknownKey(section, SECTIONS);
    const meant = SECTIONS.find((known) => right === `did you mean ${known}?`);
    faults.push({ section: meant ?? 'unknown', ...locate([section], 'key'), path: '', what, right });
  }
  for (const section of SECTIONS) {
    if (!Object.hasOwn(value, section)) continue;
    const findings = findIssues(section, sectionSchemas[section], value[section]);
    for (const finding of findings) add(section, finding);
    // The one name that JavaScript's objects, and zod with them, would drop without a word.
    if (Object.hasOwn(Object(value[section]), '__proto__')) {
      const finding = {
        path: [section, '__proto__'],
        at: 'key',
        what: 'is not a name',
        right: undefined,
      } as const;
      if (findings.every((known) => known.path[1] !== '__proto__')) add(section, finding);
      continue;
    }
    if (findings.length === 0) raw[section] = value[section];
  }
  for (const { section, finding } of danglingHosts(raw, value, thisHost)) {
    add(section, finding);
    delete raw[section];
  }
  return { raw, faults: sortFaults(faults), isBroken: false, locate };
}

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

/** Hosts that a section names and `hosts` does not have; nothing is said while `hosts` itself is faulty. */
function danglingHosts(
  raw: RawFile,
  value: Record<string, unknown>,
  thisHost: string,
): readonly { section: Section; finding: Finding }[] {
  if (value.hosts !== undefined && raw.hosts === undefined) return [];
  const names = Object.keys(raw.hosts ?? {});
  const known = new Set(names.length > 0 ? names : [thisHost]);
  const named: { section: Section; path: KeyPath; host: string }[] = [];
  for (const [index, hook] of (raw.directory?.hooks ?? []).entries()) {
    if (hook.host !== undefined)
      named.push({ section: 'directory', path: ['directory', 'hooks', index, 'host'], host: hook.host });
  }
  for (const [name, uplink] of Object.entries(raw.uplinks ?? {})) {
    named.push({ section: 'uplinks', path: ['uplinks', name, 'host'], host: uplink.host });
  }
  return named
    .filter(({ host }) => !known.has(host))
    .map(({ section, path, host }) => {
      const { right } = unknownKey(host, [...known].slice(0, 10_000));
      return {
        section,
        finding: {
          path,
          at: 'value',
          what: `no host ${showValue(host)} under hosts`,
          right: right?.replace(
            /^known here: .*$/s,
            `the ${known.size === 1 ? 'only host is' : 'hosts are'} ${[...known].slice(0, 5).join(', ')}${known.size > 5 ? ', ...' : ''}`,
          ),
        },
      };
    });
}

const wholeFile = { section: 'file', line: 1, column: 1, path: '' } as const;

function broken(faults: readonly Fault[]): ParsedFile {
  return { raw: {}, faults: sortFaults(faults), isBroken: true, locate: () => ({ line: 1, column: 1 }) };
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
