import { expect, test } from 'vitest';
import { Turns } from '../../../../src/drivers/cyrus/turns.js';
import type { Host } from '../../../../src/fleet/host.js';
import { fakeClock } from '../../../support/fake-clock.js';

const host = (name: string): Host => ({ name, transport: 'ssh', groups: [] });

/** Turns whose scripts end when they are told to. */
function world(pace = { soon: 1, most: 3, pauseMs: 400 }) {
  const clock = fakeClock();
  const sent: { readonly host: string; readonly calls: readonly string[]; readonly end: () => void }[] = [];
  const turns = new Turns<string>(
    clock,
    pace,
    (to, calls) => new Promise((resolve) => sent.push({ host: to.name, calls, end: resolve })),
  );
  return { clock, sent, turns };
}

test('calls of one moment go together, and each host has scripts of its own', async () => {
  const { clock, sent, turns } = world();
  for (const call of ['a', 'b']) turns.add(host('imap21'), call);
  turns.add(host('imap22'), 'c');
  await clock.advance(5);
  expect(sent.map(({ host, calls }) => [host, calls])).toEqual([
    ['imap21', ['a', 'b']],
    ['imap22', ['c']],
  ]);
});

test('what comes while a script is at work is never served by it, and goes together at its end', async () => {
  const { clock, sent, turns } = world();
  turns.add(host('imap21'), 'a');
  await clock.advance(5);
  for (const call of ['b', 'c', 'd']) {
    turns.add(host('imap21'), call);
    await clock.advance(10);
  }
  expect(sent).toHaveLength(1);
  sent[0]?.end();
  await clock.advance(5);
  expect(sent.map(({ calls }) => calls)).toEqual([['a'], ['b', 'c', 'd']]);
});

test('a script that takes long holds up the next for the pause only, and at most so many are at work', async () => {
  const { clock, sent, turns } = world({ soon: 1, most: 2, pauseMs: 400 });
  turns.add(host('imap21'), 'slow');
  await clock.advance(5);
  turns.add(host('imap21'), 'b');
  await clock.advance(390);
  expect(sent).toHaveLength(1);
  await clock.advance(10);
  expect(sent.map(({ calls }) => calls)).toEqual([['slow'], ['b']]);
  turns.add(host('imap21'), 'c');
  await clock.advance(10_000);
  expect(sent).toHaveLength(2);
  sent[1]?.end();
  await clock.advance(5);
  expect(sent.at(-1)?.calls).toEqual(['c']);
});
