// Keys of a terminal: given as they are pressed, the terminal given back, Ctrl-C as ever.
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { type KeySource, readKeys } from '../../../src/cli/keys.js';

class Terminal extends EventEmitter {
  readonly said: string[] = [];
  setRawMode(isRaw: boolean): void {
    this.said.push(isRaw ? 'raw' : 'cooked');
  }
  resume(): void {
    this.said.push('resume');
  }
  pause(): void {
    this.said.push('pause');
  }
}

function open(more: Partial<KeySource> = {}) {
  const stdin = new Terminal();
  const heard: string[] = [];
  const keys = readKeys({
    stdin,
    onKey: (key) => heard.push(key),
    interrupt: (signal) => heard.push(signal),
    isForeground: () => true,
    ...more,
  });
  const press = (text: string) => stdin.emit('data', Buffer.from(text));
  return { stdin, heard, keys, press };
}

test('each key comes once, a key that is held down as often as it came', () => {
  const { heard, press } = open();
  for (const text of ['p', '+', '---', 'q']) press(text);
  expect(heard).toEqual(['p', '+', '-', '-', '-', 'q']);
});

test('a paste, an arrow, a letter of another script and an empty chunk are no keys', () => {
  const { heard, press } = open();
  for (const text of ['stop it', '\u001b[A', '\u001b', '\u00e4', '', '\r', '\t', 'sq']) press(text);
  expect(heard).toEqual([]);
});

test('Ctrl-C is its signal, also within a paste; Ctrl-\\ gives the terminal back first', () => {
  const { stdin, heard, press } = open();
  press('\u0003');
  press('ab\u0003');
  press('\u001c');
  expect(heard).toEqual(['SIGINT', 'SIGINT', 'SIGQUIT']);
  expect(stdin.said.at(-1)).toBe('cooked');
});

test('the terminal is given back once, also when it hangs up, and an error of it later has a listener', () => {
  const { stdin, keys, heard, press } = open();
  stdin.emit('end');
  keys?.end();
  press('s');
  stdin.emit('error', new Error('EIO'));
  expect(stdin.said).toEqual(['raw', 'resume', 'pause', 'cooked']);
  expect(heard).toEqual([]);
});

test('in the background, and where there is no raw mode, nothing is touched', () => {
  const behind = open({ isForeground: () => false });
  expect([behind.keys, behind.stdin.said]).toEqual([undefined, []]);
  const pipe = Object.assign(new EventEmitter(), { resume: () => {}, pause: () => {} });
  expect(open({ stdin: pipe }).keys).toBeUndefined();
  const dead = new Terminal();
  dead.setRawMode = () => {
    throw new Error('EIO');
  };
  expect(open({ stdin: dead }).keys).toBeUndefined();
});
