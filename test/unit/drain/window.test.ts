// The window of one destination: margin, doubling, halving, stopping, asking again; other mail's connections.
import { describe, expect, test } from 'vitest';
import {
  type DestinationLimit,
  DestinationWindow,
  marginOf,
  mostInFlight,
} from '../../../src/drain/window.js';

const limit = (more: Partial<DestinationLimit> = {}): DestinationLimit => ({
  connections: 20,
  source: 'default',
  perSecond: null,
  inFlight: null,
  ...more,
});
const sight = (tries: number, pushedBack = 0, open: number | null = null, inFlight = 0) => ({
  tries,
  pushedBack,
  open,
  inFlight,
});

test('there is always a margin below a limit, and always room for one', () => {
  expect([1, 2, 5, 10, 20, 100].map(marginOf)).toEqual([0, 1, 1, 2, 4, 20]);
  expect(mostInFlight(limit({ connections: 1 }))).toBe(1);
  expect(mostInFlight(limit({ connections: 2 }))).toBe(1);
  expect(mostInFlight(limit({ inFlight: 400 }))).toBe(400);
});

test('hosts that count connections themselves need none', () => {
  expect([1, 2, 20].map((connections) => mostInFlight(limit({ connections }), true))).toEqual([1, 2, 20]);
  expect(mostInFlight(limit({ inFlight: 400 }), true)).toBe(400);
});

describe('a window', () => {
  test('doubles while all is well and stays at its most', () => {
    const window = new DestinationWindow(limit(), 0);
    expect(window.window).toBe(8);
    window.see(sight(20), 1);
    window.see(sight(20), 2);
    window.see(sight(20), 3);
    expect(window.window).toBe(16);
    window.see(sight(20), 4);
    expect(window.state).toBe('steady');
  });

  test('begins with all of a limit that somebody has written down', () => {
    for (const source of ['config', 'flag'] as const) {
      expect(new DestinationWindow(limit({ source }), 0).window).toBe(16);
      expect(new DestinationWindow(limit({ source }), 0, true).window).toBe(20);
    }
  });

  test('halves at more than a tenth, waits a minute, then grows slowly', () => {
    const window = new DestinationWindow(limit({ inFlight: 100 }), 0);
    for (let now = 1; now < 10; now += 1) window.see(sight(100), now);
    expect(window.window).toBe(100);
    expect(window.see(sight(100, 20), 10)).toBe('pushes back 20 of 100: window 100 -> 50 for 60s');
    for (let now = 11; now < 69; now += 1) window.see(sight(100), now);
    expect(window.window).toBe(50);
    for (let now = 69; now < 135; now += 1) window.see(sight(100), now);
    expect(window.window).toBeGreaterThanOrEqual(54);
    expect(window.window).toBeLessThan(60);
  });

  test('stops at a flood, asks later and later, and comes back', () => {
    const window = new DestinationWindow(limit(), 0);
    expect(window.see(sight(10, 9), 1)).toContain('stopped, is asked again in 15s');
    expect(window.window).toBe(0);
    expect(window.see(sight(0), 10)).toBeUndefined();
    expect(window.see(sight(0), 16)).toBe('is asked again with 2');
    expect(window.see(sight(2, 2), 17)).toContain('in 30s');
    expect(window.see(sight(0), 47)).toBe('is asked again with 2');
    expect(window.see(sight(2), 48)).toBe('takes mail again');
    expect(window.state).toBe('growing');
  });

  test('one or two that are pushed back of a few are no flood', () => {
    const window = new DestinationWindow(limit(), 0);
    expect(window.see(sight(2, 2), 1)).toBeUndefined();
    expect(window.window).toBe(8);
  });

  test('connections of other mail take places, where the hosts do not count for themselves', () => {
    const window = new DestinationWindow(limit(), 0);
    for (let now = 1; now < 5; now += 1) window.see(sight(20, 0, 14, 3), now);
    expect(window.window).toBe(6);
    const counted = new DestinationWindow(limit(), 0, true);
    for (let now = 1; now < 5; now += 1) counted.see(sight(20, 0, 14, 3), now);
    expect(counted.window).toBe(20);
  });

  test('more connections than allowed, seen twice, make it smaller', () => {
    const window = new DestinationWindow(limit(), 0, true);
    for (let now = 1; now < 4; now += 1) window.see(sight(20), now);
    expect(window.see(sight(0, 0, 25), 4)).toBeUndefined();
    expect(window.see(sight(0, 0, 25), 5)).toContain('25 connections open where 20 are allowed');
    expect(window.window).toBeLessThan(17);
  });
});
