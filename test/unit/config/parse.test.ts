import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/faults.js';
import { parseConfigText } from '../../../src/config/parse.js';

/** What a text is reproached with, as `line:col: path: what; right`. */
async function faults(text: string): Promise<string[]> {
  return (await parseConfigText(text, 'here')).faults.map((fault) =>
    formatFault('F', fault).replace(/^F:/, ''),
  );
}

/** A whole stores section with one line changed or added. */
function cyrus(line: string): string {
  const lines = [
    'config_dir: /srv/{slot}/conf',
    'imapd_conf: /srv/{slot}/role/imapd.conf',
    'cyrus_conf: /srv/{slot}/role/cyrus.conf',
    'pid_file: /run/cyrus/{slot}.pid',
    'role: { link: "/srv/{slot}/role", master: role.master, replica: role.replica }',
  ];
  const key = line.split(':')[0];
  const kept = lines.filter((known) => known.split(':')[0] !== key);
  return `stores:\n  cyrus:\n    ${[line, ...kept].join('\n    ')}\n`;
}

describe('a fault of the YAML itself', () => {
  it.each([
    ['a tab', 'hosts:\n\ta: {}\n', '2:1: a tab is used as indentation; use blanks'],
    ['a key twice', 'hosts: {}\nhosts: {}\n', '2:1: this key stands here twice; keep one of the two'],
    [
      'a host twice',
      'hosts:\n  mx1: {}\n  mx1: {}\n',
      '3:3: this key stands here twice; keep one of the two',
    ],
    [
      'a second document',
      'hosts: {}\n---\nhosts: {}\n',
      '2:1: a second document begins here; remove the line ---',
    ],
    [
      'an unquoted placeholder',
      'a: {slot}/x',
      '1:10: Unexpected scalar at node end; quote text that begins with { or [',
    ],
    ['a key that is a map', '? {a: 1}\n: 2', '1:3: a key must be text; quote text that begins with { or ['],
    ['a tag', 'hosts: !evil {}', '1:8: Unresolved tag: !evil; tags have no meaning here, remove it'],
    [
      'an alias without anchor',
      'hosts: {}\nstate: *nope',
      '2:8: Unresolved alias (the anchor must be set before the alias): nope; write the values out instead of *aliases',
    ],
    [
      'a list',
      '- hosts',
      '1:1: is not a map of sections; known sections: defaults, hosts, stores, directory, state, destinations, uplinks, probe, deliveries, queue, config_group',
    ],
  ])('is told with its place: %s', async (_what, text, fault) => {
    const parsed = await parseConfigText(text, 'here');
    expect(parsed.isBroken).toBe(true);
    expect(parsed.raw).toEqual({});
    expect((await faults(text))[0]).toBe(fault);
    expect(parsed.faults.every((found) => found.section === 'file')).toBe(true);
  });

  it('is told for aliases that would unfold to gigabytes', async () => {
    let text = 'a: &a [x,x,x,x,x,x,x,x,x]\n';
    for (const [one, next] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'].map((pair) => [...pair])) {
      text += `${next}: &${next} [${Array(9).fill(`*${one}`).join(', ')}]\n`;
    }
    expect((await parseConfigText(text, 'here')).isBroken).toBe(true);
    expect((await faults(text))[0]).toContain('Excessive alias count');
  });

  it.each([
    ['brackets', '['.repeat(1_000_000)],
    ['braces', '{a: '.repeat(200_000)],
    ['dashes', '- '.repeat(400_000)],
    ['question marks', '? '.repeat(400_000)],
    ['indentation', Array.from({ length: 1_300 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
    [
      'dashes over many lines',
      Array.from({ length: 100 }, (_, depth) => `${' '.repeat(60 * depth)}${'- '.repeat(30)}\n`).join(''),
    ],
  ])('is told before nesting can exhaust the parser: %s', async (_what, text) => {
    expect(await faults(text)).toEqual([expect.stringContaining('is nested too deeply')]);
  });

  it('survives an anchor that holds itself', async () => {
    expect(await faults('hosts: &a {b: *a}')).toEqual([
      '1:12: hosts.b.b: unknown key "b"; known here: groups, location, address, transport, queues, sudo, preference, max_slots, fence',
    ]);
  });

  it('masks a password that stands in the broken line', async () => {
    const text = 'directory: { url: postgres://ann:s3cret@db1/x, url: postgres://ann:s3cret@db1/x';
    expect((await faults(text)).join('\n')).not.toContain('s3cret');
  });
});

describe('an unknown key', () => {
  it.each([
    [
      'hosts: {imap21: {grups: [store]}}',
      '1:18: hosts.imap21.grups: unknown key "grups"; did you mean groups?',
    ],
    ['storse: {}', '1:1: unknown key "storse"; did you mean stores?'],
    [
      cyrus('role: { link: /srv/{slot}/role, mastr: a, replica: b }').replace(
        /link: ([^,]+),/,
        'link: "$1",',
      ),
      /mastr: unknown key "mastr"; did you mean master\?/,
    ],
    [
      cyrus('stop_timout: 3s'),
      /stores.cyrus.stop_timout: unknown key "stop_timout"; did you mean stop_timeout\?/,
    ],
    ['hosts:\n  a: &h {groups: [x]}\n  b: {<<: *h}\n', /3:7: .*merge keys are not supported/],
    [
      'hosts: {a: {quux: 1}}',
      /known here: groups, location, address, transport, queues, sudo, preference, max_slots, fence/,
    ],
  ])('is refused with a suggestion: %s', async (text, fault) => {
    const found = (await faults(text)).join('\n');
    if (typeof fault === 'string') expect(found).toBe(fault);
    else expect(found).toMatch(fault);
  });

  it('belongs to the section that was meant, or to none', async () => {
    const [near, far] = (await parseConfigText('directry: {}\nquux: {}', 'here')).faults;
    expect([near?.section, far?.section]).toEqual(['directory', 'unknown']);
  });

  it.each([
    'hosts: {__proto__: {}}',
    '__proto__: {}',
    'hosts: {a: {__proto__: {}}}',
    'stores: {__proto__: {}}',
    'uplinks: {__proto__: {host: here}}',
  ])("is not lost when it is JavaScript's own: %s", async (text) => {
    expect(await faults(text)).toHaveLength(1);
  });
});

describe('a value', () => {
  it.each([
    [
      'stores: {max_lag: 5}',
      '1:19: stores.max_lag: is the number 5; must be a duration with its unit: 90s, 5m, 2h',
    ],
    [
      'stores: {max_lag: 5 min}',
      '1:19: stores.max_lag: "5 min" is no duration: write 500ms, 90s, 5m, 2h or 3d',
    ],
    ['stores: {drain_timeout: 0s}', '1:25: stores.drain_timeout: "0s" is too short: at least 1s'],
    ['stores: {drain_timeout: 300d}', '1:25: stores.drain_timeout: "300d" is too long: at most 1d'],
    ['hosts: {a: {transport: shh}}', '1:24: hosts.a.transport: is "shh"; did you mean ssh?'],
    ['hosts: {a: {transport: telnet}}', '1:24: hosts.a.transport: is "telnet"; must be ssh or local'],
    ['hosts: {a: {queues: [posfix]}}', '1:22: hosts.a.queues[0]: is "posfix"; did you mean postfix?'],
    [
      'hosts: {a: {queues: [{within: [x]}]}}',
      '1:22: hosts.a.queues[0]: driver is missing; e.g. driver: postfix',
    ],
    [
      'hosts: {a: {queues: [{driver: exec}]}}',
      '1:22: hosts.a.queues[0]: list is missing; e.g. list: [sender, list, --json]',
    ],
    [
      'hosts: {a: {queues: [{driver: exim, hold: [x]}]}}',
      '1:43: hosts.a.queues[0].hold: is for driver: exec only',
    ],
    [
      'hosts: {a: {queues: [{driver: exec, list: [x], delete: [x, -f]}]}}',
      '1:56: hosts.a.queues[0].delete: does not hold {run}, under which it saves first',
    ],
    ['hosts: {a: {groups: store}}', '1:21: hosts.a.groups: is "store"; must be a list'],
    ['hosts: {a: 3}', '1:12: hosts.a: is the number 3; must be a map of keys'],
    ['hosts: 3', '1:8: hosts: is the number 3; must be a map of names'],
    ['hosts: {a: {location: }}', '1:13: hosts.a.location: is empty; must be text'],
    [
      'hosts: {a: {address: "-oProxyCommand=x"}}',
      '1:22: hosts.a.address: "-oProxyCommand=x" is no address or host name',
    ],
    ['defaults: {sudo: yes}', '1:18: defaults.sudo: "yes" is text here: write true or false'],
    ['defaults: {sudo: -i}', '1:18: defaults.sudo: must not begin with "-"'],
    [
      'directory: {url: "mysql://x"}',
      '1:18: directory.url: "mysql://x" is no database url: write sqlite:/var/lib/mailctl/mailctl.db',
    ],
    ['directory: {url: "sqlite:"}', /names no file/],
    ['directory: {url: "sqlite://host/x"}', /is no database url/],
    ['state: {url: "sqlite::memory:"}', /would be forgotten/],
    ['state: {url: "sqlite:/x.db?mode=ro"}', /options after the path are not supported/],
    ['directory: {url: "sqlite:~ann/x.db"}', /only ~\/ is expanded/],
    ['directory: {list: [a]}', '1:12: directory: needs all three commands; get and set are missing'],
    [
      'directory: {url: "sqlite:/x", list: [a], get: [b, "{slot}"], set: [c, "{slot}", "{from}", "{to}"]}',
      /directory.url: stands beside list, get and set/,
    ],
    [
      'directory: {list: [a], get: [b, "{slot}"], set: [c, "{slot}", "{to}"]}',
      '1:49: directory.set: is not told "{from}"',
    ],
    [
      'directory: {hooks: [{run: [x, "{to}"], per: run}]}',
      /1:31: directory.hooks\[0\].run\[1\]: a hook that runs once per run has no slot/,
    ],
    ['directory: {moves: {}}', '1:20: directory.moves: needs one of command, file and table'],
    [
      'directory: {moves: {file: /x, table: y}}',
      '1:20: directory.moves: needs one of command, file and table',
    ],
    ['directory: {moves: {table: "x; drop table y"}}', /"x; drop table y" is no name of a table/],
    [
      'directory: {list: [a], get: [b, "{slot}"], set: [c, "{slot}", "{from}", "{to}"], moves: {table: x}}',
      /directory.moves.table: is looked for in a database, and the directory is three commands/,
    ],
    ['directory: {users: [x, "{user}"]}', /unknown placeholder \{user\}/],
    ['directory: {hooks: [{run: []}]}', /run: is an empty list; must be at least 1 word/],
    ['directory: {hooks: [{run: systemctl reload x}]}', /run: is "systemctl reload x"; must be a list/],
    [
      'destinations: {g: {domain: [a.b]}}',
      /domains is missing; e.g. domains: \[gmail.com\]\n.*unknown key "domain"; did you mean domains\?/,
    ],
    ['destinations: {g: {domains: ["a@b"]}}', /"a@b" is no domain name/],
    [
      'destinations: {g: {domains: [a.b], connections: 0}}',
      /connections: is the number 0; must be at least 1/,
    ],
    ['destinations: {g: {domains: [a.b], connections: 1.5}}', /must be a whole number/],
    ['destinations: {g: {domains: [a.b], rate: 100}}', /must be a rate with its unit/],
    [
      'uplinks: {u: {host: here, source: 999.1.1.1}}',
      '1:35: uplinks.u.source: "999.1.1.1" is no IPv4 or IPv6 address: write 192.0.2.10',
    ],
    [
      'hosts: {mx1: {}}\nuplinks: {u: {host: mx2}}',
      '2:21: uplinks.u.host: no host "mx2" under hosts; did you mean mx1?',
    ],
    ['uplinks: {u: {host: quux}}', '1:21: uplinks.u.host: no host "quux" under hosts; the only host is here'],
    [
      'hosts: {mx1: {}}\ndirectory: {hooks: [{host: mx9, run: [x]}]}',
      /directory.hooks\[0\].host: no host "mx9"/,
    ],
    ['config_group: []', '1:15: config_group: is a list; must be the name or the number of a group'],
  ])('that cannot be is told with what would be right: %s', async (text, fault) => {
    const found = (await faults(text)).join('\n');
    if (typeof fault === 'string') expect(found).toBe(fault);
    else expect(found).toMatch(fault);
  });

  it('is shown shortened, escaped and without its password', async () => {
    const long = (await faults(`directory: {url: "${'x'.repeat(5_000)}\\e[31m"}`)).join('\n');
    expect(long.length).toBeLessThan(400);
    const secret = (await faults('directory: {url: "mysql://ann:s3cret@db"}')).join('\n');
    expect(secret).toContain('mysql://ann:***@db');
    expect((await faults('hosts: {"a\\e[31m\u202eb": {}}')).join('\n')).not.toMatch(/[\x1b\u202e]/);
  });
});

describe('names of hosts', () => {
  it.each(['imap21', 'mx1.example.net', 'ann@mx1', 'mx_1', 'größe', '21', '0x10', 'null', 'true'])(
    'may be %s',
    async (name) => {
      expect(await faults(`hosts: {${name}: {}}`)).toEqual([]);
      expect(Object.keys((await parseConfigText(`hosts: {${name}: {}}`, 'here')).raw.hosts ?? {})).toEqual([
        name,
      ]);
    },
  );

  it.each([
    '-oProxyCommand=x',
    '.hidden',
    'a b',
    'a\\tb',
    'a\\nb',
    'a\\0b',
    'a\\x1fb',
    'a\\u0085b',
    'mx1:out',
    'a/b',
    'mx*',
    'a,b',
    '$(x)',
    "a'b",
    '',
    'a\\u00a0b',
    'x\\u202eb',
  ])('may not be "%s"', async (name) => {
    expect(await faults(`hosts: {"${name}": {}}`)).toHaveLength(1);
    expect(await faults(`hosts: {a: {groups: ["${name}"]}}`)).toHaveLength(1);
  });
});

describe('stores.cyrus', () => {
  it('needs only its paths and the role', async () => {
    expect(await faults(cyrus('user: cyrus'))).toEqual([]);
  });

  it('says what is missing, with an example', async () => {
    expect(await faults('stores:\n  cyrus:\n    user: cyrus\n')).toEqual([
      '2:3: stores.cyrus: config_dir is missing; e.g. config_dir: /srv/{slot}/conf',
      '2:3: stores.cyrus: imapd_conf is missing; e.g. imapd_conf: /srv/{slot}/role/imapd.conf',
      '2:3: stores.cyrus: cyrus_conf is missing; e.g. cyrus_conf: /srv/{slot}/role/cyrus.conf',
      '2:3: stores.cyrus: pid_file is missing; e.g. pid_file: /run/cyrus/{slot}.pid',
      '2:3: stores.cyrus: role is missing',
    ]);
  });

  it.each([
    [
      'config_dir: /srv/{slto}/conf',
      '3:17: stores.cyrus.config_dir: unknown placeholder {slto}; did you mean {slot}?',
    ],
    [
      'config_dir: /srv/{role}/conf',
      /unknown placeholder \{role\}; known here: \{slot\} \{instance\} \{host\} \{address\}/,
    ],
    ['config_dir: srv/{slot}/conf', /"srv\/\{slot\}\/conf" is not absolute/],
    ['config_dir: ~/conf', /is not absolute/],
    ['config_dir: /srv/{slot/conf', /has a brace without its partner/],
    ['config_dir: /srv/../{slot}', /must not go through \.\./],
    ['pid_file: "/run/a\\tb"', /holds a control character \(\\t\)/],
    ['pid_file: "/run/a\\nb"', /holds a control character \(\\n\)/],
    ['pid_file: "/run/a\\x1fb"', /holds a control character \(\\u001f\)/],
    ['pid_file: "/run/a\\0b"', /holds a control character \(\\u0000\)/],
    ['pid_file: "/run/a\\x7fb"', /holds a control character/],
    [
      'start: [systemctl, start, {instance}]',
      '3:31: stores.cyrus.start[2]: is a map; must be text: write "{instance}" in quotes',
    ],
    ['start: [sleep, 5]', /start\[1\]: is the number 5; must be text: write "5" in quotes/],
    [
      'start: systemctl start cyrus',
      /start: is "systemctl start cyrus"; must be builtin, or a command as a list of words/,
    ],
    ['start: []', /start: is an empty list/],
    ['start: [-x]', /start\[0\]: "-x" is no command/],
    ['start: ["a\\nb"]', /start\[0\]: holds a control character/],
    ['start: [a, "b\\x1fc"]', /start\[1\]: holds a control character/],
    ['stop: [kill, "{pid}"]', /stop\[1\]: unknown placeholder \{pid\}/],
    ['user: -x', /user: must not begin with "-"/],
    [
      'admin: { user: cyrus }',
      /stores.cyrus.admin: password_file is missing; e.g. password_file: \/etc\/mailctl\/probe.pw/,
    ],
    ['admin:', '3:5: stores.cyrus.admin: is empty; must be a map of keys'],
    ['role: { set: [set-role, "{instance}"], get: [get-role] }', /role.set: is not told "\{role\}"/],
    [
      'role: { link: "/srv/{slot}/role", master: a, replica: a }',
      /role.replica: is the target of another role, too/,
    ],
    ['role: { link: "/srv/{slot}/role", master: a, replica: "" }', /role.replica: must not be empty/],
    ['role: x', /role: is "x"; must be \{ link, master, replica \} or/],
    ['role: { set: [a, "{role}"] }', /get is missing; e.g. get: \[get-role, "\{instance\}"\]/],
  ])('refuses %s', async (line, fault) => {
    const found = await faults(cyrus(line));
    expect(found).toHaveLength(1);
    if (typeof fault === 'string') expect(found[0]).toBe(fault);
    else expect(found[0]).toMatch(fault);
  });

  it.each([
    'start: [systemctl, start, "cyrus@{instance}"]',
    'stop: builtin',
    'stop: [awk, "{print $1}"]',
    'role: { set: [set-role, "{instance}", "{role}"], get: [get-role, "{instance}"] }',
    'imapd_conf: /srv/{slot}/role.{role}/imapd.conf',
    'planned_stop_timeout: 1h30m',
    'start: [sh, "", x]',
  ])('takes %s', async (line) => {
    expect(await faults(cyrus(line))).toEqual([]);
  });
});

it('lists the faults in the order of the file and keeps the sections that have none', async () => {
  const text = 'uplinks: {u: {}}\nhosts: {mx1: {}}\nstores: {max_lag: x}\n';
  const parsed = await parseConfigText(text, 'here');
  expect(parsed.faults.map((fault) => fault.line)).toEqual([1, 3]);
  expect(Object.keys(parsed.raw)).toEqual(['hosts']);
  expect(parsed.isBroken).toBe(false);
});

it('does not blame references to hosts while hosts itself is faulty', async () => {
  expect(await faults('hosts: {mx1: {x: 1}}\nuplinks: {u: {host: mx1}}')).toHaveLength(1);
});

it('takes comments only, or sections without content, as nothing', async () => {
  expect(await parseConfigText('# nothing\n', 'here')).toMatchObject({
    raw: {},
    faults: [],
    isBroken: false,
  });
  expect(await faults('hosts:\nstores:\ndirectory:\n')).toEqual([]);
});

it('finds the line through CRLF, a byte-order mark and aliases', async () => {
  expect((await faults('hosts:\r\n  a: {}\r\n  b: {x: 1}\r\n'))[0]).toMatch(/^3:7: /);
  expect(await faults('hosts:\n  a: &h {x: 1}\n  b: *h\n')).toEqual([
    expect.stringMatching(/^2:10: hosts\.a\.x: /),
    expect.stringMatching(/^2:10: hosts\.b\.x: /),
  ]);
});
