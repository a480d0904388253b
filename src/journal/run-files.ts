// What lies beside a journal because it is too large for a record: `KEY.parts`, the lists that a run works through,
// written once before the run begins, and `KEY.results`, a line for each part that was worked through. Parts are read
// by place and compared with their digest: a run that is taken up on another day works on what was confirmed.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, MailctlError, ParseError } from '../errors.js';

/** Where a part stands in the file; a step carries it. */
export interface PartPlace {
  readonly offset: number;
  readonly bytes: number;
  /** Lines. */
  readonly count: number;
  /** Of its bytes: SHA-256, the first 32 hex digits. */
  readonly digest: string;
}

const keyPattern = /^[0-9a-f]{4,16}$/;

/** The files of one run. */
export class RunFiles {
  readonly #folder: string;
  readonly #parts: string;
  readonly #results: string;

  /** @throws ParseError when the key could not have been made by us: it becomes a part of a path */
  constructor(stateDir: string, key: string) {
    if (!keyPattern.test(key)) throw new ParseError('journal', 'the key of a run is none');
    this.#folder = join(stateDir, 'runs');
    this.#parts = join(this.#folder, `${key}.parts`);
    this.#results = join(this.#folder, `${key}.results`);
  }

  /**
   * Writes all parts (mode 0600), durably, and tells where each stands.
   * @throws MailctlError `journal.write`
   */
  async writeParts(
    parts: Iterable<{ readonly bytes: Uint8Array; readonly count: number }>,
  ): Promise<readonly PartPlace[]> {
    const places: PartPlace[] = [];
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const handle = await open(this.#parts, 'wx', 0o600);
      try {
        let offset = 0;
        for (const { bytes, count } of parts) {
          for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
          places.push({ offset, bytes: bytes.length, count, digest: digestOf(bytes) });
          offset += bytes.length;
        }
        await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      await rm(this.#parts, { force: true }).catch(() => {});
      throw new MailctlError(`cannot write ${this.#parts}: ${(error as Error).message}`, {
        code: 'journal.write',
        exitCode: EXIT.failed,
        detail: 'nothing was changed: without its list a run is not begun',
        hint: 'make room there, or the same command with --state-dir and a directory elsewhere',
        cause: error,
      });
    }
    return places;
  }

  /** One part as text. @throws MailctlError `journal.read`; ParseError when it is not what was written */
  async readPart(place: PartPlace): Promise<string> {
    const bytes = Buffer.alloc(place.bytes);
    try {
      const handle = await open(this.#parts, 'r');
      try {
        for (let at = 0; at < bytes.length; ) {
          const { bytesRead } = await handle.read(bytes, at, bytes.length - at, place.offset + at);
          if (bytesRead === 0) break;
          at += bytesRead;
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw new MailctlError(`cannot read ${this.#parts}: ${(error as Error).message}`, {
        code: 'journal.read',
        exitCode: EXIT.failed,
        detail:
          'the list of a run is kept while it can be resumed, and for 14 days where only it can take the run back',
        cause: error,
      });
    }
    if (digestOf(bytes) !== place.digest)
      throw new ParseError(
        this.#parts,
        `what stands at byte ${place.offset} is not what the run has written`,
      );
    return bytes.toString('utf8');
  }

  /** Adds a line of results, durably. */
  async addResult(result: object): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
    const handle = await open(this.#results, flags, 0o600);
    try {
      // On a line of its own, whatever a crash has left of the one before.
      await handle.appendFile(`\n${JSON.stringify(result)}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  /** All results so far; what is no whole line is left out: its part is worked through again. */
  async readResults(): Promise<readonly unknown[]> {
    let text: string;
    try {
      text = await readFile(this.#results, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    return text.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as unknown];
      } catch {
        return [];
      }
    });
  }

  /** Nothing was begun, or it is over. `keepList`: the list stays, for whoever takes the run back. */
  async remove({ keepList = false } = {}): Promise<void> {
    if (!keepList) await rm(this.#parts, { force: true });
    await rm(this.#results, { force: true });
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
