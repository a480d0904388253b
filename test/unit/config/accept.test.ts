import { describe, expect, it } from 'vitest';
import { isOfFormat } from '../../../src/config/accept.js';
import { readYaml } from '../../../src/config/document.js';
import { type RawFile, sections } from '../../../src/config/format.js';
import { STARTING_FILE } from '../../../src/config/init.js';
import { findIssues } from '../../../src/config/issues.js';
import { readPlainFile } from '../../../src/config/parse.js';
import { sectionSchemas } from '../../../src/config/schema.js';
import { ipAddress } from '../../../src/config/words.js';

const FULL = STARTING_FILE.replace(/^# /gm, '');

/** The starting file's sections, and others of the forms that it shows only in words. */
function samples(): Record<string, unknown>[] {
  const document = readYaml(FULL);
  if (!document.ok) throw new Error('the starting file is broken');
  const other = {
    hosts: {
      a: null,
      b: { queues: ['postfix'], sudo: 'mail' },
      c: {
        queues: [
          { driver: 'postfix', instance: 'postfix-out', within: ['nsenter'] },
          {
            driver: 'exec',
            process: 's',
            list: ['s', 'list'],
            delete: ['s', 'delete', '{run}'],
            flush: ['s'],
          },
        ],
      },
    },
    stores: {
      cyrus: {
        config_dir: '/srv/{slot}',
        imapd_conf: '/a',
        cyrus_conf: '/b',
        pid_file: '/c',
        role: { set: ['s', '{role}'], get: ['g'] },
        start: ['systemctl', 'start', '{instance}'],
      },
    },
    directory: {
      list: ['l'],
      get: ['g', '{slot}'],
      set: ['s', '{slot}', '{from}', '{to}'],
      hooks: [{ run: ['x', '{run}'], per: 'run' }],
      users: ['u', '{slot}'],
      moves: { file: '/x' },
    },
    config_group: 4711,
    state: null,
  };
  return [structuredClone(document.value) as Record<string, unknown>, other];
}

const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  2 ** 40,
  '',
  'x',
  'builtin',
  'ssh',
  'postfix',
  '5m',
  '5',
  '100/s',
  '/abs/{slot}',
  '{nope}',
  '/x/{role}',
  'a\tb',
  '-x',
  'a b',
  '192.0.2.1',
  '::1',
  'sqlite:/x',
  'postgres://a:b@c',
  [],
  ['x'],
  ['-x'],
  ['x', '{slot}', '{from}', '{to}', '{role}'],
  [1],
  [null],
  {},
  { x: 1 },
  { run: ['x'] },
  { link: '/a', master: 'b', replica: 'b' },
  { set: ['a'], get: [] },
  { driver: 'exim' },
];

/** Every place in a value, as the object and the key. */
function places(
  value: unknown,
  found: [Record<string, unknown>, string][] = [],
): [Record<string, unknown>, string][] {
  if (value === null || typeof value !== 'object') return found;
  for (const key of Object.keys(value)) {
    found.push([value as Record<string, unknown>, key]);
    places((value as Record<string, unknown>)[key], found);
  }
  return found;
}

describe('isOfFormat', () => {
  it('takes the files of the manual', () => {
    for (const sample of samples()) {
      for (const [section, value] of Object.entries(sample)) {
        expect([section, isOfFormat(sections[section as keyof RawFile], value)]).toEqual([section, true]);
      }
    }
  });

  it('agrees with the zod schema on every single change of them', { timeout: 180_000 }, () => {
    let refused = 0;
    let taken = 0;
    const compare = (sample: Record<string, unknown>, what: string) => {
      for (const [section, value] of Object.entries(sample)) {
        const format = sections[section as keyof RawFile];
        const schema = sectionSchemas[section];
        if (format === undefined || schema === undefined) continue;
        const ok = isOfFormat(format, value);
        if (ok) taken += 1;
        else refused += 1;
        if (ok !== (findIssues(section, schema, value).length === 0)) {
          expect(`${what}: ${section}: ${JSON.stringify(value)} is ${ok ? 'taken' : 'refused'}`).toBe(
            'agreed on',
          );
        }
      }
    };
    samples().forEach((sample, index) => {
      const count = places(sample).length;
      for (let place = 0; place < count; place += 1) {
        for (const odd of [...ODD, 'delete', 'rename']) {
          const copy = structuredClone(sample);
          const [holder, key] = places(copy)[place] ?? [{}, ''];
          const old = holder[key];
          if (odd === 'delete' || odd === 'rename') {
            if (Array.isArray(holder)) holder.splice(Number(key), 1);
            else delete holder[key];
            if (odd === 'rename' && !Array.isArray(holder)) holder[`${key}x`] = old;
          } else holder[key] = odd;
          // The section that was changed is enough.
          compare(copy, `sample ${index}, ${key}, ${JSON.stringify(odd)}`);
        }
      }
    });
    expect(refused).toBeGreaterThan(1_000);
    expect(taken).toBeGreaterThan(1_000);
  });
});

describe('the short way', () => {
  it('reads a file that is plain and right', () => {
    expect(readPlainFile(FULL, 'here')).toEqual(samples()[0]);
  });

  it.each([
    'hosts: {mx1: {x: 1}}',
    'quux: 1',
    'uplinks: {u: {host: mx1}}',
    'hosts: []',
    '- hosts',
    'hosts: {mx1: {groups: [a, 1]}}',
    'hosts: &a {}',
    'toString: {}',
  ])('leaves %j to the long way', (text) => {
    expect(readPlainFile(text, 'here')).toBeUndefined();
  });
});

describe('ipAddress', () => {
  it.each([
    '192.0.2.10',
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    '2001:db8::1',
    '1:2:3:4:5:6:7:8',
    '::ffff:192.0.2.1',
    '64:ff9b::192.0.2.1',
    '1::',
    'FE80::A',
    '1:2:3:4:5:6:192.0.2.1',
  ])('takes %s', (text) => {
    expect(ipAddress(text)).toBeUndefined();
  });

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.',
    '.1.2.3.4',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4/8',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1%eth0',
    '::192.0.2',
    '192.0.2.1::',
    '1:',
    ':1',
    '::1.2.3.4:5',
    ' ::1',
    '::1\n',
    '1.2.3.4\n',
  ])('refuses %j', (text) => {
    expect(ipAddress(text)).toBeDefined();
  });
});
