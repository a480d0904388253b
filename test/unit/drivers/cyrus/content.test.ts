import { describe, expect, it } from 'vitest';
import { ContentAnswers, contentCommands, isAskable } from '../../../../src/drivers/cyrus/content.js';
import type { Owner } from '../../../../src/slot/content.js';

const user = (name: string): Owner => ({ kind: 'user', name });

function answersTo(owners: readonly Owner[], lines: readonly string[]) {
  const answers = new ContentAnswers(owners);
  for (const line of lines) answers.push(line);
  return answers.answers('no answer');
}

const line = (name: string, more = '') =>
  `* MAILBOX %(UNIQUEID p334b14oc7vh8cmvd816za9a MBOXNAME ${name} SYNC_CRC 3518600709 SYNC_CRC_ANNOT 2507890901 LAST_UID 3 HIGHESTMODSEQ 4 RECENTUID 0 RECENTTIME 0 LAST_APPENDDATE 1795747687 POP3_LAST_LOGIN 0 POP3_SHOW_AFTER 0 UIDVALIDITY 1795747654 PARTITION default ACL "ann\tlrswipkxtecdan\t" OPTIONS P${more} CREATEDMODSEQ 1 FOLDERMODSEQ 1)\r`;

describe('contentCommands', () => {
  it('asks one command an owner, and ends', () => {
    expect(contentCommands([user('ann'), { kind: 'shared', name: 'team.x y' }])).toBe(
      'u0 SYNCGET USER "ann"\nu1 SYNCGET MAILBOXES ("team.x y")\nbye LOGOUT\n',
    );
  });

  it('quotes what would end a word, and asks nothing that would end a line', () => {
    expect(contentCommands([user('a"b\\c')])).toContain('USER "a\\"b\\\\c"\n');
    expect(isAskable(user('a\nu9 DELETE user.ann'))).toBe(false);
    expect(isAskable(user(''))).toBe(false);
    expect(isAskable(user('a b"c'))).toBe(true);
  });
});

describe('ContentAnswers', () => {
  it('reads what Cyrus 3.6.1 says', () => {
    const [ann, ben] = answersTo(
      [user('ann'), user('ben')],
      [
        '* OK [CAPABILITY IMAP4rev1] imap.lab.example Cyrus IMAP 3.6.1 server ready\r',
        'login OK User logged in\r',
        line('user.ann'),
        '* QUOTA %(ROOT user.ann LIMIT 100000 STORAGE 100000 MODSEQ 3)\r',
        'u0 OK success\r',
        'u1 OK success\r',
        '* BYE LOGOUT received\r',
        'bye OK Completed\r',
      ],
    );
    expect(ann).toEqual({
      ok: true,
      mailboxes: [
        {
          name: 'user.ann',
          uniqueId: 'p334b14oc7vh8cmvd816za9a',
          crc: '3518600709',
          annotationCrc: '2507890901',
          lastUid: '3',
          highestModseq: '4',
          uidValidity: '1795747654',
          acl: 'ann\tlrswipkxtecdan\t',
        },
      ],
      settings: ['QUOTA ROOT user.ann LIMIT 100000 STORAGE 100000'],
    });
    expect(ben).toEqual({ ok: true, mailboxes: [], settings: [] });
  });

  it('reads names with blanks, quotes and literals, also over several lines', () => {
    const [ann] = answersTo(
      [user('ann')],
      [
        line('"user.ann.Sent \\"Items"'),
        '* MAILBOX %(UNIQUEID x MBOXNAME {11+}\r',
        'user.ann.é SYNC_CRC 1 LAST_UID 1 UIDVALIDITY 5)\r',
        'u0 OK success',
      ],
    );
    expect(ann?.ok === true && ann.mailboxes.map(({ name }) => name)).toEqual([
      'user.ann.Sent "Items',
      'user.ann.é',
    ]);
  });

  it('leaves out what is deleted, which each side cleans up for itself', () => {
    const [ann] = answersTo(
      [user('ann')],
      [
        line('DELETED.user.ann.A.6B01F0C1'),
        line('example.com!DELETED.user.ann.A.6B01F0C1'),
        line('user.ann.B', ' MBOXTYPE d'),
        'u0 OK success',
      ],
    );
    expect(ann).toEqual({ ok: true, mailboxes: [], settings: [] });
  });

  it.each([
    ['a refusal', ['u0 NO Mailbox has an invalid format']],
    ['nothing', []],
    ['half a line', ['* MAILBOX %(UNIQUEID x MBOXNAME user.ann SYNC_CRC', 'u0 OK success']],
    ['a map without an end', ['* MAILBOX %(UNIQUEID x MBOXNAME "user.ann', 'u0 OK success']],
    ['a mailbox without figures', ['* MAILBOX %(UNIQUEID x MBOXNAME user.ann)', 'u0 OK success']],
    ['no map', ['* MAILBOX nothing', 'u0 OK success']],
    ['too deep', [`* MAILBOX ${'('.repeat(10_000)}`, 'u0 OK success']],
    ['a literal without an end', ['* MAILBOX %(MBOXNAME {9999999}', 'u0 OK success']],
  ])('says unknown, not equal, of %s', (_, lines) => {
    expect(answersTo([user('ann')], lines)[0]?.ok).toBe(false);
  });

  it('one owner’s unreadable answer says nothing of the next', () => {
    const [ann, ben] = answersTo(
      [user('ann'), user('ben')],
      ['* MAILBOX %(', 'u0 OK success', line('user.ben'), 'u1 OK success'],
    );
    expect(ann?.ok).toBe(false);
    expect(ben?.ok).toBe(true);
  });

  it('takes no answer twice and none of nobody', () => {
    const [ann] = answersTo([user('ann')], ['u0 OK success', line('user.ann'), 'u0 OK again', 'u7 OK more']);
    expect(ann).toEqual({ ok: true, mailboxes: [], settings: [] });
  });

  it('keeps why a login was refused', () => {
    const answers = new ContentAnswers([user('ann')]);
    answers.push('login NO Login incorrect\r');
    expect(answers.said).toBe('login NO Login incorrect');
    expect(answers.isAny).toBe(false);
  });
});
