import { describe, expect, it } from 'vitest';
import { parsePostgresUrl } from '../../../src/lib/postgres-url.js';
import { maskUrlPasswords } from '../../../src/lib/redact.js';

const read = (url: string) => {
  const parsed = parsePostgresUrl(url);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};

describe('parsePostgresUrl', () => {
  it('reads user, password, host, port and database', () => {
    expect(read('postgres://ann:s%40cret@db1:5433/mail')).toMatchObject({
      hosts: [{ host: 'db1', port: 5433 }],
      user: 'ann',
      password: 's@cret',
      database: 'mail',
      tls: 'prefer',
      name: 'postgres://ann@db1:5433/mail',
    });
  });

  it('reads several hosts, IPv6 and sockets', () => {
    expect(read('postgresql://ann@db1,db2:5433,[2001:db8::1]:5434/x').hosts).toEqual([
      { host: 'db1', port: 5432 },
      { host: 'db2', port: 5433 },
      { host: '2001:db8::1', port: 5434 },
    ]);
    expect(read('postgres:///x').hosts).toEqual([{ host: '/var/run/postgresql', port: 5432 }]);
    expect(read('postgres:///x?host=/run/pg&port=5499').hosts).toEqual([{ host: '/run/pg', port: 5499 }]);
    expect(read('postgres://%2Frun%2Fpg/x').hosts).toEqual([{ host: '/run/pg', port: 5432 }]);
  });

  it('names itself without a secret, whatever form that has', () => {
    for (const url of [
      'postgres://ann:s3cret@db1/mail',
      'postgres://db1/mail?user=ann&password=s3cret',
      'postgres://ann:s3cret@db1,db2/mail?sslmode=verify-full',
    ]) {
      const parsed = read(url);
      expect(parsed.password).toBe('s3cret');
      expect(parsed.name).not.toContain('s3cret');
      expect(maskUrlPasswords(url)).not.toContain('s3cret');
    }
  });

  it.each([
    ['postgres://ann:s3@cret@db1/x', /more than one "@"/],
    ['postgres://ann:s3cret@db1:0/x', /port/],
    ['postgres://ann:s3cret@db1:99999/x', /port/],
    ['postgres://ann:s3cret@db1:abc/x', /host/],
    ['postgres://ann:s3cret%@db1/x', /without two hexadecimal digits/],
    ['postgres://ann:s3cret%00@db1/x', /control character/],
    ['postgres://ann:s3cret@db1/x?sslmode=maybe', /sslmode/],
    ['postgres://ann:s3cret@db1/x?target=s3cret', /parameter that is none of/],
    ['postgres://ann:s3cret@db1/x?connect_timeout=0', /connect_timeout/],
    ['postgres://ann:s3cret@db1/x y', /is no PostgreSQL url/],
    ['mysql://ann:s3cret@db1/x', /is no PostgreSQL url/],
  ])('says what is wrong with %s, and repeats nothing of it', (url, fault) => {
    const said = parsePostgresUrl(url);
    expect(said).toMatch(fault);
    expect(said).not.toContain('s3cret');
  });
});
