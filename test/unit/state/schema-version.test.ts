import { describe, expect, it } from 'vitest';
import { schemaFault } from '../../../src/state/schema-version.js';

const row = (version: number, oldest_reader = version, oldest_writer = version) => ({
  version,
  oldest_reader,
  oldest_writer,
});

describe('schemaFault', () => {
  const ours = { mode: 'write', current: 5, oldestUsable: 4 } as const;

  it('finds nothing wrong with the versions from the oldest usable one to its own', () => {
    expect(schemaFault('/x.db', row(4), ours)).toBeUndefined();
    expect(schemaFault('/x.db', row(5), ours)).toBeUndefined();
  });

  it('names the command that migrates an older one', () => {
    const fault = schemaFault('/x.db', row(3), ours);
    expect(fault).toMatchObject({ code: 'state.schema-old' });
    expect(fault?.message).toBe('/x.db: the database has the old schema 3');
    expect(fault?.hint).toContain('mailctl slots import');
  });

  it('lets a newer one say who may still read or write it', () => {
    expect(schemaFault('/x.db', row(9, 5, 5), ours)).toBeUndefined();
    expect(schemaFault('/x.db', row(9, 5, 6), { ...ours, mode: 'read' })).toBeUndefined();
    expect(schemaFault('/x.db', row(9, 5, 6), ours)).toMatchObject({ code: 'state.schema-new' });
    expect(schemaFault('/x.db', row(9, 6, 6), { ...ours, mode: 'read' })?.detail).toContain(
      '6 is needed to read',
    );
  });

  it.each([0, -1, 1.5, Number.NaN, null, 'x'])('takes a version of %j for damage', (version) => {
    expect(schemaFault('/x.db', row(version as number), ours)).toMatchObject({ code: 'state.corrupt' });
  });
});
