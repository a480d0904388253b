import { describe, expect, it } from 'vitest';
import type { CyrusConfig } from '../../../../src/config/config.js';
import type { Confs, Records } from '../../../../src/drivers/cyrus/observe.js';
import {
  parseConfs,
  parseHostFacts,
  parseInstance,
  parseLease,
  parseSocket,
  roleByPorts,
} from '../../../../src/drivers/cyrus/observe.js';
import { type InstancePaths, instancePaths } from '../../../../src/drivers/cyrus/paths.js';
import { parseMailboxes, parseServing } from '../../../../src/drivers/cyrus/store.js';

const linkConfig: CyrusConfig = {
  user: 'cyrus',
  configDir: '/srv/{slot}/conf',
  imapdConf: '/srv/{slot}/role/imapd.conf',
  cyrusConf: '/srv/{slot}/role/cyrus.conf',
  pidFile: '/run/cyrus/{slot}.pid',
  role: {
    kind: 'link',
    link: '/srv/{slot}/role',
    master: 'role.master',
    replica: 'role.replica',
    readonly: 'role.readonly',
  },
  start: 'builtin',
  stop: 'builtin',
  stopTimeoutMs: 15_000,
  plannedStopTimeoutMs: 120_000,
  admin: undefined,
};
const commandConfig: CyrusConfig = {
  ...linkConfig,
  configDir: '/srv/{instance}/var',
  imapdConf: '/srv/{instance}/imap.conf',
  cyrusConf: '/srv/{instance}/services.conf',
  role: { kind: 'command', set: ['role', 'set', '{instance}', '{role}'], get: ['role', 'get', '{instance}'] },
};
const store1 = { slot: 'store1', host: 'imap21', instance: 'store1', address: undefined };

const masterImapd = ['sync_log: yes', 'sync_host: imap22'];
const masterCyrus = [
  'SERVICES {',
  ' imap cmd="imapd" listen="198.51.100.21:10143"',
  ' lmtp cmd="lmtpd" listen="198.51.100.21:10124"',
  '}',
];
const replicaCyrus = [
  'SERVICES {',
  ' csync cmd="sync_server" listen="10105"',
  ' imap cmd="imapd" listen="127.0.0.1:10143"',
  '}',
];
const confLines = (label: string, lines: readonly string[]) => lines.map((line) => ['conf', label, line]);
const allConfs: Records = [
  ...confLines('mi', masterImapd),
  ...confLines('mc', masterCyrus),
  ...confLines('ri', ['configdirectory: /x']),
  ...confLines('rc', replicaCyrus),
  ...confLines('oi', ['readonly: yes']),
  ...confLines('oc', masterCyrus.slice(0, 2).concat('}')),
];

/** An address of a listening socket as /proc/net/tcp writes it. */
function hex(address: string, port: number): string {
  const bytes = address === '' ? [0, 0, 0, 0] : address.split('.').map(Number);
  return `${bytes
    .toReversed()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

interface Scene {
  readonly config?: CyrusConfig;
  readonly confs?: Records;
  readonly records?: Records;
  /** Listening sockets: address and port; with `own` false they are somebody else's. */
  readonly listens?: readonly { readonly at: readonly [string, number]; readonly own?: boolean }[];
  readonly time?: string;
}

function see({
  config = linkConfig,
  confs = allConfs,
  records = [],
  listens = [],
  time = '1773289680',
}: Scene) {
  const paths: InstancePaths = instancePaths(config, store1);
  const sockets = listens.map(({ at }, index) => ['sock', hex(...at), String(100 + index)]);
  const facts = parseHostFacts([['time', time], ['svc', 'imap', '143'], ...sockets]);
  const fds = listens.flatMap(({ own }, index) => (own === false ? [] : [['fd', `socket:[${100 + index}]`]]));
  const parsed: Confs = parseConfs(confs, paths, facts);
  return parseInstance(store1, paths, [...fds, ...records], facts, parsed);
}

const asMaster = [{ at: ['198.51.100.21', 10143] as const }, { at: ['198.51.100.21', 10124] as const }];
const asReplica = [{ at: ['', 10105] as const }, { at: ['127.0.0.1', 10143] as const }];
const link = (target: string) => ['link', target];
const pid = ['pid', '1934'];

describe('an instance', () => {
  it('is spoken to without TLS where it has a port for that, whatever is listed first', () => {
    const cyrus = [
      'SERVICES {',
      ' imaps cmd="imapd -s" listen="198.51.100.21:10993"',
      ' imap cmd="imapd" listen="198.51.100.21:10143"',
      ' lmtp cmd="lmtpd" listen="198.51.100.21:10124"',
      '}',
    ];
    const confs = [...allConfs.filter(([, label]) => label !== 'mc'), ...confLines('mc', cyrus)];
    const at = (port: number) => ({ at: ['198.51.100.21', port] as const });
    const seen = see({
      confs,
      listens: [at(10143), at(10124), at(10993)],
      records: [pid, link('role.master')],
    });
    expect(seen.services.map(({ name, wrapped }) => [name, wrapped])).toEqual([
      ['imap', undefined],
      ['lmtp', undefined],
      ['imaps', true],
    ]);
  });

  it('is a started master by its ports', () => {
    expect(see({ listens: asMaster, records: [pid, link('role.master')] })).toMatchObject({
      running: true,
      started: true,
      role: 'master',
      configuredRole: 'master',
      logging: true,
      problem: null,
      at: 1773289680,
      channels: [{ channel: '', syncHost: 'imap22', pending: false, clientAlive: false }],
    });
  });

  it('is a replica by its ports, whatever its link says: that can be changed under a running one', () => {
    expect(see({ listens: asReplica, records: [pid, link('role.master')] })).toMatchObject({
      running: true,
      started: true,
      role: 'replica',
      configuredRole: 'master',
    });
  });

  it('serves reading when it has no LMTP and its files say readonly', () => {
    expect(see({ listens: asMaster.slice(0, 1), records: [pid, link('role.readonly')] })).toMatchObject({
      role: 'readonly',
      started: true,
    });
  });

  it('is not started while a port is missing, and says which', () => {
    const withoutReadonly = allConfs.filter(([, label]) => !label?.startsWith('o'));
    const seen = see({
      confs: withoutReadonly,
      listens: asMaster.slice(0, 1),
      records: [pid, link('role.master')],
    });
    expect(seen).toMatchObject({
      running: true,
      started: false,
      role: 'master',
      problem: expect.stringContaining('does not listen for lmtp on 10124'),
    });
  });

  it('has no role by ports that show both, or none', () => {
    expect(see({ listens: [...asMaster, ...asReplica], records: [pid] })).toMatchObject({
      running: true,
      started: false,
      role: null,
      problem: expect.stringMatching(/tell no role/),
    });
    expect(see({ records: [pid] })).toMatchObject({
      running: true,
      role: null,
      problem: expect.stringMatching(/none listened on/),
    });
  });

  it('is not taken for what another process listens on', () => {
    expect(
      see({ listens: asMaster.map((one) => ({ ...one, own: false })), records: [pid, link('role.master')] }),
    ).toMatchObject({ running: true, role: null });
  });

  it('is stopped without a process, and when its pid is a stranger’s', () => {
    expect(see({ records: [link('role.replica')] })).toMatchObject({
      running: false,
      started: false,
      role: null,
      configuredRole: 'replica',
      problem: null,
    });
    expect(see({ records: [['stranger', '12', 'bash'], link('role.replica')] }).running).toBe(false);
  });

  it.each<[string, Scene, RegExp]>([
    [
      'its ports are open and its pid file names nobody',
      { listens: asMaster.map((one) => ({ ...one, own: false })), records: [link('role.master')] },
      /no process by its pid file, yet port 10143, 10124/,
    ],
    [
      'the same on all addresses',
      { listens: [{ at: ['', 10105], own: false }], records: [link('role.replica')] },
      /no process by its pid file, yet port 10105/,
    ],
    [
      'its children outlive their master',
      { records: [['orphans', '77'], link('role.master')] },
      /others of group 77 still run/,
    ],
    [
      'its directory is not there',
      { records: [['nodir', '/srv/store1/conf']] },
      /no directory \/srv\/store1\/conf/,
    ],
    ['the host tells no time', { records: [link('role.master')], time: '' }, /^$/],
  ])('is not known to be stopped when %s', (_, scene, problem) => {
    const seen = see(scene);
    expect(seen.running).toBeNull();
    if (problem.source !== '^$') expect(seen.problem).toMatch(problem);
  });

  it.each([
    ['role.master', 'master'],
    ['role.replica/', 'replica'],
    ['/srv/store1/role.readonly', 'readonly'],
    ['/srv/store2/role.master', null],
    ['role.other', null],
    ['', null],
    ['../../etc', null],
  ])('has by its link %j the role %s', (target, role) => {
    const seen = see({ records: [link(target)] });
    expect(seen.configuredRole).toBe(role);
    if (role === null) expect(seen.problem).toMatch(/which is no role/);
  });

  it('has no role without a link', () => {
    expect(see({ records: [['nolink']] })).toMatchObject({
      configuredRole: null,
      problem: '/srv/store1/role is no link',
    });
  });

  it.each([
    [['get', '0', 'master'], 'master'],
    [['get', '0', '  replica  since tuesday'], 'replica'],
    [['get', '0', 'MASTER'], null],
    [['get', '1', 'master'], null],
    [['get', '127', ''], null],
    [['get'], null],
  ])('has by the site’s command %j the role %s', (record, role) => {
    expect(
      see({
        config: commandConfig,
        confs: [...confLines('ci', masterImapd), ...confLines('cc', masterCyrus)],
        records: [record],
      }).configuredRole,
    ).toBe(role);
  });

  it('shows neither its log nor its channel where only a replica’s files can be read', () => {
    const seen = see({
      config: commandConfig,
      confs: [...confLines('ci', ['a: b']), ...confLines('cc', replicaCyrus)],
      listens: asReplica,
      records: [pid, ['get', '0', 'replica']],
    });
    expect(seen).toMatchObject({ role: 'replica', started: true, logging: false, channels: [] });
  });

  it('says which file it could not read, and where', () => {
    expect(see({ confs: allConfs.filter(([, label]) => label !== 'mc') }).problem).toContain(
      'cannot read /srv/store1/role.master/cyrus.conf',
    );
    const broken = [
      ...allConfs.filter(([, label]) => label !== 'rc'),
      ...confLines('rc', ['SERVICES {', ' sync_x cmd="y"', '}']),
    ];
    expect(see({ confs: broken }).problem).toContain(
      "/srv/store1/role.replica/cyrus.conf:2: bad character '_' in name",
    );
  });

  it('has its quarantine, lease, lane and room', () => {
    const seen = see({
      records: [
        ['bad', '1773280000', '3'],
        ['bad', '1773270000', '2'],
        ['free', '2048'],
        ['lease', 'token 4'],
        ['lease', 'run 7f3a'],
        ['lease', 'expires 1773289700'],
        ['lane', '{"kind":"x"}', 'with', 'US'],
      ],
    });
    expect(seen).toMatchObject({
      quarantined: { files: 2, events: 5, oldestBirth: 1773270000 },
      freeBytes: 2048 * 1024,
      lease: { token: 4, run: '7f3a', expires: 1773289700 },
      laneLines: ['{"kind":"x"} with US'],
    });
    expect(see({ records: [['bad', '0', 'x']] }).quarantined).toEqual({
      files: 1,
      events: 0,
      oldestBirth: null,
      byChannel: [{ channel: null, events: 0, oldestBirth: null }],
    });
    expect(see({ records: [['free', '-1']] }).freeBytes).toBeNull();
  });
});

describe('the logs of an instance', () => {
  const log = (birth: string, name: string) => ['log', birth, '120', `/srv/store1/conf/sync/${name}`];
  const lines = (count: string, name: string) => ['lines', count, `/srv/store1/conf/sync/${name}`];
  const channels = (...records: string[][]) =>
    see({ listens: asMaster, records: [pid, link('role.master'), ...records] }).channels;

  it('are as old as the older of log and log-run', () => {
    expect(
      channels(
        log('1773289000', 'log-run'),
        log('1773289600', 'log'),
        lines('4', 'log-run'),
        lines('2', 'log'),
      ),
    ).toMatchObject([{ channel: '', pending: true, events: 6, oldestBirth: 1773289000 }]);
  });

  it.each(['0', '-', '', 'x', '-5'])(
    'are of unknown age with the birth %j, and pending all the same',
    (birth) => {
      expect(channels(log(birth, 'log'), log('1773289600', 'log-run'))).toMatchObject([
        { pending: true, oldestBirth: null },
      ]);
    },
  );

  it('are kept by channel, also one that no configuration names any more', () => {
    expect(channels(log('1773289000', 'imap23/log'), lines('1', 'imap23/log'))).toMatchObject([
      { channel: '', pending: false, syncHost: 'imap22' },
      { channel: 'imap23', pending: true, syncHost: undefined, events: 1 },
    ]);
  });

  it('that were renamed at every try are at work this second, and not empty', () => {
    expect(channels(['churn'])).toMatchObject([{ pending: true, oldestBirth: 1773289680 }]);
  });

  it('know whether a sync_client of their channel lives', () => {
    expect(channels(['client', 'sync_client -C /srv/store1/role/imapd.conf -l -r '])[0]?.clientAlive).toBe(
      true,
    );
    expect(channels(['client', 'sync_client -C x -l -r -n imap23'])[0]?.clientAlive).toBe(false);
  });
});

describe('the files that would make it a master', () => {
  const fault = (master: Records, config: CyrusConfig = linkConfig) =>
    see({
      config,
      confs: [...allConfs.filter(([, label]) => !label?.startsWith('m')), ...master],
      listens: asReplica,
      records: [pid, link('role.replica')],
    }).masterFault;
  const imapd = confLines('mi', masterImapd);

  it('are fine, or named with what is wrong, while it runs as a replica', () => {
    expect(fault([...imapd, ...confLines('mc', masterCyrus)])).toBeNull();
    expect(fault([...imapd, ...confLines('mc', ['SERVICES {'])])).toMatch(
      /its files for a master cannot be used: .*role.master\/cyrus.conf:1: section SERVICES is not closed$/,
    );
    expect(fault(imapd)).toMatch(/cannot read .*role.master\/cyrus.conf$/);
    expect(fault([...imapd, ...confLines('mc', replicaCyrus.slice(0, 2).concat('}'))])).toMatch(
      /no imapd and no lmtpd in SERVICES/,
    );
    expect(fault([...imapd, ...confLines('mi', ['readonly: yes']), ...confLines('mc', masterCyrus)])).toMatch(
      /take no mail/,
    );
  });

  it('may be made by the command of the site when the role is set', () => {
    expect(fault([], commandConfig)).toBeNull();
  });
});

describe('roleByPorts', () => {
  it('is no role where nothing is known', () => {
    expect(
      roleByPorts([{ address: '', port: 143 }], { roles: {}, problem: 'x', masterFault: null }, null),
    ).toBeNull();
  });

  it('compares addresses in one spelling, and host names by their port', () => {
    const conf = (listen: string) =>
      see({
        config: commandConfig,
        confs: [
          ...confLines('ci', masterImapd),
          ...confLines('cc', ['SERVICES {', ` imap cmd="imapd" listen="${listen}"`, '}']),
        ],
        listens: [{ at: ['192.0.2.9', 143] }],
        records: [pid, ['get', '0', 'master']],
      });
    expect(conf('192.0.2.9:imap')).toMatchObject({ role: 'master', started: true });
    expect(conf('mail.example.org:imap')).toMatchObject({ role: 'master', started: true });
    expect(conf('192.0.2.8:imap')).toMatchObject({ role: null, started: false });
    expect(conf('imap')).toMatchObject({ role: null, started: false });
  });
});

describe('parseSocket', () => {
  it.each([
    ['0100007F:008F', { address: '127.0.0.1', port: 143 }],
    ['00000000:0019', { address: '', port: 25 }],
    ['156433C6:279F', { address: '198.51.100.21', port: 10143 }],
    ['00000000000000000000000000000000:07D5', { address: '', port: 2005 }],
    ['00000000000000000000000001000000:008F', { address: '::1', port: 143 }],
    ['0000000000000000FFFF0000156433C6:008F', { address: '198.51.100.21', port: 143 }],
    ['B80D0120000000000000000001000000:008F', { address: '2001:db8::1', port: 143 }],
  ])('%s', (text, socket) => {
    expect(parseSocket(text)).toEqual(socket);
  });

  it.each([
    '',
    '0100007F',
    '0100007F:',
    '0100007f:008f',
    '0100007F:008F0',
    'G100007F:008F',
    '0100007F00:008F',
    `${'0'.repeat(100_000)}:0001`,
  ])('%.40s is none', (text) => {
    expect(parseSocket(text)).toBeUndefined();
  });
});

describe('parseHostFacts', () => {
  it('takes only what makes sense', () => {
    const facts = parseHostFacts([
      ['time', '12x'],
      ['svc', 'imap', '143'],
      ['svc', 'imap', '999'],
      ['svc', 'bad', 'x'],
      ['sock', 'zz', '1'],
      ['unknown'],
      [],
    ]);
    expect(facts.at).toBeNaN();
    expect(facts.ports.get('imap')).toBe(143);
    expect(facts.ports.has('bad')).toBe(false);
    expect(facts.sockets.size).toBe(0);
  });
});

describe('parseLease', () => {
  it.each([
    [[], null],
    [['token'], null],
    [['token x', 'run a'], null],
    [['token 1.5'], null],
    [[`token ${'9'.repeat(30)}`], null],
    [['token 3'], { token: 3, run: undefined, operator: '-', expires: 0 }],
    [['token 3', 'run -', 'expires soon'], { run: undefined, expires: 0 }],
    [
      ['token 3', 'run 7f3a', 'operator ann of the night shift', 'nonsense', ''],
      { run: '7f3a', operator: 'ann of the night shift' },
    ],
  ])('%j', (lines, lease) => {
    if (lease === null) expect(parseLease(lines)).toBeNull();
    else expect(parseLease(lines)).toMatchObject(lease);
  });
});

describe('the paths of an instance', () => {
  it('go through the role link for each role, or by {role}, or are known only as they are in force', () => {
    const linked = instancePaths(linkConfig, store1);
    expect(linked.byRole.replica).toEqual({
      imapd: '/srv/store1/role.replica/imapd.conf',
      cyrus: '/srv/store1/role.replica/cyrus.conf',
    });
    expect(linked).toMatchObject({
      configDir: '/srv/store1/conf',
      lease: '/srv/store1/conf/mailctl.lease',
      pidFile: '/run/cyrus/store1.pid',
    });
    const named = instancePaths(
      { ...commandConfig, imapdConf: '/etc/{role}/{slot}.conf', cyrusConf: '/etc/{role}/c.conf' },
      store1,
    );
    expect(named.byRole.master).toEqual({ imapd: '/etc/master/store1.conf', cyrus: '/etc/master/c.conf' });
    expect(instancePaths(commandConfig, store1).byRole).toEqual({});
  });

  it('are filled in once: a value cannot bring a placeholder of its own', () => {
    const odd = { slot: '{host}', host: 'imap21', instance: '$&', address: '{slot}' };
    expect(
      instancePaths({ ...commandConfig, configDir: '/srv/{slot}/{instance}/{address}' }, odd).configDir,
    ).toBe('/srv/{host}/$&/{slot}');
  });
});

describe('parseMailboxes', () => {
  const where = 'imap21: ctl_mboxlist of store1';
  it('reads what ctl_mboxlist prints, tombstones apart', () => {
    const text = JSON.stringify({
      'user.ann': { uniqueid: 'a', mbtype: '' },
      'user.bob': { uniqueid: 'b', mbtype: 'd' },
      'DELETED.user.eve.6B01': { uniqueid: 'e' },
      'user.odd': null,
    });
    expect(parseMailboxes(text, where)).toEqual([
      { name: 'user.ann', uniqueId: 'a', deleted: false },
      { name: 'user.bob', uniqueId: 'b', deleted: true },
      { name: 'DELETED.user.eve.6B01', uniqueId: 'e', deleted: true },
      { name: 'user.odd', uniqueId: '', deleted: false },
    ]);
    expect(parseMailboxes('[{"name":"user.ann","uniqueid":"a"},null]', where)).toMatchObject([
      { name: 'user.ann' },
      { name: '' },
    ]);
    expect(parseMailboxes('', where)).toEqual([]);
  });

  it.each(['{"user.ann": {', 'fatal: cannot open', '12', '"x"', 'null'])(
    'says that %s is no list',
    (text) => {
      expect(() => parseMailboxes(text, where)).toThrow(/^imap21: ctl_mboxlist of store1: is no/);
    },
  );
});

describe('parseServing', () => {
  it('is none, failed or ok, with what the server said', () => {
    expect(parseServing([])).toEqual({ imap: 'none', lmtp: 'none', login: 'not-tried', detail: '' });
    expect(
      parseServing([
        ['imap', 'ok', ''],
        ['login', 'failed', 'a1 NO bad password'],
        ['lmtp', 'failed', 'refused'],
      ]),
    ).toEqual({
      imap: 'ok',
      lmtp: 'failed',
      login: 'failed',
      detail: 'login: a1 NO bad password; lmtp: refused',
    });
  });
});
