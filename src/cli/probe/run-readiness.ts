// Does `probe readiness`: reads the receivers, speaks with each server from every place, a dozen receivers at a time,
// compares, prints. Apart from the command, since its parts are loaded for no help.
import { setMaxListeners } from 'node:events';
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import { formatIso } from '../../lib/clock.js';
import { type ReadinessRow, readinessColumns, readinessJson } from '../../output/columns/probe-readiness.js';
import { readinessScreen } from '../../output/screens/probe-readiness.js';
import {
  acceptanceOf,
  judgeReceiver,
  parseReceivers,
  type Receiver,
  type SeenFrom,
} from '../../probe/readiness.js';
import { runSession } from '../../probe/session.js';
import type { Vantage } from '../../probe/vantage.js';
import { type Dns, openDns } from '../../transport/dns.js';
import type { Context } from '../context.js';
import { reportError, worstExit } from '../report.js';
import { inputName, readInput } from '../slots/read-input.js';
import { addressFamily, findServer, isOfName, serverWord } from './server.js';
import { type LookFrom, looksFromHost, openVantageDesk, type VantageDesk } from './vantage-desk.js';

/** What it takes. */
export interface ReadinessOptions {
  readonly from: readonly string[];
  readonly usual: readonly string[];
  readonly to: string | undefined;
  readonly sender: string | undefined;
}

/** Receivers at once. */
const AT_ONCE = 12;
const MOST_RECEIVERS = 5000;
/** Usual hosts, when none is named: more only cost reputation. */
const MOST_USUAL = 2;
/** For one lookup: a list may be long, and a dead name of it must not cost the others theirs. */
const DNS_MS = 10_000;

interface Place {
  readonly look: LookFrom;
  readonly vantage: Vantage;
}

/** The whole command. */
export async function runReadiness(
  schema: string,
  options: ReadinessOptions,
  context: Context,
): Promise<number> {
  const { clock, interruption } = context;
  const signal = interruption.abort;
  const begunAt = clock.monotonic();
  if (options.from.length === 0) {
    throw new UsageError('which host is to take over? None is named', {
      hint: 'mailctl probe readiness --from HOST',
    });
  }
  const receivers = await receiversOf(options, context);
  const usualHosts = options.usual.length > 0 ? options.usual : await usualOf(context, options.from);
  const [candidateLooks, usualLooks] = await Promise.all([
    looksOf(context, options.from),
    looksOf(context, usualHosts),
  ]);
  setMaxListeners(0, signal);
  const desk = await openVantageDesk(context);
  try {
    const errors: MailctlError[] = [];
    const [candidates, usual] = await Promise.all([
      open(desk, candidateLooks, errors),
      open(desk, usualLooks, errors),
    ]);
    if (candidates.length === 0) throw errors[0] ?? new UsageError('there is no place to look from');
    const dns = openDns({ clock, eachMs: DNS_MS });
    const sender = options.sender ?? '';
    const rows: ReadinessRow[] = [];
    const work = [...receivers.entries()];
    const worker = async () => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) {
        const [index, receiver] = next;
        signal.throwIfAborted();
        rows[index] = await lookAt(receiver, { candidates, usual, dns, sender, context });
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, receivers.length) }, worker));
    signal.throwIfAborted();
    const seen = {
      from: options.from,
      usual: usualHosts,
      rows,
      tookMs: clock.monotonic() - begunAt,
      missing: errors,
    };
    await context.output.print({
      schema,
      document: () => ({
        at: formatIso(clock.now()),
        took_ms: Math.round(seen.tookMs),
        ...readinessJson(seen),
        errors: errors.map((error) => reportError(error).report),
      }),
      rows,
      columns: readinessColumns,
      screen: (canvas) => readinessScreen(seen, canvas),
    });
    if (context.output.format !== 'table')
      for (const { message, hint } of errors) context.warn(message, hint);
    const codes = rows.map(({ verdict }) =>
      verdict === 'ready' ? EXIT.done : verdict === 'unknown' ? EXIT.partial : EXIT.failed,
    );
    return worstExit(...codes, ...(errors.length > 0 ? [EXIT.partial] : []));
  } finally {
    await desk.close();
  }
}

async function receiversOf({ to }: ReadinessOptions, context: Context): Promise<readonly Receiver[]> {
  if (to === undefined) {
    const { destinations } = await context.config();
    const domains = [...destinations.values()].flatMap(({ domains: [first] }) => first ?? []);
    if (domains.length === 0) {
      throw new UsageError('there are no receivers: the configuration has no destinations with domains', {
        hint: 'give a list: mailctl probe readiness --from HOST --to FILE',
      });
    }
    return parseReceivers(domains.join('\n')).receivers;
  }
  const { receivers, faults } = parseReceivers(await readInput(to));
  if (faults.length > 0) {
    throw new UsageError(`${inputName(to)}: ${faults[0]}`, {
      detail: faults.length > 1 ? `and ${faults.length - 1} more lines` : undefined,
      hint: 'a line is ADDRESS or DOMAIN, and a server behind it where it is not the MX',
    });
  }
  if (receivers.length === 0) throw new UsageError(`${inputName(to)} names no receiver`);
  if (receivers.length > MOST_RECEIVERS) {
    throw new UsageError(
      `${inputName(to)} names ${receivers.length} receivers, and at most ${MOST_RECEIVERS} are asked`,
      {
        hint: 'split it: each of them is spoken with from several places',
      },
    );
  }
  // A server that is none is a mistake of the list, told before anybody is asked.
  for (const { server } of receivers) if (server !== null) serverWord(server);
  return receivers;
}

async function usualOf(context: Context, from: readonly string[]): Promise<readonly string[]> {
  const { hosts, uplinks } = await context.config();
  const withUplinks = new Set([...uplinks.values()].map(({ host }) => host));
  const names = [...hosts].flatMap(([name, { queues }]) =>
    !from.includes(name) && (queues.length > 0 || withUplinks.has(name)) ? [name] : [],
  );
  if (names.length === 0)
    context.warn('no usual host is known: nothing to compare with', 'name one: --usual HOST');
  return names.slice(0, MOST_USUAL);
}

async function looksOf(context: Context, names: readonly string[]): Promise<readonly LookFrom[]> {
  const looks = await Promise.all([...new Set(names)].map((name) => looksFromHost(context, name)));
  return looks.flat();
}

/** The places whose host answers; the others are errors. */
async function open(
  desk: VantageDesk,
  looks: readonly LookFrom[],
  errors: MailctlError[],
): Promise<readonly Place[]> {
  const failed = new Set<Host>();
  const places = await Promise.all(
    looks.map(async (look): Promise<readonly Place[]> => {
      try {
        return [{ look, vantage: await desk.of(look.host) }];
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        if (!failed.has(look.host)) errors.push(error);
        failed.add(look.host);
        return [];
      }
    }),
  );
  return places.flat();
}

interface Around {
  readonly candidates: readonly Place[];
  readonly usual: readonly Place[];
  readonly dns: Dns;
  readonly sender: string;
  readonly context: Context;
}

async function lookAt(receiver: Receiver, around: Around): Promise<ReadinessRow> {
  const { context, dns, sender } = around;
  const signal = context.interruption.abort;
  const word = serverWord(receiver.server ?? receiver.domain);
  const from = async ({ look, vantage }: Place): Promise<SeenFrom & { readonly server: string }> => {
    const none = (why: string) => ({
      uplink: look.uplink,
      host: look.host.name,
      server: '',
      acceptance: { kind: 'unknown' as const, phase: null, code: null, text: why, tookMs: 0 },
    });
    const only = look.sources.length === 1 ? addressFamily(look.sources[0] ?? '') : undefined;
    try {
      const { target } = await findServer(
        word,
        dns,
        only,
        signal,
        receiver.server === null ? 'mail-of' : 'host-first',
      );
      const source = look.sources.find((one) => addressFamily(one) === target.family) ?? null;
      if (source === null && look.sources.length > 0) return none(`no IPv${target.family} address there`);
      const session = await runSession(
        vantage,
        { source, interface: look.interface },
        target,
        { helo: vantage.name, light: true, recipient: receiver.recipient, sender, controls: false },
        context.clock,
        signal,
      );
      return {
        uplink: look.uplink,
        host: look.host.name,
        server: `${target.host ?? target.address}`,
        acceptance: acceptanceOf(session),
      };
    } catch (error) {
      if (!isOfName(error)) throw error;
      return none(error.message);
    }
  };
  const [candidates, usual] = await Promise.all([
    Promise.all(around.candidates.map(from)),
    Promise.all(around.usual.map(from)),
  ]);
  const server = [...candidates, ...usual].find((one) => one.server !== '')?.server ?? null;
  return { receiver, server, candidates, usual, ...wordsOf(judgeReceiver(candidates, usual)) };
}

function wordsOf({ verdict, worst, usual }: ReturnType<typeof judgeReceiver>) {
  return { verdict, worst, best: usual };
}
