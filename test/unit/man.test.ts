// mailctl(1) is prose by hand; what it names is demanded here: every command, option, exit code, gate and error
// code of the program, and nothing that is gone.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AnyCommand, ArgSpec, OptionSpec } from '../../src/cli/command.js';
import { program } from '../../src/cli/commands.js';
import { globalOptions } from '../../src/cli/options.js';
import { sections } from '../../src/config/format.js';
import type { Format } from '../../src/config/format-kinds.js';
import { EXIT } from '../../src/errors.js';
import { VERDICTS } from '../../src/slot/analysis.js';
import { OVERRIDABLE } from '../../src/slot/decide.js';
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

/** Sources in which documents are put together. */
const documentFiles = [
  'src/cli/failover-json.ts',
  'src/drain/status.ts',
  'src/cli/slots/list.ts',
  'src/cli/slots/slot-detail.ts',
  'src/cli/replication/quarantine-report.ts',
  'src/cli/replication/verify.ts',
  'src/cli/replication/status-json.ts',
  'src/cli/runs/list.ts',
  'src/output/columns/messages.ts',
  'src/output/columns/queue-show.ts',
  'src/cli/queue/stats-json.ts',
  'src/output/columns/queue-trend.ts',
  'src/cli/queue/run-why.ts',
  'src/output/columns/why.ts',
  'src/output/columns/connections.ts',
  'src/output/columns/probe-smtp.ts',
  'src/output/columns/probe-readiness.ts',
  'src/output/columns/probe-delivery.ts',
  'src/cli/runs/run-view.ts',
  'src/cli/queue/change-report.ts',
  'src/output/columns/holds.ts',
  'src/cli/probe/probe-json.ts',
  'src/output/columns/probe-dns.ts',
];

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(root, 'src', path), 'utf8'));

/** The keys of a format, and of the formats in it. */
function keysOf(format: Format<unknown>): readonly string[] {
  switch (format.kind) {
    case 'nullable':
      return keysOf(format.of);
    case 'either':
      return format.options.flatMap(keysOf);
    case 'list':
      return keysOf(format.item);
    case 'names':
      return keysOf(format.value);
    case 'map':
      return Object.entries(format.keys).flatMap(([key, value]) => [key, ...keysOf(value)]);
    default:
      return [];
  }
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

  test('every verdict is in it, and none that is gone', () => {
    expect(itemsIn(section('VERDICTS'))).toEqual([...VERDICTS].sort());
  });

  test('every gate of a document is in it', () => {
    const gates = itemsIn(section('GATES'));
    expect(gates).toEqual(
      expect.arrayContaining([...OVERRIDABLE, 'lag', 'quarantine', 'busy', 'no-replica']),
    );
  });

  test('every schema of a document is in it, and none that is gone', () => {
    const schemas = new Set(sources.flatMap((text) => text.match(/mailctl\/[a-z-]+\/v\d+/g) ?? []));
    const described = itemsIn(section('OUTPUT')).filter((item) => item.includes('/'));
    // The one of errors has no fields of its own.
    expect(described).toEqual([...schemas].filter((schema) => schema !== 'mailctl/error/v1').sort());
    expect(page).toContain('mailctl/error/v1');
  });

  test('every field of the documents that scripts rely on is in it', () => {
    const fields = documentFiles.flatMap((path) =>
      [...readFileSync(join(root, path), 'utf8').matchAll(/^ {4,14}([a-z]+(?:_[a-z]+)+):/gm)].map(
        ([, key]) => key,
      ),
    );
    expect(fields.length).toBeGreaterThan(30);
    const words = new Set(
      section('OUTPUT')
        .join(' ')
        .split(/[\s,;()]+/),
    );
    expect([...new Set(fields)].filter((field) => !words.has(field ?? ''))).toEqual([]);
  });

  test('every section of the configuration is in it, with its keys', () => {
    const lines = section('CONFIGURATION').join('\n').split(/^\.Sh/m)[0] ?? '';
    const words = new Set(lines.split(/[\s,;()]+/));
    const named = Object.entries(sections).flatMap(([name, format]) => [name, ...keysOf(format)]);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((key) => !words.has(key))).toEqual([]);
  });

  test('mandoc finds nothing to warn of, where there is mandoc', (context) => {
    const { error, status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', file], {
      encoding: 'utf8',
    });
    if (error !== undefined) context.skip('mandoc is not installed: apt-get install mandoc');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
});
