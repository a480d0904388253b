// Who could have written a file that decides what mailctl runs. Refused: a file that is world-writable or owned
// by neither root nor the caller, one in a directory where anyone can put another in its place, and a
// group-writable one unless the group is trusted. ACLs show as the group's bits; nothing else of them is read.
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../errors.js';

/** What the rules depend on. */
export interface TrustRequest {
  /** Effective user id of the caller. */
  readonly uid: number;
  /** The number of the group that may write configuration files; undefined: none. Asked only when it matters. */
  readonly trustedGid: () => Promise<number | undefined>;
  /** Where `config_group` is to be written, for the hint. */
  readonly systemFile: string;
}

/** Checks a file by the status of its open descriptor. @throws ConfigError `config.untrusted` */
export async function mustBeTrusted(file: string, stats: Stats, request: TrustRequest): Promise<void> {
  mustBeOwned(file, stats, request.uid);
  if ((stats.mode & 0o002) !== 0) {
    throw untrusted(file, `everyone can write it (mode ${mode(stats)})`, `chmod o-w ${file}`);
  }
  if ((stats.mode & 0o020) !== 0 && stats.gid !== (await request.trustedGid())) {
    throw untrusted(
      file,
      `group ${stats.gid} can write it (mode ${mode(stats)})`,
      `chmod g-w ${file}   or name that group in config_group of ${request.systemFile}, owned by root`,
    );
  }
  try {
    mustBeInSafePlace(file, request.uid);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`${file}: its folders cannot be looked at: ${(error as Error).message}`, {
      code: 'config.unreadable',
      cause: error,
    });
  }
}

/** The file's owner is root or the caller. @throws ConfigError */
function mustBeOwned(file: string, stats: Stats, uid: number): void {
  if (stats.uid === 0 || stats.uid === uid) return;
  throw untrusted(
    file,
    `it belongs to user ${stats.uid}, neither to root nor to you (${uid})`,
    `chown ${uid === 0 ? 'root' : uid} ${file}`,
  );
}

/** No directory on the way, nor of a link's target, lets everybody rename things in it. */
function mustBeInSafePlace(file: string, uid: number): void {
  const link = lstatSync(file);
  if (link.isSymbolicLink() && link.uid !== 0 && link.uid !== uid) {
    throw untrusted(file, `it is a link that belongs to user ${link.uid}`, 'name the file that it points to');
  }
  for (const start of new Set([file, realpathSync(file)])) {
    for (let folder = dirname(start); ; folder = dirname(folder)) {
      const stats = statSync(folder);
      if ((stats.mode & 0o002) !== 0 && (stats.mode & 0o1000) === 0) {
        throw untrusted(
          file,
          `everyone can replace what is in ${folder} (mode ${mode(stats)})`,
          `chmod o-w ${folder}`,
        );
      }
      if (folder === dirname(folder)) break;
    }
  }
}

/**
 * The number of a group, by number or by its name in the group file; undefined: not in there.
 * @throws ConfigError when the group file cannot be read.
 */
export function groupNumber(group: string, groupFile: string): number | undefined {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  let text: string;
  try {
    text = readFileSync(groupFile, 'utf8');
  } catch (error) {
    throw new ConfigError(`${groupFile}: cannot be read, so the number of group ${group} is not known`, {
      code: 'config.unreadable',
      hint: 'write the number of the group in config_group',
      cause: error,
    });
  }
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (name === group && number !== undefined && /^\d{1,10}$/.test(number)) return Number(number);
  }
  return undefined;
}

function mode(stats: Stats): string {
  return (stats.mode & 0o7777).toString(8).padStart(4, '0');
}

function untrusted(file: string, detail: string, hint: string): ConfigError {
  return new ConfigError(`${file}: refused, since others could have written it: ${detail}`, {
    code: 'config.untrusted',
    detail: 'a configuration names commands that mailctl runs on every host',
    hint,
  });
}
