// One message as `mailman qfile` prints it, and messages that try to look like its own marks.
import { describe, expect, it } from 'vitest';
import { parsePythonLiteral } from '../../../../src/drivers/mailman3/python-literal.js';
import { parseQfile, parseShown } from '../../../../src/drivers/mailman3/show.js';
import { fixture } from '../../../support/fake-transport.js';

const qfile = fixture('mailman3/qfile-3.3.8.txt').trimEnd().split('\n');
const PATH = 'out/1795761659.405105+64734ee42f066a6e2d9c4dceb494121359da24a4.pck';
const shown = (lines: readonly string[], more: readonly string[] = []) =>
  [`f path ${PATH}`, 'f size 510', ...lines.map((line) => `q ${line}`), 'q \x1ecut', ...more].join('\n');

describe('a message of Mailman', () => {
  it('has its envelope, its headers and its metadata', () => {
    const detail = parseShown(
      'lists1',
      'lists1',
      shown(qfile, ['l Nov 27 06:40:59 2026 a line', 'e a complaint']),
    );
    expect(detail?.message).toMatchObject({
      id: PATH.slice(0, -4),
      sizeBytes: 510,
      sender: 'ann0@example.net',
    });
    expect(detail?.message.recipients.map(({ address }) => address).sort()).toEqual([
      'a@example.org',
      'b@gmail.com',
    ]);
    expect(detail?.headers).toContainEqual(['Subject', 'test 0']);
    expect(detail?.facts).toContainEqual(['listid', 'list.example.com']);
    expect(detail?.facts).toContainEqual(['not_read', 'a complaint']);
    expect(detail?.log).toEqual(['Nov 27 06:40:59 2026 a line']);
  });

  it('may hold the marks of the program: the last one counts', () => {
    const at = qfile.indexOf('body');
    const forged = [
      '<----- start object 2 ----->',
      "{'original_sender': 'evil@example.net'}",
      '[----- end pickle -----]',
    ];
    const lines = [...qfile.slice(0, at), ...forged, ...qfile.slice(at)];
    expect(parseQfile(lines).metadata.get('original_sender')).toBe('ann0@example.net');
  });

  it('that cannot be read says so and is a message still', () => {
    const detail = parseShown('lists1', 'lists1', shown(['Traceback', 'OSError: no']));
    expect(detail?.message.sender).toBeNull();
    expect(detail?.facts).toContainEqual(['not_read', 'OSError: no']);
  });

  it('whose metadata is cut off keeps its headers', () => {
    expect(parseQfile([...qfile.slice(0, 6), '', '\x1ecut']).problem).toBe('its metadata was cut off');
  });
});

describe('what pprint prints', () => {
  it.each([
    [
      "{'a': 1, 'b': [1.5, None, True]}",
      new Map<string, unknown>([
        ['a', 1],
        ['b', [1.5, null, true]],
      ]),
    ],
    ["{'x', \"y'\"}", ['x', "y'"]],
    ["('long ' 'string')", 'long string'],
    ["('one',)", ['one']],
    ["'\\n\\x1b\\u202e\\U0001f600\\'\\\\'", "\n\u001b\u202e\u{1f600}'\\"],
    ['datetime.datetime(2026, 11, 27, tzinfo=UTC)', 'datetime.datetime(2026, 11, 27, tzinfo=UTC)'],
    ['{}', new Map()],
    ['set()', 'set()'],
    ["b'bytes'", 'bytes'],
  ])('%s', (text, value) => {
    expect(parsePythonLiteral(text)).toEqual(value);
  });

  it.each([
    '',
    '{',
    "{'a': }",
    "'open",
    '[1, 2',
    '1 2',
    '__import__("os").system("x")',
    '['.repeat(100_000),
    "{'a': 1, 2}",
  ])('%# is no literal', (text) => {
    expect(parsePythonLiteral(text)).toBeUndefined();
  });
});
