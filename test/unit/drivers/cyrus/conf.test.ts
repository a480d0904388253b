import { describe, expect, it } from 'vitest';
import {
  channelsOf,
  isWrapped,
  isYes,
  parseCyrusConf,
  parseImapdConf,
  parseListen,
  serviceKind,
} from '../../../../src/drivers/cyrus/conf.js';

const imapd = (text: string) => parseImapdConf(text.split('\n'));
const cyrus = (text: string) => parseCyrusConf(text.split('\n'));
const services = (text: string) => {
  const conf = cyrus(text);
  if (!conf.ok) throw new Error(`line ${conf.line}: ${conf.problem}`);
  return conf.services;
};

describe('imapd.conf', () => {
  it('is options by key, in lower case, the last of a repeated one', () => {
    const conf = imapd(
      'configDirectory: /srv/conf\n# sync_log: yes\n\n  sync_log :  on  \nsync_log: no\nsasl_mech: a:b:c',
    );
    expect(Object.fromEntries(conf)).toEqual({
      configdirectory: '/srv/conf',
      sync_log: 'no',
      sasl_mech: 'a:b:c',
    });
  });

  it('goes on over a line that ends with a backslash', () => {
    expect(imapd('sync_log_channels: imap22 \\\n  imap23\nsync_log: yes').get('sync_log_channels')).toMatch(
      /^imap22\s+imap23$/,
    );
    expect(imapd('a: 1 \\').get('a')).toBe('1');
  });

  it('reads lines of other systems, and skips what are no options', () => {
    const conf = imapd('sync_log: yes\r\nnonsense\n: empty\n=x\n\u0000\u001b[2J\nsync_host: imap22\r');
    expect(Object.fromEntries(conf)).toEqual({ sync_log: 'yes', sync_host: 'imap22' });
  });

  it('does not fall over a megabyte in one line, or in a hundred thousand', () => {
    expect(imapd(`a: ${'x'.repeat(1_000_000)}`).get('a')).toHaveLength(1_000_000);
    expect(imapd('a: 1\n'.repeat(100_000)).size).toBe(1);
    expect(imapd('__proto__: x\nconstructor: y').get('constructor')).toBe('y');
  });

  it.each([
    ['yes', true],
    ['1', true],
    ['t', true],
    ['ON', true],
    ['y', true],
    ['no', false],
    ['0', false],
    ['', false],
    ['yes please', false],
    [undefined, false],
  ])('takes %j for a yes: %s', (value, is) => {
    expect(isYes(value)).toBe(is);
  });
});

describe('channelsOf', () => {
  it('is none without sync_log', () => {
    expect(channelsOf(imapd('sync_host: imap22'))).toEqual([]);
    expect(channelsOf(imapd('sync_log: no\nsync_host: imap22'))).toEqual([]);
  });

  it('is the default one, or one each with its own host', () => {
    expect(channelsOf(imapd('sync_log: yes\nsync_host: imap22\nsync_port: 2005'))).toEqual([
      { channel: '', syncHost: 'imap22', syncPort: '2005' },
    ]);
    expect(
      channelsOf(
        imapd(
          'sync_log: yes\nsync_log_channels:  A  imap23 ""\nsync_host: other\na_sync_host: imap22\nimap23_sync_host: imap23',
        ),
      ),
    ).toEqual([
      { channel: 'A', syncHost: 'imap22', syncPort: undefined },
      { channel: 'imap23', syncHost: 'imap23', syncPort: undefined },
      { channel: '', syncHost: 'other', syncPort: undefined },
    ]);
  });
});

describe('cyrus.conf', () => {
  it('is the entries of its sections', () => {
    const text = `# standard
START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  imap  cmd="imapd -C /etc/imapd.conf" listen="imap" prefork=0   # plain
  lmtpunix cmd="lmtpd" listen="/run/cyrus/lmtp" maxchild=20
}
DAEMON { }
EVENTS {
  checkpoint cmd="ctl_cyrusdb -c" period=30
}`;
    expect(services(text).map(({ section, name, listen }) => [section, name, listen])).toEqual([
      ['START', 'recover', undefined],
      ['SERVICES', 'imap', 'imap'],
      ['SERVICES', 'lmtpunix', '/run/cyrus/lmtp'],
      ['EVENTS', 'checkpoint', undefined],
    ]);
    expect(services(text)[1]?.cmd).toBe('imapd -C /etc/imapd.conf');
  });

  it('takes sections in any case, lines of other systems, values without quotes', () => {
    expect(services('services {\r\n\timap cmd=imapd listen=143\r\n}\r\n')).toMatchObject([
      { section: 'SERVICES', name: 'imap', cmd: 'imapd', listen: '143' },
    ]);
  });

  it('leaves out what listens by UDP: no TCP port tells of it', () => {
    expect(
      services(
        'SERVICES {\n fud cmd="fud" listen="fud" proto="udp"\n imap cmd="imapd" listen="imap" proto="tcp6"\n}',
      ),
    ).toMatchObject([
      { name: 'fud', listen: undefined },
      { name: 'imap', listen: 'imap' },
    ]);
  });

  it.each([
    ['a name with _', 'SERVICES {\n  sync_imap22 cmd="x"\n}', 2, "bad character '_' in name"],
    ['a section that is not closed', 'SERVICES {\n  imap cmd="imapd"\n', 3, 'section SERVICES is not closed'],
    ['a brace that closes nothing', '}\n', 1, 'a } that closes nothing'],
    ['a quote that is not closed', 'SERVICES {\n  imap cmd="imapd listen=143\n}', 2, /cannot read/],
    ['words that are no pairs', 'SERVICES {\n  imap cmd="imapd" please\n}', 2, 'cannot read: please'],
    ['text outside of sections', 'SERVICES {\n}\nrm -rf /\n', 3, 'not a section: rm -rf /'],
    ['terminal escapes', 'SERVICES {\n  \u001b[2Jimap cmd="x"\n}', 2, /bad character/],
    [
      'a backslash, which continues nothing there',
      'SERVICES {\n  imap cmd="imapd" \\\n  listen="143"\n}',
      2,
      'cannot read: \\',
    ],
  ])('with %s cannot be read, and says which line', (_, text, line, problem) => {
    expect(cyrus(text)).toMatchObject({
      ok: false,
      line,
      problem: typeof problem === 'string' ? problem : expect.stringMatching(problem),
    });
  });

  it('is empty when it is empty', () => {
    expect(cyrus('')).toEqual({ ok: true, services: [] });
  });

  it('does not fall over a megabyte', () => {
    expect(cyrus(`SERVICES {\n${'  imap cmd="imapd" listen="143"\n'.repeat(30_000)}}`)).toMatchObject({
      ok: true,
    });
    const started = performance.now();
    expect(cyrus(`SERVICES {\n  ${'a'.repeat(1_000_000)} cmd="${'b '.repeat(500_000)}"\n}`)).toMatchObject({
      ok: true,
    });
    expect(cyrus(`SERVICES {\n  imap ${'x=" '.repeat(200_001)}\n}`)).toMatchObject({ ok: false });
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('parseListen', () => {
  const ports = new Map([
    ['imap', 143],
    ['lmtp', 24],
  ]);
  it.each([
    ['143', '', 143],
    ['imap', '', 143],
    ['127.0.0.1:imap', '127.0.0.1', 143],
    ['*:143', '', 143],
    [':143', '', 143],
    ['[::1]:143', '::1', 143],
    ['[::]:lmtp', '::', 24],
    ['mail.example.org:imap', 'mail.example.org', 143],
    ['/run/cyrus/lmtp', '', undefined],
    ['nobody-knows', '', Number.NaN],
    ['[::1]', '', Number.NaN],
    ['', '', Number.NaN],
    ['host:', '', Number.NaN],
    ['143abc', '', Number.NaN],
  ])('%j', (listen, address, port) => {
    expect(parseListen(listen, ports)).toEqual({ address, port });
  });
});

describe('serviceKind', () => {
  it.each([
    ['imapd -C /x', 'imap'],
    ['/usr/lib/cyrus/bin/imapd -s', 'imap'],
    ['lmtpd -a', 'lmtp'],
    ['sync_server', 'sync'],
    ['pop3d', 'other'],
    ['  imapd', 'imap'],
    ['', 'other'],
    ['echo imapd', 'other'],
  ])('%j is %s', (cmd, kind) => {
    expect(serviceKind(cmd)).toBe(kind);
  });
});

it.each([
  ['imapd -s', true],
  ['/usr/lib/cyrus/bin/imapd -C /srv/a/imapd.conf -s -U 30', true],
  ['imapd -C /srv/-s/imapd.conf', false],
  ['imapd', false],
  ['lmtpd -s', false],
])('%s speaks TLS from the first byte: %s', (cmd, wrapped) => {
  expect(isWrapped(cmd)).toBe(wrapped);
});
