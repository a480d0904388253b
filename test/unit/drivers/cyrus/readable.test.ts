// What an instance that serves reading shows: whether its files are ready for it, the role of what runs, and what
// the server answered.
import { describe, expect, it, test } from 'vitest';
import {
  type Confs,
  parseConfs,
  parseHostFacts,
  readOnlyFault,
  roleByPorts,
} from '../../../../src/drivers/cyrus/observe.js';
import type { InstancePaths } from '../../../../src/drivers/cyrus/paths.js';
import { parseReadable } from '../../../../src/drivers/cyrus/readable-script.js';

const pair = (role: string) => ({
  imapd: `/srv/store1/${role}/imapd.conf`,
  cyrus: `/srv/store1/${role}/cyrus.conf`,
});
const paths: InstancePaths = {
  configDir: '/srv/store1/conf',
  pidFile: '/run/store1.pid',
  lease: '',
  lane: '',
  current: pair('role'),
  byRole: { master: pair('role.master'), replica: pair('role.replica'), readonly: pair('role.readonly') },
  link: {
    path: '/srv/store1/role',
    targets: { master: 'role.master', replica: 'role.replica', readonly: 'role.readonly' },
  },
};

const imap = ' imap cmd="imapd" listen="198.51.100.21:10143"';
const lmtp = ' lmtp cmd="lmtpd" listen="198.51.100.21:10124"';
const sync = ' csync cmd="sync_server" listen="10105"';

function confsOf(imapd: readonly string[] | undefined, ...services: readonly string[]): Confs {
  const lines = (label: string, text: readonly string[]) => text.map((line) => ['conf', label, line]);
  const cyrus = (of: readonly string[]) => ['SERVICES {', ...of, '}'];
  return parseConfs(
    [
      ...lines('mi', ['sync_log: yes']),
      ...lines('mc', cyrus([imap, lmtp])),
      ...lines('ri', ['x: y']),
      ...lines('rc', cyrus([sync])),
      ...(imapd === undefined ? [] : [...lines('oi', imapd), ...lines('oc', cyrus(services))]),
    ],
    paths,
    parseHostFacts([]),
  );
}

describe('readOnlyFault', () => {
  it('is null for files that serve reading and nothing else', () => {
    expect(readOnlyFault(paths, confsOf(['readonly: yes'], imap), '3.6.1', 'replica')).toBeNull();
    expect(readOnlyFault(paths, confsOf(['readonly: on'], imap), null, 'replica')).toBeNull();
  });

  it.each([
    [
      'files that are not there',
      confsOf(undefined),
      '3.6.1',
      /role\.readonly\/imapd\.conf .* must be there, with `readonly: yes`/,
    ],
    ['a server that would take changes', confsOf(['readonly: no'], imap), '3.6.1', /lacks `readonly: yes`/],
    ['mail that would be taken', confsOf(['readonly: yes'], imap, lmtp), '3.6.1', /lmtpd/],
    ['replication that would be taken', confsOf(['readonly: yes'], imap, sync), '3.6.1', /sync_server/],
    [
      'a server that nobody reaches',
      confsOf(['readonly: yes'], ' imap cmd="imapd" listen="127.0.0.1:10143"'),
      '3.6.1',
      /no imapd on the network/,
    ],
    ['a version that cannot', confsOf(['readonly: yes'], imap), '3.2.12', /Cyrus 3\.2\.12 cannot/],
  ])('names %s, and what to write', (_what, confs, version, words) => {
    expect(readOnlyFault(paths, confs, version, 'replica')).toMatch(words);
  });

  it('says what the configuration lacks', () => {
    const { readonly: _none, ...byRole } = paths.byRole;
    const targets = { master: 'role.master', replica: 'role.replica' };
    const bare = { ...paths, byRole, link: { path: '/srv/store1/role', targets } };
    expect(readOnlyFault(bare, confsOf(undefined), null, 'replica')).toMatch(
      /stores\.cyrus\.role has no readonly/,
    );
  });

  it('waits for the files that a role command makes, and looks at them then', () => {
    const { readonly: _none, ...byRole } = paths.byRole;
    const made = { ...paths, byRole, link: undefined };
    expect(readOnlyFault(made, confsOf(undefined), null, 'replica')).toBeNull();
    expect(readOnlyFault(made, confsOf(undefined), null, 'readonly')).toMatch(/must be there/);
    expect(readOnlyFault(made, confsOf(['readonly: yes'], imap, lmtp), null, 'readonly')).toMatch(/lmtpd/);
    expect(readOnlyFault(made, confsOf(['readonly: yes'], imap), null, 'readonly')).toBeNull();
  });
});

test('a master whose LMTP has failed is no reader: only files that say so make one', () => {
  const confs = confsOf(['readonly: yes'], imap);
  const own = [{ address: '198.51.100.21', port: 10143 }];
  expect(roleByPorts(own, confs, 'readonly')).toBe('readonly');
  expect(roleByPorts(own, confs, 'master')).toBe('master');
  expect(roleByPorts(own, confs, null)).toBe('master');
  const both = [...own, { address: '198.51.100.21', port: 10124 }];
  expect(roleByPorts(both, confs, 'readonly')).toBe('master');
});

describe('parseReadable', () => {
  const said = (...records: readonly (readonly string[])[]) => parseReadable([...records, ['end']]);
  const ready = [
    ['imap', 'ok', ''],
    ['login', 'ok', ''],
  ] as const;

  it('believes a refusal only', () => {
    const reads = said(...ready, ['select', 'ok', 'a2 OK [READ-ONLY] Completed'], ['store', 'no', 'a3 NO']);
    expect(reads).toMatchObject({ imap: 'ok', login: 'ok', refusesChanges: 'yes', detail: '' });
  });

  it.each([
    [
      'opens it for writing',
      [
        ['select', 'writable', 'a2 OK [READ-WRITE]'],
        ['store', 'no', 'a3 NO'],
      ],
      'no',
    ],
    [
      'takes a change',
      [
        ['select', 'ok', 'a2 OK [READ-ONLY]'],
        ['store', 'ok', 'a3 OK'],
      ],
      'no',
    ],
    ['has no such mailbox', [['select', 'failed', 'a2 NO Mailbox does not exist']], 'not-tried'],
    [
      'falls silent',
      [
        ['select', 'ok', 'a2 OK [READ-ONLY]'],
        ['store', 'failed', 'no answer in 5 s'],
      ],
      'not-tried',
    ],
    ['says nothing more', [], 'not-tried'],
  ] as const)('of a server that %s', (_what, records, refusesChanges) => {
    const seen = said(...ready, ...records);
    expect(seen.refusesChanges).toBe(refusesChanges);
    if (refusesChanges === 'no') expect(seen.detail).toMatch(/it would take changes/);
  });

  it('of nothing at all is no reader', () => {
    expect(parseReadable([])).toEqual({
      imap: 'none',
      login: 'not-tried',
      refusesChanges: 'not-tried',
      detail: '',
    });
    expect(said(['imap', 'failed', 'port 143 does not answer']).imap).toBe('failed');
    expect(said(['imap', 'ok', ''], ['login', 'failed', 'a1 NO']).login).toBe('failed');
  });
});
