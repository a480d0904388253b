import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/errors.js';
import { databasePath } from '../../../src/state/url.js';

describe('databasePath', () => {
  it('takes a url with a path, with or without slashes in front, and a plain path', () => {
    expect(databasePath('sqlite:/var/lib/mailctl/mailctl.db')).toBe('/var/lib/mailctl/mailctl.db');
    expect(databasePath('sqlite:///var/lib/mailctl/mailctl.db')).toBe('/var/lib/mailctl/mailctl.db');
    expect(databasePath('/tmp/a b?c#d%41.db')).toBe('/tmp/a b?c#d%41.db');
  });

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
