// The program as it is installed: bin/mailctl.js and the bundle in dist/, run as processes of this very node.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'bin/mailctl.js');
const dist = join(root, 'dist');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function mailctl(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...argv], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** bin and package.json alone, in a folder of their own. */
function withoutDist(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mailctl-bin-'));
  made.push(folder);
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  return join(folder, 'bin/mailctl.js');
}

describe('bin', () => {
  test.each(['--version', '-V'])('%s is answered before anything is loaded', (word) => {
    const { status, stdout } = spawnSync(process.execPath, [withoutDist(), word], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `mailctl ${manifest.version}\n` });
  });

  test('a program that was not built says how to build it', () => {
    const { status, stderr } = spawnSync(process.execPath, [withoutDist(), '--help'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'error: mailctl is not built\nhint: npm run build\n',
    });
  });

  test('a command that comes to no end is no success', () => {
    const script = withoutDist();
    const folder = join(script, '../../dist');
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}');
    writeFileSync(
      join(folder, 'main.js'),
      'module.exports = { main: () => new Promise(() => {}), processStreams: () => ({}) };',
    );
    const { status, stderr } = spawnSync(process.execPath, [script, 'slots'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'error: mailctl itself failed: it came to no end\nhint: report how it was called\n',
    });
  });

  test('it can be run as it lies there, and is CommonJS', () => {
    expect(statSync(bin).mode & 0o111).toBe(0o111);
    expect(readFileSync(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(JSON.parse(readFileSync(join(root, 'bin/package.json'), 'utf8'))).toEqual({ type: 'commonjs' });
    expect(readdirSync(join(root, 'bin')).sort()).toEqual(['mailctl.js', 'package.json']);
  });
});

describe('the bundle', () => {
  let inputs: readonly string[] = [];

  beforeAll(() => {
    const meta = JSON.parse(readFileSync(join(dist, 'meta.json'), 'utf8'));
    inputs = Object.keys(meta.inputs);
  });

  test('it is as new as its sources (npm run build)', () => {
    const builtAt = statSync(join(dist, 'main.js')).mtimeMs;
    const newer = inputs.filter((file) => {
      const path = join(root, file);
      return existsSync(path) && statSync(path).mtimeMs > builtAt;
    });
    expect(newer).toEqual([]);
  });

  test('it carries the licences of the packages in it, and leaves native ones outside', () => {
    const licences = readFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'cli-table3', 'zod', 'yaml'])
      expect(licences).toMatch(new RegExp(`^${name} `, 'm'));
    expect(inputs.filter((file) => file.includes('node_modules/libsql'))).toEqual([]);
  });

  test('what every start loads is small: nothing heavy, nothing from node_modules', () => {
    const meta = JSON.parse(readFileSync(join(dist, 'meta.json'), 'utf8'));
    const reached = new Set<string>();
    const next = ['dist/main.js'];
    for (let name = next.pop(); name !== undefined; name = next.pop()) {
      if (reached.has(name)) continue;
      reached.add(name);
      for (const { path, kind } of meta.outputs[name]?.imports ?? [])
        if (kind === 'import-statement') next.push(path);
    }
    const loaded = [...reached].flatMap((name) => Object.keys(meta.outputs[name]?.inputs ?? {}));
    expect(loaded.filter((file) => file.includes('node_modules/'))).toEqual([]);
  });

  test('its code is readable: names are kept', () => {
    expect(readFileSync(join(dist, 'start.js'), 'utf8')).toMatch(
      /async function main\(argv, env, streams, clock\) \{\n/,
    );
  });
});

describe('the compiled code beside the bundle', () => {
  /** The whole program in a folder of its own. */
  function copied(): string {
    const folder = mkdtempSync(join(tmpdir(), 'mailctl-code-'));
    made.push(folder);
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    return folder;
  }
  const help = (folder: string) =>
    spawnSync(process.execPath, [join(folder, 'bin/mailctl.js'), '--help'], { encoding: 'utf8' });

  test('is there for what every start needs', () => {
    expect(statSync(join(dist, 'start.js.code')).size).toBeGreaterThan(10_000);
  });

  test.each([
    ['is absent', (file: string) => rmSync(file)],
    ['is empty', (file: string) => writeFileSync(file, '')],
    ['is cut off', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 5000))],
    ['is something else', (file: string) => writeFileSync(file, 'no code at all'.repeat(1000))],
  ])('a start does not need it: it %s', (_name, damage) => {
    const folder = copied();
    damage(join(folder, 'dist/start.js.code'));
    const { status, stdout, stderr } = help(folder);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(mailctl('--help').stdout);
  });

  test('is used by the node that built it, and turned away by another', () => {
    const { stdout } = spawnSync(
      process.execPath,
      [
        '-p',
        `const { scripts } = require(${JSON.stringify(join(dist, 'main.js'))}); scripts.get('start.js').cachedDataRejected`,
      ],
      { encoding: 'utf8' },
    );
    const { builtWith } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
    expect(stdout.trim()).toBe(String(builtWith !== process.version));
  });
});

describe('what is loaded', () => {
  /** The files of dist that a command line loads. */
  function filesOf(...argv: readonly string[]): readonly string[] {
    const program = `const b = require(${JSON.stringify(join(dist, 'main.js'))});
      b.main(${JSON.stringify(argv)}, process.env, b.processStreams(), b.systemClock)
        .then(() => require('node:fs').writeSync(2, [...b.scripts.keys()].join(' ')))`;
    return spawnSync(process.execPath, ['-e', program], {
      input: '',
      encoding: 'utf8',
      env: { ...process.env, HOME: '/nonexistent', XDG_CONFIG_HOME: '/nonexistent' },
    }).stderr.split(' ');
  }
  const listing = ['queue', 'stats', '-o', 'json', '--format', 'postfix-json', '--input', '-'];

  test('of a plain line no more than its files: no parser, no other command', () => {
    expect(filesOf(...listing)).toEqual(['start.js', 'stats.js', 'listing.js']);
    expect(filesOf('--help')).toEqual(['start.js', 'whole.js']);
  });

  test('of any other line the parser as well', () => {
    expect(filesOf('queue', 'stats', '-ojson', '--input', '-')).toContain('parser.js');
  });
});

describe('as a process', () => {
  test('help goes to stdout with 0, mistakes to stderr with 2', () => {
    expect(mailctl('--help')).toMatchObject({ status: 0, stderr: '' });
    const mistake = mailctl('no-such-command');
    expect(mistake).toMatchObject({ status: 2, stdout: '' });
    expect(mistake.stderr).toMatch(/^error: unknown command 'no-such-command'\n/);
  });

  test('commands that load zod, yaml and cli-table3 lazily run from the bundle', () => {
    expect(JSON.parse(mailctl('config', 'schema').stdout)).toHaveProperty('$schema');
    expect(mailctl('help', 'exit-codes', '-o', 'table').stdout).toContain('EXIT');
  });

  test('a reader that goes away at once is no error and changes no exit code', () => {
    for (const [line, status] of [
      ['completion bash', '0'],
      ['help exit-codes -o json', '0'],
      ['config show --config /nonexistent -o json', '2'],
    ] as const) {
      const pipe = `"${process.execPath}" "${bin}" ${line} | true; echo "\${PIPESTATUS[0]}"`;
      const { stdout, stderr } = spawnSync('bash', ['-c', pipe], { encoding: 'utf8' });
      expect({ line, status: stdout.trim() }).toEqual({ line, status });
      expect(stderr).not.toContain('EPIPE');
    }
  });

  test('a stderr that is gone is no error either', () => {
    const line = `"${process.execPath}" "${bin}" no-such-command 2>&-; echo "$?"`;
    expect(spawnSync('bash', ['-c', line], { encoding: 'utf8' }).stdout.trim()).toBe('2');
  });

  test('a long text goes whole through a pipe that is read slowly', async () => {
    const child = spawn(process.execPath, [bin, 'config', 'schema'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toHaveProperty('$schema');
  });

  test('from a place without a package.json, by a symbolic link, as npm installs it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mailctl-link-'));
    made.push(folder);
    const { status, stdout } = spawnSync(
      'bash',
      ['-c', `ln -s "${bin}" mailctl && ./mailctl help exit-codes -o tsv`],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env.PATH}` },
      },
    );
    expect(status).toBe(0);
    expect(stdout.split('\n')[0]).toBe('exit\tname\tmeaning');
  });
});
