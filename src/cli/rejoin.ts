// `mailctl rejoin`: a host that was failed over has come back. What only its disk has goes to the new masters, then it
// becomes their replica again.
import { EXIT } from '../errors.js';
import { formatCommand } from '../lib/command-text.js';
import { type CommandSpec, defineCommand } from './command.js';
import type { Context } from './context.js';
import { args, dryRunOption, list, reasonOption, takeOverOption, text, yesOption } from './options.js';

/** The schema of the document. */
export const REJOIN_SCHEMA = 'mailctl/rejoin/v1';

/** What the operator asked for, parsed. */
export interface RejoinRequest {
  readonly targets: readonly string[];
  readonly acceptLoss: readonly string[];
  readonly takeOver: readonly string[];
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/** The document of a call that ended in an error. */
export const rejoinJson: CommandSpec['json'] = {
  schema: REJOIN_SCHEMA,
  empty: (error, { tookMs }) => ({
    run: null,
    outcome: error.code.endsWith('-away') ? 'refused' : 'failed',
    took_ms: tookMs,
    slots: [],
  }),
};

/** The command. */
export const rejoinCommand = defineCommand({
  name: 'rejoin',
  summary: 'Bring a host back: its unreplicated mail to the masters, then it is a replica again',
  description:
    'A TARGET is a host (all instances there that owe a rejoin, or run as masters that the directory does not name) or ' +
    "a slot. Each is stopped, swapped to replica, and what its logs still hold goes to the slot's master, without what " +
    'was deleted or moved away there since; then it is started as a replica, made equal, and compared. What cannot be ' +
    'brought over is named, and stays owed.',
  args: { targets: args('TARGET', 'a host or a slot') },
  options: {
    acceptLoss: list(
      '--accept-loss <slot>',
      'give up what this slot has on a disk that does not return, or cannot be brought over: closes what is owed',
      text,
    ),
    takeOver: takeOverOption,
    reason: reasonOption,
    yes: yesOption,
    dryRun: dryRunOption,
  },
  examples: [
    ['mailctl rejoin imap21', 'it is back: nothing that was only on its disk is lost'],
    ['mailctl rejoin imap21 --dry-run', 'what would be done, nothing changed'],
    ['mailctl rejoin store3 --accept-loss store3', "imap21's disk is gone for good"],
  ],
  sections: ['defaults', 'hosts', 'stores', 'directory', 'state'],
  json: rejoinJson,
  run: (options, context) => rejoin({ ...options, targets: [...new Set(options.targets)] }, context),
});

async function rejoin(request: RejoinRequest, context: Context): Promise<number> {
  const [{ RejoinSession }, , stateDir] = await Promise.all([
    import('./rejoin-session.js'),
    context.config(),
    context.stateDir(),
  ]);
  if (!request.yes && !request.dryRun) (await context.prompt()).requireTerminal();
  const session = await RejoinSession.prepare(context, request, stateDir);
  if (session.isEmpty) return session.reportEmpty();
  if (request.dryRun) return session.reportDryRun();
  if (!session.anyMayGo) return session.reportRefused();
  if (!(await session.confirm())) {
    context.note(`nothing was changed; the same again: ${formatCommand(context.commandLine)}`);
    return session.isInterrupted ? EXIT.interrupted : EXIT.failed;
  }
  return session.run();
}
