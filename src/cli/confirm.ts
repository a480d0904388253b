// Asks the operator, on stderr, and reads the answer from stdin; both must be terminals, or the command is
// refused with the line that would go on. What loses or moves much asks for a word to be typed.
import { UsageError } from '../errors.js';
import { formatCommand } from '../lib/command-text.js';
import { type Line, renderLine } from '../output/line.js';
import type { Streams, Terminal } from './streams.js';
import type { Writer } from './writer.js';

/** A letter that the operator may type instead of the answer. */
export interface PromptKey {
  readonly key: string;
  readonly label: string;
  /** Shows something; the question is asked again after it. */
  run(): Promise<void> | void;
}

/** A question that is answered by typing a word. */
export interface TypedQuestion {
  /** The word: a host's or a slot's name, or a count. */
  readonly word: string;
  /** What typing it does: `to move 14 (about 6s)`. */
  readonly purpose: string;
  readonly keys?: readonly PromptKey[];
}

/** Questions; every one of them takes an end of input for no. */
export interface Prompt {
  /** @throws UsageError when nobody can be asked; call it before work that the answer is needed for. */
  requireTerminal(): void;
  /** `question [y/N] `. */
  yesNo(question: string): Promise<boolean>;
  /** `Type imap21 to move 14 | l list | q quit > `; asked again until the word, q or the end of input. */
  typed(question: TypedQuestion): Promise<boolean>;
}

/** What a prompt is made of. */
export interface PromptParts {
  readonly streams: Streams;
  readonly stderr: Writer;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C: the question ends with its reason. */
  readonly abort: AbortSignal;
  readonly commandLine: readonly string[];
}

/** More than anyone types; a paste by mistake is no answer. */
const MOST_ANSWER = 1000;

/** Questions on these streams. */
export function createPrompt(parts: PromptParts): Prompt {
  const { streams, stderr, terminal } = parts;
  let pending = '';

  const requireTerminal = () => {
    if (terminal.stdinIsTty && terminal.stderrIsTty) return;
    throw new UsageError('this asks before it acts, and there is no terminal to ask on', {
      code: 'usage.needs-yes',
      detail: `it needs --yes without a terminal; ${terminal.stdinIsTty ? 'stderr' : 'stdin'} is none`,
      hint: formatCommand([...parts.commandLine, '--yes']),
    });
  };

  /** One line, without its newline; undefined at the end of input. */
  const readLine = (): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const { stdin } = streams;
      const settle = (finish: () => void) => {
        stdin.off('data', onData);
        stdin.off('end', onEnd);
        stdin.off('error', onEnd);
        parts.abort.removeEventListener('abort', onAbort);
        stdin.pause();
        finish();
      };
      const takeLine = (): boolean => {
        const end = pending.indexOf('\n');
        if (end < 0) return false;
        const line = pending.slice(0, end).replace(/\r$/, '');
        pending = pending.slice(end + 1);
        settle(() => resolve(line.slice(0, MOST_ANSWER)));
        return true;
      };
      const onData = (chunk: Buffer | string) => {
        pending += chunk.toString();
        if (!takeLine() && pending.length > MOST_ANSWER * 10) pending = pending.slice(0, MOST_ANSWER + 1);
      };
      const onEnd = () => settle(() => resolve(undefined));
      const onAbort = () =>
        settle(() => {
          stderr.writeNow('\n');
          reject(parts.abort.reason);
        });
      if (parts.abort.aborted) {
        reject(parts.abort.reason);
        return;
      }
      if (takeLine()) return;
      parts.abort.addEventListener('abort', onAbort, { once: true });
      stdin.on('data', onData);
      stdin.on('end', onEnd);
      stdin.on('error', onEnd);
      stdin.resume();
    });

  const say = (line: Line, end: string) => stderr.writeNow(`${renderLine(line, terminal.stderrColor)}${end}`);

  return {
    requireTerminal,
    async yesNo(question) {
      requireTerminal();
      // What was typed ahead was typed before the question could be read.
      pending = '';
      say(`${question} [y/N] `, '');
      const answer = await readLine();
      if (answer === undefined) stderr.writeNow('\n');
      return /^y(es)?$/i.test((answer ?? '').trim());
    },
    async typed({ word, purpose, keys = [] }) {
      requireTerminal();
      pending = '';
      const shown = keys.map(({ key, label }) => ` | ${key} ${label}`).join('');
      for (;;) {
        say(`Type ${word} ${purpose}${shown} | q quit > `, '');
        const line = await readLine();
        if (line === undefined) stderr.writeNow('\n');
        const answer = line?.trim();
        if (answer === word) return true;
        if (answer === undefined || answer === 'q' || answer === 'quit') return false;
        const key = keys.find((one) => one.key === answer);
        if (key !== undefined) await key.run();
        else if (answer !== '') say(`"${answer}" is not ${word}; nothing has been changed`, '\n');
      }
    },
  };
}
