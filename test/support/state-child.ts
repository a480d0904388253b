// One process of many that use a state database at the same time; started by test/unit/state. Prints one JSON line.
import { databaseDirectory } from '../../src/state/directory.js';
import { openState } from '../../src/state/open.js';
import { databaseSamples } from '../../src/state/samples.js';

const [task, path = '', number = '0'] = process.argv.slice(2);
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  if (task === 'race') {
    // A first start, samples, and one compare-and-set that all of them want.
    // More patience than the product has: a machine that runs other tests as well must not decide this one.
    const state = await openState(path, { mode: 'write', patienceMs: 60_000 });
    const samples = databaseSamples(state);
    for (let round = 0; round < 10; round++) {
      await samples.store(
        [1, 2, 3].map((slot) => ({
          slot: `store${slot}`,
          host: `imap${number}`,
          role: 'master' as const,
          channel: '',
          at: 1_700_000_000 + round,
          seenAt: Date.now(),
          pendingEvents: round,
          oldestBirth: null,
          quarantined: 0,
          running: true,
          replicating: null,
          problem: null,
        })),
      );
    }
    const directory = databaseDirectory(state);
    const before = await directory.get('store1');
    const result = await directory.setMaster({
      slot: 'store1',
      from: 'imap0',
      to: `imap${number}`,
      version: before?.version,
    });
    await state.close();
    say(result);
  } else if (task === 'make') {
    const state = await openState(path, { mode: 'write' });
    const master = { slot: 'store1', host: 'imap21', instance: 'store1', address: undefined };
    await databaseDirectory(state).applySlotMap({
      add: [{ slot: 'store1', master: 'imap21', instances: [master], state: undefined }],
      change: [],
      remove: [],
      unlisted: [],
      same: [],
    });
    await state.close();
    say('made');
  } else if (task === 'list') {
    const state = await openState(path, { mode: 'read' });
    say(await databaseDirectory(state).list());
    await state.close();
  } else if (task === 'list-twice') {
    const directory = databaseDirectory(await openState(path, { mode: 'read' }));
    const first = (await directory.get('store1'))?.version;
    process.stdout.write('?\n');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    say([first, (await directory.get('store1'))?.version]);
    process.exit(0);
  } else if (task === 'fill') {
    const state = await openState(path, { mode: 'write' });
    const samples = databaseSamples(state);
    const sample = {
      slot: 'store1',
      host: 'imap21',
      role: null,
      channel: '',
      at: 1,
      seenAt: Date.now(),
      pendingEvents: null,
      oldestBirth: null,
      quarantined: null,
      running: null,
      replicating: null,
    };
    await samples.store([{ ...sample, problem: 'kept' }]);
    try {
      for (;;)
        await samples.store(Array.from({ length: 10 }, () => ({ ...sample, problem: 'x'.repeat(500) })));
    } catch (error) {
      const kept =
        (await samples.history('store1', 3600)).filter(({ problem }) => problem === 'kept').length === 1;
      say({ error: (error as { code?: string }).code, message: (error as Error).message, kept });
    }
  } else if (task === 'open-write') {
    const state = await openState(path, { mode: 'write' });
    await databaseDirectory(state).raiseVersion('store1');
    say('written');
  }
} catch (error) {
  const { code, message, hint } = error as { code?: string; message: string; hint?: string };
  // Not before it is written: what is still open, a connection say, must not keep the process.
  process.stdout.write(`${JSON.stringify({ error: code ?? 'none', message, hint })}\n`, () =>
    process.exit(0),
  );
}
