// npm run fuzz: 100,000 mutated inputs for every parser of what hosts print. Exit 1 and the input when one does not
// hold; the same seed gives the same inputs.
//   npm run fuzz -- [--inputs 100000] [--seed 1] [--only NAME]
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.js';
import { fuzzTargets } from './targets.js';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const inputs = Math.max(1, Number(values.inputs) || 100_000);
const seed = Number(values.seed) || 1;
const targets = (await fuzzTargets()).filter(({ name }) => values.only === undefined || name === values.only);
let faults = targets.length === 0 ? 1 : 0;
if (targets.length === 0) console.error(`no parser is called ${values.only}`);
for (const target of targets) {
  const begun = performance.now();
  const { inputs: done, fault, slowestMs } = fuzz(target, inputs, seed, () => performance.now());
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${target.name.padEnd(18)} ${done} inputs  ${seconds} s  slowest ${slowestMs.toFixed(0)} ms`);
  if (fault === null) continue;
  faults += 1;
  console.error(`  seed ${seed}, input ${done}: ${JSON.stringify(fault.input)}`);
  console.error(
    `  ${fault.error instanceof Error ? (fault.error.stack ?? fault.error.message) : fault.error}`,
  );
}
process.exit(faults === 0 ? 0 : 1);
