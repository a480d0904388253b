// Which file a database url means: `sqlite:/path`, `sqlite:///path`, or a plain absolute path. Loads nothing heavy,
// so that a configuration can be judged without the database libraries.
import { isAbsolute, normalize } from 'node:path';
import { ConfigError } from '../errors.js';

/**
 * The path of the database file that `url` names. A relative path must have been resolved before (against the
 * configuration file's directory).
 * @throws ConfigError for another kind of url; it never repeats the url, which may hold a password.
 */
export function databasePath(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'sqlite') {
    throw new ConfigError(`a database url cannot begin with "${scheme}:"`, {
      code: 'config.database-url',
      hint: 'give a file or a server: url: "sqlite:/var/lib/mailctl/mailctl.db", url: "postgres://mailctl@db1/mailctl"',
    });
  }
  const path = url.replace(/^sqlite:(\/\/(?=\/))?/i, '');
  if (!isAbsolute(path) || path.endsWith('/') || /\p{Cc}/u.test(path)) {
    throw new ConfigError('a database url must name a file by its whole path', {
      code: 'config.database-url',
      hint: 'give a file or a server: url: "sqlite:/var/lib/mailctl/mailctl.db", url: "postgres://mailctl@db1/mailctl"',
    });
  }
  return normalize(path);
}
