import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailctl-cli-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, mode = 0o644): string {
  const file = join(folder, 'mailctl.yaml');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function run(args: string[], terminal?: number) {
  return runCli(args, { env: { HOME: folder }, ...(terminal === undefined ? {} : { terminal }) });
}

const BAD = 'hosts:\n  imap21: { grups: [store] }\nuplinks: { u: {} }\n';

describe('mailctl config check', () => {
  it('exits 0 and says ok for a good file', async () => {
    const file = write('hosts: { mx1: {} }\n');
    const { code, stdout, stderr } = await run(['config', 'check', '--config', file], 80);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/mailctl\.yaml: .*ok/);
  });

  it('exits 2 and lists every fault as file:line:col', async () => {
    const file = write(BAD);
    const { code, stdout } = await run(['config', 'check', '--no-color', '--config', file], 80);
    expect(code).toBe(2);
    expect(stdout).toBe(
      `${file}:2:13: error: hosts.imap21.grups: unknown key "grups"; did you mean groups?\n` +
        `${file}:3:12: error: uplinks.u: host is missing; e.g. host: mx1\n` +
        `${file}: 2 errors, 0 warnings\n`,
    );
  });

  it('prints one line a fault in a pipe, and one document for scripts', async () => {
    const file = write(BAD);
    const tsv = await run(['config', 'check', '--config', file]);
    expect(tsv.stdout.split('\n')[0]).toBe('level\tline\tcolumn\tpath\twhat\tright');
    expect(tsv.stdout.trimEnd().split('\n')).toHaveLength(3);
    const json = await run(['config', 'check', '--config', file, '-o', 'json']);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({
      schema: 'mailctl/config-check/v1',
      file,
      ok: false,
      faults: [
        { level: 'error', section: 'hosts', line: 2, column: 13, path: 'hosts.imap21.grups' },
        { line: 3 },
      ],
      errors: [],
    });
  });

  it('exits 2 for a file that others can write, with the command that mends it', async () => {
    const file = write('hosts: {}\n', 0o666);
    const { code, stderr } = await run(['config', 'check', '--config', file]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'refused, since others could have written it: everyone can write it (mode 0666)',
    );
    expect(stderr).toContain(`hint: chmod o-w ${file}`);
  });

  it('shows no terminal escapes of the file', async () => {
    const file = write('hosts: { "a\\e[31m": {} }\n');
    const { stdout } = await run(['config', 'check', '--no-color', '--config', file], 80);
    expect(stdout).not.toContain('\x1b');
  });
});

describe('mailctl config show', () => {
  it('prints the effective configuration and warns of what it leaves out', async () => {
    const file = write(BAD.replace('grups', 'groups'));
    const { code, stdout, stderr } = await run(['config', 'show', '--config', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('connect_timeout: 5s');
    expect(stdout).toContain('uplinks: {}');
    expect(stderr).toContain(`warning: ${file}:3:12: uplinks.u: host is missing`);
  });

  it('prints the same as one JSON document', async () => {
    const file = write('hosts: { mx1: { groups: [mx] } }\nstate: { url: "postgres://ann:s3cret@db1/x" }\n');
    const { stdout } = await run(['config', 'show', '--config', file, '-o', 'json']);
    expect(stdout).not.toContain('s3cret');
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'mailctl/config/v1',
      file,
      config: {
        hosts: { mx1: { groups: ['mx'], transport: 'ssh' } },
        state: { url: 'postgres://ann:***@db1/x' },
      },
      errors: [],
    });
  });
});

describe('mailctl config init and schema', () => {
  it('print a file that config check takes, and its JSON schema', async () => {
    const { code, stdout } = await run(['config', 'init']);
    expect(code).toBe(0);
    expect((await run(['config', 'check', '--config', write(stdout)])).code).toBe(0);
    const schema = await run(['config', 'schema']);
    expect(schema.code).toBe(0);
    expect(JSON.parse(schema.stdout)).toMatchObject({ title: 'mailctl.yaml', type: 'object' });
  });
});
