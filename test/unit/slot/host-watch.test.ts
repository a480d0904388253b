import { describe, expect, it, onTestFinished } from 'vitest';
import { TransportError } from '../../../src/errors.js';
import type { Sighting } from '../../../src/slot/death.js';
import { HostWatch } from '../../../src/slot/host-watch.js';
import { fakeClock } from '../../support/fake-clock.js';
import { silence } from '../../support/slot-sight.js';

type Seen = Sighting['ports'][number]['seen'];

/** A host whose state the test sets, and what was asked about it. */
function watchOf() {
  const clock = fakeClock();
  const world = {
    up: false,
    error: silence('imap21') as Error,
    seen: 'silent' as Seen | 'nobody',
    pings: 0,
    looks: 0,
  };
  const watch = new HostWatch(
    {
      ping: async () => {
        world.pings += 1;
        if (!world.up) throw world.error;
      },
      sightings: async () => {
        world.looks += 1;
        if (world.seen === 'nobody') throw new TransportError('imap22', 'timeout', 'imap22 gave no answer');
        return [
          {
            observer: 'imap22',
            slot: 'store1',
            ports: [{ address: 'imap21', port: 143, kind: 'imap', seen: world.seen }],
          },
        ];
      },
    },
    clock,
  );
  onTestFinished(() => watch.stop());
  return { clock, world, watch };
}

describe('HostWatch', () => {
  it('says why a host is away until it answers', async () => {
    const { clock, world, watch } = watchOf();
    expect(watch.away('imap21')).toBeUndefined();
    watch.add('imap21', silence('imap21'));
    expect(watch.away('imap21')).toBe('imap21 does not answer (5 s)');
    await clock.advance(1500);
    expect(watch.away('imap21')).not.toBeUndefined();
    world.up = true;
    await clock.advance(1500);
    expect(watch.away('imap21')).toBeUndefined();
  });

  it('asks once more after it stood still, and only then', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    await clock.advance(1500);
    const { pings } = world;
    expect(await watch.awayNow('imap21')).toBe('imap21 does not answer (5 s)');
    expect(world.pings).toBe(pings);
    watch.stop();
    world.up = true;
    await clock.advance(60_000);
    expect(watch.away('imap21')).not.toBeUndefined();
    expect(await watch.awayNow('imap21')).toBeUndefined();
  });

  it('forgets what was seen of a host that was cut off since, and waits for a look from then on', async () => {
    const { world, watch } = watchOf();
    world.seen = 'greeting';
    watch.add('imap21', silence('imap21'));
    expect((await watch.verdict('imap21')).gate).toBe('still-serving');
    world.seen = 'silent';
    watch.lookAgain('imap21');
    expect((await watch.verdict('imap21')).gate).toBeNull();
  });

  it('looks again before it says dead, where what it saw is not of now', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    expect((await watch.verdict('imap21')).gate).toBeNull();
    // The process stands still: time passes, and none of its timers is heard.
    const now = clock.monotonic.bind(clock);
    clock.monotonic = () => now() + 60_000;
    world.seen = 'greeting';
    expect((await watch.verdict('imap21')).gate).toBe('still-serving');
  });

  it('asks each host once a second, and not more often for being added twice', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    watch.add('imap21', silence('imap21'));
    await clock.advance(5000);
    expect(world.pings).toBeGreaterThanOrEqual(5);
    expect(world.pings).toBeLessThanOrEqual(6);
  });

  it('judges by what others see now, from the first look on', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    expect((await watch.verdict('imap21')).gate).toBeNull();
    world.seen = 'greeting';
    await clock.advance(1100);
    expect((await watch.verdict('imap21')).gate).toBe('still-serving');
    world.seen = 'open';
    await clock.advance(1100);
    expect((await watch.verdict('imap21')).gate).toBe('not-proven-dead');
  });

  it('does not go on believing witnesses that cannot look any more', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    expect((await watch.verdict('imap21')).gate).toBeNull();
    world.seen = 'nobody';
    await clock.advance(1100);
    expect((await watch.verdict('imap21')).gate).toBe('not-proven-dead');
  });

  it('takes a host that begins to hang for what it is', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    world.error = new TransportError('imap21', 'hung', 'imap21 says nothing');
    await clock.advance(1100);
    expect(watch.away('imap21')).toBe('imap21 says nothing');
    expect(await watch.verdict('imap21')).toMatchObject({
      gate: 'not-proven-dead',
      reason: expect.stringMatching(/hangs/),
    });
  });

  it('watches a host anew that came back and fell silent: what was seen before is void', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    await watch.verdict('imap21');
    world.up = true;
    await clock.advance(1100);
    // It booted as a master, and its ssh broke again.
    world.up = false;
    world.seen = 'greeting';
    watch.add('imap21', silence('imap21'));
    expect(watch.away('imap21')).toBe('imap21 does not answer (5 s)');
    expect((await watch.verdict('imap21')).gate).toBe('still-serving');
  });

  it('knows nothing of a host that it does not watch', async () => {
    expect((await watchOf().watch.verdict('imap21')).gate).toBe('not-proven-dead');
  });

  it('stops asking when it is stopped', async () => {
    const { clock, world, watch } = watchOf();
    watch.add('imap21', silence('imap21'));
    await clock.advance(2000);
    watch.stop();
    const { pings, looks } = world;
    await clock.advance(10_000);
    expect([world.pings, world.looks]).toEqual([pings, looks]);
    expect(clock.pending()).toBe(0);
  });
});
