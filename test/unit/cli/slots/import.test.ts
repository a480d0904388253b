import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CliOptions, runCli } from '../../../support/run-cli.js';
import { tempDir } from '../../../support/temp-dir.js';

const TWO = `
- {slot: store1, master: imap21, replicas: [imap22]}
- slot: store2
  master: imap21
  replicas: [{host: imap22, instance: s2, address: 192.0.2.7}, imap23]
`;

/** A configuration, a state directory and files of one test. */
async function site(more = '') {
  const dir = await tempDir();
  const state = join(dir, 'state');
  await mkdir(state, { mode: 0o700 });
  const config = join(dir, 'mailctl.yaml');
  await writeFile(config, `hosts: {imap21: {}, imap22: {}, imap23: {}}\n${more}`, { mode: 0o600 });
  let files = 0;
  const cli = (argv: readonly string[], options?: CliOptions) =>
    runCli([...argv, '--config', config, '--state-dir', state], options);
  return {
    cli,
    config,
    state,
    /** Writes a list and imports it. */
    async importing(list: string | Buffer, argv: readonly string[] = [], options?: CliOptions) {
      files += 1;
      const file = join(dir, `slots${files}.yaml`);
      await writeFile(file, list);
      return { file, ...(await cli(['slots', 'import', file, ...argv], options)) };
    },
    async exported(): Promise<string> {
      return (await cli(['slots', 'export'])).stdout;
    },
  };
}

const document = (stdout: string) => JSON.parse(stdout) as Record<string, unknown>;

test('new slots are added without a question, and the same list again changes nothing', async () => {
  const { importing } = await site();
  const first = await importing(TWO, ['-o', 'json']);
  expect(first.code).toBe(0);
  expect(document(first.stdout)).toMatchObject({
    schema: 'mailctl/slots-import/v1',
    file: first.file,
    outcome: 'done',
    added: ['store1', 'store2'],
    changed: [],
    removed: [],
    same: [],
    errors: [],
  });
  const again = await importing(TWO, ['-o', 'json']);
  expect(document(again.stdout)).toMatchObject({ outcome: 'done', added: [], same: ['store1', 'store2'] });
});

test('what export prints, YAML or JSON, is imported back to the same', async () => {
  const { importing, exported, cli } = await site();
  await importing(TWO);
  const yaml = await exported();
  const json = (await cli(['slots', 'export', '-o', 'json'])).stdout;
  expect(document(json)).toMatchObject({ schema: 'mailctl/slots-export/v1', errors: [] });
  for (const list of [yaml, json]) {
    const { importing: importThere, exported: exportThere } = await site();
    expect((await importThere(list, ['-o', 'json'])).code).toBe(0);
    expect(await exportThere()).toBe(yaml);
    expect(document((await importing(list, ['-o', 'json'])).stdout)).toMatchObject({
      same: ['store1', 'store2'],
    });
  }
});

test('names that YAML reads as something else survive both ways', async () => {
  const { importing, exported } = await site();
  const list = `- {slot: 0017, master: imap21, replicas: []}\n- {slot: on, master: imap22}\n- {slot: '1e3', master: imap23}\n`;
  expect((await importing(list)).code).toBe(0);
  const yaml = await exported();
  const other = await site();
  await other.importing(yaml);
  expect(document((await other.importing(list, ['-o', 'json'])).stdout)).toMatchObject({
    added: [],
    changed: [],
    same: expect.arrayContaining(['0017', 'on', '1e3']),
  });
});

test('to change a slot needs --yes without a terminal: exit 2, what it is about, and the whole command', async () => {
  const { importing, exported } = await site();
  await importing(TWO);
  const before = await exported();
  const moved = '- {slot: store1, master: imap22, replicas: [imap21]}\n- {slot: store3, master: imap23}\n';
  const refused = await importing(moved, ['-o', 'json']);
  expect(refused.code).toBe(2);
  expect(document(refused.stdout)).toMatchObject({
    outcome: 'refused',
    added: ['store3'],
    changed: [{ slot: 'store1', what: ['master imap21 -> imap22'], changes_master: true }],
    unlisted: ['store2'],
    errors: [{ code: 'usage.needs-yes' }],
  });
  expect(refused.stderr).toContain('changed  store1  master imap21 -> imap22');
  expect(refused.stderr).toMatch(/^hint: mailctl slots import \S+ -o json .*--yes$/m);
  expect(await exported()).toBe(before);
  expect((await importing(moved, ['--yes'])).code).toBe(0);
  expect(await exported()).toContain('{ slot: store1, master: imap22, replicas: [ imap21 ] }');
});

test('on a terminal the diff is shown and the number of touched slots is asked for', async () => {
  const { importing, exported } = await site();
  await importing(TWO);
  const before = await exported();
  const list = '- {slot: store1, master: imap22, replicas: [imap21]}\n';
  const no = await importing(list, ['--prune'], { terminal: 80, typed: ['y', 'q'] });
  expect(no.code).toBe(1);
  expect(no.stderr).toContain('store2  was on imap21, replicas imap22, imap23');
  expect(no.stderr).toContain('Type 2 to remove 1 slot, change 1 slot');
  expect(no.stderr).toContain('nothing was changed');
  expect(await exported()).toBe(before);
  const yes = await importing(list, ['--prune'], { terminal: 80, typed: ['2'], env: { NO_COLOR: '1' } });
  expect(yes.code).toBe(0);
  expect(yes.stdout).toMatch(/^IMPORT \S+: 1 removed {2}1 changed .*\nnext {2}mailctl slots list\n$/);
  expect(await exported()).toBe('- { slot: store1, master: imap22, replicas: [ imap21 ] }\n');
});

test('a change that moves no master is a plain question', async () => {
  const { importing, exported } = await site();
  await importing(TWO);
  const list = '- {slot: store1, master: imap21, replicas: [imap22, imap23]}\n';
  const { code, stderr } = await importing(list, [], { terminal: 80, typed: ['y'] });
  expect({ code, asked: stderr.includes('change 1 slot? [y/N]') }).toEqual({ code: 0, asked: true });
  expect(await exported()).toContain('{ slot: store1, master: imap21, replicas: [ imap22, imap23 ] }');
});

test('a slot that the list lacks stays, and goes with --prune; an empty list prunes nothing', async () => {
  const { importing, exported } = await site();
  await importing(TWO);
  const one = '- {slot: store1, master: imap21, replicas: [imap22]}\n';
  const kept = await importing(one, ['-o', 'json']);
  expect({ code: kept.code, ...document(kept.stdout) }).toMatchObject({ code: 0, unlisted: ['store2'] });
  for (const empty of ['[]\n', '{"slots": []}']) {
    const refused = await importing(empty, ['--prune', '--yes']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--prune would remove every slot');
  }
  expect((await importing(one, ['--prune', '--yes', '-o', 'json'])).code).toBe(0);
  expect(await exported()).toBe('- { slot: store1, master: imap21, replicas: [ imap22 ] }\n');
});

test('a dry run changes nothing and makes no database', async () => {
  const { importing, cli, state } = await site();
  const dry = await importing(TWO, ['--dry-run', '-o', 'json']);
  expect(dry.code).toBe(0);
  expect(document(dry.stdout)).toMatchObject({ outcome: 'planned', added: ['store1', 'store2'] });
  expect(() => readFileSync(join(state, 'mailctl.db'))).toThrow(/ENOENT/);
  expect((await cli(['slots', 'export'])).stderr).toContain('mailctl slots import FILE');
});

test.each([
  ['a host that is not configured', '- {slot: a, master: imap2}\n', ':1:13: ', 'did you mean imap21?'],
  ['an unknown key', '- {slot: a, mastr: imap21}\n', ':1:13: ', 'did you mean master?'],
  ['a slot named twice', '- {slot: a, master: imap21}\n- {slot: a, master: imap22}\n', ':2:', 'listed twice'],
  ['broken YAML', '- {slot: a\n  - [', ':', ''],
  ['an empty file', '', ':1:1: ', 'is empty'],
  ['a mapping where a list belongs', 'store1: imap21\n', ':', 'unknown key'],
  ['a name that is an option', '- {slot: --all, master: imap21}\n', ':1:', 'must not begin with'],
  ['a name with an escape sequence', '- {slot: "a\\e[31m", master: imap21}\n', ':1:', 'control character'],
  ['a name that is a path', '- {slot: ../../etc, master: imap21}\n', ':1:', 'must not'],
  ['binary', Buffer.from([0x2d, 0x20, 0xff, 0xfe, 0x00]), '', 'not UTF-8'],
  ['NUL characters', '- a\0b\n', '', 'NUL'],
])('%s is refused with its place, and nothing is imported', async (_title, list, place, words) => {
  const { importing, state } = await site();
  const { code, stderr, stdout, file } = await importing(list, ['-o', 'json', '--yes']);
  expect(code).toBe(2);
  if (place !== '') expect(stderr).toContain(`error: ${file}${place}`);
  expect(stderr).toContain(words);
  expect(stderr).not.toContain('\x1b');
  expect(document(stdout)).toMatchObject({ schema: 'mailctl/slots-import/v1', outcome: 'failed', added: [] });
  expect(() => readFileSync(join(state, 'mailctl.db'))).toThrow(/ENOENT/);
});

test('a file that is not there, and a directory, say so', async () => {
  const { cli, state } = await site();
  expect(await cli(['slots', 'import', '/nonexistent/x.yaml'])).toMatchObject({
    code: 2,
    stderr: 'error: cannot read /nonexistent/x.yaml: there is no such file\n',
  });
  expect((await cli(['slots', 'import', state])).stderr).toContain('it is a directory');
});

test('a site with a directory of its own imports nothing, also as a dry run', async () => {
  const { importing } = await site(
    'directory: {list: [/bin/false], get: [/bin/false, "{slot}"], set: [/bin/false, "{slot}", "{from}", "{to}", "{state}"]}\n',
  );
  for (const argv of [[], ['--dry-run']]) {
    const { code, stderr } = await importing(TWO, argv);
    expect(code).toBe(2);
    expect(stderr).toContain("the directory is the site's own");
  }
});

test('many new slots are cut on the screen and whole in tsv', async () => {
  const { importing } = await site();
  const list = Array.from({ length: 45 }, (_, at) => `- {slot: store${at + 1}, master: imap21}\n`).join('');
  const { stdout } = await importing(list, ['--dry-run', '-o', 'table']);
  expect(stdout).toContain('added    store2  ');
  expect(stdout).toContain(' + 35 more added');
  expect(stdout).toContain('dry run: nothing was changed');
  const tsv = (await importing(list, ['-o', 'tsv'])).stdout.trimEnd().split('\n');
  expect(tsv[0]).toBe('slot\taction\twhat');
  expect(tsv).toHaveLength(46);
});
