import { expect, test } from 'vitest';
import { capabilitiesOf, FEATURES, parseCyrusVersion } from '../../../../src/drivers/cyrus/capabilities.js';

test.each([
  ['cyrus-imapd 3.6.1-Debian-3.6.1-4+deb12u5', '3.6.1'],
  ['Cyrus IMAP 3.0.8-Fedora-RPM', '3.0.8'],
  ['* OK [CAPABILITY IMAP4rev1] mail Cyrus IMAP v2.4.17 server ready', '2.4.17'],
  ['cyrus-imapd 3.10.0-rc1', '3.10.0-rc1'],
  ['name       : Cyrus IMAPD\nversion    : 2.5.10', undefined],
  ['postfix 3.7.1', undefined],
  ['', undefined],
  [`cyrus-imapd ${'9'.repeat(1000)}`, undefined],
])('%s is version %s', (text, version) => {
  expect(parseCyrusVersion(text)).toBe(version);
});

test('each series has what its source has', () => {
  const table = ['3.0.18', '3.2.12', '3.4.0', '3.6.1', '3.8.6', '3.10.1', '3.12.0'].map((version) => {
    const can = capabilitiesOf(version);
    return [version, ...Object.keys(FEATURES).filter((name) => can[name as keyof typeof FEATURES])].join(' ');
  });
  expect(table).toEqual([
    '3.0.18 daemon logNames',
    '3.2.12 daemon logNames bindErrorsFatal',
    '3.4.0 daemon logNames onePass bindErrorsFatal readonly',
    '3.6.1 daemon logNames onePass bindErrorsFatal readonly reconnectMaxwait',
    '3.8.6 daemon logNames onePass bindErrorsFatal readonly reconnectMaxwait',
    '3.10.1 daemon logNames onePass bindErrorsFatal readonly reconnectMaxwait readyFile',
    '3.12.0 daemon logNames onePass bindErrorsFatal readonly reconnectMaxwait readyFile replicaonly skipuser',
  ]);
});

test('what nobody read is not known, and never guessed', () => {
  for (const version of [null, '', 'x', '2.5.17', '3'])
    expect(Object.values(capabilitiesOf(version)).every((one) => one === null)).toBe(true);
  expect(capabilitiesOf('4.0.0')).toMatchObject({ readonly: true, skipuser: true });
});
