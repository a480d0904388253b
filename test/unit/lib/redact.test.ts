import { describe, expect, it } from 'vitest';
import { maskUrlPasswords } from '../../../src/lib/redact.js';

describe('maskUrlPasswords', () => {
  it.each([
    ['postgres://ann:s3cret@db1:5432/mailctl', 'postgres://ann:***@db1:5432/mailctl'],
    ['cannot open postgres://ann:a/b@c:d@db1/x now', 'cannot open postgres://ann:***@db1/x now'],
    ['postgres://:s3cret@db1/x', 'postgres://:***@db1/x'],
    ['POSTGRESQL://ann:s3cret@db1', 'POSTGRESQL://ann:***@db1'],
    ['postgres://db1/x?user=ann&password=s3cret&ssl=1', 'postgres://db1/x?user=ann&password=***&ssl=1'],
    ['https://h/x?api-token=s3cret', 'https://h/x?api-token=***'],
    [
      '"postgres://ann:s3cret@db1" and \'postgres://bob:s3cret@db2\'',
      '"postgres://ann:***@db1" and \'postgres://bob:***@db2\'',
    ],
  ])('masks the password in %s', (text, masked) => {
    expect(maskUrlPasswords(text)).toBe(masked);
    expect(maskUrlPasswords(text)).not.toContain('s3cret');
  });

  it.each([
    'sqlite:/var/lib/mailctl/mailctl.db',
    'postgres://db1:5432/x',
    'ann@example.net: no',
    'store1: 41 s',
    '',
  ])('leaves %j alone', (text) => {
    expect(maskUrlPasswords(text)).toBe(text);
  });

  it('takes no noticeable time on a long hostile text', () => {
    const started = performance.now();
    maskUrlPasswords('a://b:'.repeat(2_000));
    maskUrlPasswords(`?${'a'.repeat(100_000)}`);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
