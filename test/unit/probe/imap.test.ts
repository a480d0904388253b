// The IMAP that a delivery probe speaks: answers however they are cut, literals, refusals, and servers that never end.
import { Duplex, PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ImapClient, ImapFault, imapQuote, junkFolder, uidsIn } from '../../../src/probe/imap.js';

/** A server that says what it is given, in such pieces, and keeps what it hears. */
function server(pieces: readonly string[]): { readonly stream: Duplex; readonly heard: () => string } {
  const out = new PassThrough();
  let heard = '';
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, callback) {
      heard += chunk.toString();
      callback();
    },
  });
  out.on('data', (data) => stream.push(data));
  for (const piece of pieces) out.write(piece, 'latin1');
  return { stream, heard: () => heard };
}

describe('a client', () => {
  const answer = '* OK hello\r\n* 1 FETCH (UID 7 BODY[HEADER] {10}\r\nA: b\r\nC: d)\r\nm1 OK done\r\n';

  test.each([[[answer]], [[...answer]]])(
    'reads answers with literals, however they are cut',
    async (pieces) => {
      const client = new ImapClient(server(pieces).stream);
      await client.greeting();
      const [line] = await client.command('UID FETCH 7 (BODY.PEEK[HEADER])');
      expect(line?.literals[0]?.toString()).toBe('A: b\r\nC: d');
      expect(line?.text).toBe('* 1 FETCH (UID 7 BODY[HEADER] {10})');
    },
  );

  test('a refusal is told without the password', async () => {
    const client = new ImapClient(server(['* OK hello\r\nm1 NO bad login\r\n']).stream);
    await client.greeting();
    const error = await client.command('LOGIN "a" "secret"', 'LOGIN').catch((one: unknown) => one);
    expect(error).toBeInstanceOf(ImapFault);
    expect((error as Error).message).toBe('LOGIN: NO bad login');
  });

  test.each([
    ['a line without an end', ['* OK hello\r\n', 'x'.repeat(70_000)]],
    ['a literal of gigabytes', ['* OK hello\r\n', '* 1 FETCH {4000000000}\r\n']],
    ['a hang-up', ['* OK hello\r\n', '* BYE\r\n']],
  ])('%s ends it', async (what, pieces) => {
    const { stream } = server(pieces);
    const client = new ImapClient(stream);
    await client.greeting();
    if (what === 'a hang-up') setTimeout(() => stream.push(null), 20);
    await expect(client.command('NOOP')).rejects.toBeInstanceOf(ImapFault);
  });

  test('what greets in another language is no IMAP', async () => {
    await expect(new ImapClient(server(['220 mx ESMTP\r\n']).stream).greeting()).rejects.toThrow(
      'no IMAP greeting',
    );
  });
});

describe('words', () => {
  test('are quoted, and never end a line', () => {
    expect(imapQuote('a"b\\c')).toBe('"a\\"b\\\\c"');
    expect(() => imapQuote('a\r\nb DELETE INBOX')).toThrow(ImapFault);
  });

  test('a search gives numbers', () => {
    expect(
      uidsIn([
        { text: '* SEARCH 4 19', literals: [] },
        { text: '* OK x 5', literals: [] },
      ]),
    ).toEqual([4, 19]);
    expect(uidsIn([{ text: '* SEARCH', literals: [] }])).toEqual([]);
  });

  test.each([
    [
      ['* LIST (\\HasNoChildren) "/" INBOX', '* LIST (\\HasNoChildren \\Junk) "/" "Bulk \\"Mail\\""'],
      'Bulk "Mail"',
    ],
    [['* LIST (\\HasNoChildren) "." INBOX.Spam'], 'INBOX.Spam'],
    [['* LIST () NIL Sent', 'nonsense'], null],
  ])('junk is found by its use or its name: %j', (lines, name) => {
    expect(junkFolder(lines.map((text) => ({ text, literals: [] })))).toBe(name);
  });
});
