import { describe, expect, it } from 'vitest';
import { findInPgpass } from '../../../src/state/pgpass.js';

const key = { host: 'db1', port: 5432, database: 'mail', user: 'ann' };

describe('findInPgpass', () => {
  it.each([
    ['db1:5432:mail:ann:s3cret', 's3cret'],
    ['*:*:*:ann:s3cret', 's3cret'],
    ['# db1:5432:mail:ann:no\n\ndb2:*:*:*:no\ndb1:*:*:*:s3cret\r\n*:*:*:*:later', 's3cret'],
    ['db1:5432:mail:ann:s3:cr\\\\et\\:x', 's3:cr\\et:x'],
    ['db1:5432:mail:bob:no', undefined],
    ['db1:5432:mail', undefined],
    ['', undefined],
  ])('in %j finds %j', (text, password) => {
    expect(findInPgpass(text, key)).toBe(password);
  });

  it('takes a socket for localhost', () => {
    expect(findInPgpass('localhost:5432:mail:ann:x', { ...key, host: '/run/postgresql' })).toBe('x');
  });
});
