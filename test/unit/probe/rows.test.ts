// Uplinks become rows by family, and two of one host that leave by one gateway are found before anything is judged.
import { describe, expect, it } from 'vitest';
import type { Family, PolicyRoute } from '../../../src/probe/observation.js';
import { type RoutedRow, rowsOf, sharedGateways, sharedText } from '../../../src/probe/rows.js';

const both: ReadonlySet<Family> = new Set([4, 6]);
const uplink = (name: string, sources: readonly string[], device?: string) => ({
  uplink: name,
  host: 'mx1',
  sources,
  interface: device,
});

describe('rows', () => {
  it('are one for each family that the uplink and a target have', () => {
    const uplinks = [
      uplink('a', ['192.0.2.10']),
      uplink('b', ['198.51.100.10', '2001:db8::10']),
      uplink('c', [], 'eth2'),
    ];
    const names = (families: ReadonlySet<Family>) =>
      rowsOf(uplinks, families).map((row) => `${row.uplink}${row.family} ${row.source ?? row.interface}`);
    expect(names(both)).toEqual([
      'a4 192.0.2.10',
      'b4 198.51.100.10',
      'b6 2001:db8::10',
      'c4 eth2',
      'c6 eth2',
    ]);
    expect(names(new Set<Family>([6]))).toEqual(['b6 2001:db8::10', 'c6 eth2']);
  });
});

describe('gateways', () => {
  const routed = (name: string, route: Partial<PolicyRoute>, host = 'mx1'): RoutedRow => ({
    row: { uplink: name, family: 4, host, source: '192.0.2.10', interface: null },
    route: { gateway: '192.0.2.1', dev: 'eth0', table: 'main', source: null, ...route },
  });

  it('that two uplinks of a host share are found, and the cure is named', () => {
    const [group, ...more] = sharedGateways([
      routed('a', {}),
      routed('b', {}),
      routed('c', { gateway: '203.0.113.1' }),
      routed('d', {}, 'mx2'),
    ]);
    expect(more).toEqual([]);
    expect(group?.map(({ row }) => row.uplink)).toEqual(['a', 'b']);
    const { message, hint } = sharedText(group ?? []);
    expect(message).toBe(
      'mx1: a and b leave by the same gateway 192.0.2.1 (eth0): nothing can be said of one alone',
    );
    expect(hint).toContain('ip rule add from 192.0.2.10 table N');
  });

  it('of the same address on two devices are two, and a destination on the link tells nothing', () => {
    expect(sharedGateways([routed('a', {}), routed('b', { dev: 'eth1' })])).toEqual([]);
    expect(sharedGateways([routed('a', { gateway: null }), routed('b', { gateway: null })])).toEqual([]);
  });
});
