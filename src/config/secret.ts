// Reads a password when it is used. The file must be its owner's alone; the password goes into no message and
// is kept by nobody here.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ConfigError } from '../errors.js';
import type { Account } from './config.js';

/** A password file of more than this many bytes holds something else. */
const MAX_PASSWORD_BYTES = 4096;

/**
 * The password of an account: the file's only line, without its newline. `uid` is the effective user id.
 * @throws ConfigError `config.password-file` when others can read the file, it is missing, or is no password.
 */
export function readPassword(account: Account, uid: number = process.geteuid?.() ?? 0): string {
  const file = account.passwordFile;
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EACCES'
          ? 'you may not read it'
          : `cannot be read: ${code}`;
    throw refused(account, why, code === 'ENOENT' ? `(umask 077; cat > ${file})` : `ls -l ${file}`, error);
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw refused(account, 'is not a regular file');
    if (stats.uid !== 0 && stats.uid !== uid) {
      throw refused(
        account,
        `belongs to user ${stats.uid}, neither to root nor to you (${uid})`,
        `chown ${uid} ${file}`,
      );
    }
    if ((stats.mode & 0o077) !== 0) {
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
      throw refused(account, `others can read or write it (mode ${mode})`, `chmod 600 ${file}`);
    }
    const buffer = Buffer.alloc(MAX_PASSWORD_BYTES + 1);
    const length = readSync(descriptor, buffer, 0, buffer.length, 0);
    if (length > MAX_PASSWORD_BYTES) throw refused(account, `has more than ${MAX_PASSWORD_BYTES} bytes`);
    return passwordOf(account, buffer.subarray(0, length));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw refused(account, `cannot be read: ${(error as NodeJS.ErrnoException).code}`, undefined, error);
  } finally {
    closeSync(descriptor);
  }
}

function passwordOf(account: Account, bytes: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused(account, 'is not UTF-8');
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw refused(account, 'is empty');
  // The protocols it goes into end a line with a newline, and the byte-order mark is an editor's, not a password's.
  if (/[\p{Cc}\uFEFF]/u.test(password)) {
    throw refused(
      account,
      'has more than one line, or a control character',
      'write the password alone into it',
    );
  }
  return password;
}

function refused(account: Account, why: string, hint?: string, cause?: unknown): ConfigError {
  return new ConfigError(`password file ${account.passwordFile} of ${account.user}: ${why}`, {
    code: 'config.password-file',
    hint,
    cause,
  });
}
