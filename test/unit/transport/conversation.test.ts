// The deadlines of a conversation, by a clock that the test moves and a child that says what the test wants.
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Child, ChildEnd } from '../../../src/transport/child.js';
import { type ConversationOptions, converse } from '../../../src/transport/conversation.js';
import type { Command } from '../../../src/transport/transport.js';
import { fakeClock } from '../../support/fake-clock.js';

const NONCE = '0123456789abcdef';
const HELLO_MS = 5000;
const act: Command = {
  name: 'act',
  script: 'x',
  args: [],
  stdin: 'data',
  readOnly: false,
  privileged: false,
  timeoutMs: 10_000,
};

function begin(more: Partial<ConversationOptions> = {}) {
  const clock = fakeClock();
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let written = '';
  stdin.on('data', (data) => {
    written += data;
  });
  const kills: string[] = [];
  let exit: (end: ChildEnd) => void = () => {};
  const exited = new Promise<ChildEnd>((resolve) => {
    exit = resolve;
  });
  const child: Child = { stdin, stdout, stderr, exited, kill: (signal) => kills.push(signal) };
  const conversation = converse(child, { command: act, nonce: NONCE, clock, helloMs: HELLO_MS, ...more });
  let settled = false;
  void conversation.heard.then(() => {
    settled = true;
  });
  onTestFinished(() => exit({ status: 0, signal: undefined, error: undefined }));
  return {
    ...conversation,
    clock,
    kills,
    exit: (status: number) => exit({ status, signal: undefined, error: undefined }),
    out: (text: string) => stdout.write(text),
    err: (text: string) => stderr.write(text),
    written: () => written,
    isSettled: () => settled,
    isDestroyed: () => stdin.destroyed && stdout.destroyed && stderr.destroyed,
  };
}

const hello = `\u001ehello ${NONCE}\n`;
const end = `\u001eend ${NONCE} 0\n`;

describe('a conversation', () => {
  it('lets an act begin only after its hello, and gives the data after the word', async () => {
    const talk = begin();
    talk.out('chatter');
    await talk.clock.advance(100);
    expect(talk.written()).toBe('');
    talk.out(hello);
    await talk.clock.advance(0);
    expect(talk.written()).toBe(`go ${NONCE}\ndata`);
  });

  it('is broken off when no hello comes in time; its child is killed and its streams are let go', async () => {
    const talk = begin();
    await talk.clock.advance(HELLO_MS - 1);
    expect(talk.isSettled()).toBe(false);
    await talk.clock.advance(100);
    expect(await talk.heard).toMatchObject({ hello: false, brokenOff: 'no-hello' });
    expect(talk.kills).toEqual(['SIGKILL']);
    expect(talk.isDestroyed()).toBe(true);
    expect(talk.written()).toBe('');
  });

  it('hears a hello that had come when the timer fired', async () => {
    const talk = begin();
    await talk.clock.advance(HELLO_MS);
    talk.out(hello);
    await talk.clock.advance(100);
    expect(talk.isSettled()).toBe(false);
  });

  it('waits longer while others are answered over the same connection, and not for ever', async () => {
    let sign = 4000;
    const talk = begin({ lastSign: () => sign });
    await talk.clock.advance(8900);
    expect(talk.isSettled()).toBe(false);
    await talk.clock.advance(200);
    expect(talk.isSettled()).toBe(true);
    const busy = begin({ lastSign: () => sign });
    for (sign = 0; sign < 14_000; sign += 1000) await busy.clock.advance(1000);
    expect(busy.isSettled()).toBe(false);
    sign = 20_000;
    await busy.clock.advance(1100);
    expect(busy.isSettled()).toBe(true);
  });

  it('ends some seconds after the host must have ended the script', async () => {
    const talk = begin();
    talk.out(hello);
    // 10 s of its own, 5 s to KILL, 3 s for the way.
    await talk.clock.advance(17_900);
    expect(talk.isSettled()).toBe(false);
    await talk.clock.advance(200);
    expect(await talk.heard).toMatchObject({ hello: true, end: undefined, brokenOff: 'deadline' });
  });

  it('is complete only with both ends', async () => {
    const talk = begin();
    talk.out(`${hello}out${end}`);
    await talk.clock.advance(1000);
    expect(talk.isSettled()).toBe(false);
    talk.err(`noise\u001erun ${NONCE}\nerr\u001erc ${NONCE} 3\nlate\n${end}`);
    await talk.clock.advance(0);
    expect(await talk.heard).toMatchObject({
      status: 3,
      end: 0,
      stdout: 'out',
      stderr: 'err',
      brokenOff: undefined,
    });
    // A client that stays is sent away.
    expect(talk.kills).toEqual([]);
    await talk.clock.advance(3000);
    expect(talk.kills).toEqual(['SIGKILL']);
  });

  it('is complete as well when both streams say that the script has ended by itself', async () => {
    const talk = begin();
    talk.err(`\u001erun ${NONCE}\nerr\u001erc ${NONCE} 3\nlate\n`);
    talk.out(`${hello}out`);
    await talk.clock.advance(1000);
    expect(talk.isSettled()).toBe(false);
    talk.out(`\u001erc ${NONCE} 3\nof a daemon`);
    await talk.clock.advance(0);
    const settled = { status: 3, end: 3, stdout: 'out', stderr: 'err', brokenOff: undefined };
    expect(await talk.heard).toMatchObject(settled);
    talk.out(end);
    talk.err(end);
    expect(talk.kills).toEqual([]);
  });

  it('ends with its child although something else holds the streams', async () => {
    const talk = begin();
    talk.out(hello);
    talk.exit(255);
    await talk.clock.advance(1000);
    expect(await talk.heard).toMatchObject({
      hello: true,
      end: undefined,
      brokenOff: undefined,
      child: { status: 255 },
    });
    await talk.over;
    expect(talk.isDestroyed()).toBe(true);
  });

  it('takes nothing for its end before its hello', async () => {
    const talk = begin();
    talk.out(end);
    talk.err(end);
    await talk.clock.advance(1000);
    expect(talk.isSettled()).toBe(false);
  });
});
