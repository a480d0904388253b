// mailctl(1) is prose by hand; what it names is demanded here: every command, option, exit code, gate and error
// code of the program, and nothing that is gone.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AnyCommand, ArgSpec, OptionSpec } from '../../src/cli/command.js';
import { program } from '../../src/cli/commands.js';
import { globalOptions } from '../../src/cli/options.js';
import { EXIT } from '../../src/errors.js';
import { errorCodes } from '../support/error-codes.js';

const root = join(import.meta.dirname, '../..');
const file = join(root, 'man/mailctl.1');
const page = readFileSync(file, 'utf8');

/** The lines of a section. */
function section(name: string): readonly string[] {
  const part = page.split(/^\.Sh /m).find((one) => one.startsWith(`${name}\n`));
  if (part === undefined) throw new Error(`there is no section ${name}`);
  return part.split('\n').slice(1);
}

/** `.It Fl H , -host Ar name` to `-H, --host`. */
function optionsIn(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => line.startsWith('.It Fl '))
    .map((line) => {
      const words = line
        .replace(/^\.It Fl /, '')
        .replace(/ Ar .*$/, '')
        .split(' , ');
      return words.map((word) => `-${word}`).join(', ');
    })
    .sort();
}

function flagsOf(specs: object): readonly string[] {
  return (Object.values(specs) as OptionSpec<unknown>[])
    .map(({ flags }) => flags.replace(/ <.*$/, ''))
    .sort();
}

/** The words of `.It Cm` lines. */
function itemsIn(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => /^\.It Cm (\S+)$/.exec(line)?.[1] ?? []).sort();
}

interface Described {
  readonly name: string;
  readonly args: readonly string[];
  readonly lines: readonly string[];
}

/** The subsections of COMMANDS by the commands' names. */
function commandsInPage(): readonly Described[] {
  return section('COMMANDS')
    .join('\n')
    .split(/^\.Ss /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...lines] = part.split('\n');
      const [name = '', ...args] = title.replaceAll(' ...', '').split(/ (?:Op )?Ar /);
      return { name, args, lines };
    });
}

describe('mailctl(1)', () => {
  test('every command is in it, and none that is gone', () => {
    const shown = program.commands.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
    expect(
      commandsInPage()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...shown].sort());
  });

  test.each(program.commands.map((spec) => [spec.name, spec] as const))(
    '%s has its options and arguments',
    (name, spec: AnyCommand) => {
      const described = commandsInPage().find((one) => one.name === name);
      expect(optionsIn(described?.lines ?? [])).toEqual(flagsOf(spec.options));
      const args = (Object.values(spec.args) as ArgSpec<unknown>[]).map(
        (arg) => arg.choices?.join('|') ?? arg.name,
      );
      expect(described?.args).toEqual(args);
    },
  );

  test('the options of every command are in it', () => {
    expect(optionsIn(section('OPTIONS'))).toEqual(
      [...flagsOf(globalOptions), '-h, --help', '-V, --version'].sort(),
    );
  });

  test('every exit code is in it', () => {
    const codes = section('EXIT STATUS').flatMap((line) => /^\.It (\d+)$/.exec(line)?.[1] ?? []);
    expect(codes.map(Number)).toEqual(Object.values(EXIT));
  });

  test('every error code is in it, and none that is gone', () => {
    const codes = errorCodes(join(root, 'src'));
    const gates = itemsIn(section('GATES'));
    const diagnostics = itemsIn(section('DIAGNOSTICS'));
    expect(codes.filter((code) => !diagnostics.includes(code) && !gates.includes(code))).toEqual([]);
    expect(diagnostics.filter((code) => !codes.includes(code))).toEqual([]);
  });

  test('mandoc finds nothing to warn of, where there is mandoc', (context) => {
    const { error, status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', file], {
      encoding: 'utf8',
    });
    if (error !== undefined) context.skip('mandoc is not installed: apt-get install mandoc');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
});
