/** `npm run lab -- ...`: the lab at the command line. What it does is in the functions of lab.ts. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { deliver, mailq, waitDelivered } from './deliveries.js';
import { takeDown } from './down.js';
import { LabError } from './errors.js';
import { crash, delay, fail, hang, lag, returnHost, unlag } from './faults.js';
import { insideArgv } from './host.js';
import { count, messagesOn } from './mailboxes.js';
import { ensureMtas } from './mta.js';
import { ensurePackages, fetchPostfix, requireRootOnDebian } from './packages.js';
import { productEnv } from './product.js';
import { destinationsOf, fillQueue, providersText, startProviders, threeProviders } from './providers.js';
import { hostNamed, hostsOf, type Lab, type LayoutName, type MtaName, mtaNames, openLab } from './spec.js';
import { statusText } from './status.js';
import { up } from './up.js';
import { uplinksCommand, uplinksUsage } from './uplinks/cli.js';

const usage = `npm run lab -- COMMAND

  up [--slots 15] [--replicas 1|2] [--layout default|addresses] [--mta exim,mailman3,opensmtpd,sendmail]
  down                              take everything away
  status                            hosts, and each slot's role on each host
  packages [NAME...]                install the Debian packages that it needs, and these; up does it, too
  servers [NAME...]                 fetch mx1's Postfix and these mail servers, so that up needs no network

  fail HOST                         its network is gone
  hang HOST [--sshd-only]           it accepts connections and never answers
  delay HOST MS                     its round trip takes so much longer; 0: near again
  return HOST [--boot]              network and processes are back; --boot: after a power cycle
  crash SLOT [HOST]                 SIGKILL to all of the slot's processes there
  lag SLOT [--messages 3]           replication stops, then mail is delivered
  unlag SLOT                        replication goes on

  deliver SLOT USER N [--wait]      send mail through mx1; --wait: until it is in the mailbox
  count SLOT USER HOST              messages in the INBOX on that host's disk
  messages SLOT USER HOST           their Message-IDs
  mailq                             what waits on mx1
  fill N [--name m]                 a backlog of so many in mx1's queue, 65 % of it for one provider
  providers [--limit 20] [--ms 60]  their receivers, in the foreground: counts once a second; words on stdin change
                                    them: gmail refuse|defer|well, gmail limit 5, gmail ms 500, reset
  exec HOST -- COMMAND...           run something on a host, whatever its network does

${uplinksUsage}`;

const { values, positionals } = parse();
const [verb, ...args] = positionals;

try {
  await main();
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`lab: ${error.message}\n`);
  process.exitCode = 1;
}

function parse() {
  // What follows "--" belongs to the host, options and all.
  const argv = process.argv.slice(2);
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  try {
    const parsed = parseArgs({
      args: own,
      allowPositionals: true,
      options: {
        slots: { type: 'string', default: '15' },
        replicas: { type: 'string', default: '1' },
        layout: { type: 'string', default: 'default' },
        mta: { type: 'string', default: '' },
        messages: { type: 'string', default: '3' },
        'sshd-only': { type: 'boolean', default: false },
        boot: { type: 'boolean', default: false },
        wait: { type: 'boolean', default: false },
        name: { type: 'string', default: 'm' },
        limit: { type: 'string', default: '20' },
        ms: { type: 'string', default: '60' },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    });
    return {
      values: parsed.values,
      positionals: [...parsed.positionals, ...(end < 0 ? [] : argv.slice(end + 1))],
    };
  } catch (error) {
    process.stderr.write(`lab: ${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  if (values.help || verb === undefined || verb === 'help') return print(usage);
  requireRootOnDebian();
  switch (verb) {
    case 'up':
      return bringUp();
    case 'down':
      return print((await takeDown()) ? 'the lab is gone\n' : 'there was no lab\n');
    case 'status':
      return print(statusText(openLab()));
    case 'packages':
      return ensurePackages((line) => print(`${line}\n`), args);
    case 'servers':
      return haveServers(args.map(mtaNamed), (line) => print(`${line}\n`));
    case 'fail':
      return fail(openLab(), hostNamed(arg(0, 'HOST')));
    case 'hang':
      return hang(openLab(), hostNamed(arg(0, 'HOST')), { sshdOnly: values['sshd-only'] });
    case 'delay': {
      const ms = args[1] === '0' ? 0 : number(arg(1, 'MS'), 'MS');
      return delay(openLab(), hostNamed(arg(0, 'HOST')), ms);
    }
    case 'return':
      return returnHost(openLab(), hostNamed(arg(0, 'HOST')), { boot: values.boot });
    case 'crash':
      return print(`killed on ${await crash(openLab(), arg(0, 'SLOT'), args[1])}\n`);
    case 'lag': {
      const accepted = await lag(openLab(), arg(0, 'SLOT'), {
        messages: number(values.messages, '--messages'),
      });
      return print(`replication stopped, ${accepted.length} messages delivered since\n`);
    }
    case 'unlag':
      return unlag(openLab(), arg(0, 'SLOT'));
    case 'deliver':
      return deliverFrom(openLab());
    case 'count':
      return print(`${await count(openLab(), arg(0, 'SLOT'), arg(1, 'USER'), arg(2, 'HOST'))}\n`);
    case 'messages': {
      const ids = await messagesOn(openLab(), arg(0, 'SLOT'), arg(1, 'USER'), arg(2, 'HOST'));
      return print(ids.map((id) => `${id}\n`).join(''));
    }
    case 'mailq':
      return print(`${await mailq(openLab())}\n`);
    case 'fill':
      return fillQueue(openLab(), number(arg(0, 'N'), 'N'), { name: values.name });
    case 'providers':
      return receive(openLab());
    case 'exec':
      return exec(openLab());
    case 'uplinks':
      return uplinksCommand(args);
    default:
      throw new LabError(`no command ${verb}\n\n${usage}`);
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

function arg(index: number, what: string): string {
  const value = args[index];
  if (value === undefined) throw new LabError(`${verb}: ${what} is missing\n\n${usage}`);
  return value;
}

function number(text: string, what: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new LabError(`${what}: a number from 1 on, not ${text}`);
  return value;
}

async function bringUp(): Promise<void> {
  const replicas = number(values.replicas, '--replicas');
  if (replicas !== 1 && replicas !== 2) throw new LabError('--replicas: 1 or 2');
  if (values.layout !== 'default' && values.layout !== 'addresses') {
    throw new LabError('--layout: default or addresses');
  }
  const layout: LayoutName = values.layout;
  const began = performance.now();
  const lab = await up({
    slots: number(values.slots, '--slots'),
    replicas,
    layout,
    mtas: values.mta.split(',').filter(Boolean).map(mtaNamed),
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const environment = Object.entries(productEnv(lab)).map(([key, value]) => `export ${key}=${value}\n`);
  const count = lab.slots.length === 1 ? 'one slot' : `${lab.slots.length} slots`;
  print(`The lab is up (${seconds} s): ${hostsOf(lab).join(', ')}; ${count}, mastered on imap21.

${environment.join('')}
Try next:
  node bin/mailctl.js slots list
  npm run lab -- fail imap21 && node bin/mailctl.js failover imap21
  npm run lab -- status
  ssh -F ${lab.paths.sshConfig} imap22
  npm run lab -- down
`);
}

async function haveServers(mtas: readonly MtaName[], say: (line: string) => void): Promise<void> {
  await fetchPostfix(say);
  await ensureMtas(mtas, say);
}

function mtaNamed(name: string): MtaName {
  const found = mtaNames.find((candidate) => candidate === name);
  if (found === undefined) throw new LabError(`no mail server ${name}: some of ${mtaNames.join(', ')}`);
  return found;
}

async function deliverFrom(lab: Lab): Promise<void> {
  const [slot, user] = [arg(0, 'SLOT'), arg(1, 'USER')];
  const accepted = await deliver(lab, slot, user, number(arg(2, 'N'), 'N'));
  print(`mx1 accepted ${accepted.length}\n`);
  if (!values.wait) return;
  const missing = await waitDelivered(lab, accepted, 60_000);
  if (missing.length > 0)
    throw new LabError(`${missing.length} of ${accepted.length} did not arrive in a minute`);
  print('all are in the mailbox\n');
}

/** Plays the providers until it is ended. */
async function receive(lab: Lab): Promise<void> {
  const [limit, ms] = [number(values.limit, '--limit'), number(values.ms, '--ms')];
  const providers = await startProviders(
    lab,
    threeProviders.map((one) => ({ ...one, limit, ms })),
  );
  const config = stringify({
    destinations: destinationsOf(threeProviders.map((one) => ({ ...one, limit }))),
  });
  print(`# for mailctl.yaml:\n${config}`);
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [name = '', word = '', value = ''] = line.trim().split(/ +/);
    const some = providers.all.filter((one) => name === 'reset' || one.name === name);
    for (const one of some) {
      if (name === 'reset') one.reset();
      else if (word === 'limit') one.set({ limit: Number(value) });
      else if (word === 'ms') one.set({ ms: Number(value) });
      else if (word === 'refuse' || word === 'defer' || word === 'well') one.set({ mood: word });
    }
  });
  let last = '';
  setInterval(() => {
    const text = providersText(providers);
    if (text !== last) print(`${new Date().toISOString()}\n${text}`);
    last = text;
  }, 1000);
}

async function exec(lab: Lab): Promise<void> {
  const host = hostNamed(arg(0, 'HOST'));
  arg(1, 'COMMAND');
  const [file = '', ...rest] = insideArgv(lab.paths, host, args.slice(1));
  const child = spawn(file, rest, { stdio: 'inherit' });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 255));
  });
}
