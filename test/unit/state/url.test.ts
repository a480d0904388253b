import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/errors.js';
import { databasePath } from '../../../src/state/url.js';

describe('databasePath', () => {
  it('takes a url with a path, with or without slashes in front, and a plain path', () => {
    expect(databasePath('sqlite:/var/lib/mailctl/mailctl.db')).toBe('/var/lib/mailctl/mailctl.db');
    expect(databasePath('sqlite:///var/lib/mailctl/mailctl.db')).toBe('/var/lib/mailctl/mailctl.db');
    expect(databasePath('/tmp/a b?c#d%41.db')).toBe('/tmp/a b?c#d%41.db');
  });

  it.each(['postgres://bob:secret@db1/mail', 'postgresql://bob:secret@db1/mail'])(
    'says that PostgreSQL is not supported yet, without the password of %s',
    (url) => {
      const error = catchError(() => databasePath(url));
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message).toMatch(/PostgreSQL.*not supported by this version/);
      expect(error.hint).toMatch(/sqlite:/);
      expect(JSON.stringify([error.message, error.detail, error.hint])).not.toContain('secret');
    },
  );

  it.each([
    'http://x/y',
    'sqlite:',
    'sqlite:relative.db',
    'relative.db',
    '',
    'sqlite:/dir/',
    'sqlite:/a\nb',
    'sqlite:/a\0b',
    'file:/x?mode=ro',
  ])('refuses %j', (url) => {
    expect(() => databasePath(url)).toThrow(ConfigError);
  });
});

function catchError(act: () => unknown): ConfigError {
  try {
    act();
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error('nothing was thrown');
}
