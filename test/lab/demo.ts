/**
 * `npm run demo`: a lab of fifteen real Cyrus slots, a dead server, and the failover, in about a minute. Every
 * line of the product is what it prints; every figure is counted afterwards on the servers.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  type Accepted,
  deliver,
  directoryOf,
  fail,
  type Lab,
  LabError,
  missingOnMasters,
  productEnv,
  up,
  waitDelivered,
} from './lab.js';

const bin = fileURLToPath(new URL('../../bin/mailctl.js', import.meta.url));
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Runs the product with its own output on this terminal; gives its exit code. */
function mailctl(lab: Lab, ...words: string[]): Promise<number> {
  say(`\n$ mailctl ${words.join(' ')}`);
  const child = spawn(process.execPath, [bin, ...words, '-o', 'table'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...productEnv(lab) },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function check(what: string, isTrue: boolean): void {
  if (!isTrue) throw new LabError(`the demo did not go as it should: ${what}`);
  say(`ok  ${what}`);
}

async function demo(): Promise<void> {
  say('== a lab: imap21, imap22, imap23 with 15 mail stores mastered on imap21, and mx1; all real servers');
  const lab = await up({ slots: 15, say });
  const env = productEnv(lab);

  say('\n== mail for every slot');
  const delivered: Accepted[] = [];
  for (const { slot } of lab.slots) delivered.push(...(await deliver(lab, slot, 'ann', 3)));
  const late = await waitDelivered(lab, delivered);
  check(`${delivered.length} messages accepted by mx1 and delivered on imap21`, late.length === 0);
  check('mailctl slots list exits 0: every slot is healthy', (await mailctl(lab, 'slots', 'list')) === 0);

  say('\n== imap21 is cut off the network');
  await fail(lab, 'imap21');
  const began = performance.now();
  const exit = await mailctl(lab, 'failover', 'imap21', '--yes');
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  check(`mailctl failover imap21 exits 0, ${seconds} s after it was called`, exit === 0);

  say('\n== what is true now, asked of the servers themselves');
  const entries = await directoryOf(lab);
  check(
    'the directory names another master for each of the 15 slots',
    [...entries.values()].every((entry) => entry.master !== 'imap21'),
  );
  const missing = await missingOnMasters(lab, delivered);
  check(`all ${delivered.length} messages delivered before are on the new masters`, missing.length === 0);

  const exports = Object.entries(env).map(([key, value]) => `  export ${key}=${value}`);
  say(`
Not safe to leave, it says: each slot has one copy until imap21 is back.
The lab stays up. To go on by hand:
${exports.join('\n')}
  node bin/mailctl.js slots list         each slot served, imap21 owes its part
  node bin/mailctl.js runs               the run; runs show RUN has its steps
  npm run lab -- return imap21 --boot    imap21 boots: its slots come up as masters
  node bin/mailctl.js slots list         two masters: they are named
  node bin/mailctl.js rejoin imap21      its mail is brought over, then it is a replica again
  npm run lab -- down                    takes everything away`);
}

try {
  await demo();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`demo: ${error.message}\n      npm run lab -- down   takes the lab away\n`);
  process.exitCode = 1;
}
