// Which file is the configuration, and its text, read safely: a regular file of at most 1 MiB of UTF-8 that
// nobody but root, the caller and the trusted group could have written (trust.ts). Parses nothing.
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from '../errors.js';
import { showValue } from './faults.js';

/** Configuration files of more than this many bytes are refused. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** The file that all users of a machine share; its `config_group` counts. */
export const SYSTEM_CONFIG_FILE = '/etc/mailctl/mailctl.yaml';

/** What the search depends on. */
export interface SearchRequest {
  /** `--config`. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** SYSTEM_CONFIG_FILE, save in tests. */
  readonly systemFile: string;
}

/** A file that was read. */
export interface ConfigSource {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
  readonly stats: Stats;
}

/**
 * The first that exists of `--config`, $MAILCTL_CONFIG, $XDG_CONFIG_HOME/mailctl/mailctl.yaml (~/.config when
 * unset), the system's file; undefined: none. The first two must exist if they are given.
 * @throws ConfigError when the file cannot be read as text.
 */
export function readConfigSource(request: SearchRequest): ConfigSource | undefined {
  for (const { file, namedBy } of candidates(request)) {
    const source = readSource(file, namedBy);
    if (source !== undefined) return source;
  }
  return undefined;
}

/** Where the search looks, in order. */
export function candidates(request: SearchRequest): readonly { file: string; namedBy: string | undefined }[] {
  if (request.file !== undefined) return [{ file: resolve(request.file), namedBy: '--config' }];
  const named = request.env.MAILCTL_CONFIG;
  if (named !== undefined && named !== '') return [{ file: resolve(named), namedBy: 'MAILCTL_CONFIG' }];
  const xdg = request.env.XDG_CONFIG_HOME;
  // The XDG rules: a relative path is invalid and is ignored.
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(request.home, '.config');
  return [
    { file: join(base, 'mailctl', 'mailctl.yaml'), namedBy: undefined },
    { file: request.systemFile, namedBy: undefined },
  ];
}

/** Reads one file; undefined: it does not exist and nobody named it. @throws ConfigError */
export function readSource(file: string, namedBy?: string): ConfigSource | undefined {
  let descriptor: number;
  try {
    // Not blocking: a fifo without a writer must not hang us.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE') {
      if (namedBy === undefined) return undefined;
      throw new ConfigError(`${file}: there is no such file`, {
        code: 'config.missing',
        detail: `named by ${namedBy}`,
        hint: `mailctl config init > ${file}`,
      });
    }
    throw unreadable(file, error);
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) {
      const kind = stats.isDirectory() ? 'a directory' : stats.isFIFO() ? 'a pipe' : 'not a regular file';
      throw new ConfigError(`${file}: is ${kind}, not a configuration file`, {
        code: 'config.unreadable',
        hint: stats.isDirectory()
          ? `name the file in it: ${join(file, 'mailctl.yaml')}`
          : 'name a regular file',
      });
    }
    return { file, text: decode(file, readAll(descriptor, stats, file)), stats };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unreadable(file, error);
  } finally {
    closeSync(descriptor);
  }
}

function readAll(descriptor: number, stats: Stats, file: string): Buffer {
  const bytes = stats.size > MAX_CONFIG_BYTES ? undefined : readFileSync(descriptor);
  // Its size is looked at twice, since a file may grow while it is read.
  if (bytes === undefined || bytes.length > MAX_CONFIG_BYTES) {
    throw new ConfigError(`${file}: is larger than 1 MiB`, {
      code: 'config.unreadable',
      hint: 'a configuration of a thousand hosts has some 100 kB: is this the right file?',
    });
  }
  return bytes;
}

function decode(file: string, bytes: Buffer): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    let start = 0;
    let line = 1;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      if (decodeUtf8(bytes.subarray(start, end)) === undefined) break;
      start = end + 1;
      line += 1;
    }
    throw new ConfigError(`${file}:${line}:1: this line is not UTF-8`, {
      code: 'config.syntax',
      hint: `iconv -f ISO-8859-1 -t UTF-8 ${file}   (if it was written in Latin-1)`,
    });
  }
  if (text.trim() === '') {
    throw new ConfigError(`${file}: is empty`, {
      code: 'config.syntax',
      detail:
        bytes.length === 0 ? 'it has no bytes: was it cut short by a full disk?' : 'it holds blanks only',
      hint: `remove it to use the built-in defaults, or: mailctl config init > ${file}`,
    });
  }
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/.exec(text);
  if (control !== null) {
    const before = text.slice(0, control.index).split('\n');
    throw new ConfigError(
      `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: a control character (${showValue(control[0]).slice(1, -1)})`,
      { code: 'config.syntax', hint: 'remove it: mailctl.yaml is plain text' },
    );
  }
  return text;
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function unreadable(file: string, error: unknown): ConfigError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const why =
    code === 'EACCES'
      ? 'you may not read it'
      : code === 'ELOOP'
        ? 'its symbolic links go round in circles'
        : code;
  return new ConfigError(`${file}: cannot be read: ${why}`, {
    code: 'config.unreadable',
    hint: code === 'EACCES' ? `ls -ld ${file}   then chmod or chown it` : undefined,
    cause: error,
  });
}
