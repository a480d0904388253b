import { describe, expect, it } from 'vitest';
import { judgeDeath, maybeUs, type Sighting, type Silence } from '../../../src/slot/death.js';
import type { PortSight } from '../../../src/slot/driver.js';

function sighting(observer: string, ...seen: PortSight['seen'][]): Sighting {
  const ports = seen.map((each, index) => ({
    address: '198.51.100.21',
    port: 10143 + index,
    seen: each,
    kind: index === 0 ? ('imap' as const) : ('lmtp' as const),
  }));
  return { observer, slot: 'store1', ports };
}

const judge = (more: Partial<Silence> = {}) =>
  judgeDeath({
    host: 'imap21',
    failure: 'unreachable',
    message: 'imap21 does not answer (5 s)',
    sightings: [sighting('imap22', 'silent', 'silent')],
    maybeUs: null,
    peerElsewhere: false,
    ...more,
  });

describe('judgeDeath', () => {
  it.each(['unreachable', 'timeout'])(
    'believes %s, when another host sees no IMAP and no LMTP',
    (failure) => {
      expect(judge({ failure })).toEqual({
        gate: null,
        reason: 'no ssh, no IMAP, no LMTP',
        witnesses: ['imap22'],
      });
    },
  );

  it.each(['unreachable', 'timeout', 'hung', 'auth', 'refused', 'lost'])(
    'is still-serving when anyone is greeted, after %s',
    (failure) => {
      const verdict = judge({
        failure,
        sightings: [sighting('mx1', 'silent'), sighting('imap22', 'silent', 'greeting')],
      });
      expect(verdict).toMatchObject({ gate: 'still-serving', witnesses: ['imap22', 'mx1'] });
      expect(verdict.reason).toBe(
        'imap22 sees store1 served by imap21 (LMTP port 10144), while it is silent to ssh',
      );
    },
  );

  it.each<[string, Partial<Silence>, RegExp]>([
    ['it hangs: TCP opens and no ssh banner comes', { failure: 'hung' }, /hangs, and may wake up/],
    [
      'its ports accept and say nothing',
      { sightings: [sighting('imap22', 'open', 'silent')] },
      /accept and say nothing/,
    ],
    ['its kernel refuses: it may be booting', { sightings: [sighting('imap22', 'refused')] }, /kernel lives/],
    [
      'one observer of two is refused',
      { sightings: [sighting('imap23', 'silent'), sighting('imap22', 'refused')] },
      /imap22 gets refusals/,
    ],
    [
      'it refuses the login',
      { failure: 'auth', message: 'imap21: Permission denied' },
      /answers, and cannot be driven: imap21: Permission denied/,
    ],
    ['its key is unknown', { failure: 'host-key' }, /cannot be driven/],
    ['sudo refuses', { failure: 'sudo' }, /cannot be driven/],
    ['its sshd refuses', { failure: 'refused' }, /cannot be driven/],
    ['the connection broke half way', { failure: 'lost' }, /cannot be driven/],
    ['an observation that was cut off', { failure: 'parse' }, /cannot be driven/],
    ['a failure of a kind that is not known here', { failure: 'toString' }, /cannot be driven/],
    ['nobody else could be asked', { sightings: [] }, /nobody else could be asked/],
    [
      'others were asked, and none of its ports is known there',
      { sightings: [sighting('imap22')] },
      /nobody else could be asked/,
    ],
    [
      'it may be us, and no peer elsewhere was asked',
      { maybeUs: '3 of 4 hosts asked are silent from here' },
      /3 of 4 .* it may be us/,
    ],
  ])('is not-proven-dead: %s', (_, more, reason) => {
    const verdict = judge(more);
    expect(verdict.gate).toBe('not-proven-dead');
    expect(verdict.reason).toMatch(reason);
  });

  it('believes a peer elsewhere when it may be us', () => {
    expect(
      judge({ maybeUs: 'all 2 hosts of row-a are silent from here', peerElsewhere: true }).gate,
    ).toBeNull();
  });

  it('takes greeting before hanging, and hanging before refusal: the worst speaks', () => {
    const all = [sighting('a', 'refused'), sighting('b', 'open'), sighting('c', 'greeting')];
    expect(judge({ sightings: all }).gate).toBe('still-serving');
    expect(judge({ sightings: all.slice(0, 2) }).reason).toMatch(/accept and say nothing/);
  });

  it('is not moved by a port that could not be tried', () => {
    expect(judge({ sightings: [sighting('imap22', 'silent', 'unknown')] }).gate).toBeNull();
    expect(judge({ sightings: [sighting('imap22', 'unknown', 'unknown')] }).gate).toBe('not-proven-dead');
  });
});

describe('maybeUs', () => {
  const at = (name: string, silent: boolean, location?: string) => ({ name, silent, location });

  it('says nothing when all answer, or few do not', () => {
    expect(maybeUs([])).toBeNull();
    expect(maybeUs([at('a', false), at('b', false)])).toBeNull();
    expect(maybeUs([at('a', true), at('b', false)])).toBeNull();
    expect(maybeUs([at('a', true), at('b', false), at('c', false)])).toBeNull();
  });

  it('speaks when more than half are silent', () => {
    expect(maybeUs([at('a', true), at('b', true), at('c', false)])).toBe(
      '2 of 3 hosts asked are silent from here',
    );
    expect(maybeUs([at('a', true)])).toBe('1 of 1 hosts asked are silent from here');
  });

  it('speaks when a whole location of two or more is silent', () => {
    const rest = [at('c', false, 'row-b'), at('d', false, 'row-b'), at('e', false)];
    expect(maybeUs([at('a', true, 'row-a'), at('b', true, 'row-a'), ...rest])).toBe(
      'all 2 hosts of row-a are silent from here',
    );
    expect(maybeUs([at('a', true, 'row-a'), at('b', false, 'row-a'), ...rest])).toBeNull();
    expect(maybeUs([at('a', true, 'row-a'), ...rest])).toBeNull();
  });

  it('does not take hosts without a location for one location', () => {
    expect(maybeUs([at('a', true), at('b', true), at('c', false), at('d', false)])).toBeNull();
  });
});
