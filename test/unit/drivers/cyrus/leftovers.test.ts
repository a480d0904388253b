// What a former master's logs still say, as it is read from its host.
import { expect, it } from 'vitest';
import { parseLeftovers, parseLine } from '../../../../src/drivers/cyrus/leftovers.js';

it('reads the lines that Cyrus writes', () => {
  const kinds = [
    'APPEND user.bob',
    'MAILBOX "user.bob.Sent Items"',
    'DOUBLEMAILBOX user.bob "user.bob.Sent Items"',
    'RENAME user.bob.A user.bob.B',
    'SUB bob "user.bob.Sent Items"',
    'SEEN bob user.bob',
    'META bob',
    'QUOTA user.bob',
    'USER d.e',
    'UNUSER carol',
  ].map((line) => {
    const { kind, user, mailboxes } = parseLine(line) ?? {};
    return [kind, user, mailboxes];
  });
  expect(kinds).toEqual([
    ['mailbox', null, ['user.bob']],
    ['mailbox', null, ['user.bob.Sent Items']],
    ['mailbox', null, ['user.bob', 'user.bob.Sent Items']],
    ['rename', null, ['user.bob.A', 'user.bob.B']],
    ['settings', 'bob', ['user.bob.Sent Items']],
    ['settings', 'bob', ['user.bob']],
    ['settings', 'bob', []],
    ['settings', null, ['user.bob']],
    ['user', 'd.e', []],
    ['deleted-user', 'carol', []],
  ]);
});

it.each([
  'MAILBOX "user.x',
  'USER {5',
  'MAILBOX user.alice {999999}',
  'APPEND {3}',
  'MAILBOX',
  'RENAME user.a',
  'NONSENSE user.a',
  '',
])('takes %s for no line: Cyrus would stop at it, or skip it', (line) => {
  expect(parseLine(line)).toBeUndefined();
});

it('counts what cannot be read, and keeps how often each line stands there', () => {
  const found = parseLeftovers([
    ['logs', '1'],
    ['file', '1795289820-imap22_log-run.1', '7'],
    ['file', '0-log.1', '2'],
    ['line', '4', 'APPEND user.bob'],
    ['line', '2', 'MAILBOX "user.x'],
    ['bad', '3'],
    ['end'],
  ]);
  expect(found).toMatchObject({ logs: 1, unreadable: 5 });
  expect(found.files).toEqual([
    { name: '1795289820-imap22_log-run.1', birth: 1_795_289_820, events: 7 },
    { name: '0-log.1', birth: null, events: 2 },
  ]);
  expect(found.events.map(({ mailboxes, count }) => [mailboxes, count])).toEqual([[['user.bob'], 4]]);
});
