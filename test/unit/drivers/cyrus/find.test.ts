import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIND_SCRIPT, findPattern, parseFound } from '../../../../src/drivers/cyrus/find.js';
import { tempDir } from '../../../support/temp-dir.js';

const find = (pattern: string) =>
  execFileSync('sh', ['-c', FIND_SCRIPT, 'sh', pattern], { encoding: 'utf8' });

describe('looking for instances', () => {
  it('finds folders by the template, whatever else they are called', async () => {
    const base = await tempDir();
    for (const name of ['store1', 'store 2', '$(id)', "it's", '-rf', 'deep/er', 'x\ny', 'ü'])
      mkdirSync(join(base, name, 'conf'), { recursive: true });
    mkdirSync(join(base, 'no-conf'));
    const config = { configDir: `${base}/{slot}/conf` };
    const found = parseFound(config, 'imap21', find(findPattern(config, 'imap21')));
    expect(found.map(({ slot }) => slot).sort()).toEqual(['$(id)', '-rf', "it's", 'store 2', 'store1', 'ü']);
  });

  it('reads slot, instance, host and address off a path', async () => {
    const base = await tempDir();
    mkdirSync(join(base, 'imap21/t01a/192.0.2.1/t01a-store1'), { recursive: true });
    mkdirSync(join(base, 'imap21/t02a/192.0.2.2/t01a-store2'), { recursive: true });
    mkdirSync(join(base, 'imap22/t01b/192.0.2.1/t01b-store1'), { recursive: true });
    const config = { configDir: `${base}/{host}/{instance}/{address}/{instance}-{slot}` };
    expect(parseFound(config, 'imap21', find(findPattern(config, 'imap21')))).toEqual([
      expect.objectContaining({ slot: 'store1', instance: 't01a', address: '192.0.2.1' }),
    ]);
  });

  it('takes what means something to a shell for itself', async () => {
    const base = await tempDir();
    for (const name of ['a*b', 'axb', 'a[1]', 'a1', 'a?c', 'ayc'])
      mkdirSync(join(base, name, 'store1'), { recursive: true });
    for (const odd of ['a*b', 'a[1]', 'a?c']) {
      const config = { configDir: `${base}/${odd}/{slot}` };
      expect(find(findPattern(config, 'h'))).toBe(`${base}/${odd}/store1\n`);
    }
  });

  it('finds nothing where there is nothing', () => {
    const config = { configDir: '/nonexistent/{slot}/conf' };
    expect(find(findPattern(config, 'h'))).toBe('');
    expect(parseFound(config, 'h', 'garbage\n/nonexistent//conf\n\n')).toEqual([]);
  });
});
