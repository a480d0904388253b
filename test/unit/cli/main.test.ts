import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { program } from '../../../src/cli/commands.js';
import { UsageError } from '../../../src/errors.js';
import { runCli } from '../../support/run-cli.js';

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function configFile(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'mailctl-main-'));
  made.push(folder);
  const file = join(folder, 'mailctl.yaml');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

/** Runs `config show` with a body of our own. */
async function withRun<T>(run: () => Promise<number>, work: () => Promise<T>): Promise<T> {
  const spec = program.commands.find(({ name }) => name === 'config show') as { run: unknown };
  const before = spec.run;
  spec.run = run;
  try {
    return await work();
  } finally {
    spec.run = before;
  }
}

test('an error is told in three lines on stderr, data stays off stdout, and the code is the error’s', async () => {
  const result = await runCli(['config', 'show', '--config', '/nonexistent/mailctl.yaml']);
  expect(result.code).toBe(2);
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^error: \/nonexistent\/mailctl\.yaml: there is no such file\n/m);
  expect(result.stderr).toMatch(/^detail: named by --config\n/m);
  expect(result.stderr).toMatch(/^hint: mailctl config init/m);
});

test('with -o json an error is a document as well, with the schema of the command', async () => {
  const result = await runCli(['config', 'show', '--config', '/nonexistent/x', '-o', 'json']);
  expect(result.code).toBe(2);
  expect(JSON.parse(result.stdout)).toEqual({
    schema: 'mailctl/config/v1',
    file: null,
    config: null,
    errors: [
      {
        host: null,
        code: 'config.missing',
        message: '/nonexistent/x: there is no such file',
        detail: 'named by --config',
        hint: 'mailctl config init > /nonexistent/x',
      },
    ],
  });
  expect(result.stderr).toContain('error: /nonexistent/x');
});

test('MAILCTL_OUTPUT=json gives a document for an error too', async () => {
  const result = await runCli(['config', 'show', '--config', '/nonexistent/x'], {
    env: { MAILCTL_OUTPUT: 'json' },
  });
  expect(JSON.parse(result.stdout).errors[0].code).toBe('config.missing');
});

test.each([
  [['config', 'show', '-o', 'json', '--no-such'], 'mailctl/config/v1'],
  [['config', 'show', '--output=json', 'too', 'many'], 'mailctl/config/v1'],
  [['-ojson', 'nothing'], 'mailctl/error/v1'],
])('a mistyped command line with json asked for gives a document: %j', async (argv, schema) => {
  const result = await runCli(argv);
  expect(result.code).toBe(2);
  expect(JSON.parse(result.stdout)).toMatchObject({
    schema,
    errors: [{ host: null, code: expect.stringMatching(/^usage/) }],
  });
  expect(result.stderr).toMatch(/^error: /);
});

test('an output form that does not exist is a usage error', async () => {
  const result = await runCli(['config', 'show', '-o', 'xml']);
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr).toContain('one of table, tsv, json, ndjson');
  expect((await runCli(['config', 'show'], { env: { MAILCTL_OUTPUT: 'xml' } })).code).toBe(2);
});

test('hostile text in an error reaches no terminal', async () => {
  const result = await withRun(
    () => Promise.reject(new UsageError('a\x1b[2Jb\u202e', { detail: 'one\ntwo\r\x07', hint: '\u009bx' })),
    () => runCli(['config', 'show'], { terminal: 80 }),
  );
  expect(result.stderr).toBe(
    '\x1b[31merror:\x1b[0m a\\x1b[2Jb\\u202e\ndetail: one\ntwo\\r\\x07\nhint: \\x9bx\n',
  );
});

test('an expected failure has no stack, with --debug it has', async () => {
  const fail = () => Promise.reject(new UsageError('no', { cause: new Error('because') }));
  const plain = await withRun(fail, () => runCli(['config', 'show']));
  expect(plain.stderr).toBe('error: no\n');
  const debug = await withRun(fail, () => runCli(['config', 'show', '--debug']));
  expect(debug.stderr).toMatch(/^debug: UsageError: no\n +at /m);
  expect(debug.stderr).toMatch(/^caused by Error: because/m);
});

test('a fault of ours is named as one', async () => {
  const result = await withRun(
    () => Promise.reject(new TypeError('x is not a function')),
    () => runCli(['config', 'show']),
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('error: mailctl itself failed: x is not a function');
  expect(result.stderr).toContain('--debug');
  expect(result.stderr).not.toContain('   at ');
});

test('a signal while a command works is exit 130', async () => {
  const result = await withRun(
    () => {
      process.emit('SIGTERM');
      return Promise.reject(new Error('whatever the command made of it'));
    },
    () => runCli(['config', 'show']),
  );
  expect(result.code).toBe(130);
  const quiet = await withRun(
    async () => {
      process.emit('SIGINT');
      return 3;
    },
    () => runCli(['config', 'show']),
  );
  expect(quiet.code).toBe(130);
});

test('after a run nothing of it listens to signals', async () => {
  const before = process.listenerCount('SIGINT');
  await runCli(['config', 'show']);
  await runCli(['config', 'show', '--config', '/nonexistent/x']);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('a reader of stdout that goes away is no error', async () => {
  const result = await runCli(['help', 'exit-codes'], { closeAfter: 1 });
  expect(result).toMatchObject({ code: 0, stderr: '' });
});

test('a config that others can write is refused', async () => {
  const result = await runCli(['config', 'show', '--config', configFile('hosts: {}\n', 0o666)]);
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(/^error: .*mailctl\.yaml/);
});

test('a fault in a section that is not needed is a warning on stderr, and none with --quiet', async () => {
  const file = configFile('destinations:\n  gmail: { domainz: [gmail.com] }\n');
  const result = await runCli(['config', 'show', '--config', file]);
  expect(result.code).toBe(0);
  expect(result.stderr).toMatch(/^warning: .*mailctl\.yaml:2:\d+: destinations\.gmail/);
  expect((await runCli(['config', 'show', '--config', file, '--quiet'])).stderr).toBe('');
});

test('colours are for terminals, and NO_COLOR, --no-color and TERM=dumb switch them off', async () => {
  const error = ['config', 'show', '--config', '/nonexistent/x'];
  expect((await runCli(error, { terminal: 80 })).stderr).toContain('\x1b[31m');
  expect((await runCli(error)).stderr).not.toContain('\x1b');
  expect((await runCli(error, { terminal: 80, env: { NO_COLOR: '1' } })).stderr).not.toContain('\x1b');
  expect((await runCli(error, { terminal: 80, env: { TERM: 'dumb' } })).stderr).not.toContain('\x1b');
  expect((await runCli([...error, '--no-color'], { terminal: 80 })).stderr).not.toContain('\x1b');
  expect((await runCli(error, { terminal: 80, env: { NO_COLOR: '' } })).stderr).toContain('\x1b[31m');
});

test('the version is printed', async () => {
  expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: `mailctl ${program.version}\n` });
  expect((await runCli(['-V'])).stdout).toBe(`mailctl ${program.version}\n`);
});

test('no words: the short help on stderr, exit 2', async () => {
  const result = await runCli([]);
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr).toContain('Usage: mailctl COMMAND');
});

test('the exit codes fit a terminal of 80 columns', async () => {
  const { stdout } = await runCli(['help', 'exit-codes'], { terminal: 80 });
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  for (const code of [0, 1, 2, 3, 4, 5, 6, 130]) expect(stdout).toMatch(new RegExp(`^ *${code} `, 'm'));
});

test('help of what does not exist is a usage error with a suggestion', async () => {
  const result = await runCli(['help', 'config', 'shwo']);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('did you mean mailctl help config show?');
  expect((await runCli(['help', 'config', 'show'])).stdout).toContain('Usage: mailctl config show');
});

test('COLUMNS bounds the help', async () => {
  const { stdout } = await runCli(['--help'], { env: { COLUMNS: '60' } });
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
});
