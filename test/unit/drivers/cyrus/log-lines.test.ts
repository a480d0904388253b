import { expect, test } from 'vitest';
import { parseLogLine, userOfMailbox } from '../../../../src/drivers/cyrus/log-lines.js';

test.each([
  ['APPEND user.bob', ['bob']],
  ['MAILBOX "user.bob.Sent Items"', ['bob']],
  ['MAILBOX user.d^e', ['d.e']],
  ['DOUBLEMAILBOX user.bob "user.bob.Sent Items"', ['bob']],
  ['RENAME user.bob.A user.carl.B', ['bob', 'carl']],
  ['RENAME user.bob.Out DELETED.user.bob.Out.6B01F0C1', ['bob']],
  ['UNUSER carol', ['carol']],
  ['USER d.e', ['d.e']],
  ['SUB bob "user.bob.Sent Items"', ['bob']],
  ['QUOTA user.bob', ['bob']],
  ['META bob', ['bob']],
  ['MAILBOX example.com!user.bob.Drafts', ['bob@example.com']],
  ['RENAME example.com!user.bob example.com!DELETED.user.bob.6B01F0C1', ['bob@example.com']],
  ['MAILBOX "user.x\\"y"', ['x"y']],
  ['mailbox user.bob', ['bob']],
  ['MAILBOX shared.all', []],
  ['ANNOTATION ""', []],
  ['MAILBOX', []],
  ['', []],
  ['   ', []],
  ['MAILBOX user.', []],
  ['FROBNICATE user.bob', ['bob']],
])('%s is about %j', (line, users) => {
  expect(parseLogLine(line)).toMatchObject({ users, torn: false });
});

test.each(['MAILBOX "user.x', 'USER {5', 'MAILBOX user.alice {999999}', 'APPEND {3}', 'MAILBOX "user.x\\'])(
  '%s ends the reading of Cyrus',
  (line) => {
    expect(parseLogLine(line).torn).toBe(true);
  },
);

test('a huge line and strange bytes cost nothing and name nobody wrongly', () => {
  expect(parseLogLine(`MAILBOX user.${'x'.repeat(10_000_000)}`).users[0]).toHaveLength(10_000_000);
  expect(parseLogLine('MAILBOX user.b\uFFFD?b.x').users).toEqual(['b\uFFFD?b']);
  expect(userOfMailbox('!user.bob')).toBeUndefined();
});
