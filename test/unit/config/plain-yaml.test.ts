import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readYaml } from '../../../src/config/document.js';
import { STARTING_FILE } from '../../../src/config/init.js';
import { readPlainYaml } from '../../../src/config/plain-yaml.js';
import { pick, randomFrom } from '../../support/random.js';

/** What the library makes of a text; undefined: it finds fault. */
function full(text: string): unknown {
  const document = readYaml(text);
  return document.ok ? document.value : undefined;
}

const DESIGN = `defaults:
  ssh: { config: ~/.ssh/config, connect_timeout: 5s, control_persist: 60s }   # user, port
  sudo: false                    # or true
hosts:
  imap21: { groups: [store], location: row-a }
  mx1:    { groups: [mx], queues: [postfix] }
  lists1001: { groups: [lists], queues: [{ driver: mailman3, within: [docker, exec, -i, mailman-core] }] }
  here:   { transport: local }
  out1:   { queues: [{ driver: exec, instance: bulk, list: [sender, list], delete: [sender, delete, "{run}"] }] }
  empty:
  21: {}
stores:
  test_account: { user: probe, password_file: /etc/mailctl/probe.pw }
  # a comment with ünïcödé
  cyrus:
    config_dir: /srv/{slot}/conf
    role: { link: "/srv/{slot}/role", master: role.master }   # readonly: optional
    start: [systemctl, start, "cyrus@{instance}"]
directory:
  url: "sqlite:/var/lib/mailctl/mailctl.db"
  hooks:
  - host: mx1
    run: [reload, '{slot}']
    per: slot
  - { run: [x] }
destinations:
  gmail: { domains: [gmail.com], mx: ["*.google.com"], connections: 20, rate: 100/s }
uplinks:
  cogent: { host: mx1, source: 192.0.2.10 }
  level3: { host: mx1, source: [198.51.100.10, "2001:db8::10"], drop: [drop-uplink, "{uplink}"] }
`;

it.each([
  ['the file of the manual', DESIGN],
  ['the starting file, uncommented', STARTING_FILE.replace(/^# /gm, '')],
  ['block lists', 'a:\n  - x\n  - y z\nb:\n- 1\n- null\n'],
  ['no final newline', 'a: {b: [c]}'],
])('reads %s, as the library does', (_what, text) => {
  expect(readPlainYaml(text)).toEqual(full(text));
  expect(readPlainYaml(text)).toBeDefined();
});

it.each([
  '',
  '# only a comment\n',
  'a',
  '- a',
  'a: b: c',
  'a: {slot}/x',
  'a:\tb',
  '\ta: b',
  'a: b\r\nc: d',
  'a: &x b',
  'a: *x',
  'a: !t b',
  'a: |\n  b\n',
  'a: >\n  b\n',
  'a: b\n  c\n',
  'a: "b\\n"',
  "a: 'it''s'",
  'a: "b\nc"',
  'a: [b\n]',
  'a: {b: c\n}',
  'a: 1\na: 2',
  'a: {b: 1, b: 2}',
  '__proto__: 1',
  'a: {__proto__: 1}',
  '<<: {a: 1}',
  '---\na: 1',
  'a: 1\n...',
  '%YAML 1.2\n---\na: 1',
  'a: 0x10',
  'a: 010',
  'a: 1e3',
  'a: 1.5',
  'a: .inf',
  'a: -5',
  'a: +5',
  'a: True',
  'a: NULL',
  'a: 12345678901234567',
  'a: [b, ]',
  'a: [, b]',
  'a: [b c: d]',
  'a: {b}',
  'a: {b:c}',
  'a: {b: }',
  'a: "b" c',
  'a: [b] c',
  'a: [b]#c',
  '? a\n: b',
  'a: @b',
  'a: `b',
  'a: %b',
  'a: - b',
  'a: -',
  'a: b:',
  'a: b: ',
  'a:b',
  'a: [b]]',
  'a: {b: c}}',
  ' a: b\nc: d',
  'a:\n   b: 1\n  c: 2',
  'a:\n  - b\n c: 2',
  'a:\n- - b',
  'a:\n-\n  b',
  'a: ü',
  'ü: a',
  'a: b\u00a0',
  '\uFEFFa: b',
  'a: \x1b',
  'a: "\x7f"',
  '"a\\x41": b',
  '"": b',
  `a: ${'['.repeat(10_000)}`,
  'a b: c',
])('gives up, or agrees with the library, on %j', (text) => {
  const plain = readPlainYaml(text);
  if (plain !== undefined) expect(plain).toEqual(full(text));
});

const PIECES = [
  'a',
  'b1',
  'store',
  '{slot}',
  '/srv/{slot}/x',
  '5m',
  '20',
  '007',
  '1e3',
  'true',
  'null',
  '~',
  '-',
  '- ',
  '-i',
  ': ',
  ':',
  ', ',
  ',',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '#',
  ' #',
  ' # c',
  '\n',
  '\n  ',
  '\n    ',
  '\n- ',
  '\n  - ',
  '  ',
  ' ',
  '&',
  '*',
  '!',
  '|',
  '>',
  '%',
  '@',
  '`',
  '?',
  '? ',
  '\\',
  '\t',
  '=',
  '.',
  '...',
  '---',
  '<<',
  'a: ',
  'b: ',
  'c:\n  ',
  '"x": ',
  "'y'",
  '"z w"',
  '[a, b]',
  '{ a: b }',
  '{a: 1, b: [x]}',
  'http://x:1/',
  'x:y',
  'ü',
  '\r',
  '$',
  '(',
  ';',
  '+',
  '_',
];

describe('random texts', () => {
  it.each([1, 2, 3, 4])('are read as the library reads them, or not at all (seed %d)', (seed) => {
    const random = randomFrom(seed);
    let read = 0;
    for (let round = 0; round < 1_500; round += 1) {
      let text: string;
      if (round % 2 === 0) {
        text = Array.from({ length: 1 + Math.floor(random() * 12) }, () => pick(random, PIECES)).join('');
        if (random() < 0.7) text = `k: ${text}`;
      } else {
        // One or two changes in a part of a file that is right.
        const lines = DESIGN.split('\n');
        const start = Math.floor(random() * lines.length);
        const part = lines.slice(start, start + 1 + Math.floor(random() * 6));
        const indent = /^ */.exec(part[0] ?? '')?.[0].length ?? 0;
        text = part.map((line) => line.slice(indent)).join('\n');
        for (let change = random() < 0.5 ? 1 : 2; change > 0; change -= 1) {
          const at = Math.floor(random() * text.length);
          text = text.slice(0, at) + pick(random, PIECES) + text.slice(at + Math.floor(random() * 3));
        }
      }
      const plain = readPlainYaml(text);
      if (plain === undefined) continue;
      read += 1;
      const wanted = full(text);
      if (!isDeepStrictEqual(plain, wanted)) expect({ text, plain }).toEqual({ text, plain: wanted });
    }
    // Else the comparison would say nothing.
    expect(read).toBeGreaterThan(100);
  });
});
