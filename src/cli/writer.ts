// Writes to a stream whose reader may go away at any moment (`| head`, a lost terminal). That ends the writing,
// not the program: a run that is under way goes on to its end.
import type { OutStream } from './streams.js';

export interface Writer {
  /** Resolves when the stream can take more; at once when nobody reads any more. */
  write(text: string): Promise<void>;
  /** Without waiting, for lines on stderr. */
  writeNow(text: string): void;
  /** True: the reader has gone (EPIPE, EIO); what is written is dropped. */
  isClosed(): boolean;
}

/** One writer a stream and program run. */
export function createWriter(stream: OutStream): Writer {
  let closed = false;
  stream.on('error', () => {
    closed = true;
  });
  const writeNow = (text: string): boolean => {
    if (closed) return true;
    try {
      return stream.write(text);
    } catch {
      closed = true;
      return true;
    }
  };
  return {
    write: (text) => {
      if (writeNow(text)) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          for (const event of ['drain', 'close', 'error'] as const) stream.off(event, done);
          resolve();
        };
        for (const event of ['drain', 'close', 'error'] as const) stream.once(event, done);
      });
    },
    writeNow,
    isClosed: () => closed,
  };
}
