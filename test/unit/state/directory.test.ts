import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Slot } from '../../../src/slot/slot.js';
import { diffSlotMap, type SlotMapEntry } from '../../../src/slot/slot-map.js';
import type { StateDatabase } from '../../../src/state/database.js';
import { databaseDirectory } from '../../../src/state/directory.js';
import { openState } from '../../../src/state/open.js';
import { databaseSamples } from '../../../src/state/samples.js';
import { describeOnEveryState, type Fresh } from '../../support/state-kinds.js';
import { buildStateChild, runForJson } from '../../support/state-process.js';

let state: StateDatabase;
const openFresh = (fresh: Fresh) => {
  beforeEach(async () => {
    state = await openState(await fresh.location(), { mode: 'write' });
  });
  afterEach(() => state.close());
};

const entry = (slot: string, ...hosts: string[]): SlotMapEntry => ({
  slot,
  master: hosts[0] ?? '',
  instances: hosts.map((host) => ({ slot, host, instance: slot, address: undefined })),
  state: undefined,
});

async function importSlots(wanted: readonly SlotMapEntry[], prune = false): Promise<void> {
  const directory = databaseDirectory(state);
  await directory.applySlotMap(diffSlotMap(await directory.list(), wanted, { prune }));
}

const hostsOf = (slot: Slot | undefined) => slot?.instances.map(({ host }) => host);

describeOnEveryState('databaseDirectory', (fresh) => {
  openFresh(fresh);

  it('sets a state only where master, state and version are as they were, and a new master makes it normal', async () => {
    await importSlots([entry('store1', 'a', 'b'), entry('store2', 'a', 'b')]);
    const directory = databaseDirectory(state);
    const change = { slot: 'store1', master: 'a', from: 'normal', to: 'readonly:b', version: 1 };
    expect(directory.stateFault).toBeNull();
    expect(await directory.setState(change)).toEqual({ outcome: 'set', version: 2 });
    expect(await directory.setState(change)).toEqual({
      outcome: 'conflict',
      master: 'a',
      state: 'readonly:b',
      version: 2,
    });
    const back = { ...change, from: 'readonly:b', to: 'normal', version: undefined };
    for (const wrong of [{ master: 'b' }, { from: 'readonly:c' }, { version: 1 }])
      expect(await directory.setState({ ...back, ...wrong })).toMatchObject({ outcome: 'conflict' });
    expect(await directory.setState(back)).toEqual({ outcome: 'set', version: 3 });
    await directory.setState({ ...change, version: undefined });
    await directory.setMaster({ slot: 'store1', from: 'a', to: 'b', version: undefined });
    expect(await directory.get('store1')).toMatchObject({ master: 'b', state: 'normal' });
    expect(await directory.get('store2')).toMatchObject({ master: 'a', state: 'normal', version: 1 });
    await expect(directory.setState({ ...change, slot: 'store9' })).rejects.toMatchObject({
      code: 'directory.unknown-slot',
    });
  });

  it('lists slots in the order that people expect, each with its master first and then by position', async () => {
    await importSlots([entry('store10', 'c', 'a', 'b'), entry('store2', 'b', 'a'), entry('Store2', 'a')]);
    const directory = databaseDirectory(state);
    expect((await directory.list()).map(({ slot }) => slot)).toEqual(['Store2', 'store2', 'store10']);
    await directory.setMaster({ slot: 'store10', from: 'c', to: 'b', version: undefined });
    expect(hostsOf(await directory.get('store10'))).toEqual(['b', 'c', 'a']);
  });

  it('sets a master that is as expected, raises the version, and ends a read-only state', async () => {
    await importSlots([entry('store1', 'imap21', 'imap22')]);
    await state.run('preparing', (queries) =>
      queries.updateTable('slots').set({ state: 'readonly:imap22' }).execute(),
    );
    const directory = databaseDirectory(state);
    expect(await directory.get('store1')).toMatchObject({ state: 'readonly:imap22', version: 1 });
    const change = { slot: 'store1', from: 'imap21', to: 'imap22', version: 1 };
    expect(await directory.setMaster(change)).toEqual({ outcome: 'set', version: 2 });
    expect(await directory.get('store1')).toMatchObject({ master: 'imap22', state: 'normal', version: 2 });
  });

  it('names the master that it found instead', async () => {
    await importSlots([entry('store1', 'imap21', 'imap22', 'imap23')]);
    const directory = databaseDirectory(state);
    const change = { slot: 'store1', from: 'imap22', to: 'imap23', version: undefined };
    expect(await directory.setMaster(change)).toEqual({ outcome: 'conflict', master: 'imap21', version: 1 });
    expect(await directory.get('store1')).toMatchObject({ master: 'imap21', version: 1 });
  });

  it('refuses a change that was decided before the version was raised', async () => {
    await importSlots([entry('store1', 'imap21', 'imap22')]);
    const directory = databaseDirectory(state);
    expect(await directory.raiseVersion('store1')).toBe(2);
    const change = { slot: 'store1', from: 'imap21', to: 'imap22', version: 1 };
    expect(await directory.setMaster(change)).toEqual({ outcome: 'conflict', master: 'imap21', version: 2 });
    expect(await directory.setMaster({ ...change, version: 2 })).toEqual({ outcome: 'set', version: 3 });
  });

  it('refuses a master that does not carry the slot', async () => {
    await importSlots([entry('store1', 'imap21', 'imap22'), entry('store2', 'imap23')]);
    const change = { slot: 'store1', from: 'imap21', to: 'imap23', version: 1 };
    await expect(databaseDirectory(state).setMaster(change)).rejects.toMatchObject({
      code: 'directory.no-instance',
      detail: 'it is on imap21, imap22',
    });
  });

  it('knows nothing of an unknown slot', async () => {
    const directory = databaseDirectory(state);
    expect(await directory.list()).toEqual([]);
    expect(await directory.get('store1')).toBeUndefined();
    await expect(directory.raiseVersion('store1')).rejects.toMatchObject({ code: 'directory.unknown-slot' });
    await expect(
      directory.setMaster({ slot: "x'; DROP TABLE slots; --", from: 'a', to: 'b', version: undefined }),
    ).rejects.toMatchObject({ code: 'directory.unknown-slot' });
    expect(await directory.list()).toEqual([]);
  });

  it('has an instance for a master that another tool wrote without one', async () => {
    await state.run('preparing', (queries) =>
      queries
        .insertInto('slots')
        .values({ slot: 's', master: 'imap9', state: 'normal', version: 4 })
        .execute(),
    );
    expect(await databaseDirectory(state).get('s')).toEqual({
      slot: 's',
      master: 'imap9',
      state: 'normal',
      version: 4,
      instances: [{ slot: 's', host: 'imap9', instance: 's', address: undefined }],
    });
  });

  it('keeps instances of an import with their names and addresses', async () => {
    const wanted: SlotMapEntry = {
      slot: 'user07',
      master: 'imap21',
      instances: [
        { slot: 'user07', host: 'imap21', instance: 'cyr7', address: '2001:db8::7' },
        { slot: 'user07', host: 'imap22', instance: 'user07', address: undefined },
      ],
      state: undefined,
    };
    await importSlots([wanted]);
    expect((await databaseDirectory(state).get('user07'))?.instances).toEqual(wanted.instances);
    const directory = databaseDirectory(state);
    expect(diffSlotMap(await directory.list(), [wanted]).same).toEqual(['user07']);
  });

  it('changes and removes by import, and raises the version of what it changes', async () => {
    await importSlots([entry('store1', 'a', 'b'), entry('store2', 'a')]);
    await importSlots([entry('store1', 'b', 'c')], true);
    expect(await databaseDirectory(state).list()).toMatchObject([
      { slot: 'store1', master: 'b', version: 2 },
    ]);
    expect(hostsOf(await databaseDirectory(state).get('store1'))).toEqual(['b', 'c']);
    const left = await state.run('looking', (queries) =>
      queries.selectFrom('instances').select('slot').execute(),
    );
    expect(left).toHaveLength(2);
  });

  it.each([
    ['added', entry('new', 'a')],
    ['changed', entry('store1', 'b', 'a')],
  ])('imports nothing when a slot to be %s was changed meanwhile', async (_, wanted) => {
    await importSlots([entry('store1', 'a', 'b'), entry('store2', 'a')]);
    const directory = databaseDirectory(state);
    const before = await directory.list();
    const diff = diffSlotMap(before, [entry('another', 'a'), wanted], { prune: true });
    await importSlots([entry('new', 'z')]);
    await directory.raiseVersion('store1');
    const now = await directory.list();
    await expect(directory.applySlotMap(diff)).rejects.toMatchObject({ code: 'directory.changed' });
    expect(await directory.list()).toEqual(now);
  });

  it('serves many callers of one process at once', async () => {
    await importSlots([entry('store1', 'h0', ...Array.from({ length: 30 }, (_, i) => `h${i + 1}`))]);
    const directory = databaseDirectory(state);
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        directory.setMaster({ slot: 'store1', from: 'h0', to: `h${i + 1}`, version: undefined }),
      ),
    );
    expect(results.filter(({ outcome }) => outcome === 'set')).toHaveLength(1);
    expect(await directory.get('store1')).toMatchObject({ version: 2 });
  });

  it('lets exactly one of twenty processes win, on a database that none of them has seen before', async () => {
    const path = await fresh.location();
    const child = await buildStateChild();
    // The slot must be there when the first of them asks; their schema, samples and updates race from here on.
    const own = await openState(path, { mode: 'write' });
    await databaseDirectory(own).applySlotMap(
      diffSlotMap([], [entry('store1', 'imap0', ...Array.from({ length: 20 }, (_, i) => `imap${i + 1}`))]),
    );
    await own.close();
    const answers = (await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        runForJson([process.execPath, child, 'race', path, String(i + 1)]),
      ),
    )) as { outcome?: string; master?: string; error?: string }[];
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(answers.filter(({ outcome }) => outcome === 'set')).toHaveLength(1);
    const reading = await openState(path, { mode: 'read' });
    const winner = `imap${answers.findIndex(({ outcome }) => outcome === 'set') + 1}`;
    expect(await databaseDirectory(reading).get('store1')).toMatchObject({ master: winner, version: 2 });
    expect(await databaseSamples(reading).latest()).toHaveLength(60);
    expect(await databaseSamples(reading).history('store2', 3600)).toHaveLength(200);
    await reading.close();
  }, 120_000);

  it('makes its schema once when twenty processes start at once on no file at all', async () => {
    const path = await fresh.location();
    const child = await buildStateChild();
    const answers = (await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        runForJson([process.execPath, child, 'race', path, String(i + 1)]),
      ),
    )) as { error?: string }[];
    // No slot is in it: that is all that may go wrong.
    expect(answers.filter(({ error }) => error !== 'directory.unknown-slot')).toEqual([]);
    const reading = await openState(path, { mode: 'read' });
    expect(await databaseSamples(reading).latest()).toHaveLength(60);
    await reading.close();
  }, 120_000);
});
