// README.md names gates, verdicts, exit codes and commands, and has a whole configuration: all of it must be true.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { program } from '../../src/cli/commands.js';
import { parseCommandLine } from '../../src/cli/program.js';
import { loadConfig } from '../../src/config/load.js';
import { EXIT } from '../../src/errors.js';
import { VERDICTS } from '../../src/slot/analysis.js';
import { OVERRIDABLE } from '../../src/slot/decide.js';
import { tempDir } from '../support/temp-dir.js';

const page = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The first words of a table's rows, where they stand in backquotes or are numbers. */
function rowsOf(heading: string): readonly string[] {
  const table = page.slice(page.indexOf(`| ${heading} |`)).split('\n\n')[0] ?? '';
  return table
    .split('\n')
    .slice(2)
    .map((line) => /^\| `?([\w-]+)`? \|/.exec(line)?.[1] ?? '');
}

test('its configuration is one', async () => {
  const text = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  expect(text).toContain('stores:');
  const dir = await tempDir();
  const file = join(dir, 'mailctl.yaml');
  writeFileSync(file, text);
  chmodSync(file, 0o600);
  const { config, warnings } = await loadConfig({
    file,
    env: { HOME: dir },
    sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
    uid: process.getuid?.(),
    thisHost: 'bastion1',
    systemFile: join(dir, 'none.yaml'),
    groupFile: join(dir, 'group'),
  });
  expect(warnings).toEqual([]);
  expect([...config.hosts.keys()]).toEqual(['imap21', 'imap22', 'imap23', 'mx1']);
});

test('its gates are the gates', () => {
  const others = [
    'lag',
    'quarantine',
    'not-proven-dead',
    'busy',
    'directory-away',
    'no-replica',
    'read-only',
  ];
  expect([...rowsOf('gate')].sort()).toEqual([...OVERRIDABLE, ...others].sort());
});

test('its exit codes are the exit codes', () => {
  expect(rowsOf('exit').map(Number)).toEqual(Object.values(EXIT));
});

test('it names every verdict', () => {
  expect(VERDICTS.filter((verdict) => !page.includes(`\`${verdict}\``))).toEqual([]);
});

test('every command that it shows is one', () => {
  const code = [...page.matchAll(/```\n(.*?)```/gs)].map(([, block]) => block).join('\n');
  const shown = [
    ...`${code}\n${page}`.matchAll(/^ *(?:\$ |\d {2})?mailctl ([^\n#>]*)|`mailctl ([^`\n]*)`/gm),
  ];
  const lines = shown.map(([, line, quoted]) => (line ?? quoted ?? '').split(/ {2,}/)[0]?.trim() ?? '');
  const known = lines.filter((line) => line !== '' && !/[A-Z]{2,}/.test(line));
  expect(known.length).toBeGreaterThan(15);
  for (const line of known) expect(() => parseCommandLine(program, line.split(' '), 80), line).not.toThrow();
});
