// A small share of `npm run fuzz`: a thousand mutated inputs for every parser of what hosts print.
import { expect, test } from 'vitest';
import { fuzz } from '../../fuzz/fuzz.js';
import { fuzzTargets } from '../../fuzz/targets.js';

const INPUTS = 1000;
const targets = await fuzzTargets();

test.each(targets.map((target) => [target.name, target] as const))(
  '%s holds, whatever it is given',
  (_name, target) => {
    expect(target.samples.every((sample) => sample !== '')).toBe(true);
    expect(fuzz(target, INPUTS, 4, () => performance.now()).fault).toBeNull();
  },
);
