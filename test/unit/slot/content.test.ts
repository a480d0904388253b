import { describe, expect, it } from 'vitest';
import { differencesOf, type MailboxContent, ownersOf } from '../../../src/slot/content.js';

const mailbox = (more: Partial<MailboxContent> = {}): MailboxContent => ({
  name: 'user.ann',
  uniqueId: 'u1',
  crc: '11',
  annotationCrc: '22',
  lastUid: '3',
  highestModseq: '4',
  uidValidity: '5',
  acl: 'ann\tlrs\t',
  ...more,
});
const content = (mailboxes: readonly MailboxContent[], settings: readonly string[] = []) => ({
  ok: true as const,
  mailboxes,
  settings,
});

describe('ownersOf', () => {
  it('names everybody on either list, and mailboxes that are nobody’s', () => {
    const entry = (name: string, deleted = false) => ({ name, uniqueId: name, deleted });
    expect(
      ownersOf(
        [entry('user.d^e.Sent'), entry('user.d^e'), entry('team.x'), entry('user.gone', true)],
        [entry('example.com!user.bob'), entry('user.ann')],
      ),
    ).toEqual([
      { kind: 'user', name: 'ann' },
      { kind: 'user', name: 'bob@example.com' },
      { kind: 'user', name: 'd.e' },
      { kind: 'shared', name: 'team.x' },
    ]);
  });
});

describe('differencesOf', () => {
  it('finds none where all figures are the same, in whatever order', () => {
    const other = mailbox({ name: 'user.ann.A', uniqueId: 'u2' });
    expect(
      differencesOf(
        content([mailbox(), other], ['LSUB a', 'LSUB b']),
        content([other, mailbox()], ['LSUB b', 'LSUB a']),
      ),
    ).toEqual([]);
  });

  it.each([
    ['a message that is missing', { lastUid: '2' }, 'messages'],
    ['other messages of the same number', { crc: '12' }, 'messages'],
    ['a flag', { highestModseq: '3' }, 'flags'],
    ['an annotation', { annotationCrc: '23' }, 'flags'],
    ['another mailbox of that name', { uniqueId: 'u9' }, 'other-id'],
    ['other UIDs', { uidValidity: '6' }, 'other-id'],
    ['access rights', { acl: '' }, 'settings'],
  ])('finds %s', (_, more, kind) => {
    expect(differencesOf(content([mailbox()]), content([mailbox(more)]))).toMatchObject([
      { mailbox: 'user.ann', kind },
    ]);
  });

  it('finds what is on one side only', () => {
    expect(differencesOf(content([mailbox()]), content([])).map(({ kind }) => kind)).toEqual(['only-master']);
    expect(differencesOf(content([]), content([mailbox()])).map(({ kind }) => kind)).toEqual([
      'only-replica',
    ]);
    expect(differencesOf(content([], ['SIEVE a']), content([]))).toMatchObject([{ kind: 'settings' }]);
  });
});
