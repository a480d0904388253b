// The hop that traces show: the last that answers for the packets that meet the fault, and no hop for what is none.
import { describe, expect, test } from 'vitest';
import type { HopSeen, PathSeen, RouteSeen } from '../../../src/probe/observation.js';
import { findHop, partingOf } from '../../../src/probe/parting.js';

const server = '203.0.113.131';

/** `a`: answers, `*`: silent, `S`: the server, `X`: hop 2 says that it is prohibited; a number behind: ms. */
function path(how: PathSeen['how'], text: string, size = 60): PathSeen {
  const hops = text.split(' ').map((word, index): HopSeen => {
    const [kind = '', ms] = word.split('/');
    const at = kind === 'X' ? 2 : index + 1;
    const address = kind === '*' ? null : /^S/.test(kind) ? server : `192.0.2.${at}`;
    return {
      ttl: index + 1,
      addresses: address === null ? [] : [address],
      names: address === null ? [] : [`r${at}.isp.example`],
      rttMs: address === null ? null : Number(ms ?? 1),
      mark:
        kind === 'X' ? '!X' : kind === 'SR' ? 'RST' : kind === 'SS' ? 'SYN' : kind === 'F' ? '!F-1400' : null,
    };
  });
  return { how, size, hops, reached: /S[RS]?(\/\d+)?$/.test(text), tookMs: 1 };
}

function seen(more: Partial<RouteSeen>): RouteSeen {
  return {
    uplink: 'level3',
    family: 4,
    target: { destination: 'x', host: null, address: server, family: 4, port: 25 },
    small: path('udp', 'a a a S'),
    big: null,
    begun: null,
    inFlow: null,
    pings: [],
    limits: [],
    ...more,
  };
}

const pings = (size: number, ...lost: readonly [lost: number, sent: number][]): RouteSeen['pings'] =>
  lost.map(([gone, sent], index) => ({
    ttl: index + 1,
    address: index === lost.length - 1 ? server : `192.0.2.${index + 1}`,
    size,
    sent,
    lost: gone,
  }));

describe('the hop', () => {
  test.each<[string, Parameters<typeof findHop>[0], Partial<RouteSeen>, number | null]>([
    ['large packets end behind hop 2', { kind: 'size' }, { big: path('udp', 'a a *', 1500) }, 2],
    ['a hop that says that they do not fit', { kind: 'size' }, { big: path('udp', 'a a F', 1500) }, 3],
    ['large packets arrive', { kind: 'size' }, { big: path('udp', 'a a a S', 1500) }, null],
    [
      'large packets arrive, but large pings end behind hop 1: it is the way back',
      { kind: 'size' },
      { big: path('udp', 'a a a S', 1500), pings: pings(1500, [0, 2], [2, 2], [2, 2], [2, 2]) },
      1,
    ],
    [
      'small ones end at the same hop: nothing about size',
      { kind: 'size' },
      { small: path('udp', 'a a *'), big: path('udp', 'a a *', 1500) },
      null,
    ],
    [
      'a silent hop in the middle is none',
      { kind: 'size' },
      { small: path('udp', 'a * a S'), big: path('udp', 'a * *', 1500) },
      1,
    ],
    ['connections end, other packets do not', { kind: 'no-connect' }, { begun: path('tcp', 'a a *') }, 2],
    [
      'nobody answers at all',
      { kind: 'no-connect' },
      { small: path('udp', '*'), begun: path('tcp', '*') },
      null,
    ],
    ['a reset from behind hop 2', { kind: 'no-connect' }, { begun: path('tcp', 'a a SR') }, 2],
    ['who prohibits is at its own place', { kind: 'no-connect' }, { begun: path('tcp', 'a a X') }, 2],
    ['by now it connects', { kind: 'no-connect' }, { begun: path('tcp', 'a a a SS') }, null],
    ['a dead flow', { kind: 'some-flows', sourcePort: 1 }, { begun: path('tcp', 'a a * *') }, 2],
    ['connections that stand still', { kind: 'flow' }, { inFlow: path('in-flow', 'a a * *') }, 2],
    ['whose packets reach every hop', { kind: 'flow' }, { inFlow: path('in-flow', 'a a a') }, null],
    ['no TTL can be set', { kind: 'flow' }, {}, null],
    ['loss from hop 3 on', { kind: 'loss' }, { pings: pings(84, [0, 100], [0, 100], [6, 100], [4, 100]) }, 2],
    [
      'a hop that answers pings badly, and loss from hop 4 on',
      { kind: 'loss' },
      { pings: pings(84, [0, 100], [80, 100], [0, 100], [30, 100]) },
      3,
    ],
    [
      'loss from the first hop on',
      { kind: 'loss' },
      { pings: pings(84, [9, 100], [11, 100], [9, 100], [10, 100]) },
      null,
    ],
    ['nothing is lost by now', { kind: 'loss' }, { pings: pings(84, [0, 100], [0, 100]) }, null],
    ['time goes behind hop 2', { kind: 'slow' }, { small: path('udp', 'a/1 a/2 a/203 S/204') }, 2],
    ['a router that is slow itself', { kind: 'slow' }, { small: path('udp', 'a/1 a/900 a/3 S/204') }, 3],
    ['somebody at hop 2 answers', { kind: 'intercepted' }, { begun: path('tcp', 'a SS') }, 2],
    [
      'who answers is as far as the server',
      { kind: 'intercepted' },
      { begun: path('tcp', 'a a a SS') },
      null,
    ],
    ['nothing is wrong', { kind: 'none' }, { big: path('udp', 'a a a S', 1500) }, null],
    ['nothing could be traced', { kind: 'size' }, { small: null, limits: ['nc cannot'] }, null],
  ])('%s', (_, symptom, more, ttl) => {
    const { hop, why } = findHop(symptom, seen(more));
    expect(hop?.ttl ?? null).toBe(ttl);
    expect(hop === null).toBe(why !== null);
  });
});

describe('where ways part', () => {
  const way = (...names: readonly (string | null)[]): PathSeen => ({
    ...path('udp', names.map(() => 'a').join(' ')),
    reached: false,
    hops: names.map((name, index) => ({
      ttl: index + 1,
      addresses: name === null ? [] : [`192.0.2.${names.length * 10 + index}`],
      names: [name],
      rttMs: 1,
      mark: null,
    })),
  });

  test('a router with another address towards each uplink is known by its name', () => {
    const parting = partingOf(
      way('gw1.level3.example', 'ae5.r2.level3.example', 'port2.x.exchange.example'),
      [
        {
          uplink: 'cogent',
          path: way('gw1.cogent.example', null, 'te0.r2.cogent.example', 'port1.x.exchange.example'),
        },
      ],
    );
    expect(parting).toEqual({ own: [1, 2], shared: [3], joins: { ttl: 3, with: ['cogent'] } });
  });

  test('ways that share nothing join nowhere', () => {
    expect(partingOf(way('a.b.example', null), [{ uplink: 'x', path: way('c.d.example') }])).toEqual({
      own: [1],
      shared: [],
      joins: null,
    });
  });
});
