import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Section } from '../../../src/config/config.js';
import { loadConfig } from '../../../src/config/load.js';
import { ConfigError } from '../../../src/errors.js';
import { itUnless, notRoot } from '../../support/unless.js';

const isRoot = process.getuid?.() === 0;
let folder: string;
let home: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailctl-config-'));
  home = join(folder, 'home');
  mkdirSync(home);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Setting {
  readonly file?: string;
  readonly env?: Record<string, string>;
  readonly sections?: readonly Section[];
  readonly uid?: number;
}

function load({ file, env, sections, uid }: Setting = {}) {
  return loadConfig({
    file,
    env: { HOME: home, ...env },
    sections: sections ?? ['defaults', 'hosts', 'stores', 'directory', 'state'],
    uid,
    thisHost: 'bastion1',
    systemFile: join(folder, 'etc', 'mailctl.yaml'),
    groupFile: join(folder, 'group'),
  });
}

async function refusal(setting: Setting): Promise<ConfigError> {
  const error = await load(setting).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).exitCode).toBe(2);
  return error as ConfigError;
}

/** Writes a file below the test's folder, with its parents. */
function write(name: string, text: string | Buffer, mode = 0o644): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

describe('the search', () => {
  it('falls back to the built-in defaults, with this machine as a local host', async () => {
    const { config, warnings } = await load();
    expect(config.file).toBeUndefined();
    expect(warnings).toEqual([]);
    expect([...config.hosts]).toEqual([
      ['bastion1', expect.objectContaining({ transport: 'local', groups: [], sudo: false })],
    ]);
    expect(config.stores).toMatchObject({ maxLagMs: 300_000, drainTimeoutMs: 60_000, cyrus: undefined });
    expect(config.directory).toEqual({ kind: 'database', url: undefined, hooks: [] });
    expect(config.defaults.ssh).toEqual({
      config: undefined,
      connectTimeoutMs: 5_000,
      controlPersistMs: 60_000,
    });
  });

  it('takes --config, then $MAILCTL_CONFIG, then the XDG folder, then the system file', async () => {
    const system = write('etc/mailctl.yaml', 'hosts: {system: {}}');
    expect((await load()).config.file).toBe(system);
    const own = write('home/.config/mailctl/mailctl.yaml', 'hosts: {own: {}}');
    expect((await load()).config.file).toBe(own);
    const xdg = write('xdg/mailctl/mailctl.yaml', 'hosts: {xdg: {}}');
    const env = { XDG_CONFIG_HOME: join(folder, 'xdg') };
    expect((await load({ env })).config.file).toBe(xdg);
    const named = write('named.yaml', 'hosts: {named: {}}');
    expect((await load({ env: { ...env, MAILCTL_CONFIG: named } })).config.file).toBe(named);
    const flag = write('flag.yaml', 'hosts: {flag: {}}');
    const { config } = await load({ file: flag, env: { ...env, MAILCTL_CONFIG: named } });
    expect([...config.hosts.keys()]).toEqual(['flag']);
  });

  it('takes an empty variable as unset, and a relative XDG_CONFIG_HOME as the XDG rules do', async () => {
    const own = write('home/.config/mailctl/mailctl.yaml', 'hosts: {own: {}}');
    const { config } = await load({ env: { MAILCTL_CONFIG: '', XDG_CONFIG_HOME: 'relative' } });
    expect(config.file).toBe(own);
  });

  it('does not go on to another file when the named one is missing', async () => {
    write('etc/mailctl.yaml', 'hosts: {system: {}}');
    const gone = join(folder, 'gone.yaml');
    const flag = await refusal({ file: gone });
    expect(flag.message).toBe(`${gone}: there is no such file`);
    expect(flag.detail).toBe('named by --config');
    expect((await refusal({ env: { MAILCTL_CONFIG: gone } })).detail).toBe('named by MAILCTL_CONFIG');
  });

  it('does not go on to another file when one may not be read', async () => {
    write('home/.config/mailctl/mailctl.yaml', 'hosts: {own: {}}', 0);
    write('etc/mailctl.yaml', 'hosts: {system: {}}');
    chmodSync(folder, 0o755);
    // Root may read everything.
    if (isRoot) process.seteuid?.(12345);
    try {
      expect((await refusal({ uid: 12345 })).message).toContain('you may not read it');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});

describe('a file that cannot be a configuration', () => {
  it.each([
    ['empty', '', ': is empty'],
    ['blank', ' \n\n', ': is empty'],
    ['not UTF-8', Buffer.from([0x61, 0x3a, 0x0a, 0xff, 0xfe, 0x0a]), ':2:1: this line is not UTF-8'],
    ['UTF-16', Buffer.from('hosts: {}', 'utf16le'), 'control character'],
    ['larger than 1 MiB', `# ${'x'.repeat(1024 * 1024)}\n`, ': is larger than 1 MiB'],
    ['with an escape character', 'hosts: {}\n# \x1b[31m\n', ':2:3: a control character (\\u001b)'],
    ['with NUL', 'hosts: {a: "x\0"}\n', 'a control character (\\u0000)'],
    ['broken YAML', 'hosts:\n\tmx1: {}\n', ':2:1: a tab is used as indentation; use blanks'],
  ])('is refused with its place: %s', async (_what, text, message) => {
    const file = write('x.yaml', text);
    const error = await refusal({ file, sections: [] });
    expect(error.message).toContain(`${file}${message.startsWith(':') ? message : ''}`);
    expect(error.message).toContain(message);
  });

  it('is refused when it is a directory', async () => {
    const error = await refusal({ file: folder });
    expect(error.message).toBe(`${folder}: is a directory, not a configuration file`);
  });

  it('is refused at once when it is a pipe or a device', async () => {
    expect((await refusal({ file: '/dev/null' })).message).toContain('not a configuration file');
    const { execFileSync } = await import('node:child_process');
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect((await refusal({ file: fifo })).message).toBe(`${fifo}: is a pipe, not a configuration file`);
  });

  it('is refused when its links go round in circles', async () => {
    const loop = join(folder, 'loop');
    symlinkSync(loop, loop);
    expect((await refusal({ file: loop })).message).toContain('go round in circles');
  });

  it('takes 1 MiB, CRLF and a byte-order mark', async () => {
    const file = write('x.yaml', `\uFEFFhosts: {mx1: {}}\r\n# ${'x'.repeat(1_000_000)}\r\n`);
    expect([...(await load({ file })).config.hosts.keys()]).toEqual(['mx1']);
  });
});

describe('faults', () => {
  it('of a needed section stop the command, all of them listed', async () => {
    const file = write('x.yaml', 'hosts: {mx1: {grups: []}}\nstores: {max_lag: 5}\n');
    const error = await refusal({ file, sections: ['hosts', 'stores'] });
    expect(error.message).toBe(`${file}:1:15: hosts.mx1.grups: unknown key "grups"; did you mean groups?`);
    expect(error.detail).toBe(
      `${file}:2:19: stores.max_lag: is the number 5; must be a duration with its unit: 90s, 5m, 2h`,
    );
    expect(error.hint).toBe(`mailctl config check --config ${file}`);
    expect(error.code).toBe('config.invalid');
  });

  it('of another section are one warning, and that section has its defaults', async () => {
    const file = write(
      'x.yaml',
      'hosts: {mx1: {}}\ndestinations: {g: {domain: []}}\nuplinks: {u: 1}\nquux: 1\n',
    );
    const { config, warnings } = await load({ file, sections: ['hosts'] });
    expect([...config.hosts.keys()]).toEqual(['mx1']);
    expect(config.destinations.size).toBe(0);
    expect(warnings).toEqual([
      expect.stringMatching(
        /:2:\d+: destinations\.g: domains is missing.*, and 1 more fault there \(this command goes on without destinations; mailctl config check/,
      ),
      expect.stringContaining('goes on without uplinks'),
      expect.stringContaining('unknown key "quux"'),
    ]);
  });

  it('of a misspelt section that is needed stop the command: its defaults would not be what was meant', async () => {
    const file = write('x.yaml', 'directry: { url: "sqlite:/x.db" }\n');
    expect((await refusal({ file, sections: ['directory'] })).message).toContain('did you mean directory?');
    expect((await load({ file, sections: ['hosts'] })).warnings).toHaveLength(1);
  });

  it('are cut short when there are hundreds', async () => {
    const hosts = Array.from({ length: 500 }, (_, index) => `  h${index}: { x: 1 }`).join('\n');
    const error = await refusal({ file: write('x.yaml', `hosts:\n${hosts}\n`), sections: ['hosts'] });
    expect(error.detail?.split('\n')).toHaveLength(21);
    expect(error.detail).toMatch(/and 479 more$/);
  });
});

describe('paths and values', () => {
  it('expands ~ and starts relative paths at the folder of the file', async () => {
    const file = write(
      'etc2/x.yaml',
      [
        'defaults: { ssh: { config: ~/.ssh/config }, sudo: true }',
        'stores:',
        '  test_account: { user: probe, password_file: probe.pw }',
        'directory: { url: "sqlite:../data/x.db" }',
        'state: { url: "sqlite:///var/lib/x.db" }',
        'hosts: { a: {}, b: { sudo: mail }, c: { sudo: false, groups: [x, x] } }',
        'destinations: { g: { domains: [Gmail.COM], rate: 3000/m } }',
        '',
      ].join('\n'),
    );
    const { config } = await load({ file });
    expect(config.defaults.ssh.config).toBe(join(home, '.ssh/config'));
    expect(config.stores.testAccount?.passwordFile).toBe(join(folder, 'etc2/probe.pw'));
    expect(config.directory).toMatchObject({ kind: 'database', url: `sqlite:${join(folder, 'data/x.db')}` });
    expect(config.state.url).toBe('sqlite:/var/lib/x.db');
    expect([...config.hosts.values()].map((host) => host.sudo)).toEqual(['root', 'mail', false]);
    expect(config.hosts.get('c')?.groups).toEqual(['x']);
    expect(config.destinations.get('g')).toEqual({
      domains: ['gmail.com'],
      mx: [],
      connections: undefined,
      ratePerSecond: 50,
    });
  });

  it('knows where users and moves are listed', async () => {
    const file = write('users.yaml', 'directory: { users: [u, "{slot}"], moves: { file: moves.tsv } }\n');
    expect((await load({ file })).config.directory).toMatchObject({
      users: ['u', '{slot}'],
      moves: { kind: 'file', file: join(folder, 'moves.tsv') },
    });
    const other = write('moves.yaml', 'directory: { moves: { command: [m] } }\n');
    expect((await load({ file: other })).config.directory).toMatchObject({
      users: undefined,
      moves: { kind: 'command', command: ['m'] },
    });
  });

  it('knows a directory of three commands, and hooks with their defaults', async () => {
    const file = write(
      'x.yaml',
      'directory: { list: [l], get: [g, "{slot}"], set: [s, "{slot}", "{from}", "{to}"], hooks: [{ run: [x] }] }\n',
    );
    expect((await load({ file })).config.directory).toEqual({
      kind: 'commands',
      list: ['l'],
      get: ['g', '{slot}'],
      set: ['s', '{slot}', '{from}', '{to}'],
      hooks: [{ host: undefined, run: ['x'], per: 'slot', timeoutMs: 30_000 }],
    });
  });
});

describe('trust', () => {
  it('refuses a file that everyone can write', async () => {
    const file = write('x.yaml', 'hosts: {}', 0o646);
    const error = await refusal({ file });
    expect(error.code).toBe('config.untrusted');
    expect(error.message).toContain('everyone can write it (mode 0646)');
    expect(error.hint).toBe(`chmod o-w ${file}`);
  });

  it('refuses a file that belongs to neither root nor the caller', async () => {
    const file = write('x.yaml', 'hosts: {}');
    if (isRoot) chownSync(file, 12345, 0);
    const error = await refusal({ file, uid: isRoot ? 0 : 54321 });
    expect(error.message).toMatch(/it belongs to user \d+, neither to root nor to you \(\d+\)/);
  });

  itUnless(notRoot, 'takes a file of root for another caller, and one of the caller', async () => {
    const file = write('x.yaml', 'hosts: {mx1: {}}');
    expect((await load({ file, uid: 12345 })).config.file).toBe(file);
    chownSync(file, 12345, 12345);
    expect((await load({ file, uid: 12345 })).config.file).toBe(file);
  });

  it('refuses a file that a group can write', async () => {
    const file = write('x.yaml', 'hosts: {}', 0o664);
    expect((await refusal({ file })).message).toMatch(/group \d+ can write it \(mode 0664\)/);
  });

  itUnless(notRoot, "takes it when root's own file names that group, by name or by number", async () => {
    const file = write('x.yaml', 'hosts: {mx1: {}}', 0o664);
    chownSync(file, 0, 4711);
    write('group', 'root:x:0:\nmailops:x:4711:ann,bob\n');
    write('etc/mailctl.yaml', 'config_group: mailops\n');
    expect((await load({ file })).config.file).toBe(file);
    write('etc/mailctl.yaml', 'config_group: 4711\n');
    expect((await load({ file })).config.file).toBe(file);
    write('etc/mailctl.yaml', 'config_group: others\n');
    expect((await refusal({ file })).code).toBe('config.untrusted');
    write('etc/mailctl.yaml', 'config_group: 4712\n');
    expect((await refusal({ file })).code).toBe('config.untrusted');
  });

  itUnless(
    notRoot,
    'does not believe a file of another owner, or one that others can write, about the group',
    async () => {
      const file = write('x.yaml', 'config_group: 4711\n', 0o664);
      chownSync(file, 0, 4711);
      expect((await refusal({ file })).code).toBe('config.untrusted');
      const system = write('etc/mailctl.yaml', 'config_group: 4711\n');
      chownSync(system, 12345, 0);
      expect((await refusal({ file })).code).toBe('config.untrusted');
      chownSync(system, 0, 4712);
      chmodSync(system, 0o664);
      expect((await refusal({ file })).code).toBe('config.untrusted');
      chmodSync(system, 0o646);
      expect((await refusal({ file })).code).toBe('config.untrusted');
    },
  );

  itUnless(notRoot, 'takes the system file itself when its own group is the one that it names', async () => {
    const system = write('etc/mailctl.yaml', 'config_group: 4711\nhosts: {mx1: {}}\n', 0o664);
    chownSync(system, 0, 4711);
    expect((await load()).config.configGroup).toBe('4711');
  });

  it('refuses a file in a folder where everyone can put another in its place, but not below /tmp', async () => {
    const file = write('open/sub/x.yaml', 'hosts: {mx1: {}}');
    expect((await load({ file })).config.file).toBe(file);
    chmodSync(join(folder, 'open'), 0o777);
    expect((await refusal({ file })).message).toContain(
      `everyone can replace what is in ${join(folder, 'open')} (mode 0777)`,
    );
    chmodSync(join(folder, 'open'), 0o1777);
    expect((await load({ file })).config.file).toBe(file);
  });

  it('looks at the folders of a link and at those of its target', async () => {
    const target = write('open/x.yaml', 'hosts: {mx1: {}}');
    mkdirSync(join(folder, 'closed'));
    const link = join(folder, 'closed', 'link.yaml');
    symlinkSync(target, link);
    expect((await load({ file: link })).config.file).toBe(link);
    chmodSync(join(folder, 'open'), 0o777);
    expect((await refusal({ file: link })).message).toContain('everyone can replace');
    chmodSync(join(folder, 'open'), 0o755);
    chmodSync(join(folder, 'closed'), 0o777);
    expect((await refusal({ file: link })).message).toContain('everyone can replace');
  });
});
