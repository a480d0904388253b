// The operator's words become servers: what is no destination is refused, every name's MX is followed, and a run looks at
// more servers of a destination where there are fewer destinations.
import { describe, expect, it } from 'vitest';
import {
  type Found,
  type FoundExchangers,
  findTargets,
  parseDestination,
  serversEach,
  type TargetLookups,
} from '../../../src/probe/targets.js';

describe('a word of the command line', () => {
  it.each([
    ['example.net', 'example.net', ['example.net'], null, 25],
    ['Example.NET.', 'example.net', ['example.net'], null, 25],
    ['mx.example.net:587', 'mx.example.net:587', ['mx.example.net'], null, 587],
    ['192.0.2.25', '192.0.2.25', [], '192.0.2.25', 25],
    ['192.0.2.25:2525', '192.0.2.25:2525', [], '192.0.2.25', 2525],
    ['2001:DB8::25', '2001:db8::25', [], '2001:db8::25', 25],
    ['[2001:db8::25]:26', '[2001:db8::25]:26', [], '2001:db8::25', 26],
  ])('%s is understood', (word, destination, names, address, port) => {
    expect(parseDestination(word)).toEqual({ destination, names, address, port });
  });

  it.each([
    '',
    'a b',
    '-oProxyCommand=x',
    'user@example.net',
    "exa'mple.net",
    'example.net:0',
    'example.net:70000',
    '999.1.1.1',
    '1:2:3',
    '[2001:db8::25::]',
    '1.2.3.4444',
    '[2001:db8::25',
    'example.net/25',
    '\u001b[2J',
    'x'.repeat(300),
    '$(reboot)',
  ])('%j is refused', (word) => {
    expect(parseDestination(word)).toBeNull();
  });
});

describe('finding servers', () => {
  const none = { kind: 'none' } as const;
  const zone: Record<string, { mx?: readonly [number, string][]; a?: readonly string[] }> = {
    'example.net': {
      mx: [
        [20, 'mx2.example.net'],
        [10, 'MX1.example.net.'],
        [10, 'mx0.example.net'],
      ],
    },
    'mx0.example.net': { a: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] },
    'mx1.example.net': { a: ['192.0.2.3'] },
    'mx2.example.net': { a: ['192.0.2.4'] },
    'plain.example': { a: ['192.0.2.9'] },
    'odd.example': { mx: [[5, '\u001b]0;x']] },
    'null.example': { mx: [], a: ['192.0.2.80'] },
  };
  const lookups: TargetLookups = {
    mx: async (name): Promise<FoundExchangers> => {
      const mx = zone[name]?.mx;
      if (name.startsWith('dead')) return { kind: 'failed', why: 'the resolver did not answer' };
      if (mx?.length === 0) return { kind: 'none', isNull: true };
      return mx === undefined
        ? none
        : { kind: 'found', values: mx.map(([preference, host]) => ({ name: host, preference })) };
    },
    addresses: async (name): Promise<Found<string>> => {
      const a = zone[name]?.a;
      return a === undefined ? none : { kind: 'found', values: a };
    },
  };
  const find = (...words: string[]) =>
    findTargets(
      words.map((word) => {
        const wish = parseDestination(word);
        if (wish === null) throw new Error(word);
        return wish;
      }),
      lookups,
    );

  it('takes different servers of the best MX first, three when there is nothing to compare with', async () => {
    const { targets, domains, failed } = await find('example.net');
    expect(
      targets.filter(({ family }) => family === 4).map(({ host, address }) => `${host} ${address}`),
    ).toEqual(['mx0.example.net 192.0.2.1', 'mx1.example.net 192.0.2.3', 'mx2.example.net 192.0.2.4']);
    expect(targets.filter(({ family }) => family === 6).map(({ address }) => address)).toEqual([
      '2001:db8::1',
    ]);
    expect(domains.get('example.net')).toBe('example.net');
    expect(failed).toEqual([]);
    expect([1, 2, 3, 50].map(serversEach)).toEqual([3, 2, 1, 1]);
  });

  it('takes a name without MX by its own address, and an address as it is', async () => {
    const { targets } = await find('plain.example', '192.0.2.77:2525', '2001:db8::5');
    expect(targets.map(({ host, address, port, family }) => [host, address, port, family])).toEqual([
      ['plain.example', '192.0.2.9', 25, 4],
      [null, '192.0.2.77', 2525, 4],
      [null, '2001:db8::5', 25, 6],
    ]);
  });

  it('says why there are none', async () => {
    const { targets, failed } = await find('dead.example', 'nothing.example', 'odd.example', 'null.example');
    expect(targets).toEqual([]);
    expect(failed.map(({ destination, why }) => `${destination}: ${why}`)).toEqual([
      'dead.example: dead.example: the resolver did not answer',
      'nothing.example: nothing.example: it has no address',
      'odd.example: odd.example: it takes no mail (its MX is no host)',
      'null.example: null.example: it takes no mail (null MX)',
    ]);
  });
});
