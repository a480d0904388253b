import { describe, expect, it } from 'vitest';
import { parseJump } from '../../../src/transport/ssh-master.js';

describe('the jump host in the output of ssh -G', () => {
  it.each([
    ['j1', 'j1'],
    ['bob@j1', 'bob@j1'],
    ['bob@j1:2222', 'ssh://bob@j1:2222'],
    ['j1:22', 'ssh://j1:22'],
    ['[2001:db8::1]:22', 'ssh://[2001:db8::1]:22'],
    ['bob@[2001:db8::1]', 'bob@2001:db8::1'],
  ])('%s is given to ssh as %s', (spec, target) => {
    expect(parseJump(`user root\nproxyjump ${spec}\nport 22\n`)).toBe(target);
  });

  it.each(['none', 'a,b', '-oProxyCommand=x', '', '2001:db8::1'])('%j is left to ssh', (spec) => {
    expect(parseJump(`proxyjump ${spec}\n`)).toBeUndefined();
  });

  it('is none where there is none', () => {
    expect(parseJump('')).toBeUndefined();
    expect(parseJump('hostname proxyjump x\n')).toBeUndefined();
  });
});
