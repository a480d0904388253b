// A drain that another bastion began: its list lies on the mail hosts, its journal does not. Once its process is gone it
// is gone on with from there as a run of this bastion, or its rest is given back. Nobody takes a drain from one who lives.
import { stoppedText } from '../../drain/end-of-stop.js';
import { giveBackAll } from '../../drain/give-back.js';
import { BusyError, EXIT, UsageError } from '../../errors.js';
import { findRun } from '../../journal/store.js';
import { formatCommand } from '../../lib/command-text.js';
import { formatDuration } from '../../lib/duration.js';
import { KeyedMessages } from '../../queue/change.js';
import type { FoundDrain } from '../../queue/drain-way.js';
import type { Queue } from '../../queue/driver.js';
import { gatherQueues } from '../../queue/gather-queues.js';
import type { MessageKey } from '../../queue/message.js';
import type { Context } from '../context.js';
import { deskPlace, drainPostOf } from '../queue/desks.js';
import { openQueues } from '../queue/queues.js';
import { noSelectors } from '../queue/selectors.js';
import { wayOf } from './run-session.js';
import { say } from './say.js';
import { type StartOptions, startDrain } from './start-session.js';

/** Twelve heartbeats: with the operator's word so long a silence is enough. */
const LEAST_SILENCE_S = 60;

/** Every message: the list on the hosts says which. */
const NO_SELECTORS = {
  ...noSelectors,
  delayReasons: [],
  olderThanMs: undefined,
  youngerThanMs: undefined,
  noDns: false,
  groups: [],
  detach: false,
  dryRun: false,
} satisfies Partial<StartOptions>;

/** Its parts on the hosts. */
export interface ElsewhereDrain {
  readonly run: string;
  readonly parts: readonly { readonly queue: Queue; readonly found: FoundDrain }[];
}

interface Where {
  readonly run: string | undefined;
  readonly hosts?: readonly string[];
  readonly groups?: readonly string[];
}

/** Looks for it on the hosts that were named; undefined: none was, or the run is this state directory's own. */
export async function findElsewhere(context: Context, where: Where): Promise<ElsewhereDrain | undefined> {
  const { run, hosts = [], groups = [] } = where;
  if (hosts.length === 0 && groups.length === 0) return undefined;
  if (run !== undefined && (await isOwn(context, run))) return undefined;
  const { answers, failures } = await drainsOnHosts(context, { hosts, groups });
  const [failed] = failures;
  // A host that is not seen may have a part of it, or its process.
  if (failed !== undefined) throw failed.error;
  const wanted = run?.toLowerCase() ?? '';
  const parts = answers.flatMap(({ queue, value }) =>
    value.filter((found) => found.run.startsWith(wanted)).map((found) => ({ queue, found })),
  );
  const runs = [...new Map(parts.map(({ found }) => [found.holder.key, found.run]))];
  const [first] = runs;
  if (first === undefined)
    throw new UsageError(
      run === undefined
        ? 'these hosts know of no drain'
        : `neither this state directory nor these hosts know a drain ${JSON.stringify(run).slice(0, 40)}`,
      { code: 'runs.unknown', hint: 'mailctl drain status   shows those that the hosts know' },
    );
  if (runs.length > 1)
    throw new UsageError(`${runs.length} drains could be meant: ${runs.map(([, name]) => name).join(', ')}`, {
      code: 'runs.ambiguous',
      hint: 'name one of them in full, or fewer hosts',
    });
  return { run: first[1], parts };
}

/** The drains that the hosts know of, of all their queues. */
export async function drainsOnHosts(
  context: Context,
  { hosts, groups }: { readonly hosts: readonly string[]; readonly groups: readonly string[] },
) {
  const fleet = await openQueues(context, { hosts, groups, readOnly: true });
  return gatherQueues(
    fleet,
    async (queue, signal) => (await drainPostOf(context, true, [queue])).found(deskPlace(queue), signal),
    { concurrency: context.globals.concurrency, signal: context.interruption.abort },
  );
}

async function isOwn(context: Context, run: string): Promise<boolean> {
  try {
    await findRun(await context.stateDir(), run);
    return true;
  } catch (error) {
    if (error instanceof UsageError && error.code === 'runs.unknown') return false;
    throw error;
  }
}

/** Refuses while it lives or may live. @throws BusyError */
function mustBeDead({ run, parts }: ElsewhereDrain, takeOver: boolean, context: Context): void {
  for (const { queue, found } of parts) {
    const { state, silentS, deadAfterS, holder } = found;
    if (state !== 'running' || (takeOver && silentS >= LEAST_SILENCE_S)) continue;
    const whose = `drain ${run} of ${holder.operator} on ${holder.bastion} has ${queue.name}; its last sign was ${formatDuration(silentS * 1000)} ago`;
    throw new BusyError(whose, {
      hint:
        silentS < LEAST_SILENCE_S
          ? `stop it there: mailctl drain stop ${run}`
          : `it counts as dead after ${formatDuration(deadAfterS * 1000)}; if its process is certainly gone: ${formatCommand([...context.commandLine, '--take-over'])}`,
    });
  }
}

/** Goes on with it as a run of this bastion. */
export async function resumeElsewhere(
  drain: ElsewhereDrain,
  request: { readonly takeOver?: boolean; readonly yes: boolean },
  context: Context,
): Promise<number> {
  mustBeDead(drain, request.takeOver === true, context);
  const { run, parts } = drain;
  const post = await drainPostOf(
    context,
    true,
    parts.map(({ queue }) => queue),
  );
  const keyed = new KeyedMessages();
  for (const { queue, found } of parts)
    await post.keys(
      deskPlace(queue),
      found.holder.key,
      (key) => keyed.add(queue, key),
      context.interruption.abort,
    );
  const names = new Set(parts.map(({ queue }) => queue.name));
  const [first] = parts;
  const found = first?.found as FoundDrain;
  context.note(
    `drain ${run} of ${found.holder.operator} on ${found.holder.bastion} goes on from here, by the list on the mail host`,
  );
  const told = found.limits?.destinations ?? [];
  return startDrain(
    {
      ...NO_SELECTORS,
      hosts: [...new Set(parts.map(({ queue }) => queue.host))],
      all: true,
      perSecond: found.limits?.perSecond ?? undefined,
      limits: told.flatMap(([name, connections]) =>
        connections === null ? [] : [[name, connections] as const],
      ),
      inFlight: told.flatMap(([name, , inFlight]) => (inFlight === null ? [] : [[name, inFlight] as const])),
      onDeath: found.onDeath,
      deadAfterMs: found.deadAfterS * 1000,
      reason: found.reason === '' ? undefined : found.reason,
      yes: request.yes,
    },
    context,
    {
      selection: { wantsHeld: true, matches: (message) => keyed.takes(message) },
      keys: [found.holder.key],
      queue: (name) => names.has(name),
    },
  );
}

/** Ends it: the rest is given back, or stays held on purpose. */
export async function stopElsewhere(
  drain: ElsewhereDrain,
  request: { readonly takeOver?: boolean; readonly releaseRest: boolean; readonly yes: boolean },
  context: Context,
): Promise<number> {
  mustBeDead(drain, request.takeOver === true, context);
  const { run, parts } = drain;
  const abort = context.interruption.abort;
  if (!request.yes) {
    const prompt = await context.prompt();
    prompt.requireTerminal();
    const names = parts.map(({ queue }) => queue.name).join(', ');
    const what = request.releaseRest
      ? `give the rest of drain ${run} back to ${names}?`
      : `end drain ${run} on ${names}?`;
    if (!(await prompt.yesNo(what)))
      return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const fleet = await openQueues(context, {
    hosts: [...new Set(parts.map(({ queue }) => queue.host))],
    groups: [],
    queue: (name) => parts.some(({ queue }) => queue.name === name),
  });
  let count = 0;
  const given: string[] = [];
  for (const host of fleet.hosts)
    for (const queue of await fleet.queuesOf(host, abort)) {
      const part = parts.find((one) => one.queue.name === queue.name);
      if (part === undefined) continue;
      const post = await drainPostOf(context, false, [queue]);
      const { key } = part.found.holder;
      // Whoever still lives there is told so by his next heartbeat, and the dead man goes.
      if (!(await post.end(deskPlace(queue), key, 'held', abort))) given.push(queue.name);
      if (!request.releaseRest) continue;
      const keys: MessageKey[] = [];
      await post.keys(deskPlace(queue), key, (one) => keys.push(one), abort);
      const way = await wayOf(queue);
      count += await giveBackAll(queue.name, way, keys, abort);
      await post.end(deskPlace(queue), key, 'done', abort);
    }
  const goOn = formatCommand(['mailctl', 'drain', 'resume', run, '-H', parts[0]?.queue.host ?? '']);
  return say(
    context,
    request.releaseRest
      ? `drain ${run} has ended; ${count} messages were given back to the servers`
      : stoppedText(run, given, goOn),
  );
}
