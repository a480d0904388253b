// Keys as they are pressed, from a terminal that stays the operator's: its mode is given back however it ends, Ctrl-C
// is the signal that it always was, and a process in the background touches nothing (the kernel would stop it, and its
// heartbeat with it). What cannot have been one key, a paste or an arrow, is none.
import { readFileSync } from 'node:fs';
import type { InStream } from './streams.js';

/** Keys that are being read. */
export interface Keys {
  /** Gives the terminal back. May be called again. */
  end(): void;
}

/** Where they come from. */
export interface KeySource {
  readonly stdin: InStream;
  onKey(key: string): void;
  /** What raw mode makes a key of: Ctrl-C and Ctrl-\. */
  interrupt(signal: NodeJS.Signals): void;
  /** Does the terminal listen to this process? Asked of /proc where it is not given. */
  readonly isForeground?: (() => boolean) | undefined;
}

const CTRL_C = '\u0003';
const CTRL_BACKSLASH = '\u001c';

/** Reads them; undefined: this terminal cannot, or it is another process's just now. */
export function readKeys(source: KeySource): Keys | undefined {
  const { stdin, onKey, interrupt, isForeground = ownsTerminal } = source;
  if (stdin.setRawMode === undefined || !isForeground()) return undefined;
  let isOpen = true;
  const end = () => {
    if (!isOpen) return;
    isOpen = false;
    stdin.off('data', onData);
    stdin.pause();
    try {
      stdin.setRawMode?.(false);
    } catch {
      // The terminal is gone.
    }
  };
  const onData = (chunk: Buffer | string) => {
    const text = chunk.toString();
    if (text.includes(CTRL_C)) interrupt('SIGINT');
    else if (text.includes(CTRL_BACKSLASH)) {
      end();
      interrupt('SIGQUIT');
    } else if (/^([!-~])\1*$/.test(text)) for (const key of text.slice(0, MOST_AT_ONCE)) onKey(key);
  };
  try {
    stdin.setRawMode(true);
  } catch {
    return undefined;
  }
  // One that hangs up ends the keys and nothing else; its error must find a listener for ever.
  stdin.on('end', end);
  stdin.on('error', end);
  stdin.on('data', onData);
  stdin.resume();
  return { end };
}

/** A key that is held down comes many times at once. */
const MOST_AT_ONCE = 10;

/** Linux says which group of processes the terminal listens to; where nobody says it, it is not touched. */
function ownsTerminal(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // state ppid pgrp session tty tpgid; the name before them may hold anything.
    const [, , group, , , listens] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group !== undefined && (group === listens || listens === '-1');
  } catch {
    return false;
  }
}
