import { describe, expect, it } from 'vitest';
import type { RunProgress } from '../../../src/plan/progress.js';
import { UNVERIFIED_LOGIN, unverifiedLogins, unverifiedReasons } from '../../../src/slot/unverified.js';

const lane = (name: string, reason: string | undefined, state = 'did') => ({
  lane: name,
  steps: [{ step: { action: 'slot.see-serving', host: 'imap22' }, state, reason }],
});
const run = (...lanes: unknown[]) => ({ lanes }) as unknown as RunProgress;

describe('logins that could not be tried', () => {
  it('are those that the steps wrote down', () => {
    const seen = run(
      lane('store1', `${UNVERIFIED_LOGIN}no openssl`),
      lane('store2', 'login works'),
      lane('store3', undefined),
      lane('store4', `${UNVERIFIED_LOGIN}no openssl`, 'failed'),
    );
    expect(unverifiedLogins(seen)).toEqual([{ slot: 'store1', host: 'imap22', reason: 'no openssl' }]);
  });

  it('speak against leaving, but for one that the road has shown', () => {
    const logins = ['store1', 'store2'].map((slot) => ({ slot, host: 'imap22', reason: 'x' }));
    expect(unverifiedReasons(logins, [])).toEqual(['no login to store1, store2 was tried']);
    const road = (ok: boolean) => [{ slot: 'store1', imap: { ok } }];
    expect(unverifiedReasons(logins, road(true))).toEqual(['no login to store2 was tried']);
    expect(unverifiedReasons(logins, road(false))).toHaveLength(1);
    expect(unverifiedReasons([], [])).toEqual([]);
  });
});
