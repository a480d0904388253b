/**
 * One of two who want the lease of a slot at the same time: the product's own driver over its own ssh transport, in a
 * process of its own. `take N` on stdin asks for it as the run of that try, `back` gives it back; a JSON line each.
 */
import { createInterface } from 'node:readline';
import { loadConfig } from '../../src/config/load.js';
import { cyrusStore } from '../../src/drivers/cyrus/store.js';
import { inventoryOf } from '../../src/fleet/inventory.js';
import { systemClock } from '../../src/lib/clock.js';
import type { LeaseAnswer } from '../../src/slot/driver.js';
import { openTransport } from '../../src/transport/route.js';

const [operator = '', bastion = '', slot = '', hostName = ''] = process.argv.slice(2);
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

const { config } = await loadConfig({ file: undefined, env: process.env, sections: ['hosts', 'stores'] });
const transport = openTransport({
  defaults: config.defaults,
  sudoFor: (one) => config.hosts.get(one.name)?.sudo ?? config.defaults.sudo,
  clock: systemClock,
  env: process.env,
});
if (config.stores.cyrus === undefined) throw new Error('the configuration names no mail store');
const driver = cyrusStore({
  config: config.stores.cyrus,
  transport,
  clock: systemClock,
  testAccount: undefined,
  admin: undefined,
});
const host = inventoryOf(config.hosts).hosts.find(({ name }) => name === hostName);
if (host === undefined) throw new Error(`${hostName} is not configured`);
const instance = { slot, host: hostName, instance: slot, address: undefined };
const phase = 'opened';

// The connection is made before the first try.
await driver.observe(host, [instance]);
say('ready');

let run = '';
let answer: LeaseAnswer | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const [word, number] = line.split(' ');
  if (word === 'take') {
    run = `${operator}-${number}`;
    const wish = {
      run,
      operator,
      bastion,
      takeOver: [],
      from: hostName,
      to: 'imap22',
      phase,
      record: `{"run":"${run}"}`,
    };
    answer = await driver.takeLease(host, instance, wish);
    say(answer);
  } else if (answer?.granted === true) {
    await driver.giveLeaseBack(host, instance, { run, token: answer.token, phase }, []);
    say('back');
  }
}
await transport.close();
