import { expect, test } from 'vitest';
import { createPrompt } from '../../../src/cli/confirm.js';
import { terminalOf } from '../../../src/cli/streams.js';
import { createWriter } from '../../../src/cli/writer.js';
import { MailctlError } from '../../../src/errors.js';
import { BufferStream, TypingStream } from '../../support/run-cli.js';

function ask(typed: readonly string[], { stdinIsTty = true, stderrIsTty = true } = {}) {
  const stderr = new BufferStream(stderrIsTty ? 80 : undefined);
  const streams = { stdin: new TypingStream(stdinIsTty, typed), stdout: new BufferStream(), stderr };
  const abort = new AbortController();
  const prompt = createPrompt({
    streams,
    stderr: createWriter(stderr),
    terminal: terminalOf(streams, {}, false),
    abort: abort.signal,
    commandLine: ['mailctl', 'failover', 'imap21', '--reason', 'disk is dead'],
  });
  return { prompt, stderr, streams, abort };
}

const question = { word: 'imap21', purpose: 'to move 14 (about 6s)' };

test.each([
  ['y', true],
  ['Y', true],
  [' yes ', true],
  ['n', false],
  ['', false],
  ['yesterday', false],
  ['ja', false],
])('%j answers a yes-or-no question', async (typed, expected) => {
  const { prompt, stderr } = ask([typed]);
  expect(await prompt.yesNo('change 3 slots?')).toBe(expected);
  expect(stderr.text).toBe('change 3 slots? [y/N] ');
});

test('the end of input is a no', async () => {
  expect(await ask([]).prompt.yesNo('go?')).toBe(false);
  expect(await ask([]).prompt.typed(question)).toBe(false);
});

test('the word has to be typed as it is; anything else asks again', async () => {
  const { prompt, stderr } = ask(['y', 'imap2', 'IMAP21', ' imap21 ']);
  expect(await prompt.typed(question)).toBe(true);
  expect(stderr.text.match(/Type imap21 to move 14 \(about 6s\) \| q quit > /g)).toHaveLength(4);
  expect(stderr.text).toContain('"imap2" is not imap21; nothing has been changed');
});

test('q goes back without a change', async () => {
  expect(await ask(['q']).prompt.typed(question)).toBe(false);
});

test('a key shows what it has to show, then the question comes again', async () => {
  const shown: string[] = [];
  const keys = [
    { key: 'l', label: 'list', run: () => void shown.push('list') },
    { key: 'd', label: 'details', run: async () => void shown.push('details') },
  ];
  const { prompt, stderr } = ask(['l', 'd', 'imap21']);
  expect(await prompt.typed({ ...question, keys })).toBe(true);
  expect(shown).toEqual(['list', 'details']);
  expect(stderr.text).toContain('Type imap21 to move 14 (about 6s) | l list | d details | q quit > ');
});

test('a host that is named like a key is still asked for by its name', async () => {
  expect(await ask(['q']).prompt.typed({ word: 'q', purpose: 'to move 1' })).toBe(true);
});

test('what is typed is shown back escaped', async () => {
  const { prompt, stderr } = ask(['\x1b[2J', 'q']);
  await prompt.typed(question);
  expect(stderr.text).toContain('"\\x1b[2J" is not imap21');
});

test.each([
  ['stdin', { stdinIsTty: false }],
  ['stderr', { stderrIsTty: false }],
])('without a terminal on %s it is refused with the whole command that goes on', async (name, streams) => {
  const { prompt } = ask(['imap21'], streams);
  for (const asked of [
    () => prompt.yesNo('go?'),
    () => prompt.typed(question),
    async () => prompt.requireTerminal(),
  ]) {
    const error = await asked().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(MailctlError);
    expect(error).toMatchObject({
      exitCode: 2,
      code: 'usage.needs-yes',
      hint: "mailctl failover imap21 --reason 'disk is dead' --yes",
    });
    expect((error as MailctlError).detail).toContain(`${name} is none`);
  }
});

test('Ctrl-C ends the question', async () => {
  const { prompt, streams, abort } = ask([]);
  streams.stdin.resume = () => {
    abort.abort(new Error('interrupted'));
  };
  await expect(prompt.yesNo('go?')).rejects.toThrow('interrupted');
});

test('an answer that comes in pieces is put together', async () => {
  const { prompt, streams } = ask([]);
  const pieces = ['im', 'ap2', '1\r', '\n'];
  streams.stdin.resume = () => {
    for (const piece of pieces.splice(0)) streams.stdin.emit('data', Buffer.from(piece));
  };
  expect(await prompt.typed(question)).toBe(true);
});

test('what was pasted before the question was shown answers nothing', async () => {
  const { prompt, streams } = ask(['q']);
  let first = true;
  const type = streams.stdin.resume.bind(streams.stdin);
  streams.stdin.resume = () => {
    if (!first) return type();
    first = false;
    streams.stdin.emit('data', Buffer.from('n\nimap21\n'));
  };
  expect(await prompt.yesNo('first?')).toBe(false);
  expect(await prompt.typed(question)).toBe(false);
});
