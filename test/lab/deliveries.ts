/**
 * Mail for the slots, all of it through mx1 as in real life. A message counts from the moment mx1 accepted it:
 * from then on, losing it is somebody's fault. Every message has a Message-ID of its own.
 */
import { randomBytes } from 'node:crypto';
import { directoryOf } from './directory.js';
import { LabError } from './errors.js';
import { inHost } from './host.js';
import { messagesOn } from './mailboxes.js';
import { sleep } from './run.js';
import { SmtpSession } from './smtp.js';
import { hostAddress, type Lab, mailDomain, slotOf, users } from './spec.js';

/** A message that mx1 accepted. */
export interface Accepted {
  /** Its Message-ID, with the angle brackets. */
  readonly id: string;
  readonly slot: string;
  readonly user: string;
  /** When it was accepted, in milliseconds. */
  readonly at: number;
}

let counter = 0;

function compose(slot: string, user: string): { id: string; to: string; text: string } {
  const serial = ++counter;
  const id = `<${serial}.${randomBytes(6).toString('hex')}@${mailDomain}>`;
  const to = `${user}@${slot}.${mailDomain}`;
  const head = [
    `Message-ID: ${id}`,
    `Date: ${new Date().toUTCString()}`,
    `From: lab@${mailDomain}`,
    `To: ${to}`,
    `Subject: message ${serial} for ${user} in ${slot}`,
  ];
  return { id, to, text: `${head.join('\n')}\n\nThis is message ${serial}.` };
}

async function sendOne(session: SmtpSession, slot: string, user: string): Promise<Accepted> {
  const { id, to, text } = compose(slot, user);
  await session.send(`lab@${mailDomain}`, to, text);
  return { id, slot, user, at: Date.now() };
}

/** Sends `count` messages to a user; returns when mx1 has accepted them all. `isNew`: one that a test has made. */
export async function deliver(
  lab: Lab,
  slot: string,
  user: string,
  count: number,
  { isNew = false } = {},
): Promise<Accepted[]> {
  slotOf(lab, slot);
  if (!isNew && !users.includes(user)) throw new LabError(`no user ${user}: ${users.join(', ')}`);
  const accepted: Accepted[] = [];
  let left = count;
  const worker = async () => {
    const session = await SmtpSession.open(hostAddress.mx1);
    try {
      while (left-- > 0) accepted.push(await sendOne(session, slot, user));
    } finally {
      session.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, Math.ceil(count / 5)) }, worker));
  return accepted;
}

export interface DeliveryStream {
  /** Accepted up to now. */
  readonly accepted: readonly Accepted[];
  /** Tries that mx1 did not accept; these messages do not count. */
  readonly refused: readonly string[];
  /** Ends the stream; answers what was accepted. */
  stop(): Promise<readonly Accepted[]>;
}

/** Keeps sending to all given slots and users in turn, until stopped. */
export function startDeliveries(
  lab: Lab,
  options: { slots?: readonly string[]; users?: readonly string[]; perSecond: number },
): DeliveryStream {
  const slots = options.slots ?? lab.slots.map((slot) => slot.slot);
  const names = options.users ?? users.filter((user) => user !== 'probe');
  const targets = names.flatMap((user) => slots.map((slot) => ({ slot, user })));
  const accepted: Accepted[] = [];
  const refused: string[] = [];
  const started = performance.now();
  let sent = 0;
  let running = true;
  const worker = async () => {
    let session: SmtpSession | undefined;
    while (running) {
      const due = started + (sent / options.perSecond) * 1000;
      const target = targets[sent % targets.length];
      if (target === undefined) return;
      if (performance.now() < due) {
        await sleep(Math.min(50, due - performance.now()));
        continue;
      }
      sent++;
      try {
        session ??= await SmtpSession.open(hostAddress.mx1);
        accepted.push(await sendOne(session, target.slot, target.user));
      } catch (error) {
        refused.push((error as Error).message);
        session?.close();
        session = undefined;
        await sleep(100);
      }
    }
    session?.close();
  };
  const workers = Promise.all(Array.from({ length: 4 }, worker));
  return {
    accepted,
    refused,
    async stop() {
      running = false;
      await workers;
      return accepted;
    },
  };
}

/** Those of the accepted messages that are not on the host which the directory names as their slot's master. */
export async function missingOnMasters(lab: Lab, accepted: readonly Accepted[]): Promise<Accepted[]> {
  const directory = await directoryOf(lab);
  const mailboxes = new Map<string, Accepted[]>();
  for (const message of accepted) {
    const key = `${message.slot} ${message.user}`;
    mailboxes.set(key, [...(mailboxes.get(key) ?? []), message]);
  }
  const missing: Accepted[] = [];
  for (const messages of mailboxes.values()) {
    const [first] = messages;
    if (!first) continue;
    const master = directory.get(first.slot)?.master;
    const there = new Set(master === undefined ? [] : await messagesOn(lab, first.slot, first.user, master));
    missing.push(...messages.filter((message) => !there.has(message.id)));
  }
  return missing;
}

/**
 * Waits until all accepted messages are on their slots' masters; answers those that did not arrive in time.
 * mx1 tries again after 5 to 10 s; but where all its mail is for one and the same recipient, Postfix remembers
 * the way there for 30 s.
 */
export async function waitDelivered(
  lab: Lab,
  accepted: readonly Accepted[],
  timeoutMs = 60_000,
): Promise<Accepted[]> {
  const end = performance.now() + timeoutMs;
  let missing = await missingOnMasters(lab, accepted);
  while (missing.length > 0 && performance.now() < end) {
    await sleep(200);
    missing = await missingOnMasters(lab, missing);
  }
  return missing;
}

/** What waits on mx1, as the MTA shows it. */
export async function mailq(lab: Lab): Promise<string> {
  return (await inHost(lab, 'mx1', ['postqueue', '-p'])).stdout;
}

/** How many messages wait on mx1. */
export async function waitingOnMx(lab: Lab): Promise<number> {
  const { stdout } = await inHost(lab, 'mx1', ['postqueue', '-j']);
  return stdout.split('\n').filter(Boolean).length;
}

/** Makes mx1 try everything again now. */
export async function flushMx(lab: Lab): Promise<void> {
  const { code, stderr } = await inHost(lab, 'mx1', ['postqueue', '-f'], { mayFail: true });
  if (code !== 0) throw new LabError(`postqueue -f: ${stderr}`);
}
