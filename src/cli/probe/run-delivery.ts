// Does `probe delivery`: for each delivery hands the message over and looks for it, all of them at once, and prints what
// became of it. Apart from the command, since its parts are loaded for no help.
import { randomBytes } from 'node:crypto';
import type { DeliveryConfig } from '../../config/config.js';
import { readPassword } from '../../config/secret.js';
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { type DeliveryRow, deliveryColumns, deliveryJson } from '../../output/columns/probe-delivery.js';
import { deliveryScreen } from '../../output/screens/probe-delivery.js';
import { canaryMail, type Handed, handedFault, handOver, openMailbox } from '../../probe/deliver.js';
import { type Dns, openDns } from '../../transport/dns.js';
import type { Context } from '../context.js';
import { reportError, worstExit } from '../report.js';
import { findServer, serverWord } from './server.js';
import { openVantageDesk, type VantageDesk } from './vantage-desk.js';

/** What it takes. */
export interface DeliveryOptions {
  readonly names: readonly string[];
  readonly waitMs: number | undefined;
  readonly keep: boolean;
}

/** The whole command. */
export async function runDelivery(
  schema: string,
  options: DeliveryOptions,
  context: Context,
): Promise<number> {
  const { clock, interruption } = context;
  const begunAt = clock.monotonic();
  const { deliveries } = await context.config();
  const names = options.names.length > 0 ? [...new Set(options.names)] : [...deliveries.keys()];
  const chosen = names.map((name): readonly [string, DeliveryConfig] => {
    const delivery = deliveries.get(name);
    if (delivery !== undefined) return [name, delivery];
    throw new UsageError(`no delivery is called ${JSON.stringify(name)}`, {
      hint:
        deliveries.size === 0
          ? 'the configuration has no deliveries'
          : `there are ${[...deliveries.keys()].join(', ')}`,
    });
  });
  if (chosen.length === 0) {
    throw new UsageError('there is no mailbox to send to: the configuration has no deliveries', {
      hint: 'mailctl config init prints how they are written',
    });
  }
  // Before anything is sent: a password that cannot be read would leave the message where it lands.
  const passwords = new Map(chosen.map(([name, { imap }]) => [name, readPassword(imap)]));
  const desk = await openVantageDesk(context);
  const dns = openDns({ clock });
  const errors: MailctlError[] = [];
  try {
    const rows = await Promise.all(
      chosen.map(([name, delivery]) =>
        deliver(name, delivery, passwords.get(name) ?? '', options, { desk, dns, context }).catch(
          (error: unknown): DeliveryRow => {
            interruption.abort.throwIfAborted();
            if (!(error instanceof MailctlError)) throw error;
            errors.push(error);
            return unseen(name, delivery, error.message);
          },
        ),
      ),
    );
    interruption.abort.throwIfAborted();
    await context.output.print({
      schema,
      document: () => ({
        at: formatIso(clock.now()),
        took_ms: Math.round(clock.monotonic() - begunAt),
        deliveries: rows.map(deliveryJson),
        errors: errors.map((error) => reportError(error).report),
      }),
      rows,
      columns: deliveryColumns,
      screen: (canvas) => deliveryScreen(rows, canvas),
    });
    return worstExit(
      ...rows.map(({ verdict }) =>
        verdict === 'delivered' ? EXIT.done : verdict === 'unknown' ? EXIT.partial : EXIT.failed,
      ),
    );
  } finally {
    await desk.close();
  }
}

function unseen(name: string, { to }: DeliveryConfig, why: string): DeliveryRow {
  return { name, to, server: null, messageId: null, verdict: 'unknown', why, handed: null, found: null };
}

interface Around {
  readonly desk: VantageDesk;
  readonly dns: Dns;
  readonly context: Context;
}

async function deliver(
  name: string,
  delivery: DeliveryConfig,
  password: string,
  options: DeliveryOptions,
  { desk, dns, context }: Around,
): Promise<DeliveryRow> {
  const { clock, interruption } = context;
  const signal = interruption.abort;
  const inventory = await context.inventory();
  const hostOf = (host: string | undefined) =>
    (host === undefined ? undefined : inventory.byName.get(host)) ?? context.thisHost();
  const { imap } = delivery;
  const [sender, reader, { target }, mailbox] = await Promise.all([
    desk.of(hostOf(delivery.host)),
    desk.of(hostOf(imap.from)),
    findServer(serverWord(delivery.server), dns, undefined, signal),
    findServer({ port: 993, ...withoutUndefined(serverWord(imap.server)) }, dns, undefined, signal),
  ]);
  const server = `${target.host ?? target.address}:${target.port}`;
  let box: Awaited<ReturnType<typeof openMailbox>>;
  try {
    box = await openMailbox(reader, { target: mailbox.target, user: imap.user, password }, clock, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MailctlError) throw error;
    const why = `nothing was sent, since the mailbox cannot be looked into: ${(error as Error).message}`;
    return { ...unseen(name, delivery, why), server };
  }
  try {
    const mail = canaryMail({
      sender: delivery.from,
      recipient: delivery.to,
      host: sender.name,
      id: `${Math.floor(clock.now() / 1000).toString(36)}.${randomBytes(5).toString('hex')}`,
      now: clock.now(),
    });
    const handed = await handOver(sender, { source: null, interface: null }, target, mail, clock, signal);
    const row = { name, to: delivery.to, server, messageId: mail.messageId, handed };
    const fault = handedFault(handed);
    if (fault !== null) return { ...row, verdict: fault, why: handed.text, found: null };
    const waitMs = options.waitMs ?? delivery.timeoutMs;
    try {
      const found = await box.find(mail, { handedAt: handed.at, waitMs, keep: options.keep });
      if (found !== null) return { ...row, verdict: found.isJunk ? 'junk' : 'delivered', why: null, found };
      const why = `not in the mailbox after ${Math.round(waitMs / 1000)} s`;
      if (handed.isOpen)
        return { ...row, verdict: 'unknown', why: `${noAnswer(handed)}; ${why}`, found: null };
      return { ...row, verdict: 'not-seen', why, found: null };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MailctlError) throw error;
      const how = handed.isOpen ? noAnswer(handed) : 'it was handed over';
      const why = `${how}; the mailbox could not be looked into: ${(error as Error).message}`;
      return { ...row, verdict: 'unknown', why, found: null };
    }
  } finally {
    box.close();
  }
}

/** The server may have taken it before its answer was lost: it may lie there, or arrive later. */
function noAnswer({ text }: Handed): string {
  return `the message was sent and its answer did not come (${text}), so it may have been taken`;
}

function withoutUndefined({ host, port }: ReturnType<typeof serverWord>) {
  return port === undefined ? { host } : { host, port };
}
