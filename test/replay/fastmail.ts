/**
 * The outage that mailctl is named after its answer to: imap21 dies with 15 mail stores on it, and the replica of one
 * of them is two days behind, stuck on a poisoned event. On real servers: `npm run replay -- fastmail`.
 */
import fs from 'node:fs';
import path from 'node:path';
import {
  type Accepted,
  deliver,
  directoryOf,
  fail,
  ImapSession,
  inHost,
  instanceOf,
  type Lab,
  LabError,
  lag,
  messagesOn,
  missingOnMasters,
  moveToOwnDisk,
  powerOff,
  returnHost,
  runningRole,
  secret,
  setBirth,
  srvFile,
  syncLogs,
  takeDown,
  unlag,
  up,
  waitDelivered,
  waitingOnMx,
} from '../lab/lab.js';
import { journals } from '../lab/mailctl.js';
import { check, mailctl, ReplayError, say, until } from './replay.js';

interface JournalLine {
  readonly at: string;
  readonly kind: string;
  readonly step?: string;
  readonly plan?: { readonly id: string };
}

const DAYS = 2;
const BAD = 'store15';

/** One IMAP session as the admin on a slot's instance. */
async function asAdmin(lab: Lab, slot: string, host: string, commands: readonly string[]): Promise<void> {
  const instance = instanceOf(lab, slot, host);
  const session = await ImapSession.open(instance.address, instance.imapPort);
  try {
    await session.command(`LOGIN cyrus ${secret(lab.paths, 'cyrus')}`);
    for (const command of commands) await session.command(command);
  } finally {
    session.close();
  }
}

/** Removes one message from a user's INBOX on a slot's master. */
async function expungeFirst(lab: Lab, slot: string, host: string, user: string): Promise<string> {
  const instance = instanceOf(lab, slot, host);
  const [first] = await messagesOn(lab, slot, user, host);
  if (first === undefined) throw new ReplayError(`${user}@${slot} has no message on ${host}`);
  const session = await ImapSession.open(instance.address, instance.imapPort);
  try {
    await session.command(`LOGIN cyrus ${secret(lab.paths, 'cyrus')}`);
    await session.command(`SETACL user/${user} cyrus lrswipkxtecda`);
    await session.command(`SELECT user/${user}`);
    await session.command('STORE 1 +FLAGS (\\Deleted)');
    await session.command('EXPUNGE');
  } finally {
    session.close();
  }
  return first;
}

async function masterOf(lab: Lab, slot: string): Promise<string> {
  const entry = (await directoryOf(lab)).get(slot);
  if (entry === undefined) throw new ReplayError(`the directory does not know ${slot}`);
  return entry.master;
}

/** Poison: an event whose message is gone from the master's disk. Everything behind it waits. */
async function poison(lab: Lab): Promise<readonly Accepted[]> {
  await lag(lab, BAD, { messages: 2, user: 'ben' });
  const master = instanceOf(lab, BAD, 'imap21');
  const found = await inHost(lab, 'imap21', [
    '/usr/lib/cyrus/bin/mbpath',
    '-C',
    master.imapdConf,
    'user/ben',
  ]);
  const folder = srvFile(lab, master, found.stdout.trim());
  const messages = fs.readdirSync(folder).filter((name) => /^\d+\.$/.test(name));
  const last = messages.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1) as string;
  fs.renameSync(path.join(folder, last), `${folder}/../lost-${last}`);
  await unlag(lab, BAD);
  await until('the replication of store15 is stuck', 20, () => syncLogs(lab, master).length > 0);
  // What comes now waits behind it: mail, and a user who is known nowhere else.
  const ann = await deliver(lab, BAD, 'ann', 5);
  await asAdmin(lab, BAD, 'imap21', ['CREATE user/dora']);
  const dora = await deliver(lab, BAD, 'dora', 3, { isNew: true });
  await until(
    'the mail behind it was delivered',
    30,
    async () => (await waitDelivered(lab, [...ann, ...dora], 1000)).length === 0,
  );
  return [...ann, ...dora];
}

/** Two days pass for the log of store15: its file system is unmounted and the births are set on it. */
async function letDaysPass(lab: Lab): Promise<void> {
  await returnHost(lab, 'imap21', { boot: true });
  const master = instanceOf(lab, BAD, 'imap21');
  await until('store15 runs again, and its log waits', 20, () => runningRole(lab, master) === 'master');
}

async function outage(): Promise<void> {
  say('15 stores on imap21, replicas on imap22 and imap23, one MX');
  const lab = await up({ slots: 15, forTests: true });
  try {
    await play(lab);
  } finally {
    if (process.env.MAILCTL_REPLAY_KEEP === undefined) await takeDown(lab.paths);
  }
}

async function play(lab: Lab): Promise<void> {
  const old = instanceOf(lab, BAD, 'imap21');
  await powerOff(lab, 'imap21');
  await moveToOwnDisk(lab, old);
  await returnHost(lab, 'imap21', { boot: true });

  const mail: Accepted[] = [];
  for (const { slot } of lab.slots)
    mail.push(...(await deliver(lab, slot, 'ann', 2)), ...(await deliver(lab, slot, 'carl', 2)));
  check(`${mail.length} messages delivered`, (await waitDelivered(lab, mail)).length === 0);
  for (const slot of ['store1', 'store2'])
    await asAdmin(lab, slot, 'imap21', ['CREATE user/carl/old', 'CREATE user/carl/keep']);
  await mailctl(lab, ['slots', 'list'], 0);

  say('two days ago: a message of ben@store15 is lost on the disk before it was replicated');
  mail.push(...(await poison(lab)));
  await powerOff(lab, 'imap21');
  const logs = syncLogs(lab, old).map(({ file }) =>
    file.slice(file.indexOf('/srv/')).replace(/^\/srv\/store15/, old.base),
  );
  await setBirth(lab, old, logs, Date.now() / 1000 - DAYS * 86_400);
  await letDaysPass(lab);

  const status = await mailctl(lab, ['replication', 'status'], [1]);
  check(
    'it is critical, and names store15 and its users',
    /crit/i.test(status.stdout) &&
      /store15/.test(status.stdout) &&
      /\bann\b/.test(status.stdout) &&
      /\bdora\b/.test(status.stdout),
  );
  await mailctl(lab, ['slots', 'sample'], [0, 1], { quiet: true });

  say('the last seconds of imap21: mail and a user that no replica has yet');
  for (const slot of ['store1', 'store2', 'store3']) mail.push(...(await lag(lab, slot, { messages: 2 })));
  const carls = await deliver(lab, 'store1', 'carl', 2);
  await asAdmin(lab, 'store3', 'imap21', ['CREATE user/frank', 'CREATE user/ann/late']);
  const franks = await deliver(lab, 'store3', 'frank', 2, { isNew: true });
  check('all delivered', (await waitDelivered(lab, [...carls, ...franks])).length === 0);
  mail.push(...carls, ...franks);

  say('imap21 dies');
  await fail(lab, 'imap21');
  const waiting = (await Promise.all(lab.slots.map(({ slot }) => deliver(lab, slot, 'ann', 2)))).flat();
  mail.push(...waiting);
  say(`${await waitingOnMx(lab)} messages wait on mx1`);

  const called = performance.now();
  const moved = await mailctl(lab, ['failover', 'imap21', '--yes', '--reason', 'replay'], 3);
  const left = [...(await directoryOf(lab))].filter(([, entry]) => entry.master === 'imap21');
  check('14 slots have moved, store15 has not', left.map(([slot]) => slot).join() === BAD);
  const said = `${moved.stderr}${moved.stdout}`;
  check('it names the word that serves store15 without a loss', said.includes(`--read-only ${BAD}`));
  const clocks = clocksOf(lab, said);
  await until('what waited for the 14 is delivered', 120, async () => {
    const due = waiting.filter(({ slot }) => slot !== BAD);
    return (await missingOnMasters(lab, due)).length === 0;
  });
  const delivered = performance.now() - called;

  await mailctl(lab, ['failover', 'imap21', '--read-only', BAD, '--yes'], [0, 3]);
  const reader = instanceOf(lab, BAD, 'imap22');
  check('store15 can be read on imap22', runningRole(lab, reader) === 'readonly');
  await readOnlyRefusesWrites(lab);

  say('meanwhile, on the new masters: users, folders and messages are deleted, one user is made, mail comes');
  const one = await masterOf(lab, 'store1');
  const two = await masterOf(lab, 'store2');
  await asAdmin(lab, 'store1', one, ['SETACL user/carl cyrus lrswipkxtecda', 'DELETE user/carl']);
  await asAdmin(lab, 'store2', two, [
    'SETACL user/carl/old cyrus lrswipkxtecda',
    'DELETE user/carl/old',
    'CREATE user/eve',
  ]);
  const expunged = await expungeFirst(lab, 'store2', two, 'ann');
  const fresh = (
    await Promise.all(
      lab.slots.filter(({ slot }) => slot !== BAD).map(({ slot }) => deliver(lab, slot, 'ann', 1)),
    )
  ).flat();
  fresh.push(...(await deliver(lab, 'store2', 'eve', 2, { isNew: true })));
  mail.push(...fresh);

  say('imap21 returns, and everything on it runs as it did');
  await returnHost(lab, 'imap21');
  await until(
    'imap21 answers',
    30,
    async () => (await inHost(lab, 'imap21', ['true'], { mayFail: true })).code === 0,
  );
  await mailctl(lab, ['rejoin', 'imap21', '--yes'], [0, 3]);
  for (const slot of ['store1', 'store2', 'store3']) await unlag(lab, slot);
  const rejoined = performance.now() - called;

  say('store15 has its master back; the poison is set aside, mended, and tried again');
  await mailctl(lab, ['replication', 'quarantine', BAD, '--yes'], [0, 3]);
  await mailctl(lab, ['replication', 'quarantine', 'list'], [0, 1]);
  const old15 = instanceOf(lab, BAD, 'imap21');
  await inHost(lab, 'imap21', ['/usr/lib/cyrus/bin/reconstruct', '-C', old15.imapdConf, 'user/ben']);
  await mailctl(lab, ['replication', 'retry', BAD, '--yes'], 0);

  say('what is true now, asked of the servers');
  await until(
    'all mail is on the masters that the directory names',
    60,
    async () => (await missingOn(lab, mail, expunged)).length === 0,
  );
  await until(
    'and on the replicas',
    60,
    async () => (await missingOnReplicas(lab, mail, expunged)).length === 0,
  );
  for (const host of ['imap21', one]) {
    check(
      `carl@store1, deleted meanwhile, is not on ${host}`,
      !(await hasMailbox(lab, 'store1', host, 'user.carl')),
    );
  }
  for (const host of ['imap21', two]) {
    check(
      `his folder in store2 neither, on ${host}`,
      !(await hasMailbox(lab, 'store2', host, 'user.carl.old')),
    );
    check(
      `nor the expunged message of ann, on ${host}`,
      !(await messagesOn(lab, 'store2', 'ann', host)).includes(expunged),
    );
    check(`eve, made meanwhile, is on ${host}`, await hasMailbox(lab, 'store2', host, 'user.eve'));
  }
  for (const host of ['imap21', 'imap22']) {
    check(
      `dora@${BAD}, made while it was stuck, is on ${host}`,
      await hasMailbox(lab, BAD, host, 'user.dora'),
    );
  }
  await mailctl(lab, ['replication', 'verify', '--deadline', '5m'], 0);
  await mailctl(lab, ['slots', 'list'], 0);
  const secondCopy = performance.now() - called;

  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  process.stdout.write(`
fastmail: 15 slots, one replica ${DAYS} days behind. Nothing lost, nothing resurrected.
  command to plan                   ${clocks.plan}
  word to the last login            ${clocks.login}
  last deferred message delivered   ${seconds(delivered)} after the command
  second copy fresh                 ${seconds(rejoined)} after the command, with imap21's return; verified at ${seconds(secondCopy)}
`);
}

/** What its plan screen says of the look, and its journal of the last login; seconds. */
function clocksOf(lab: Lab, said: string): { readonly plan: string; readonly login: string } {
  const shown = /plan (\w+)\s+\S+Z\s+([\d.]+)s/.exec(said);
  const run = journals(lab.paths.state)
    .map((lines) => lines.map((line) => JSON.parse(line) as JournalLine))
    .find((lines) => lines[0]?.plan?.id === shown?.[1]);
  const last = run?.findLast(({ step, kind }) => step === 'serve' && (kind === 'did' || kind === 'skipped'));
  if (shown === null || run?.[0] === undefined || last === undefined)
    throw new ReplayError('a run without clocks');
  const login = (Date.parse(last.at) - Date.parse(run[0].at)) / 1000;
  return { plan: `${shown[2]} s`, login: `${login.toFixed(1)} s` };
}

/** The read-only copy shows mail and takes none. */
async function readOnlyRefusesWrites(lab: Lab): Promise<void> {
  const instance = instanceOf(lab, BAD, 'imap22');
  const session = await ImapSession.open(instance.address, instance.imapPort);
  try {
    await session.command(`LOGIN ann ${secret(lab.paths, 'users')}`);
    const selected = await session.command('SELECT INBOX');
    check(
      'ann logs in there and sees her mail',
      selected.some((line) => /^\* [1-9]\d* EXISTS/.test(line)),
    );
    const refused = await session.command('STORE 1 +FLAGS (\\Flagged)').then(
      () => false,
      () => true,
    );
    check('and can change nothing, so that nothing diverges', refused);
  } finally {
    session.close();
  }
}

async function missingOn(
  lab: Lab,
  mail: readonly Accepted[],
  expunged: string,
): Promise<readonly Accepted[]> {
  // carl of store1 was deleted with his mail, and one message was expunged: by the users themselves.
  const due = mail.filter(({ slot, user, id }) => !(slot === 'store1' && user === 'carl') && id !== expunged);
  return missingOnMasters(lab, due);
}

async function missingOnReplicas(
  lab: Lab,
  mail: readonly Accepted[],
  expunged: string,
): Promise<readonly Accepted[]> {
  const masters = await directoryOf(lab);
  const missing: Accepted[] = [];
  for (const { slot, instances } of lab.slots) {
    const due = mail.filter(
      (one) => one.slot === slot && !(slot === 'store1' && one.user === 'carl') && one.id !== expunged,
    );
    for (const { host } of instances.filter((one) => one.host !== masters.get(slot)?.master)) {
      for (const user of new Set(due.map((one) => one.user))) {
        const there = new Set(await messagesOn(lab, slot, user, host));
        missing.push(...due.filter((one) => one.user === user && !there.has(one.id)));
      }
    }
  }
  return missing;
}

/** Is there a live mailbox of that internal name on a host? */
async function hasMailbox(lab: Lab, slot: string, host: string, name: string): Promise<boolean> {
  const instance = instanceOf(lab, slot, host);
  const listed = await inHost(lab, instance.host, [
    '/usr/lib/cyrus/bin/ctl_mboxlist',
    '-C',
    instance.imapdConf,
    '-d',
  ]);
  const found = (JSON.parse(listed.stdout || '{}') as Record<string, { mbtype?: string }>)[name];
  return found !== undefined && found.mbtype?.includes('d') !== true;
}

try {
  await outage();
} catch (error) {
  if (!(error instanceof ReplayError || error instanceof LabError)) throw error;
  process.stdout.write(`\nFAILED  ${error.message}\n`);
  process.exitCode = 1;
}
