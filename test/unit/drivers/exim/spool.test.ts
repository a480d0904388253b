// The perl that reads a spool, against files as Exim writes them, and the reading of what it prints.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIST_SCRIPT, parseListLine } from '../../../../src/drivers/exim/list.js';
import { arrivalOfId, MESSAGE_ID } from '../../../../src/drivers/exim/message-id.js';
import { parseShown } from '../../../../src/drivers/exim/show.js';
import { comparableSender } from '../../../../src/drivers/exim/spool-files.js';
import { tempDir } from '../../../support/temp-dir.js';

const SAMPLE = readFileSync(new URL('../../../fixtures/exim/spool-H-4.96.txt', import.meta.url), 'latin1');
/** A value that looks like what follows it. */
const EVIL = '-frozen 1\nXX\n1\n-auth_id x';
const ID = '1xUrLz-0003Bl-1A';

interface File {
  readonly id: string;
  readonly header?: string;
  readonly body?: string;
  readonly journal?: string;
  readonly log?: string;
  readonly folder?: string;
}

/** Lists a spool of these files by an `exim` that only tells where it is. */
async function list(files: readonly File[]) {
  const dir = await tempDir();
  const spool = join(dir, 'spool');
  for (const folder of ['bin', 'spool/input', 'spool/input/z', 'spool/msglog', 'spool/msglog/z'])
    mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'bin/exim'), `#!/bin/sh\necho "spool_directory = ${spool}"\n`);
  chmodSync(join(dir, 'bin/exim'), 0o755);
  for (const { id, header, body = 'hello\n', journal, log, folder = '' } of files) {
    const at = (name: string) => join(spool, 'input', folder, `${id}-${name}`);
    if (header !== undefined) writeFileSync(at('H'), header, 'latin1');
    writeFileSync(at('D'), `${id}-D\n${body}`);
    if (journal !== undefined) writeFileSync(at('J'), journal);
    if (log !== undefined) writeFileSync(join(spool, 'msglog', folder, id), log);
  }
  const stdout = execFileSync('sh', ['-c', LIST_SCRIPT, 'sh'], {
    env: { PATH: `${join(dir, 'bin')}:${process.env.PATH}` },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => parseListLine('q', 'h', line))
    .flatMap((parsed) => (parsed.kind === 'message' ? [parsed.message] : []));
}

const header = (
  options: {
    id?: string;
    sender?: string;
    lines?: readonly string[];
    tree?: string;
    recipients?: readonly string[];
    headers?: string;
  } = {},
) => {
  const recipients = options.recipients ?? ['a@x.example'];
  return [
    `${options.id ?? ID}-H`,
    'Debian-exim 101 104',
    `<${options.sender ?? 's@x.example'}>`,
    '1795290591 0',
    ...(options.lines ?? []),
    options.tree ?? 'XX',
    String(recipients.length),
    ...recipients,
    '',
    options.headers ?? '011  Subject: x\n',
  ].join('\n');
};

describe('an Exim spool', () => {
  it('reads a header file as Exim 4.96 wrote it', async () => {
    const [message] = await list([{ id: ID, header: SAMPLE.endsWith('\n') ? SAMPLE : `${SAMPLE}\n` }]);
    expect(message).toMatchObject({
      id: ID,
      state: 'incoming',
      arrivedAt: 1795290591,
      sender: 'bounce-4@news.example.net',
      recipients: [
        { address: 'user4@tail200.example.org', reason: null },
        { address: 'third@outlook.com', reason: null },
      ],
    });
  });

  it('tells states apart', async () => {
    const ids = ['a', 'b', 'c', 'd'].map((letter) => `1xUrLz-0003Bl-0${letter}`);
    const [a = '', b = '', c = '', d = ''] = ids;
    const messages = await list([
      { id: a, header: header({ id: a, lines: ['-deliver_firsttime'] }) },
      { id: b, header: header({ id: b, lines: ['-frozen 1795290600'] }) },
      { id: c, header: header({ id: c }) },
      { id: d, header: 'garbage\n' },
    ]);
    const states = new Map(messages.map(({ id, state }) => [id, state]));
    expect(ids.map((id) => states.get(id))).toEqual(['incoming', 'hold', 'deferred', 'corrupt']);
    expect(messages.find(({ id }) => id === d)).toMatchObject({
      sender: null,
      arrivedAt: arrivalOfId(d),
      recipients: [],
    });
    expect(messages.find(({ id }) => id === a)?.sizeBytes).toBe(11 + 6 + 1);
  });

  it('leaves recipients out that have it: in the tree, and in the journal', async () => {
    const [message] = await list([
      {
        id: ID,
        header: header({
          tree: 'YY c@x.example\nNY b@x.example\nNN d@x.example\nNN e@x.example',
          recipients: ['a@x.example', 'b@x.example', 'c@x.example', 'f@x.example', 'f@x.example'],
        }),
        journal: 'a@x.example /far\n',
      },
    ]);
    expect(message?.recipients).toEqual([{ address: 'f@x.example', reason: null }]);
  });

  it('takes DSN wishes and errors_to off a recipient, and leaves odd addresses whole', async () => {
    const [message] = await list([
      {
        id: ID,
        header: header({
          recipients: [
            'a@x.example  0,3  0,-1#3',
            'b@x.example rfc822;b@y.example 18,1 err@x.example 13,-1#3',
            'c@x.example err@x.example 13,2#1',
            '"d #1"@x.example',
            'e@x.example 99999,1#1',
          ],
        }),
      },
    ]);
    expect(message?.recipients.map(({ address }) => address)).toEqual([
      'a@x.example',
      'b@x.example',
      'c@x.example',
      '"d #1"@x.example',
      'e@x.example 99999,1',
    ]);
  });

  it('skips the value of an ACL variable, whatever it looks like', async () => {
    const [message] = await list([
      {
        id: ID,
        header: header({
          lines: [`-aclm _evil ${EVIL.length}`, EVIL, '--(quoter)auth_id carl@x.example', '--helo_name x'],
        }),
      },
    ]);
    expect(message).toMatchObject({ state: 'deferred', submitter: 'carl@x.example' });
  });

  it('tells the last word that says something of each recipient', async () => {
    const at = '2026-11-27 06:54:10';
    const [message] = await list([
      {
        id: ID,
        header: header({ recipients: ['a@x.example', '"b c"@x.example', 'new@x.example'] }),
        log: [
          `${at} Received from s@x.example`,
          `${at} a@x.example R=o T=f defer (-44) H=mx [192.0.2.1]: SMTP error: 450 4.7.1 first`,
          `${at} a@x.example R=o T=f defer (-44) H=mx [192.0.2.1]: SMTP error: 450 4.7.1 \u001b[2Jlast`,
          `${at} a@x.example R=o T=f defer (-54): retry time not reached for any host`,
          `${at} b c@x.example <"b c"@x.example> R=o T=f defer (111): Connection refused`,
          '',
        ].join('\n'),
      },
    ]);
    expect(message?.recipients).toEqual([
      { address: 'a@x.example', reason: 'H=mx [192.0.2.1]: SMTP error: 450 4.7.1 \u001b[2Jlast' },
      { address: '"b c"@x.example', reason: 'Connection refused' },
      { address: 'new@x.example', reason: null },
    ]);
    expect(message?.state).toBe('deferred');
  });

  it('finds messages of a split spool, and takes cut files for corrupt', async () => {
    const whole = header({ recipients: ['a@x.example', 'b@x.example'] });
    const cut = Array.from({ length: 6 }, (_, part) =>
      whole.slice(0, Math.floor((whole.length * (part + 1)) / 7)),
    );
    const messages = await list([
      { id: '1xUrLz-0003Bl-00', header: header({ id: '1xUrLz-0003Bl-00' }), folder: 'z' },
      ...cut.map((text, at) => ({
        id: `1xUrLy-0003Bl-0${at}`,
        header: text.replaceAll(ID, `1xUrLy-0003Bl-0${at}`),
      })),
      { id: '1xUrLx-0003Bl-00' },
    ]);
    expect(messages.length).toBe(7);
    expect(messages.filter(({ state }) => state === 'corrupt').length).toBe(6);
  });

  it('reads a line that is none as such, and 50,000 recipients', async () => {
    for (const line of [
      '',
      'm',
      'm\x1f../../x',
      `m\x1f${ID}\x1fhold`,
      `m\x1f${ID}\x1fhold\x1f1\x1f1\x1fs\x1f\x1fa`,
      `x\x1f${ID}`,
    ])
      expect(parseListLine('q', 'h', line).kind).toBe('malformed');
    const recipients = Array.from({ length: 50_000 }, (_, at) => `user${at}@x.example`);
    const [message] = await list([{ id: ID, header: header({ recipients }) }]);
    expect(message?.recipients.length).toBe(50_000);
  });

  it('shows headers unfolded, with nothing that passes for another part', async () => {
    const line = ['m', ID, 'hold', '1', '1', 's@x', '', 'a@x', ''].join('\x1f');
    const shown = parseShown(
      `m ${line}\nf login root\nf deliver_firsttime \nf host_address 192.0.2.1.4711\nh Subject: a\\x0af fake\nh no header\nl the log\n`,
      'q',
      'h',
    );
    expect(shown?.headers).toEqual([['Subject', 'a\nf fake']]);
    expect(shown?.facts).toEqual([
      ['login', 'root'],
      ['host_address', '192.0.2.1.4711'],
    ]);
    expect(shown?.log).toEqual(['the log']);
    expect(parseShown('', 'q', 'h')).toBeNull();
  });

  it('knows ids, and compares senders by what can be printed', async () => {
    expect(MESSAGE_ID.test('1rQK6K-000000001Xz-0Ab9')).toBe(true);
    for (const id of ['', '1xUrLz-0003Bl-1', '1xUrLz-0003Bl-1A\n', '-rf', '1xUrLz_0003Bl-1A'])
      expect(MESSAGE_ID.test(id)).toBe(false);
    expect(arrivalOfId(ID)).toBe(1795291591);
    expect(comparableSender('a b\u00fc@x')).toBe('a?b?@x');
  });
});
