// The process's own standard streams, made cheaply: node's stream for a pipe, a socket (what sshd and other programs
// often give for a pipe) or a file costs an eighth of a bare node start, and for those a synchronous write does the
// same. A terminal and whatever cannot take a write at once get node's own stream.
import { fstatSync, writeSync } from 'node:fs';
import type { OutStream, Streams } from './streams.js';

/** Each stream is made when it is first used. */
export function processStreams(): Streams {
  let stdout: OutStream | undefined;
  let stderr: OutStream | undefined;
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      stdout ??= takesWrites(1) ? syncStream(1, () => process.stdout) : process.stdout;
      return stdout;
    },
    get stderr() {
      stderr ??= takesWrites(2) ? syncStream(2, () => process.stderr) : process.stderr;
      return stderr;
    },
  };
}

function takesWrites(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket() || stat.isFile();
  } catch {
    return false;
  }
}

/** A stream that writes at once, and through `fallback` from the first write that the descriptor cannot take. */
export function syncStream(
  fd: number,
  fallback: () => OutStream,
  write: typeof writeSync = writeSync,
): OutStream {
  type Listener = (error: NodeJS.ErrnoException) => void;
  let onError: Listener[] = [];
  let other: OutStream | undefined;
  const toOther = (rest: string | Uint8Array): boolean => {
    if (other === undefined) {
      other = fallback();
      for (const listener of onError) other.on('error', listener);
    }
    return other.write(rest);
  };
  return {
    isTTY: false,
    write(text) {
      if (other !== undefined) return toOther(text);
      let rest = Buffer.from(text);
      try {
        while (rest.length > 0) rest = rest.subarray(write(fd, rest));
      } catch (error) {
        const failure = error as NodeJS.ErrnoException;
        // Somebody who shares the pipe has made it non-blocking, and it is full: node's stream waits for room.
        if (failure.code === 'EAGAIN') return toOther(rest);
        for (const listener of onError) listener(failure);
      }
      return true;
    },
    on(_event, listener) {
      onError.push(listener);
      other?.on('error', listener);
    },
    once(event, listener) {
      other?.once(event, listener);
    },
    off(event, listener) {
      onError = onError.filter((one) => one !== listener);
      other?.off(event, listener);
    },
  };
}
