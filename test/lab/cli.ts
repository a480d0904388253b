/** `npm run lab -- ...`: the lab at the command line. Everything it does is in the functions of lab.ts. */
import { takeDown } from './down.js';
import { LabError } from './errors.js';
import { up } from './up.js';

const [verb] = process.argv.slice(2);
try {
  if (verb === 'up') await up({ say: (l) => console.error(l), slots: Number(process.argv[3] ?? 15) });
  else if (verb === 'down') console.log(await takeDown());
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  console.error(`lab: ${error.message}`);
  process.exitCode = 1;
}
