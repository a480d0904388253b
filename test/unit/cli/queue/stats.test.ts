// `queue stats` and `queue list` of listings in files: every form of output, what is malformed, what is no listing.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../support/run-cli.js';
import { tempDir } from '../../../support/temp-dir.js';

const fixture = join(import.meta.dirname, '../../../fixtures/postfix/postqueue-j-3.7.json');
const line = (id: string, address: string) =>
  JSON.stringify({
    queue_name: 'deferred',
    queue_id: id,
    arrival_time: 1_700_000_000,
    message_size: 7,
    forced_expire: false,
    sender: 'a@b.example',
    recipients: [{ address }],
  });
const file = async (content: string | Uint8Array) => {
  const path = join(await tempDir(), 'listing');
  writeFileSync(path, content);
  return path;
};
const env = { XDG_CONFIG_HOME: '/nonexistent' };
const json = async (argv: readonly string[]) => {
  const result = await runCli([...argv, '-o', 'json'], { env });
  return { ...result, document: JSON.parse(result.stdout) };
};

describe('a listing in a file', () => {
  it('is counted, and what is listed of it in our own format counts the same', async () => {
    const { code, document } = await json(['queue', 'stats', '--input', fixture]);
    expect(code).toBe(0);
    const { stdout } = await runCli(['queue', 'list', '--input', fixture, '-o', 'ndjson'], { env });
    const again = await json(['queue', 'stats', '--input', await file(stdout)]);
    const { oldest_age_s: _age, ...total } = document.total;
    expect(again.document.total).toMatchObject(total);
    expect(again.document.groups.map(({ key }: { key: string }) => key)).toEqual(
      document.groups.map(({ key }: { key: string }) => key),
    );
  });

  it('has its malformed lines named, the rest counted, and exits 3', async () => {
    const text = `\ufeff${line('A1', 'a@__proto__')}\n\nrubbish\n[1]\n${line('A1', 'a@__proto__')}\n{"queue_name":"x"}\n`;
    const { code, document, stderr } = await json(['queue', 'stats', '--input', await file(text)]);
    expect(code).toBe(3);
    expect(document.total).toMatchObject({ messages: 1, malformed: 3 });
    expect(document.groups[0].key).toBe('__proto__');
    expect(document.complete).toBe(false);
    expect(document.errors[0].code).toBe('queue.malformed');
    for (const number of [3, 4, 6]) expect(stderr).toContain(`line ${number}: `);
  });

  it.each([
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /is gzip/],
    ['UTF-16', Buffer.from(`\ufeff${line('A', 'b')}`, 'utf16le'), /is UTF-16/],
    ['empty', Buffer.from('\n \n'), /is empty/],
    ['something else', Buffer.from('hello\n'), /no listing/],
  ])('that is %s is refused by name', async (_what, content, wanted) => {
    const { code, stderr, stdout } = await runCli(
      ['queue', 'stats', '--input', await file(content), '-o', 'json'],
      { env },
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(wanted);
    expect(JSON.parse(stdout)).toMatchObject({ complete: false, errors: [{ code: 'usage.listing' }] });
  });

  it('that must be made text first says how, for the command that was given and with the file’s path', async () => {
    const path = join(await tempDir(), 'of mx1.gz');
    writeFileSync(path, Buffer.from([0x1f, 0x8b, 8, 0]));
    const why = await runCli(['queue', 'why', '--input', path, '--domain', 'x.example'], { env });
    expect(why.stderr).toContain(
      `hint: gzip -dc '${path}' | mailctl queue why --input - --domain x.example\n`,
    );
    const list = await runCli(['queue', 'list', `--input=${path}`], { env });
    expect(list.stderr).toContain(`hint: gzip -dc '${path}' | mailctl queue list --input=-\n`);
  });

  it('may be empty where its format is said: an empty queue', async () => {
    const { code, document } = await json([
      'queue',
      'stats',
      '--format',
      'postfix-json',
      '--input',
      await file(''),
    ]);
    expect([code, document.total.messages]).toEqual([0, 0]);
  });

  it('may have lines of megabytes, cut at any place', async () => {
    const many = { queue_id: 'A1', queue_name: 'hold', recipients: [] as object[] };
    for (let at = 0; at < 60_000; at++)
      many.recipients.push({ address: `u${at}@ü.example`, delay_reason: 'x'.repeat(20) });
    const text = `${line('A0', 'a@b')}\n${JSON.stringify(many)}\n${line('A2', 'a@b')}`;
    const { document } = await json(['queue', 'stats', '--input', await file(text)]);
    expect(document.total).toMatchObject({ messages: 3, recipients: 60_002 });
    expect(document.groups[0]).toMatchObject({ key: 'b', messages: 2 });
  });

  it('prints nothing that steers a terminal', async () => {
    const text = `${line('A1', 'a@\u009b31m\u202e')}\n`;
    for (const form of ['table', 'tsv', 'json', 'ndjson'])
      for (const verb of ['stats', 'list']) {
        const { stdout } = await runCli(['queue', verb, '--input', await file(text), '-o', form], { env });
        expect(stdout).not.toMatch(/[\u0080-\u009f\u202e]/);
      }
  });

  it('is chosen from, sorted and limited', async () => {
    const text = ['A1', 'A2', 'A3'].map((id) => line(id, `${id}@x.example`)).join('\n');
    const { document } = await json([
      'queue',
      'list',
      '--input',
      await file(text),
      '--sort',
      'id',
      '--reverse',
      '--limit',
      '2',
    ]);
    expect(document.messages.map(({ id }: { id: string }) => id)).toEqual(['A3', 'A2']);
    expect(document.limited).toBe(true);
    const chosen = await runCli(
      ['queue', 'list', '--input', await file(text), '--recipient', 'a2@*', '-o', 'ndjson'],
      { env },
    );
    expect(
      chosen.stdout
        .trim()
        .split('\n')
        .map((one) => JSON.parse(one).id),
    ).toEqual(['A2']);
  });

  it.each([[['--by', 'domain,domain']], [['--by', 'colour']], [['-H', 'mx1']], [['--delay-reason', '(']]])(
    'with %s is a mistake',
    async (more) => {
      expect((await runCli(['queue', 'stats', '--input', fixture, ...more], { env })).code).toBe(2);
    },
  );

  it('with an expression that goes back over its text for ever ends all the same', async () => {
    const text = JSON.stringify({
      ...JSON.parse(line('A1', 'a@b')),
      recipients: [{ address: 'a@b', delay_reason: `${'a'.repeat(60)}!` }],
    });
    const { code } = await runCli(
      ['queue', 'list', '--input', await file(text), '--delay-reason', '(a+)+$'],
      {
        env,
      },
    );
    expect(code).toBe(0);
  });
});
