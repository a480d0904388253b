import { expect, it } from 'vitest';
import { cannotWrite } from '../../../../src/output/screens/cannot-write.js';

it.each([
  [
    'imap21: cannot write /srv/store3/conf/mailctl.lease: no space left on device',
    'imap21',
    '/srv/store3/conf',
  ],
  ['imap22: cannot write /srv/s 1/conf/mailctl.lane', undefined, ''],
  ['stop failed; imap22: cannot write /srv/a/mailctl.lane; not seen undone', 'imap22', '/srv/a'],
  ['imap22: cannot write /etc/passwd: no space left on device', undefined, ''],
  ['nothing of the kind', undefined, ''],
  [null, undefined, ''],
])('a disk that takes nothing is looked at by its host: %s', (reason, host, folder) => {
  const found = cannotWrite(reason);
  expect(found?.host).toBe(host);
  if (host !== undefined)
    expect(found?.look).toBe(`ssh ${host} 'df -h ${folder}'   a few kB freed there are enough`);
});

it('what a folder is called is no command, neither here nor there', () => {
  const look = cannotWrite('imap22: cannot write /srv/$(id)/mailctl.lane')?.look ?? '';
  expect(look).toMatch(/^ssh imap22 'df -h '.*\/srv\/\$\(id\).*'/);
});
