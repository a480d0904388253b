// Where mailctl keeps its journals and its own database (design 2.4). What lies there decides what a resume
// does, so that a directory which others can write is refused. Looked at at once: node's promises of files cost more to
// load than the look.
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigError } from '../errors.js';

/** What the choice depends on; main passes the process's own. */
export interface StateDirInput {
  /** `--state-dir`. */
  readonly option: string | undefined;
  readonly env: { readonly [name: string]: string | undefined };
  /** User id of the caller; -1 where there is none. */
  readonly uid: number;
  readonly home: string;
}

/** The state directory's path. A relative XDG_STATE_HOME is ignored, as its specification demands. */
export function stateDirPath({ option, env, uid, home }: StateDirInput): string {
  if (option !== undefined && option !== '') return resolve(option);
  const xdg = env.XDG_STATE_HOME;
  if (xdg?.startsWith('/')) return join(xdg, 'mailctl');
  return uid === 0 ? '/var/lib/mailctl' : join(home, '.local/state/mailctl');
}

/**
 * Makes the directory (0700) if it is not there.
 * @throws ConfigError when it cannot be made, is no directory, belongs to neither root nor the caller, or can
 * be written by others
 */
export async function ensureStateDir(directory: string, uid: number): Promise<void> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConfigError(`cannot make the state directory ${directory}: ${(error as Error).message}`, {
      code: 'state-dir',
      hint: 'name another one: --state-dir DIR',
      cause: error,
    });
  }
  const seen = statSync(directory);
  const refuse = (why: string, hint: string): never => {
    throw new ConfigError(`the state directory ${directory} ${why}`, { code: 'state-dir', hint });
  };
  if (uid >= 0 && seen.uid !== 0 && seen.uid !== uid) {
    refuse(`belongs to user id ${seen.uid}, neither to root nor to you`, 'name another one: --state-dir DIR');
  }
  if ((seen.mode & 0o022) !== 0) {
    refuse(`can be written by others (mode ${(seen.mode & 0o777).toString(8)})`, `chmod go-w ${directory}`);
  }
}
