// Text of a configuration file to checked sections and faults with their places. Reads no file and fills in no
// defaults. A fault of the YAML itself makes the whole file untrustworthy; any other spoils its section only.
// Heavy (zod): loaded when there is a file; the YAML library only for files that are faulty or not plain.
import type { Section } from './config.js';
import { type Fault, formatPath, showValue, sortFaults } from './faults.js';
import { type Finding, findIssues, unknownKey } from './issues.js';
import { readPlainYaml } from './plain-yaml.js';
import type { KeyPath, Position } from './position.js';
import { type RawFile, sectionSchemas } from './schema.js';

/** What a text holds. */
export interface ParsedFile {
  /** The sections without fault, by their names. */
  readonly raw: RawFile;
  /** In the order of the file. */
  readonly faults: readonly Fault[];
  /** True: the YAML itself is broken; `raw` is empty. */
  readonly isBroken: boolean;
}

/** The same with places, for whoever has more to say about the file. */
export interface LocatedFile extends ParsedFile {
  /** Where the value of a path stands. */
  locate(path: KeyPath): Position;
}

const SECTIONS = Object.keys(sectionSchemas) as Section[];

/**
 * Parses and checks a file, the short way where it is plain and faultless. `thisHost` is the name that stands for
 * this machine when the file names no hosts. Never throws for what the text holds.
 */
export async function parseConfigText(text: string, thisHost: string): Promise<ParsedFile> {
  const plain = readPlainYaml(text);
  if (isMap(plain)) {
    const { raw, findings } = checkSections(plain, thisHost);
    if (findings.length === 0) return { raw, faults: [], isBroken: false };
  }
  return parseLocated(text, thisHost);
}

/** Parses and checks a file with the full YAML library. */
export async function parseLocated(text: string, thisHost: string): Promise<LocatedFile> {
  const { readYaml } = await import('./document.js');
  const document = readYaml(text);
  if (!document.ok) return broken(document.faults);
  const { value } = document;
  const locate = (path: KeyPath) => document.locate(path, 'value');
  if (value === null || value === undefined) return { raw: {}, faults: [], isBroken: false, locate };
  if (!isMap(value)) {
    const right = `known sections: ${SECTIONS.join(', ')}`;
    return broken([
      { section: 'file', line: 1, column: 1, path: '', what: 'is not a map of sections', right },
    ]);
  }
  const { raw, findings } = checkSections(value, thisHost);
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

function checkSections(
  value: Record<string, unknown>,
  thisHost: string,
): { readonly raw: RawFile; readonly findings: readonly SectionFinding[] } {
  const raw: Record<string, unknown> = {};
  const findings: SectionFinding[] = [];
  for (const key of Object.keys(value)) {
    if (SECTIONS.includes(key as Section)) continue;
    const { what, right } = unknownKey(key, SECTIONS);
    const meant = SECTIONS.find((known) => right === `did you mean ${known}?`);
    findings.push({ section: meant ?? 'unknown', path: [key], at: 'key', what, right });
  }
  for (const section of SECTIONS) {
    if (!Object.hasOwn(value, section)) continue;
    const found = [...findIssues(section, sectionSchemas[section], value[section])];
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
  for (const dangling of danglingHosts(raw, value, thisHost)) {
    findings.push(dangling);
    delete raw[dangling.section];
  }
  return { raw, findings };
}

/** Hosts that a section names and `hosts` does not have; nothing is said while `hosts` itself is faulty. */
function danglingHosts(
  raw: RawFile,
  value: Record<string, unknown>,
  thisHost: string,
): readonly SectionFinding[] {
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
      const few = [...known].slice(0, 5).join(', ');
      const all = `the ${known.size === 1 ? 'only host is' : 'hosts are'} ${few}${known.size > 5 ? ', ...' : ''}`;
      return {
        section,
        path,
        at: 'value',
        what: `no host ${showValue(host)} under hosts`,
        right: right?.startsWith('known here') === true ? all : right,
      };
    });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function broken(faults: readonly Fault[]): LocatedFile {
  return { raw: {}, faults: sortFaults(faults), isBroken: true, locate: () => ({ line: 1, column: 1 }) };
}
