import { expect, test } from 'vitest';
import { type SampleAccess, tolerantSamples } from '../../../src/cli/tolerant-samples.js';
import { MailctlError } from '../../../src/errors.js';
import type { Sample, SampleStore } from '../../../src/slot/samples.js';

const sample = { slot: 'store1' } as Sample;

function failure(code: string): MailctlError {
  return new MailctlError(`${code} happened`, { code, exitCode: 1, hint: 'do this' });
}

function access(parts: Partial<SampleAccess>) {
  const warnings: string[] = [];
  const stored: Sample[] = [];
  const store: SampleStore = {
    store: async (samples) => void stored.push(...samples),
    latest: async () => [sample],
    lastEmpty: async () => [],
    history: async () => [sample],
  };
  const samples = tolerantSamples({
    toWrite: async () => store,
    toRead: async () => store,
    mayWrite: true,
    warn: (text, hint) => warnings.push(`${text} (${hint})`),
    ...parts,
  });
  return { samples, warnings, stored };
}

test('samples are stored and read', async () => {
  const { samples, stored, warnings } = access({});
  await samples.store([sample]);
  expect(stored).toEqual([sample]);
  expect(await samples.latest()).toEqual([sample]);
  expect(await samples.history('store1', 60)).toEqual([sample]);
  expect(warnings).toEqual([]);
});

test('a database that cannot be written costs one warning, and what it holds is still read', async () => {
  const { samples, warnings } = access({ toWrite: () => Promise.reject(failure('state.read-only')) });
  await samples.store([sample]);
  await samples.store([sample]);
  expect(await samples.latest()).toEqual([sample]);
  expect(warnings).toEqual(['the samples are not stored: state.read-only happened (do this)']);
});

test('a database that cannot be read gives no samples and a warning', async () => {
  const { samples, warnings } = access({ toRead: () => Promise.reject(failure('state.corrupt')) });
  expect(await samples.latest()).toEqual([]);
  expect(await samples.history('store1', 60)).toEqual([]);
  expect(warnings).toEqual(['stored samples cannot be read: state.corrupt happened (do this)']);
});

test('a database that nobody made yet has no samples, and that is no warning', async () => {
  const { samples, warnings } = access({ toRead: () => Promise.reject(failure('state.missing')) });
  expect(await samples.latest()).toEqual([]);
  expect(warnings).toEqual([]);
});

test('a dry run stores nothing and opens nothing to write', async () => {
  const { samples, stored } = access({ mayWrite: false, toWrite: () => Promise.reject(new Error('opened')) });
  await samples.store([sample]);
  expect(stored).toEqual([]);
});

test('a fault of ours is not hidden', async () => {
  const { samples } = access({ toRead: () => Promise.reject(new TypeError('bug')) });
  await expect(samples.latest()).rejects.toThrow(TypeError);
});
