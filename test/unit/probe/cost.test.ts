// What a bad uplink costs, by two looks at the host's sockets and descriptors.
import { describe, expect, it } from 'vitest';
import { parseHanging } from '../../../src/drivers/sockets/hanging.js';
import { costOf } from '../../../src/probe/cost.js';

const look = (fds: number, sockets: number) => `files 4000 0 100000
process 812 ${sockets} ${fds} 8192 relay of ours
junk
process 1 2 3
ss
${Array.from({ length: sockets }, (_, at) => `ESTAB 0 0 198.51.100.10:${40_000 + at} 203.0.113.5:25 users:(("relay",pid=812,fd=9))\n\t cubic lastsnd:61000 lastrcv:61000`).join('\n')}
ESTAB 0 0 192.0.2.10:50000 203.0.113.5:25
TIME-WAIT 0 0 198.51.100.10:39999 203.0.113.5:25
`;

describe('the cost of an uplink', () => {
  it('is what hangs on its addresses, and when the descriptors of their holder run out', () => {
    const looks = {
      before: parseHanging(look(4100, 4)),
      after: parseHanging(look(4110, 14)),
      elapsedMs: 5000,
    };
    expect(costOf('level3', 'mx1', ['198.51.100.10'], looks)).toMatchObject({
      uplink: 'level3',
      sockets: 14,
      grownBy: 10,
      quiet: 14,
      runsOut: { name: 'relay of ours', pid: 812, used: 4110, limit: 8192, inSeconds: 2041 },
      fullest: { pid: 812 },
    });
  });

  it('does not run out when nobody grows', () => {
    const same = parseHanging(look(4100, 4));
    const cost = costOf('level3', 'mx1', ['198.51.100.10'], { before: same, after: same, elapsedMs: 5000 });
    expect(cost).toMatchObject({ sockets: 4, grownBy: 0, runsOut: null });
  });

  it('is not known without an address of its own, and reads nothing out of nonsense', () => {
    const empty = parseHanging('');
    expect(empty).toEqual({ sockets: [], processes: [], machine: null });
    expect(costOf('x', 'mx1', [], { before: empty, after: empty, elapsedMs: 1 })).toBeNull();
    expect(parseHanging('process 1 1 9999999999999 1 x\nfiles a b c\nss\n\u001b[2J')).toEqual(empty);
  });
});
