// Reads a file that the operator named, or standard input for `-`, as text: UTF-8 and nothing else, and not more
// than anyone means. What it holds is for the caller to judge.
import { createReadStream } from 'node:fs';
import { type ErrorFacts, UsageError } from '../../errors.js';

/** More is no list of slots (some 300,000 of them), but a wrong name or a device. */
const MOST_BYTES = 32 * 1024 * 1024;

/** How messages name it. */
export function inputName(file: string): string {
  return file === '-' ? 'stdin' : file;
}

/**
 * The whole text.
 * @throws UsageError `usage.file` when it cannot be read, is too large or is no UTF-8
 */
export async function readInput(file: string): Promise<string> {
  const name = inputName(file);
  const refuse = (why: string, extra: Pick<ErrorFacts, 'hint' | 'cause'> = {}) =>
    new UsageError(`cannot read ${name}: ${why}`, { code: 'usage.file', ...extra });
  const stream = file === '-' ? createReadStream('', { fd: 0, autoClose: false }) : createReadStream(file);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw refuse(`it is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw refuse(wordsFor(error as NodeJS.ErrnoException), { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw refuse('it is not UTF-8', { cause: error, hint: `see what it is: file ${name}` });
  }
}

function wordsFor(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a directory';
    case 'EACCES':
      return 'this user may not read it';
    default:
      return error.message;
  }
}
