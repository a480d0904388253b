// Text of a configuration file to checked sections. Reads no file and fills in no defaults. A file that is plain and
// right is read the short way; anything else goes to diagnose.ts, which has the heavy libraries and finds places.
import { isOfFormat } from './accept.js';
import type { Fault } from './faults.js';
import { type RawFile, sections } from './format.js';
import { readPlainYaml } from './plain-yaml.js';
import { danglingHosts, knownHosts } from './references.js';

/** What a text holds. */
export interface ParsedFile {
  /** The sections without fault, by their names. */
  readonly raw: RawFile;
  /** In the order of the file. */
  readonly faults: readonly Fault[];
  /** True: the YAML itself is broken; `raw` is empty. */
  readonly isBroken: boolean;
}

/**
 * Parses and checks a file. `thisHost` is the name that stands for this machine when the file names no hosts. Never
 * throws for what the text holds.
 */
export async function parseConfigText(text: string, thisHost: string): Promise<ParsedFile> {
  const raw = readPlainFile(text, thisHost);
  if (raw !== undefined) return { raw, faults: [], isBroken: false };
  return (await import('./diagnose.js')).diagnose(text, thisHost);
}

/** The short way; undefined: something is not plain, or not right. */
export function readPlainFile(text: string, thisHost: string): RawFile | undefined {
  const value = readPlainYaml(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  for (const [key, content] of Object.entries(value)) {
    if (!Object.hasOwn(sections, key) || !isOfFormat(sections[key as keyof RawFile], content))
      return undefined;
  }
  const raw: RawFile = value;
  return danglingHosts(raw, knownHosts(raw, thisHost)).length === 0 ? raw : undefined;
}
