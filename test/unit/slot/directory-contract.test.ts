// What every directory promises, whatever is behind it (slot/directory.ts).
import { expect, it } from 'vitest';
import { describeOnEveryDirectory } from '../../support/directory-kinds.js';

const start = { store1: ['imap21', 'imap22', 'imap23'], store2: ['imap22', 'imap21'], store10: ['imap21'] };
const change = { slot: 'store1', from: 'imap21', to: 'imap22', version: undefined };

describeOnEveryDirectory('a directory', (make) => {
  it('lists its slots with their masters first, and gets one', async () => {
    const directory = await make(start);
    const slots = [...(await directory.list())].sort((a, b) => (a.slot < b.slot ? -1 : 1));
    expect(slots.map(({ slot, master, state }) => [slot, master, state])).toEqual([
      ['store1', 'imap21', 'normal'],
      ['store10', 'imap21', 'normal'],
      ['store2', 'imap22', 'normal'],
    ]);
    expect((await directory.get('store1'))?.instances.map(({ host }) => host)).toEqual([
      'imap21',
      'imap22',
      'imap23',
    ]);
    expect(await directory.get('store9')).toBeUndefined();
  });

  it('sets a master by compare-and-set, and says whom it found instead', async () => {
    const directory = await make(start);
    expect((await directory.setMaster(change)).outcome).toBe('set');
    expect(await directory.get('store1')).toMatchObject({ master: 'imap22', state: 'normal' });
    expect(await directory.setMaster(change)).toMatchObject({ outcome: 'conflict', master: 'imap22' });
    expect((await directory.get('store1'))?.instances[0]?.host).toBe('imap22');
  });

  it('refuses to set a slot that it does not know', async () => {
    const directory = await make(start);
    await expect(directory.setMaster({ ...change, slot: 'store9' })).rejects.toThrow(/store9/);
    await expect(directory.setMaster({ ...change, slot: '$(id)' })).rejects.toThrow();
    expect(await directory.list()).toHaveLength(3);
  });

  it('sets a state while the master stays, and a new master ends it', async () => {
    const directory = await make(start);
    expect(directory.stateFault).toBeNull();
    const reading = {
      slot: 'store1',
      master: 'imap21',
      from: 'normal',
      to: 'readonly:imap22',
      version: undefined,
    };
    expect((await directory.setState(reading)).outcome).toBe('set');
    expect(await directory.get('store1')).toMatchObject({ master: 'imap21', state: 'readonly:imap22' });
    expect(await directory.setState(reading)).toMatchObject({
      outcome: 'conflict',
      state: 'readonly:imap22',
    });
    expect(await directory.setState({ ...reading, master: 'imap22' })).toMatchObject({ outcome: 'conflict' });
    expect((await directory.setMaster(change)).outcome).toBe('set');
    expect(await directory.get('store1')).toMatchObject({ master: 'imap22', state: 'normal' });
  });

  it('lets one of ten at once win', async () => {
    const directory = await make({ store1: ['h0', ...Array.from({ length: 10 }, (_, i) => `h${i + 1}`)] });
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        directory.setMaster({ slot: 'store1', from: 'h0', to: `h${i + 1}`, version: undefined }),
      ),
    );
    const won = results.filter((one) => one.status === 'fulfilled' && one.value.outcome === 'set');
    expect(won).toHaveLength(1);
    expect((await directory.get('store1'))?.master).not.toBe('h0');
  });

  it('voids what was decided before its version was raised, where it keeps one', async () => {
    const directory = await make(start);
    const before = (await directory.get('store1'))?.version;
    const raised = await directory.raiseVersion('store1');
    if (raised === undefined) return;
    expect((await directory.setMaster({ ...change, version: before })).outcome).toBe('conflict');
    expect((await directory.setMaster({ ...change, version: raised })).outcome).toBe('set');
  });
});
