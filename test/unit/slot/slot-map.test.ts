import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/errors.js';
import type { Slot } from '../../../src/slot/slot.js';
import { diffSlotMap, needsConsent, readSlotMap, type SlotMapEntry } from '../../../src/slot/slot-map.js';
import { formatSlotMap, parseSlotMapFile } from '../../../src/slot/slot-map-file.js';

const hosts = ['imap21', 'imap22', 'imap23'];
const parse = (text: string) => parseSlotMapFile(text, { file: 'slots.yaml', hosts });

function faultsOf(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message, detail } = error as ConfigError;
    return [message, ...(detail === undefined ? [] : detail.split('\n'))];
  }
  throw new Error('it was accepted');
}

const toSlot = (entry: SlotMapEntry, version = 1): Slot => ({
  slot: entry.slot,
  master: entry.master,
  state: 'normal',
  version,
  instances: entry.instances,
});

describe('parseSlotMapFile', () => {
  it('reads hosts by name and hosts with an instance and an address', () => {
    const text = `# our slots
- slot: store1
  master: imap21
  replicas: [imap22, { host: imap23, instance: cyr1, address: "2001:db8::1" }]
- { slot: store2, master: { host: imap22, address: 192.0.2.7 } }
`;
    expect(parse(text)).toEqual([
      {
        slot: 'store1',
        master: 'imap21',
        state: undefined,
        instances: [
          { slot: 'store1', host: 'imap21', instance: 'store1', address: undefined },
          { slot: 'store1', host: 'imap22', instance: 'store1', address: undefined },
          { slot: 'store1', host: 'imap23', instance: 'cyr1', address: '2001:db8::1' },
        ],
      },
      {
        slot: 'store2',
        master: 'imap22',
        state: undefined,
        instances: [{ slot: 'store2', host: 'imap22', instance: 'store2', address: '192.0.2.7' }],
      },
    ]);
  });

  it('reads JSON, indented by tabs too, and the list inside a document', () => {
    const list = [{ slot: 's', master: 'imap21', replicas: ['imap22'] }];
    const wanted = parse('- {slot: s, master: imap21, replicas: [imap22]}');
    expect(parse(JSON.stringify(list))).toEqual(wanted);
    expect(parse(JSON.stringify(list, null, '\t'))).toEqual(wanted);
    expect(parse(`\uFEFF${JSON.stringify({ schema: 'x', slots: list, errors: [] }, null, 2)}\r\n`)).toEqual(
      wanted,
    );
  });

  it('takes names for what was written, whatever YAML would make of them', () => {
    const names = ['0017', '1e3', 'on', 'yes', 'null2', '0x10', 'true', '1_000', '12:30'];
    expect(
      parse(names.map((name) => `- {slot: ${name}, master: imap21}`).join('\n')).map(({ slot }) => slot),
    ).toEqual(names);
  });

  it('takes an empty list for an empty list', () => {
    expect(parse('[]')).toEqual([]);
  });

  it.each([
    ['', 'slots.yaml:1:1: is empty: expected a list'],
    ['# nothing\n', 'slots.yaml:1:1: is empty: expected a list'],
    ['just words', 'slots.yaml:1:1: expected a list of slots'],
    ['{}', 'slots.yaml:1:1: expected a list of slots'],
    ['slots: 7', 'slots.yaml:1:1: expected a list of slots'],
    ['- store1', 'slots.yaml:1:3: expected {slot, master, replicas}'],
    ['-', 'slots.yaml:1:2: expected {slot, master, replicas}'],
    ['- master: imap21', 'slots.yaml:1:3: the key "slot" is missing'],
    ['- slot: s', 'slots.yaml:1:3: slot "s" has no master'],
    ['- slot: s\n  master:', 'slots.yaml:1:3: slot "s" has no master'],
    ['- slot: s\n  mastr: imap21', 'slots.yaml:2:3: unknown key "mastr"; did you mean master?'],
    [
      '- slot: s\n  master: imap21\n  replica: [imap22]',
      'slots.yaml:3:3: unknown key "replica"; did you mean replicas?',
    ],
    [
      '- slot: s\n  master: {host: imap21, adress: a}',
      'slots.yaml:2:26: unknown key "adress"; did you mean address?',
    ],
    ['- slot: s\n  master: {instance: x}', 'slots.yaml:2:3: slot "s": the key "host" is missing'],
    ['- slot: s\n  master: [imap21]', 'slots.yaml:2:3: slot "s": expected a host\'s name'],
    ['- slot: s\n  master: imap21\n  replicas: imap22', 'slots.yaml:3:3: replicas must be a list of hosts'],
    [
      '- slot: s\n  master: imap21\n  replicas: [imap22, imap21]',
      'slots.yaml:3:22: slot "s": host "imap21" is the master and among',
    ],
    [
      '- slot: s\n  master: imap21\n  replicas: [imap22, {host: imap22}]',
      'slots.yaml:3:22: slot "s": host "imap22" is listed twice',
    ],
    [
      '- {slot: s, master: imap21}\n- {slot: s, master: imap22}',
      'slots.yaml:2:4: slot "s" is listed twice (entries 1 and 2)',
    ],
    [
      '- {slot: s, master: imap12}',
      'slots.yaml:1:13: slot "s": host "imap12" is not in the configuration; did you mean imap21?',
    ],
    ['- {slot: s, master: zzzzzzzz}', 'host "zzzzzzzz" is not in the configuration; add it under hosts:'],
    ['- {slot: "", master: imap21}', 'slots.yaml:1:4: slot "" must not be empty'],
    ['- {slot: a/b, master: imap21}', 'slot "a/b" must not hold a "/"'],
    ['- {slot: "a b", master: imap21}', 'slot "a b" must not hold blanks'],
    ['- {slot: -rf, master: imap21}', 'slot "-rf" must not begin with "-"'],
    ['- {slot: .., master: imap21}', 'slot ".." must not begin with "."'],
    ['- {slot: "a\\e[31m", master: imap21}', 'slot "a\\u001b[31m" holds a control character'],
    ['- {slot: "a\\u202eb", master: imap21}', 'slot "a\\u202eb" holds a control character'],
    ['- {slot: [s], master: imap21}', 'slots.yaml:1:4: slot must be a name'],
    [
      '- {slot: s, master: {host: imap21, instance: ""}}',
      'slots.yaml:1:36: slot "s": instance "" must not be empty',
    ],
    ['- {slot: s, master: {host: imap21, address: "a b"}}', 'address "a b" must not hold blanks'],
    [
      `- {slot: s, master: imap21, replicas: [${Array.from({ length: 101 }, (_, i) => `h${i}`)}]}`,
      'slot "s" has more than 100 replicas',
    ],
    [`${'-      '.repeat(29)}x`, 'expected {slot, master, replicas}'],
    ['- {slot: s, master: imap21, __proto__: {x: 1}}', 'unknown key "__proto__"'],
    ['- slot: s\n  slot: t\n  master: imap21', 'slots.yaml:2:3: Map keys must be unique'],
    ['- slot: s\n master: imap21', 'slots.yaml:2:1: '],
    ['[{"slot": "s", "master": "imap21"', 'slots.yaml:1:'],
    [
      '- {slot: s, master: imap21}\n---\n- {slot: t, master: imap21}',
      'slots.yaml:2:1: Source contains multiple documents',
    ],
    ['a\0b', 'slots.yaml:1:1: is no text'],
  ])('says where and what is wrong in %j', (text, wanted) => {
    expect(faultsOf(text)[0]).toContain(wanted);
  });

  it('names every fault, up to a number that is still read', () => {
    const faults = faultsOf(
      '- {slot: a/b, master: imap21}\n- {slot: s, master: imap99, replicas: [imap98]}\n- 7\n',
    );
    expect(faults).toHaveLength(4);
    expect(faultsOf(Array(500).fill('- 7').join('\n'))).toHaveLength(20);
  });

  it('does not unfold a bomb of aliases', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
      .join('\n')}\nslots: *i\n`;
    expect(faultsOf(bomb)[0]).toMatch(/alias/i);
  });

  it('refuses a file that is too large to be a slot map', () => {
    expect(faultsOf(' '.repeat(4_000_001))[0]).toContain('is larger than');
  });

  it.each(['['.repeat(5000), '{"a":'.repeat(5000), '- '.repeat(5000), 'a: '.repeat(5000), '? '.repeat(5000)])(
    'refuses what is nested too deeply for any slot map (%#)',
    (text) => {
      expect(faultsOf(text)[0]).toContain('is nested more than 30 deep');
    },
  );

  it('reads three thousand slots', () => {
    const text = Array.from(
      { length: 3000 },
      (_, i) => `- {slot: s${i}, master: imap21, replicas: [imap22]}`,
    ).join('\n');
    expect(parse(text)).toHaveLength(3000);
  }, 20_000);
});

describe('readSlotMap', () => {
  it('reads a site’s own output with keys of its own, numbers as names, and a state', () => {
    const value = [{ slot: 1001, master: 'a', replicas: ['a', 'b', 'b'], state: 'readonly:b', rack: 7 }];
    const { entries, faults } = readSlotMap(value, { unknownKeys: 'ignore' });
    expect(faults).toEqual([]);
    expect(entries).toMatchObject([{ slot: '1001', master: 'a', state: 'readonly:b' }]);
    expect(entries[0]?.instances.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  it.each([
    null,
    7,
    'x',
    true,
    [[]],
    [null],
    [{ slot: {}, master: 'a' }],
    [{ slot: 's', master: 'a', state: 'on fire' }],
  ])('finds what is wrong with %j', (value) => {
    expect(readSlotMap(value, { unknownKeys: 'ignore' }).faults.length).toBeGreaterThan(0);
  });
});

describe('formatSlotMap', () => {
  const text = `- {slot: store1, master: {host: imap21, instance: "on"}, replicas: [imap22, {host: imap23, address: "2001:db8::1"}]}
- {slot: "0017", master: imap22, replicas: []}
- {slot: "null", master: imap22}
- {slot: "a,b]{}:#'\\"&*!|>%@\`", master: imap23}
- {slot: é, master: imap23}
`;

  it.each(['yaml', 'json'] as const)('gives a list that is imported again to the same (%s)', (format) => {
    const entries = parse(text);
    const slots = entries.map((entry) => toSlot(entry));
    const exported = formatSlotMap(slots, format);
    expect(parse(exported)).toEqual(entries);
    expect(diffSlotMap(slots, parse(exported)).same).toHaveLength(5);
    expect(formatSlotMap([], format).trim()).toBe('[]');
    if (format === 'json') expect(() => JSON.parse(exported)).not.toThrow();
    else expect(exported.split('\n')[2]).toMatch(/^- \{ slot: "null", master: imap22, replicas: \[\] \}$/);
  });

  it('gives the same list after a failover has changed the order', () => {
    const [entry] = parse('- {slot: s, master: imap21, replicas: [imap22, imap23]}');
    const [own, second, third] = entry?.instances ?? [];
    if (!entry || !own || !second || !third) throw new Error('three instances were expected');
    const slots = [{ ...toSlot(entry), master: 'imap22', instances: [second, own, third] }];
    expect(diffSlotMap(slots, parse(formatSlotMap(slots, 'yaml'))).same).toEqual(['s']);
  });
});

describe('diffSlotMap', () => {
  const [one, two] = parse('- {slot: s1, master: imap21, replicas: [imap22]}\n- {slot: s2, master: imap22}');
  if (!one || !two) throw new Error('two slots were expected');

  it('asks nothing when slots are only added', () => {
    const diff = diffSlotMap([toSlot(one)], [one, two]);
    expect(diff).toMatchObject({ add: [two], change: [], remove: [], same: ['s1'], unlisted: [] });
    expect(needsConsent(diff)).toBe(false);
  });

  it('leaves alone what the list lacks, and removes it only when asked to', () => {
    const current = [toSlot(one), toSlot(two)];
    const kept = diffSlotMap(current, [one]);
    expect(kept).toMatchObject({ remove: [], unlisted: [{ slot: 's2' }] });
    expect(needsConsent(kept)).toBe(false);
    const pruned = diffSlotMap(current, [one], { prune: true });
    expect(pruned).toMatchObject({ remove: [{ slot: 's2' }], unlisted: [] });
    expect(needsConsent(pruned)).toBe(true);
  });

  it.each([
    ['{slot: s1, master: imap22, replicas: [imap21]}', ['master imap21 -> imap22'], true],
    ['{slot: s1, master: imap21}', ['imap22 removed'], false],
    ['{slot: s1, master: imap21, replicas: [imap22, imap23]}', ['imap23 added'], false],
    [
      '{slot: s1, master: {host: imap21, instance: x}, replicas: [imap22]}',
      ['instance on imap21 s1 -> x'],
      false,
    ],
    [
      '{slot: s1, master: imap21, replicas: [{host: imap22, address: a.b}]}',
      ['address on imap22 none -> a.b'],
      false,
    ],
  ])('says what %s changes', (text, what, changesMaster) => {
    const diff = diffSlotMap([toSlot(one)], parse(`- ${text}`));
    expect(diff.change).toMatchObject([{ what, changesMaster, before: { version: 1 } }]);
    expect(needsConsent(diff)).toBe(true);
  });

  it('notices another order of replicas', () => {
    const [before] = parse('- {slot: s, master: imap21, replicas: [imap22, imap23]}');
    if (!before) throw new Error('a slot was expected');
    const diff = diffSlotMap(
      [toSlot(before)],
      parse('- {slot: s, master: imap21, replicas: [imap23, imap22]}'),
    );
    expect(diff.change[0]?.what).toEqual(['order of replicas imap22, imap23 -> imap23, imap22']);
  });
});
