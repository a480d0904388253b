// All that is wrong with a file, with its places and what would be right. A fault of the YAML itself makes the whole
// file untrustworthy; any other spoils its section only. Heavy (zod, yaml).
import type { Section } from './config.js';
import { readYaml } from './document.js';
import { type Fault, formatPath, showValue, sortFaults } from './faults.js';
import type { RawFile } from './format.js';
import { type Finding, findIssues, unknownKey } from './issues.js';
import type { ParsedFile } from './parse.js';
import type { KeyPath, Position } from './position.js';
import { danglingHosts, knownHosts } from './references.js';
import { sectionSchemas } from './schema.js';

/** A parsed file for whoever has more to say about it. */
export interface LocatedFile extends ParsedFile {
  /** Where the value of a path stands. */
  locate(path: KeyPath): Position;
}

const SECTIONS = Object.keys(sectionSchemas) as Section[];

/** Parses and checks a file. Never throws for what the text holds. */
export function diagnose(text: string, thisHost: string): LocatedFile {
  const document = readYaml(text);
  if (!document.ok) return broken(document.faults);
  const { value } = document;
  const locate = (path: KeyPath) => document.locate(path, 'value');
  if (value === null || value === undefined) return { raw: {}, faults: [], isBroken: false, locate };
  if (typeof value !== 'object' || Array.isArray(value)) {
    const right = `known sections: ${SECTIONS.join(', ')}`;
    return broken([
      { section: 'file', line: 1, column: 1, path: '', what: 'is not a map of sections', right },
    ]);
  }
  const { raw, findings } = checkSections(value as Record<string, unknown>, thisHost);
  const faults = findings.map(({ section, path, at, what, right }) => ({
    section,
    ...document.locate(path, at),
    // An unknown section is named by what is said of it.
    path: SECTIONS.includes(path[0] as Section) ? formatPath(path) : '',
    what,
    right,
  }));
  return { raw, faults: sortFaults(faults), isBroken: false, locate };
}

interface SectionFinding extends Finding {
  readonly section: Section | 'unknown';
}

interface Checked {
  readonly raw: RawFile;
  readonly findings: readonly SectionFinding[];
}

function checkSections(value: Readonly<Record<string, unknown>>, thisHost: string): Checked {
  const raw: Record<string, unknown> = {};
  const findings: SectionFinding[] = [];
  for (const key of Object.keys(value)) {
    if (SECTIONS.includes(key as Section)) continue;
    const { what, right } = unknownKey(key, SECTIONS);
    const meant = SECTIONS.find((known) => right === `did you mean ${known}?`);
    findings.push({ section: meant ?? 'unknown', path: [key], at: 'key', what, right });
  }
  for (const [section, schema] of Object.entries(sectionSchemas) as [
    Section,
    (typeof sectionSchemas)[string],
  ][]) {
    if (!Object.hasOwn(value, section)) continue;
    const found = [...findIssues(section, schema, value[section])];
    // The one name that JavaScript's objects, and zod with them, would drop without a word.
    if (
      Object.hasOwn(Object(value[section]), '__proto__') &&
      found.every(({ path }) => path[1] !== '__proto__')
    ) {
      found.push({ path: [section, '__proto__'], at: 'key', what: 'is not a name', right: undefined });
    }
    for (const finding of found) findings.push({ section, ...finding });
    if (found.length === 0) raw[section] = value[section];
  }
  // While hosts itself is faulty nobody can say which names it would have.
  if ((value.hosts ?? undefined) === undefined || raw.hosts !== undefined) {
    for (const finding of unknownHosts(raw, thisHost)) {
      findings.push(finding);
      delete raw[finding.section];
    }
  }
  return { raw, findings };
}

function unknownHosts(raw: RawFile, thisHost: string): readonly SectionFinding[] {
  const known = knownHosts(raw, thisHost);
  const few = [...known].slice(0, 5).join(', ');
  const all = `the ${known.size === 1 ? 'only host is' : 'hosts are'} ${few}${known.size > 5 ? ', ...' : ''}`;
  return danglingHosts(raw, known).map(({ section, path, host }) => {
    const { right } = unknownKey(host, [...known]);
    return {
      section,
      path,
      at: 'value',
      what: `no host ${showValue(host)} under hosts`,
      right: right?.startsWith('known here') === true ? all : right,
    };
  });
}

function broken(faults: readonly Fault[]): LocatedFile {
  return { raw: {}, faults: sortFaults(faults), isBroken: true, locate: () => ({ line: 1, column: 1 }) };
}
