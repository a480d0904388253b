// Does `probe smtp`: finds the server, speaks, prints. Apart from the command, since its parts are loaded for no help.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { formatIso } from '../../lib/clock.js';
import { phaseColumns, sessionJson } from '../../output/columns/probe-smtp.js';
import { smtpScreen, type TranscriptLine } from '../../output/screens/probe-smtp.js';
import { runSession } from '../../probe/session.js';
import { openDns } from '../../transport/dns.js';
import type { Context } from '../context.js';
import { addressFamily, configuredServer, findServer, type ServerWord } from './server.js';
import { oneLookFrom, openVantageDesk } from './vantage-desk.js';

/** What it takes. */
export interface SmtpOptions {
  readonly server: ServerWord;
  readonly uplink: string | undefined;
  readonly from: string | undefined;
  readonly ipv6: boolean;
  readonly light: boolean;
  readonly rcpt: string | undefined;
  readonly transcript: boolean;
}

/** Lines of a transcript that are kept. */
const MOST_LINES = 400;

/** The whole command. */
export async function runProbeSmtp(schema: string, options: SmtpOptions, context: Context): Promise<number> {
  const { clock } = context;
  const begunAt = clock.monotonic();
  const [from, server] = await Promise.all([
    oneLookFrom(context, options),
    configuredServer(options.server, context),
  ]);
  const only = from.sources.length === 1 ? addressFamily(from.sources[0] ?? '') : undefined;
  const family = options.ipv6 ? 6 : only;
  const desk = await openVantageDesk(context);
  try {
    // Both take a moment, and neither needs the other.
    const [{ target, others }, vantage] = await Promise.all([
      findServer(server, openDns({ clock }), family, context.interruption.abort, 'mx-first'),
      desk.of(from.host),
    ]);
    const source = from.sources.find((one) => addressFamily(one) === target.family) ?? null;
    if (source === null && from.sources.length > 0) {
      throw new UsageError(`the uplink ${from.uplink} has no IPv${target.family} address`);
    }
    const transcript: TranscriptLine[] = [];
    const spokenAt = clock.monotonic();
    const session = await runSession(
      vantage,
      { source, interface: from.interface },
      target,
      {
        helo: vantage.name,
        light: options.light,
        recipient: options.rcpt ?? null,
        controls: !options.light,
        onLine: (who, text) => {
          if (transcript.length < MOST_LINES)
            transcript.push({ atMs: clock.monotonic() - spokenAt, who, text });
        },
      },
      clock,
      context.interruption.abort,
    );
    context.interruption.abort.throwIfAborted();
    const seen = {
      uplink: from.uplink,
      from: from.host.name,
      source,
      interface: from.interface,
      how: vantage.how,
      target,
      others,
      session,
      limits: vantage.limits,
      transcript: options.transcript ? transcript : null,
    };
    await context.output.print({
      schema,
      document: () => ({
        at: formatIso(context.clock.now()),
        took_ms: Math.round(clock.monotonic() - begunAt),
        ...sessionJson(seen),
        errors: [],
      }),
      rows: session.phases,
      columns: phaseColumns,
      screen: () => smtpScreen(seen),
    });
    if (context.output.format === 'tsv' || context.output.format === 'ndjson')
      for (const line of smtpScreen(seen).slice(-3)) context.note(line);
    if (session.end.kind === 'given-up') {
      throw new MailctlError(`${from.host.name}: the dialogue was given up: ${session.end.why}`, {
        code: 'probe.given-up',
        exitCode: EXIT.partial,
      });
    }
    if (session.end.kind === 'error' && session.end.error.kind === 'local') return EXIT.partial;
    const isGood = session.end.kind === 'done' && (session.certificate?.error ?? null) === null;
    return isGood ? EXIT.done : EXIT.failed;
  } finally {
    await desk.close();
  }
}
