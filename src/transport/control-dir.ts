// The private directory of ssh's control sockets: whoever can write there can speak as the operator on every host.
// So it is ours alone, is no link, and this is looked at before every use by a process, not only when it is made.
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, MailctlError } from '../errors.js';
import { MAX_SOCKET_PATH_BYTES } from './limits.js';

/** Longest name of a socket or log in it: 16 of hash, a dot, 8 of chance, `.log`. */
const NAME_BYTES = 30;

/**
 * `$XDG_RUNTIME_DIR/mailctl`, else `/tmp/mailctl-UID`; made if need be.
 * @throws MailctlError `transport.control-dir` when it is not private to us
 */
export function openControlDir(runtimeDir: string | undefined, uid: number): string {
  const dir = chooseDir(runtimeDir, uid);
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw notPrivate(dir, 'it cannot be made', (error as Error).message);
    }
  }
  const seen = lstatSync(dir);
  if (!seen.isDirectory()) throw notPrivate(dir, 'it is no directory', 'a link or a file has its name');
  if (seen.uid !== uid)
    throw notPrivate(dir, 'it is not yours', `its owner is uid ${seen.uid}, you are ${uid}`);
  if ((seen.mode & 0o077) !== 0) {
    throw notPrivate(
      dir,
      'others may enter it',
      `its mode is ${(seen.mode & 0o777).toString(8)}, it must be 700`,
    );
  }
  return dir;
}

function chooseDir(runtimeDir: string | undefined, uid: number): string {
  const fallback = `/tmp/mailctl-${uid}`;
  if (runtimeDir === undefined || !runtimeDir.startsWith('/')) return fallback;
  const dir = join(runtimeDir, 'mailctl');
  if (Buffer.byteLength(dir) + NAME_BYTES > MAX_SOCKET_PATH_BYTES) return fallback;
  // A login without a session (cron, sudo) often names a runtime directory that is not there.
  return lstatSync(runtimeDir, { throwIfNoEntry: false })?.isDirectory() ? dir : fallback;
}

function notPrivate(dir: string, what: string, detail: string): MailctlError {
  return new MailctlError(`the directory of ssh's connections, ${dir}, cannot be used: ${what}`, {
    code: 'transport.control-dir',
    exitCode: EXIT.failed,
    detail,
    hint: `look who made it, remove it, and try again: ls -ld ${dir}`,
  });
}
