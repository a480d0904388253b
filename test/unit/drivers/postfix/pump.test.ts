// The pump itself, on a folder that looks like a queue and that no server takes anything from: how many are let go
// while nothing is seen of what they did.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { orderText } from '../../../../src/drivers/postfix/drain.js';
import { PUMP_SCRIPT } from '../../../../src/drivers/postfix/drain-script.js';
import type { DrainLot, DrainRelease } from '../../../../src/queue/drain-way.js';
import { parseLook } from '../../../../src/queue/pump-words.js';
import { describeUnless } from '../../../support/unless.js';

const perl = spawnSync('perl', ['-MTime::HiRes', '-MSocket', '-e', '1']);
const whyNot = perl.status === 0 ? undefined : 'there is no perl';

describeUnless(whyNot, 'the pump', () => {
  let spool = '';
  beforeEach(() => {
    spool = fs.mkdtempSync(path.join(os.tmpdir(), 'pump-'));
    for (const folder of ['incoming', 'active', 'deferred', 'hold', 'public', 'pid', 'bin'])
      fs.mkdirSync(path.join(spool, folder));
    for (const [name, text] of [
      ['postconf', `printf '%s\\n' '${spool}' 1 'deferred defer'`],
      ['postqueue', ':'],
      ['postkick', ':'],
    ] as const)
      fs.writeFileSync(path.join(spool, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    fs.writeFileSync(path.join(spool, 'pid', 'master.pid'), '1');
  });
  afterEach(() => fs.rmSync(spool, { recursive: true, force: true }));

  /** Held messages of a hop. What they contain is no queue file, as after a crash of the disk. */
  const held = (hop: string, count: number, connections?: number): DrainRelease[] =>
    Array.from({ length: count }, (_, at) => {
      const id = `${hop.toUpperCase()}AAAA${at}`;
      fs.writeFileSync(path.join(spool, 'hold', id), 'x'.repeat(at % 3));
      return { id, arrivedAt: null, sender: null, hop, connections };
    });
  const pump = (lots: readonly Partial<DrainLot>[]) => {
    const order = {
      forMs: 150,
      lots: lots.map((lot) => ({ window: 20, perSecond: null, release: [], watch: [], ...lot })),
    };
    const { stdout, stderr, status } = spawnSync('sh', ['-c', PUMP_SCRIPT, 'sh', '', '150'], {
      input: orderText(order),
      env: { ...process.env, PATH: `${path.join(spool, 'bin')}:${process.env.PATH}` },
      encoding: 'utf8',
    });
    expect([stderr, status]).toEqual(['', 0]);
    const look = parseLook('mx1', stdout);
    return order.lots.map(
      ({ release }) => release.filter(({ id }) => look.fates.get(id) === 'waiting').length,
    );
  };
  const peers = ['203.0.113.9'];

  test('lets go as many as a window says, where the server bounds its connections itself', () => {
    expect(pump([{ release: held('a', 30), connections: null }])).toEqual([20]);
  });

  test('keeps a place or two of a large limit for those that are under way, and none of a small one', () => {
    const [large = 0, ...small] = pump([
      { release: held('a', 30), connections: 20, peers },
      { window: 5, release: held('b', 30), connections: 5, peers: ['203.0.113.10'] },
      { window: 1, release: held('c', 3), connections: 1, peers: ['203.0.113.11'] },
    ]);
    expect(large).toBeGreaterThanOrEqual(17);
    expect(large).toBeLessThanOrEqual(19);
    expect(small).toEqual([5, 1]);
  });

  test('counts a message for all connections that it makes; one that makes more than all goes alone', () => {
    const [some = 0, alone] = pump([
      { release: held('a', 9, 3), connections: 20, peers },
      { release: held('b', 9, 50), connections: 20, peers: ['203.0.113.10'] },
    ]);
    expect(some).toBeGreaterThanOrEqual(5);
    expect(some).toBeLessThanOrEqual(6);
    expect(alone).toBe(1);
  });

  test('begins with several hops where one alone would wait for its own first few', () => {
    const went = pump([{ release: [...held('a', 30), ...held('b', 30)], connections: 20, peers }]);
    expect(went[0]).toBeGreaterThanOrEqual(17);
    expect(
      fs.readdirSync(path.join(spool, 'incoming')).filter((id) => id.startsWith('B')).length,
    ).toBeGreaterThan(3);
  });

  test('a rate without anything left over lets none go', () => {
    expect(pump([{ release: held('d', 9), connections: 20, peers, perSecond: 1, credit: 0 }])).toEqual([0]);
    expect(pump([{ release: held('e', 9), connections: 20, peers, perSecond: 1, credit: -5 }])).toEqual([0]);
    expect(pump([{ release: held('f', 9), connections: 20, peers, perSecond: 1, credit: 1 }])).toEqual([1]);
  });

  test('lets none go of a window without places, and no more than a rate', () => {
    expect(pump([{ window: 0, release: held('a', 3), connections: 20, peers }])).toEqual([0]);
    expect(pump([{ release: held('b', 9), connections: 20, peers, perSecond: 10 }])[0]).toBeLessThanOrEqual(
      3,
    );
  });
});
