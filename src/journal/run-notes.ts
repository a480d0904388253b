// What is said to a run while it lives, and what it says of itself, beside its journal: `RUN.requests`, a line for each
// wish of an operator (pause, go on, stop), read by the run at its next tick; and `RUN.status`, its newest figures,
// replaced whole. Neither is needed to go on with a run: a status that is lost costs a screen, no message.
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXIT, MailctlError, ParseError } from '../errors.js';

const idPattern = /^[0-9a-f]{4,12}$/;
const MOST_STATUS = 4_000_000;

/** The notes of one run. */
export class RunNotes {
  readonly #requests: string;
  readonly #status: string;
  #read = 0;

  /** @throws ParseError when the id could not have been made by us: it becomes a part of a path */
  constructor(stateDir: string, run: string) {
    if (!idPattern.test(run)) throw new ParseError('journal', 'the id of a run is none');
    this.#requests = join(stateDir, 'runs', `${run}.requests`);
    this.#status = join(stateDir, 'runs', `${run}.status`);
  }

  /** Says something to the run. @throws MailctlError `journal.write` */
  async ask(request: object): Promise<void> {
    try {
      await appendFile(this.#requests, `${JSON.stringify(request)}\n`, { mode: 0o600 });
    } catch (error) {
      throw new MailctlError(`cannot write ${this.#requests}: ${(error as Error).message}`, {
        code: 'journal.write',
        exitCode: EXIT.failed,
        detail: 'the run was not told',
        cause: error,
      });
    }
  }

  /** Passes over what was asked of an earlier execution; before the lock is taken: whoever sees it may ask at once. */
  async passOverRequests(): Promise<void> {
    await this.requests();
  }

  /** What was asked since the last call; a line that is none is left out. */
  async requests(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const text = await readFile(this.#requests, 'utf8').catch(() => '');
    const end = text.lastIndexOf('\n') + 1;
    // A file that was begun anew is read from its start.
    const fresh = text.slice(end < this.#read ? 0 : this.#read, end);
    this.#read = end;
    return fresh.split('\n').flatMap((line) => {
      const value = parse(line);
      return value === undefined ? [] : [value];
    });
  }

  /** Replaces the figures. Never throws: a full disk must not end a drain. */
  async writeStatus(status: object): Promise<void> {
    try {
      await writeFile(`${this.#status}.new`, JSON.stringify(status), { mode: 0o600 });
      await rename(`${this.#status}.new`, this.#status);
    } catch {
      // The journal tells when nothing can be written any more.
    }
  }

  /** The newest figures; undefined: there are none that can be read. */
  async readStatus(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const text = await readFile(this.#status, 'utf8').catch(() => '');
    return text.length > MOST_STATUS ? undefined : parse(text);
  }
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
