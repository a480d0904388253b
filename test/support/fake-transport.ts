// A transport for tests of drivers and of the domain: it expects exact commands and answers from what the test gives.
// A command that nobody expected fails the test, even if the code under test swallows the error; so does an
// expectation that nobody met, at the test's end. Expectations may be met in any order, since hosts are asked at
// once; the same one given twice is met twice, in order.
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { onTestFinished } from 'vitest';
import type { Host } from '../../src/fleet/host.js';
import type { Command, CommandResult, RunOptions, Transport } from '../../src/transport/transport.js';

/** What must be asked. A part that is left out may be anything, but for `args` and `stdin`, which are then empty. */
export interface Expected {
  readonly host: string;
  /** `Command.name`. */
  readonly name: string;
  readonly args?: readonly string[];
  readonly stdin?: string;
  readonly readOnly?: boolean;
  readonly privileged?: boolean;
  readonly within?: readonly string[];
}

/** What comes back: parts of a result (the rest is status 0 and nothing), an error to throw, or a function of both. */
export type Answer =
  | Partial<CommandResult>
  | Error
  | ((command: Command) => Partial<CommandResult> | Promise<Partial<CommandResult>>);

interface Expectation {
  readonly expected: Expected;
  readonly answer: Answer;
  met: boolean;
}

/** One command that was asked, in order. */
export interface Asked {
  readonly host: string;
  readonly command: Command;
}

export class FakeTransport implements Transport {
  readonly asked: Asked[] = [];
  readonly #expectations: Expectation[] = [];
  readonly #unexpected: string[] = [];

  /** One command to come, and its answer. */
  expect(expected: Expected, answer: Answer = {}): this {
    this.#expectations.push({ expected, answer, met: false });
    return this;
  }

  async run(host: Host, command: Command, options: RunOptions = {}): Promise<CommandResult> {
    this.asked.push({ host: host.name, command });
    options.signal?.throwIfAborted();
    const found = this.#expectations.find(({ met, expected }) => !met && fits(expected, host.name, command));
    if (found === undefined) {
      const text = `unexpected: ${describeCommand(host.name, command)}\nstill expected:\n${this.#open().join('\n') || '(nothing)'}`;
      this.#unexpected.push(text);
      throw new assert.AssertionError({ message: text });
    }
    found.met = true;
    if (found.answer instanceof Error) throw found.answer;
    const given = typeof found.answer === 'function' ? await found.answer(command) : found.answer;
    const result = { status: 0, stdout: '', stderr: '', ...given };
    if (options.onLine === undefined) return result;
    const lines = result.stdout.split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) options.onLine(line);
    return { ...result, stdout: '' };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Throws when something unexpected was asked, or something expected was not. */
  verify(): void {
    const faults = [...this.#unexpected, ...this.#open().map((line) => `never asked: ${line}`)];
    if (faults.length > 0) throw new assert.AssertionError({ message: faults.join('\n') });
  }

  #open(): readonly string[] {
    return this.#expectations.filter(({ met }) => !met).map(({ expected }) => JSON.stringify(expected));
  }
}

/** A fake that verifies itself at the end of the running test. Call it inside `it`. */
export function fakeTransport(): FakeTransport {
  const fake = new FakeTransport();
  onTestFinished(() => fake.verify());
  return fake;
}

/** Text of a file below test/fixtures, e.g. `cyrus/3.6/observe.txt`. */
export function fixture(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8');
}

function fits(expected: Expected, host: string, command: Command): boolean {
  return (
    expected.host === host &&
    expected.name === command.name &&
    isDeepStrictEqual(expected.args ?? [], [...command.args]) &&
    (expected.stdin ?? '') === (command.stdin ?? '') &&
    (expected.readOnly === undefined || expected.readOnly === command.readOnly) &&
    (expected.privileged === undefined || expected.privileged === command.privileged) &&
    (expected.within === undefined || isDeepStrictEqual([...expected.within], [...(command.within ?? [])]))
  );
}

function describeCommand(host: string, { name, args, stdin, readOnly, privileged }: Command): string {
  return JSON.stringify({ host, name, args, stdin, readOnly, privileged });
}
