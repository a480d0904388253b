import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkScreen } from '../../../src/cli/config/check.js';
import { checkConfig } from '../../../src/config/check.js';
import { formatFault } from '../../../src/config/faults.js';
import { STARTING_FILE } from '../../../src/config/init.js';
import { configJsonSchema } from '../../../src/config/json-schema.js';
import { loadConfig } from '../../../src/config/load.js';
import { parseConfigText } from '../../../src/config/parse.js';
import { effectiveConfig, formatConfigYaml } from '../../../src/config/show.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailctl-check-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string, mode = 0o644): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const surroundings = () => ({
  env: { HOME: folder },
  thisHost: 'bastion1',
  systemFile: join(folder, 'none.yaml'),
  groupFile: join(folder, 'group'),
});

async function check(text: string): Promise<string[]> {
  const file = write('mailctl.yaml', text);
  const report = await checkConfig({ file, ...surroundings() });
  return report.faults.map((fault) => `${fault.level} ${formatFault('F', fault)}`);
}

describe('config check', () => {
  it('says nothing of a good file', async () => {
    expect(await check('hosts: {mx1: {queues: [postfix]}}\n')).toEqual([]);
  });

  it('lists the faults of every section', async () => {
    expect(await check('uplinks: {u: {}}\nhosts: {a: {x: 1}}\nquux: 1\n')).toHaveLength(3);
  });

  it('finds password files that are missing or that others can read', async () => {
    write('open.pw', 's3cret\n', 0o640);
    const found = await check('stores:\n  test_account: { user: probe, password_file: open.pw }\n');
    expect(found).toEqual([
      `error F:2:47: stores.test_account.password_file: password file ${folder}/open.pw of probe: others can read or write it (mode 0640); chmod 600 ${folder}/open.pw`,
    ]);
    chmodSync(join(folder, 'open.pw'), 0o600);
    expect(await check('stores: { test_account: { user: probe, password_file: open.pw } }\n')).toEqual([]);
    expect((await check('stores: { test_account: { user: probe, password_file: gone.pw } }\n'))[0]).toContain(
      'there is no such file',
    );
  });

  it('finds an ssh configuration that is not there', async () => {
    expect((await check('defaults: { ssh: { config: ssh_config } }\n'))[0]).toContain(
      `F:1:28: defaults.ssh.config: ${folder}/ssh_config does not exist`,
    );
    write('ssh_config', 'Host *\n');
    expect(await check('defaults: { ssh: { config: ssh_config } }\n')).toEqual([]);
    expect((await check('defaults: { ssh: { config: . } }\n'))[0]).toContain('is not a file');
  });

  it('warns of a password in a url, without showing it', async () => {
    const [found] = await check('directory: { url: "postgres://ann:s3cret@db1/x" }\n');
    expect(found).toBe(
      'warning F:1:19: directory.url: has its password in it; put it into a file of its own: password_file, or ~/.pgpass',
    );
  });

  it('finds a fence that would run on no host, or on the one that it cuts off', async () => {
    const fence = (on: string) => `hosts: { mx1: {}, imap21: { fence: { run: [off], on: ${on} } } }\n`;
    expect(await check(fence('mx1'))).toEqual([]);
    expect(await check(fence('mx2'))).toEqual([
      'error F:1:54: hosts.imap21.fence.on: no host "mx2" under hosts',
    ]);
    expect((await check(fence('imap21')))[0]).toContain('is the host itself, which cannot cut itself off');
    // And it is no reason to refuse anything else.
    expect((await parseConfigText(fence('mx2'), 'bastion1')).faults).toEqual([]);
  });

  it('finds a config_group that does not exist', async () => {
    write('group', 'mailops:x:4711:\n');
    expect((await check('config_group: mailopps\n'))[0]).toContain('there is no group mailopps');
    expect(await check('config_group: mailops\n')).toEqual([]);
  });

  it('warns of a path that all slots of a host would share', async () => {
    const found = await check(
      [
        'stores:',
        '  cyrus:',
        '    config_dir: /var/lib/cyrus',
        '    imapd_conf: /etc/{instance}/imapd.conf',
        '    cyrus_conf: /etc/{slot}/cyrus.conf',
        '    pid_file: /run/{slot}.pid',
        '    role: { link: "/srv/{slot}/role", master: m, replica: r }',
        '',
      ].join('\n'),
    );
    expect(found).toEqual([
      expect.stringMatching(/^warning F:3:17: stores\.cyrus\.config_dir: is the same for all slots/),
    ]);
  });

  it('says what it looked for when there is no file', async () => {
    const report = await checkConfig(surroundings());
    expect(report).toEqual({
      file: undefined,
      searched: [join(folder, '.config/mailctl/mailctl.yaml'), join(folder, 'none.yaml')],
      faults: [],
    });
    expect(checkScreen(report)[0]).toContain('no configuration file');
  });

  it('ends its screen with the sum', async () => {
    const file = write('mailctl.yaml', 'hosts: {a: {x: 1}}\n');
    const report = await checkConfig({ file, ...surroundings() });
    expect(checkScreen(report).at(-1)).toBe(`${file}: 1 error, 0 warnings`);
  });
});

const full = `defaults:
  ssh: { config: ~/.ssh/config, connect_timeout: 1500ms, control_persist: 90s }
  sudo: mail
hosts:
  imap21: { groups: [store], location: row-a, address: 192.0.2.21 }
  "21": { queues: [postfix, { driver: mailman3, within: [docker, exec, core] }], sudo: false }
  here: { transport: local, queues: [{ driver: exec, instance: bulk, list: [s, list], hold: [s, hold] }] }
stores:
  max_lag: 1h30m
  test_account: { user: probe, password_file: probe.pw }
  cyrus:
    config_dir: /srv/{slot}/conf
    imapd_conf: /srv/{slot}/role/imapd.conf
    cyrus_conf: /srv/{slot}/role/cyrus.conf
    pid_file: /run/cyrus/{slot}.pid
    role: { set: [set-role, "{instance}", "{role}"], get: [get-role, "{instance}"] }
    start: [systemctl, start, "cyrus@{instance}"]
directory:
  url: "sqlite:x.db"
  hooks: [{ host: here, run: [x, "{slot}"], per: slot }]
destinations:
  gmail: { domains: [gmail.com], mx: ["*.google.com"], connections: 20, rate: 90/m }
uplinks:
  cogent: { host: here, source: 192.0.2.10, interface: eth1 }
config_group: 4711
`;

describe('config show', () => {
  const load = (file: string) =>
    loadConfig({
      file,
      sections: [
        'defaults',
        'hosts',
        'stores',
        'directory',
        'state',
        'destinations',
        'uplinks',
        'probe',
        'deliveries',
        'queue',
        'config_group',
      ],
      ...surroundings(),
    });

  it('prints a file that means the same, with every default filled in', async () => {
    const { config } = await load(write('mailctl.yaml', full));
    const shown = formatConfigYaml(config);
    expect(shown).toContain(`# effective configuration, from ${folder}/mailctl.yaml\n`);
    expect(shown).toContain('planned_stop_timeout: 2m');
    expect(shown).toContain('drain_timeout: 1m');
    const { config: again } = await load(write('again.yaml', shown));
    expect({ ...again, file: config.file }).toEqual(config);
  });

  it('masks the passwords of urls', async () => {
    const { config } = await load(
      write(
        'mailctl.yaml',
        'directory: { url: "postgres://ann:s3cret@db1/x" }\nstate: { url: "postgres://db1/x?password=s3cret" }\n',
      ),
    );
    expect(formatConfigYaml(config)).not.toContain('s3cret');
    expect(JSON.stringify(effectiveConfig(config))).not.toContain('s3cret');
  });
});

describe('config init', () => {
  /** The file after its reader has uncommented every setting. */
  const uncommented = STARTING_FILE.replace(/^# /gm, '');

  it('is valid as it is and means nothing', async () => {
    expect(await parseConfigText(STARTING_FILE, 'here')).toMatchObject({
      raw: {},
      faults: [],
      isBroken: false,
    });
  });

  it('is valid when every setting is uncommented', async () => {
    const parsed = await parseConfigText(uncommented, 'here');
    expect(parsed.faults).toEqual([]);
    expect(parsed.isBroken).toBe(false);
  });

  it('has every key of the format, and shows the defaults', async () => {
    const missing = keysOf(configJsonSchema()).filter((key) => !new RegExp(`\\b${key}:`).test(STARTING_FILE));
    expect(missing).toEqual([]);
    for (const shown of [
      'connect_timeout: 5s',
      'control_persist: 60s',
      'max_lag: 5m',
      'drain_timeout: 60s',
      'stop_timeout: 15s',
      'planned_stop_timeout: 120s',
    ]) {
      expect(STARTING_FILE).toContain(shown);
    }
  });

  it('stays within 120 columns', async () => {
    expect(STARTING_FILE.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
});

describe('config schema', () => {
  it('is a JSON Schema that knows every section and closes every map', async () => {
    const schema = configJsonSchema() as {
      $schema: string;
      properties: object;
      additionalProperties: boolean;
    };
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.additionalProperties).toBe(false);
    expect(Object.keys(schema.properties)).toEqual([
      'defaults',
      'hosts',
      'stores',
      'directory',
      'state',
      'destinations',
      'uplinks',
      'probe',
      'deliveries',
      'queue',
      'config_group',
    ]);
  });
});

/** Every key that a JSON Schema has under `properties`, at any depth. */
function keysOf(schema: unknown): string[] {
  if (schema === null || typeof schema !== 'object') return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === 'properties'
      ? [...Object.keys(value as object), ...Object.values(value as object).flatMap(keysOf)]
      : keysOf(value),
  );
}
