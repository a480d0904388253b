// The help of every command, byte for byte, at 80 columns. A text that changed on purpose is written anew by
//   MAILCTL_GOLDEN=write npx vitest run --project unit test/golden
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ArgSpec, OptionSpec } from '../../src/cli/command.js';
import { program } from '../../src/cli/commands.js';
import { parseCommandLine } from '../../src/cli/program.js';
import { runCli } from '../support/run-cli.js';

const folder = join(import.meta.dirname, 'help');
const isWriting = process.env.MAILCTL_GOLDEN === 'write';

const groups = [...new Set(program.commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0] ?? ''))];
const cases: readonly (readonly [file: string, argv: readonly string[]])[] = [
  ['mailctl', ['--help']],
  ['exit-codes', ['help', 'exit-codes', '-o', 'table']],
  ...groups.map((group) => [group, [group, '--help']] as const),
  ...program.commands.map(({ name }) => [name.replaceAll(' ', '-'), [...name.split(' '), '--help']] as const),
];

test.each(cases)('the help in %s.txt is what mailctl prints', async (file, argv) => {
  const { code, stdout, stderr } = await runCli(argv, { env: { COLUMNS: '80' } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const path = join(folder, `${file}.txt`);
  if (isWriting) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, stdout);
  }
  expect(existsSync(path), `${path} is missing`).toBe(true);
  expect(stdout).toBe(readFileSync(path, 'utf8'));
  for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('no golden text is left of a command that is gone', () => {
  const known = new Set(cases.map(([file]) => `${file}.txt`));
  expect(readdirSync(folder).filter((file) => !known.has(file))).toEqual([]);
});

test.each(program.commands.map((spec) => [spec.name, spec] as const))('%s has an example, and each one parses', (_name, spec) => {
  expect(spec.examples.length).toBeGreaterThan(0);
  for (const [command, what] of spec.examples) {
    expect(what).not.toBe('');
    const words = wordsOf(command);
    expect(words[0]).toBe('mailctl');
    const result = parseCommandLine(program, words.slice(1), 80);
    expect(result.kind === 'run' && result.spec.name).toBe(spec.name);
  }
});

test.each(program.commands.map((spec) => [spec.name, spec] as const))('%s speaks as the house does', (_name, spec) => {
  expect(spec.summary).toMatch(/^[A-Z].*[^.]$/);
  const texts = [
    ...(Object.values(spec.options) as OptionSpec<unknown>[]).map(({ help }) => help),
    ...(Object.values(spec.args) as ArgSpec<unknown>[]).map(({ help }) => help),
  ];
  for (const text of texts) expect(text).toMatch(/^[^A-Z].*[^.]$|^[A-Z]{2}/);
});

/** The words of an example as a shell would cut them, without a redirection at its end. */
function wordsOf(command: string): readonly string[] {
  const line = command.replace(/\s+[|>].*$/, '');
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
