// ssh's own words, as OpenSSH 9.2 wrote them (`ssh -E log`).
import { describe, expect, it } from 'vitest';
import { classifySshFailure } from '../../../src/transport/ssh-failure.js';

describe('the reason why ssh opened no connection', () => {
  it.each([
    ['unreachable', 'ssh: connect to host 192.0.2.1 port 22: Connection timed out'],
    ['unreachable', 'ssh: connect to host 192.0.2.1 port 22: No route to host'],
    ['unreachable', 'ssh: connect to host 192.0.2.1 port 22: Network is unreachable'],
    ['unreachable', 'ssh: Could not resolve hostname nope.invalid: Name or service not known'],
    ['unreachable', 'ssh: connect to host x port 22: Operation timed out'],
    ['refused', 'ssh: connect to host 127.0.0.1 port 2299: Connection refused'],
    [
      'refused',
      'ssh: connect to host h port 22: No route to host\nssh: connect to host h port 22: Connection refused',
    ],
    ['refused', 'channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed'],
    ['hung', 'Connection timed out during banner exchange\nConnection to 127.0.0.1 port 2299 timed out'],
    ['hung', 'Connection to 127.0.0.1 port 2299 timed out'],
    ['auth', 'root@127.0.0.1: Permission denied (publickey).'],
    ['auth', 'Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures'],
    [
      'host-key',
      'No ED25519 host key is known for [127.0.0.1]:2299 and you have requested strict checking.\nHost key verification failed.',
    ],
    [
      'host-key',
      '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.',
    ],
    [
      'unsupported',
      'Unable to negotiate with 127.0.0.1 port 22: no matching host key type found. Their offer: ssh-dss',
    ],
    [
      'closed-early',
      'kex_exchange_identification: Connection closed by remote host\nConnection closed by 127.0.0.1 port 2299',
    ],
    ['closed-early', 'kex_exchange_identification: read: Connection reset by peer'],
    ['closed-early', 'Connection closed by 127.0.0.1 port 22'],
    ['local-config', '/root/.ssh/config: line 2: Bad configuration option: nosuchoption'],
    ['unsupported', ''],
    ['unsupported', 'something new'],
  ])('is %s for %j', (kind, text) => {
    expect(classifySshFailure(text).kind).toBe(kind);
  });

  it('never puts words of the other side into the message', () => {
    const { what } = classifySshFailure('\u001b]0;x\u0007 Permission denied (publickey)');
    expect(what).toBe('it refused the login');
  });

  it('names a changed key before everything that follows from it', () => {
    const text = 'REMOTE HOST IDENTIFICATION HAS CHANGED!\nPermission denied (publickey,password).';
    expect(classifySshFailure(text)).toEqual({ kind: 'host-key', what: 'its host key has CHANGED' });
  });
});
