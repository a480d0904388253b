import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { program } from '../../../src/cli/commands.js';
import { runCli } from '../../support/run-cli.js';

async function script(shell: string): Promise<string> {
  const { code, stdout } = await runCli(['completion', shell]);
  expect(code).toBe(0);
  return stdout;
}

/** What bash offers after these words; the last one is being typed. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const lines = `${await script('bash')}
COMP_WORDS=(mailctl "$@"); COMP_CWORD=$#
_mailctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', lines, 'bash', ...words], {
    encoding: 'utf8',
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, their groups, and options', async () => {
  expect(await complete('conf')).toEqual(['config']);
  expect(await complete('config', '')).toEqual(expect.arrayContaining(['check', 'show', 'init', 'schema']));
  expect(await complete('config', 'show', '--conf')).toEqual(['--config']);
  expect(await complete('help', '--ver')).toEqual(['--verbose']);
});

test('options between the words and their values are passed over', async () => {
  expect(await complete('-o', 'json', '--config', 'config', 'config', 'che')).toEqual(['check']);
  expect(await complete('--quiet', 'conf')).toEqual(['config']);
});

test('the values of an option that has only a few are offered', async () => {
  expect(await complete('config', 'show', '-o', '')).toEqual(['table', 'tsv', 'json', 'ndjson']);
  expect(await complete('config', 'show', '--output', 'nd')).toEqual(['ndjson']);
  expect(await complete('completion', 'f')).toContain('fish');
});

test('every command is in every script', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell);
    for (const { name } of program.commands) {
      expect(text).toContain(name.split(' ').at(-1));
    }
    expect(text.endsWith('\n')).toBe(true);
  }
});

test('texts in the fish script are quoted', async () => {
  for (const line of (await script('fish')).split('\n').filter((one) => one.startsWith('complete '))) {
    expect(line.replace(/\\'/g, '').match(/'/g)?.length ?? 0, line).toSatisfy(
      (count: number) => count % 2 === 0,
    );
  }
});

test('a shell that is not known is a usage error', async () => {
  expect(await runCli(['completion', 'csh'])).toMatchObject({ code: 2, stdout: '' });
});
