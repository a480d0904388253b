// One small message, handed to a mail server by SMTP and looked for in a mailbox by IMAP: the way of a mail to its end,
// which no dialogue without DATA can see. The message says what it is, asks nobody for an answer, and is removed when
// it was found. A password goes over TLS with a good certificate only, or to the host itself.

import type { Duplex } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import { withDeadline } from '../lib/deadline.js';
import { isLoopback } from '../lib/ip.js';
import { errorSeen } from './failure.js';
import { ImapClient, ImapFault, type ImapLine, imapQuote, junkFolder, uidsIn } from './imap.js';
import type { Phase, Target } from './observation.js';
import { type ReceivedHop, receivedHops } from './received.js';
import { type FullReply, ReplyReader } from './reply.js';
import type { Leaving } from './session.js';
import type { Flow, Vantage } from './vantage.js';

/** What is sent. */
export interface CanaryMail {
  readonly sender: string;
  readonly recipient: string;
  /** With its angle brackets. */
  readonly messageId: string;
  /** Whole, lines end CRLF, no line is a single dot. */
  readonly text: string;
}

/** How handing it over ended. `phase` is where: `data` behind RCPT. */
export interface Handed {
  readonly ok: boolean;
  /** The message was sent, and no answer came: it may have been taken all the same. */
  readonly isOpen: boolean;
  readonly phase: Phase | 'data';
  readonly code: number | null;
  readonly text: string;
  readonly ms: number;
  /** When the message itself was sent, in ms since 1970. */
  readonly at: number;
}

/** Why there is nothing to look for in the mailbox; null: it was taken, or may have been. */
export function handedFault({ ok, isOpen, code }: Handed): 'refused' | 'failed' | null {
  if (ok || isOpen) return null;
  return code === null ? 'failed' : 'refused';
}

/** Where it is looked for. */
export interface MailboxAccess {
  readonly target: Target;
  readonly user: string;
  readonly password: string;
}

/** What was found. */
export interface Found {
  readonly folder: string;
  readonly isJunk: boolean;
  /** Since it was handed over. */
  readonly ms: number;
  readonly hops: readonly ReceivedHop[];
  /** Null: it was to stay. */
  readonly cleaned: boolean | null;
  readonly cleanedWhy: string | null;
}

const CONNECT_MS = 8000;
const REPLY_MS = 20_000;
/** A server may look long at a message before it says that it took it (RFC 5321 allows 10 minutes). */
const DATA_MS = 60_000;
const POLL_MS = 1000;
/** Junk is looked through this long after the message was handed over, and with every look from then on. */
const JUNK_AFTER_MS = 3000;
const IMAPS_PORT = 993;

/** The message. `id` is unique, `now` ms since 1970. */
export function canaryMail(options: {
  readonly sender: string;
  readonly recipient: string;
  readonly host: string;
  readonly id: string;
  readonly now: number;
}): CanaryMail {
  const { sender, recipient, host, id, now } = options;
  const messageId = `<mailctl.${id}@${host}>`;
  const lines = [
    `From: mailctl delivery probe <${sender}>`,
    `To: <${recipient}>`,
    `Subject: mailctl delivery probe ${id}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: ${messageId}`,
    'Auto-Submitted: auto-generated',
    'Precedence: bulk',
    'X-Auto-Response-Suppress: All',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'This message was sent by mailctl probe delivery to see whether mail arrives here,',
    'and how long it takes. It is removed when it was found. Nobody needs to read it.',
    '',
  ];
  return { sender, recipient, messageId, text: lines.join('\r\n') };
}

/** Hands it over. Never throws but for the signal. */
export async function handOver(
  vantage: Vantage,
  leaving: Leaving,
  target: Target,
  mail: CanaryMail,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Handed> {
  const begunAt = clock.monotonic();
  let sentAt = clock.now();
  let isSent = false;
  let phase: Handed['phase'] = 'connect';
  let flow: Flow | undefined;
  let stream: Duplex | undefined;
  const end = (ok: boolean, code: number | null, text: string): Handed => ({
    ok,
    isOpen: isSent && code === null,
    phase,
    code,
    text: text.slice(0, 300),
    ms: clock.monotonic() - begunAt,
    at: sentAt,
  });
  try {
    flow = await vantage.connect(
      { ...leaving, address: target.address, port: target.port, timeoutMs: CONNECT_MS },
      signal,
    );
    stream = flow;
    let replies = new ReplyReader(stream);
    const read = (ms = REPLY_MS): Promise<FullReply> =>
      withDeadline(clock, ms, replies.next(), () => new Error(`no answer within ${ms / 1000} s`), signal);
    const say = (line: string, ms?: number) => {
      stream?.write(`${line}\r\n`);
      return read(ms);
    };
    phase = 'banner';
    const banner = await read();
    if (banner.code >= 400) return end(false, banner.code, banner.text);
    phase = 'ehlo';
    const ehlo = await say(`EHLO ${vantage.name}`);
    if (ehlo.code >= 400) return end(false, ehlo.code, ehlo.text);
    if (ehlo.lines.some((line) => line.toUpperCase() === 'STARTTLS') && !isLoopback(target.address)) {
      phase = 'starttls';
      const ready = await say('STARTTLS');
      if (ready.code < 400) {
        replies.release();
        phase = 'tls';
        const secured = await withDeadline(
          clock,
          REPLY_MS,
          vantage.secure(flow, target.host, signal),
          () => new Error('no TLS'),
          signal,
        );
        stream = secured.stream;
        stream.on('error', () => {});
        replies = new ReplyReader(stream);
        phase = 'ehlo-tls';
        await say(`EHLO ${vantage.name}`);
      }
    }
    phase = 'mail';
    const from = await say(`MAIL FROM:<${mail.sender}>`);
    if (from.code >= 400) return end(false, from.code, from.text);
    phase = 'rcpt';
    const rcpt = await say(`RCPT TO:<${mail.recipient}>`);
    if (rcpt.code >= 400) return end(false, rcpt.code, rcpt.text);
    phase = 'data';
    const go = await say('DATA');
    if (go.code >= 400) return end(false, go.code, go.text);
    // Headers know whole seconds only.
    sentAt = Math.floor(clock.now() / 1000) * 1000;
    isSent = true;
    const taken = await say(`${mail.text}\r\n.`, DATA_MS);
    const handed = end(taken.code < 400, taken.code, taken.text);
    if (taken.code < 400) {
      phase = 'quit';
      await say('QUIT').catch(() => {});
    }
    return handed;
  } catch (error) {
    signal?.throwIfAborted();
    const seen = errorSeen(phase === 'data' ? 'quit' : phase, flow?.errored ?? error, target.address);
    return end(false, null, seen.text);
  } finally {
    stream?.destroy();
    flow?.destroy();
  }
}

/** A mailbox that somebody is logged in to. */
export interface OpenMailbox {
  /** Looks until it is found or the time is over; null: it was not found. @throws ImapFault, FlowFailure */
  find(
    mail: CanaryMail,
    options: { readonly handedAt: number; readonly waitMs: number; readonly keep: boolean },
  ): Promise<Found | null>;
  close(): void;
}

/** Logs in: before anything is sent, so that nothing is left where nobody can remove it. @throws ImapFault, FlowFailure */
export async function openMailbox(
  vantage: Vantage,
  access: MailboxAccess,
  clock: Clock,
  signal?: AbortSignal,
): Promise<OpenMailbox> {
  const { target } = access;
  const flow = await vantage.connect(
    { source: null, interface: null, address: target.address, port: target.port, timeoutMs: CONNECT_MS },
    signal,
  );
  const late = () =>
    new ImapFault('gone', `the server of the mailbox gave no answer within ${REPLY_MS / 1000} s`);
  const soon = <T>(work: Promise<T>) => withDeadline(clock, REPLY_MS, work, late, signal);
  try {
    const client = await greet(vantage, flow, access, soon, signal);
    const say = (words: string, shown?: string) => soon(client.command(words, shown));
    await say(`LOGIN ${imapQuote(access.user)} ${imapQuote(access.password)}`, 'LOGIN');
    const capability = (await say('CAPABILITY')).map(({ text }) => text.toUpperCase()).join(' ');
    const junk = junkFolder(await say('LIST "" "*"'));
    return {
      find: (mail, options) =>
        find(say, mail, { ...options, junk, hasUidPlus: capability.includes('UIDPLUS') }, clock, signal),
      close: () => flow.destroy(),
    };
  } catch (error) {
    flow.destroy();
    throw error;
  }
}

type Say = (words: string) => Promise<readonly ImapLine[]>;

async function find(
  say: Say,
  mail: CanaryMail,
  options: {
    readonly handedAt: number;
    readonly waitMs: number;
    readonly keep: boolean;
    readonly junk: string | null;
    readonly hasUidPlus: boolean;
  },
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Found | null> {
  const { handedAt, junk, keep } = options;
  const begunAt = clock.monotonic();
  for (;;) {
    const isLate = clock.monotonic() - begunAt + POLL_MS > options.waitMs;
    const isTimeForJunk = clock.monotonic() - begunAt > JUNK_AFTER_MS || isLate;
    for (const folder of junk !== null && isTimeForJunk ? ['INBOX', junk] : ['INBOX']) {
      await say(`SELECT ${imapQuote(folder)}`);
      const [uid] = uidsIn(await say(`UID SEARCH HEADER Message-ID ${imapQuote(mail.messageId)}`));
      if (uid === undefined) continue;
      const ms = clock.now() - handedAt;
      const fetched = await say(`UID FETCH ${uid} (BODY.PEEK[HEADER])`);
      const [header] = fetched.find(({ literals }) => literals.length > 0)?.literals ?? [];
      const why = keep ? null : await clean(say, uid, options.hasUidPlus);
      await say('LOGOUT').catch(() => {});
      return {
        folder,
        isJunk: folder === junk,
        ms,
        hops: receivedHops(header?.toString('latin1') ?? '', handedAt),
        cleaned: why === null ? null : why === '',
        cleanedWhy: why === '' ? null : why,
      };
    }
    if (isLate) {
      await say('LOGOUT').catch(() => {});
      return null;
    }
    await clock.sleep(POLL_MS, signal);
  }
}

async function greet(
  vantage: Vantage,
  flow: Flow,
  { target }: MailboxAccess,
  soon: <T>(work: Promise<T>) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<ImapClient> {
  const secure = async () => {
    const secured = await soon(vantage.secure(flow, target.host, signal));
    const error = secured.certificate === null ? 'it shows none' : secured.certificate.error;
    if (error !== null) {
      throw new ImapFault(
        'no',
        `no password is sent: the certificate of ${target.host ?? target.address} is not good (${error})`,
      );
    }
    secured.stream.on('error', () => {});
    return new ImapClient(secured.stream);
  };
  if (target.port === IMAPS_PORT) {
    const client = await secure();
    await soon(client.greeting());
    return client;
  }
  const plain = new ImapClient(flow);
  await soon(plain.greeting());
  if (await isItself(vantage, target.address)) return plain;
  await soon(plain.command('STARTTLS'));
  plain.release();
  return secure();
}

/** Empty: it is gone; else why it is not. */
async function clean(say: Say, uid: number, hasUidPlus: boolean): Promise<string> {
  try {
    await say(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`);
    // A plain EXPUNGE would remove what others have marked.
    if (!hasUidPlus) return 'it is marked as deleted: the server has no UIDPLUS to remove one message alone';
    await say(`UID EXPUNGE ${uid}`);
    return '';
  } catch (error) {
    if (error instanceof ImapFault) return error.message;
    throw error;
  }
}

/** Whether an address is the vantage's own: nothing said to it leaves the host. */
async function isItself(vantage: Vantage, address: string): Promise<boolean> {
  if (isLoopback(address)) return true;
  try {
    return (await vantage.route({ source: null, interface: null, address })).dev === 'lo';
  } catch {
    return false;
  }
}
