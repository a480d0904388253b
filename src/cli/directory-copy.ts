// Keeps the directory as it was when it last answered, in a file of the state directory, replaced by a rename. Whoever
// lists the slots keeps it; a copy that cannot be written or read is none, and no error of the command.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DirectoryConfig } from '../config/config.js';
import { maskUrlPasswords } from '../lib/redact.js';
import type { Directory } from '../slot/directory.js';
import { type DirectoryCopy, formatDirectoryCopy, parseDirectoryCopy } from '../slot/directory-copy.js';

/** Where it is kept, and of which directory. */
export interface CopyPlace {
  readonly stateDir: string;
  readonly source: string;
}

const NAME = 'directory.json';

/** The directory's name in a copy: its url or its command, without secrets. */
export function sourceOf(config: DirectoryConfig, stateUrl: string | undefined): string {
  if (config.kind === 'commands') return JSON.stringify(config.list);
  return maskUrlPasswords(config.url ?? stateUrl ?? 'in the state directory');
}

/** The same directory, whose every list is kept. */
export function keepingCopy(
  directory: Directory,
  { stateDir, source }: CopyPlace,
  now: () => number,
): Directory {
  return {
    ...directory,
    async list() {
      const slots = await directory.list();
      // A directory that was just emptied, or made, is not worth the copy of a full one.
      if (slots.length > 0) keep(join(stateDir, NAME), formatDirectoryCopy(source, slots, now()));
      return slots;
    },
  };
}

/** The last copy of that directory; undefined: there is none. */
export function readCopy({ stateDir, source }: CopyPlace): DirectoryCopy | undefined {
  try {
    return parseDirectoryCopy(readFileSync(join(stateDir, NAME), 'utf8'), source);
  } catch {
    return undefined;
  }
}

function keep(file: string, text: string): void {
  const fresh = `${file}.${process.pid}`;
  try {
    writeFileSync(fresh, text, { mode: 0o600 });
    renameSync(fresh, file);
  } catch {
    // A full disk must not stop a failover; the copy before it stays.
  }
}
