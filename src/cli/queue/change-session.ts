// The acting queue commands from the look to the report. Loaded when they run. Look, plan, question, journal, lanes,
// and the server's own counts against what was asked.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { pruneRunFiles } from '../../journal/prune-run-files.js';
import { RunFiles } from '../../journal/run-files.js';
import { createRun, pickRunId } from '../../journal/store.js';
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import { formatSize } from '../../lib/size.js';
import { version } from '../../lib/version.js';
import type { Line } from '../../output/line.js';
import { changePlanScreen, unknownIds } from '../../output/screens/queue-change.js';
import { describeLines, describePlan } from '../../plan/describe.js';
import type { Plan } from '../../plan/plan.js';
import { changeActions } from '../../queue/actions/index.js';
import {
  ChangeFold,
  type ChangeTotals,
  mergeSamples,
  type Selection,
  sumTotals,
  topDomains,
  whyLeft,
} from '../../queue/change.js';
import { ChangeResults } from '../../queue/change-results.js';
import type { Queue, QueueAct, QueueListing } from '../../queue/driver.js';
import { changeParts } from '../../queue/execute-change.js';
import { gatherQueues, type QueueAnswer, type QueueFailure } from '../../queue/gather-queues.js';
import { KeyParts } from '../../queue/key-parts.js';
import type { QueueMessage } from '../../queue/message.js';
import { type ChangeFacts, type PlannedQueue, planChange, runKey } from '../../queue/plan-change.js';
import type { Context } from '../context.js';
import { type ChangeEnd, printChange, printPlanned } from './change-report.js';
import { runChange } from './change-run.js';
import { deskOf, deskPlace } from './desks.js';
import { changeHolds } from './holds-file.js';
import { openQueues } from './queues.js';
import { forgetHolds, isTimed, rememberHold, standingNote } from './standing.js';

/** Domains shown of a plan. */
const TOP_DOMAINS = 6;

/** What is to be done, and to which messages. */
export interface ChangeRequest {
  readonly act: QueueAct;
  readonly hosts: readonly string[];
  readonly groups: readonly string[];
  /** By listing the queues; or, for a restore, what is saved. */
  readonly source: ListedSource | SavedSource;
  readonly reason: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
  /** When a hold ends, or until when what is deleted is kept; ms from now. */
  readonly forMs: number | undefined;
  readonly meanwhile: readonly string[] | null;
  /** Records on the hosts that are over when this is done. */
  readonly ends: readonly string[];
  readonly undoes: string | null;
  /** Queues that were to be asked before, and could not be: whatever they have of it is not touched. */
  readonly unseen?: readonly QueueFailure[];
}

/** Messages that the queues have. */
export interface ListedSource {
  readonly kind: 'listed';
  readonly selection: Selection;
  readonly submitter: boolean;
  queue(name: string): boolean;
  /** Ids that were asked for and are in no queue. */
  missing(): readonly string[];
  ambiguous(): readonly { readonly id: string; readonly queues: readonly string[] }[];
}

/** Messages that a run has saved. */
export interface SavedSource {
  readonly kind: 'saved';
  /** The record of the run, on the hosts. */
  readonly key: string;
  keysOf(queue: Queue): KeyParts | undefined;
  readonly queues: ReadonlySet<string>;
  missing(): readonly string[];
}

/** What was found of one queue. */
interface Found {
  readonly keys: KeyParts;
  readonly totals: ChangeTotals;
  readonly domains: ReadonlyMap<string, number>;
  readonly sample: readonly QueueMessage[];
  readonly listing: QueueListing | null;
}

/** What is done with an end; it gives the exit code. */
export type ReportChange = (context: Context, end: ChangeEnd) => Promise<number>;

/** Does it, from the look to the exit code. */
export async function changeMessages(
  request: ChangeRequest,
  context: Context,
  report: ReportChange = printChange,
): Promise<number> {
  const { act, source } = request;
  const startedAt = context.clock.monotonic();
  if (!request.yes && !request.dryRun) (await context.prompt()).requireTerminal();
  const fleet = await openQueues(context, {
    hosts: request.hosts,
    groups: request.groups,
    readOnly: request.dryRun,
    queue: source.kind === 'listed' ? source.queue : (name) => source.queues.has(name),
  });
  const progress = await context.progress();
  progress.update([
    `looking at ${fleet.hosts.length === 1 ? fleet.hosts[0]?.name : `${fleet.hosts.length} hosts`}`,
  ]);
  const {
    answers: looked,
    failures: notListed,
    without,
  } = await gatherQueues(fleet, (queue, signal) => look(queue, request, signal), {
    concurrency: context.globals.concurrency,
    signal: context.interruption.abort,
  });
  progress.end();
  mustHaveQueue(looked, notListed, without);
  const failures = [...(request.unseen ?? []), ...notListed];
  // A server with queues within its own is looked at whatever is asked for, and may turn out to have no part in it.
  const answers =
    source.kind === 'listed' ? looked : looked.filter(({ queue }) => source.keysOf(queue) !== undefined);
  if (source.kind === 'listed') mustBeClear(source);
  const scene: ChangeScene = { context, request, failures, missing: source.missing(), startedAt };
  // A hold that stands for what arrives meanwhile is on every queue, whatever waits there now.
  const isStanding = request.meanwhile !== null;
  const going = answers.filter(
    ({ queue, value }) => value.totals.messages > 0 || (isStanding && standsOn(queue, source, answers)),
  );
  const totals = sumTotals(answers.map(({ value }) => value.totals));
  if (totals.messages === 0 && !isStanding) {
    if (!request.dryRun)
      await dropRecords(
        scene,
        answers.map(({ queue }) => queue),
      );
    return reportNothing(scene, totals, report);
  }
  const stateDir = await context.stateDir();
  const plan = await planOf(scene, stateDir, going);
  const isTended =
    request.act !== 'hold' || request.forMs === undefined || (await isTimed(context, stateDir));
  const screen = planScreen(scene, plan.plan.id, going, totals, await limitsOf(context), isTended);
  if (request.dryRun) return reportDryRun(scene, plan, going, totals, screen);
  for (const line of screen) context.note(line);
  if (!request.yes && !(await confirmed(context, act, totals.messages))) {
    context.note('nothing was changed');
    return context.interruption.finish.aborted ? EXIT.interrupted : EXIT.failed;
  }
  const end = await begin(scene, plan, going, totals);
  return report(context, end);
}

/** Whether what is asked for may arrive on this queue. */
function standsOn(
  { name, driver }: Queue,
  source: ChangeRequest['source'],
  answers: readonly QueueAnswer<Found>[],
): boolean {
  if (source.kind !== 'listed' || source.queue(name)) return true;
  // It may have queues that nobody knows of: those are meant when no other queue is.
  return (
    driver.queuesWithin !== undefined &&
    (driver.queuesWithin.some(source.queue) || !answers.some(({ queue }) => source.queue(queue.name)))
  );
}

/** What the parts of one command share. */
interface ChangeScene {
  readonly context: Context;
  readonly request: ChangeRequest;
  readonly failures: readonly QueueFailure[];
  readonly missing: readonly string[];
  readonly startedAt: number;
}

const savedHere = (keys: KeyParts): Found => ({
  keys,
  totals: { messages: keys.count, recipients: 0, sizeBytes: 0, oldestAt: null, already: 0 },
  domains: new Map(),
  sample: [],
  listing: null,
});

async function look(queue: Queue, request: ChangeRequest, signal: AbortSignal): Promise<Found> {
  const { act, source } = request;
  const saved = source.kind === 'saved' ? (source.keysOf(queue) ?? new KeyParts()) : undefined;
  if (saved?.count === 0) return savedHere(saved);
  const why = queue.driver.cannot(act);
  if (why !== null || queue.driver.act === undefined) {
    throw new MailctlError(`${queue.name}: ${why ?? `its ${queue.driver.software} changes no messages`}`, {
      code: 'queue.cannot',
      exitCode: EXIT.partial,
    });
  }
  if (source.kind === 'saved') return savedHere(saved ?? new KeyParts());
  const fold = new ChangeFold(act, source.selection);
  const listing = await queue.driver.list((message) => fold.add(message), {
    submitter: source.submitter,
    // What a server keeps back matters to new tries only.
    glance: act !== 'flush',
    signal,
  });
  fold.end();
  return { keys: fold.keys, totals: fold.totals, domains: fold.domains, sample: fold.sample, listing };
}

function mustHaveQueue(
  answers: readonly unknown[],
  failures: readonly QueueFailure[],
  without: readonly string[],
): void {
  if (answers.length > 0) return;
  const [first] = failures;
  if (first !== undefined && failures.length === 1) throw first.error;
  if (first !== undefined) return;
  throw new MailctlError(
    `no mail server with a queue was found on ${without.slice(0, 5).join(', ') || 'any host'}`,
    {
      code: 'queue.none',
      exitCode: EXIT.failed,
      hint: 'name its queues in the configuration (hosts.NAME.queues), or another host with -H',
    },
  );
}

function mustBeClear(source: ListedSource): void {
  const [first] = source.ambiguous();
  if (first === undefined) return;
  throw new UsageError(`${first.id} is a message of ${first.queues.join(' and of ')}: which one is meant?`, {
    code: 'usage.ambiguous-id',
    hint: `say ${first.queues.map((queue) => `${queue}/${first.id}`).join(' or ')}`,
  });
}

interface Limits {
  readonly confirmAbove: number;
  readonly keepDeletedMs: number;
  readonly keepAtMost: number;
}

/** By the configuration. */
export async function limitsOf(context: Context): Promise<Limits> {
  const { queue } = await context.config();
  return {
    confirmAbove: queue.confirmAbove,
    keepDeletedMs: queue.keepDeletedMs,
    keepAtMost: queue.keepAtMost,
  };
}

async function confirmed(context: Context, act: QueueAct, messages: number): Promise<boolean> {
  const prompt = await context.prompt();
  if (act === 'hold' && messages === 0) return prompt.yesNo('hold what arrives?');
  const noun = messages === 1 ? 'message' : 'messages';
  const purpose = act === 'flush' ? `to try ${noun} now` : `to ${act} ${noun}`;
  const { confirmAbove } = await limitsOf(context);
  if (messages > confirmAbove) return prompt.typed({ word: String(messages), purpose });
  return prompt.yesNo(
    `${act === 'flush' ? 'try' : act} ${messages} ${noun}${act === 'flush' ? ' now' : ''}?`,
  );
}

/** The words of a plan; its parts are not written yet. */
async function planOf(
  { context, request }: ChangeScene,
  stateDir: string,
  going: readonly QueueAnswer<Found>[],
): Promise<{ readonly plan: Plan; readonly facts: ChangeFacts }> {
  const { act, source } = request;
  const id = await pickRunId(stateDir);
  const now = context.clock.now();
  const createdAt = formatIso(now);
  const { bastion, name } = context.operator;
  const limits = await limitsOf(context);
  const endsInMs = act === 'delete' ? (request.forMs ?? limits.keepDeletedMs) : request.forMs;
  const facts: ChangeFacts = {
    act,
    key: runKey(id, bastion, createdAt),
    until: endsInMs === undefined ? null : Math.floor((now + endsInMs) / 1000),
    meanwhile: request.meanwhile,
    maxSaved: limits.keepAtMost,
    from: source.kind === 'saved' ? source.key : null,
    ends: request.ends,
    undoes: request.undoes,
  };
  const head = { id, operator: name, bastion, createdAt, reason: request.reason };
  return {
    plan: planChange(
      head,
      facts,
      going.map((one) => plannedQueue(one, [])),
    ),
    facts,
  };
}

function plannedQueue({ queue, value }: QueueAnswer<Found>, places: PlannedQueue['places']): PlannedQueue {
  const { messages, recipients, sizeBytes } = value.totals;
  const { software } = queue.driver;
  return { queue: queue.name, host: queue.host, software, places, messages, recipients, sizeBytes };
}

function planScreen(
  { context, request, failures, missing }: ChangeScene,
  run: string,
  going: readonly QueueAnswer<Found>[],
  total: ChangeTotals,
  limits: Limits,
  isTended: boolean,
): readonly Line[] {
  const { act, source } = request;
  const domains = topDomains(
    going.map(({ value }) => value.domains),
    TOP_DOMAINS,
  );
  const all = new Set(going.flatMap(({ value }) => [...value.domains.keys()]));
  const now = context.clock.now();
  return changePlanScreen({
    act,
    run,
    total,
    isListed: source.kind === 'listed',
    queues: going.map(({ queue, value }) => ({ queue: queue.name, messages: value.totals.messages })),
    domains,
    moreDomains: all.size - domains.length,
    sample: mergeSamples(going.map(({ value }) => value.sample)),
    whyLeft: whyLeft(act),
    notes: [
      ...notesOf(request, run, now, limits, going),
      ...(isTended
        ? []
        : [
            {
              word: '!',
              isBad: true,
              text: 'no timer of this machine has tended holds in the last five minutes: unless another one does, what arrives is not held and nothing is released by itself; install share/cron/mailctl-sample or share/systemd, or run: mailctl queue sample --do-owed',
            },
          ]),
      ...(missing.length > 0
        ? [
            {
              word: 'unknown',
              isBad: true,
              text: `${unknownIds(act, missing.length)}: ${missing.slice(0, 5).join(' ')}`,
            },
          ]
        : []),
      ...failures.map(({ host, queue, error }) => ({
        word: '!',
        isBad: true,
        text: `${queue ?? host} is not part of it: ${error.message}`,
      })),
    ],
    now,
  });
}

/** What will happen, in sentences. */
function notesOf(
  { act, forMs, meanwhile, reason }: ChangeRequest,
  run: string,
  now: number,
  limits: Limits,
  going: readonly QueueAnswer<Found>[],
): readonly { readonly word: string; readonly text: string; readonly isBad?: boolean }[] {
  const notes: { word: string; text: string; isBad?: boolean }[] = [];
  if (reason !== undefined) notes.push({ word: 'reason', text: reason });
  const ends = (ms: number) => `${formatIso(now + ms)} (in ${formatDuration(ms)})`;
  switch (act) {
    case 'hold':
      notes.push({
        word: 'until',
        text:
          forMs === undefined
            ? `somebody releases it: mailctl queue release --run ${run}; held mail is neither tried nor returned`
            : `${ends(forMs)}; then it is reported, and released at the next turn of the timer (mailctl queue sample --do-owed)`,
      });
      if (meanwhile !== null)
        notes.push({
          word: 'new',
          text: 'mail of this kind that arrives meanwhile is held at each turn of the timer (mailctl queue sample --do-owed, once a minute): what is sent between two turns goes out',
        });
      break;
    case 'release':
      notes.push({ word: 'then', text: 'it is tried when its old retry time has passed, not at once' });
      break;
    case 'requeue':
      notes.push({
        word: 'then',
        text: 'it passes through the server again and gets new ids: there is no way back',
      });
      break;
    case 'flush':
      notes.push({
        word: 'then',
        text: 'back-off and marks of dead sites are overridden; a provider with a limit sees all of it at once',
      });
      break;
    case 'delete':
      notes.push({
        word: 'saved',
        text: `first, on its own host, until ${ends(forMs ?? limits.keepDeletedMs)}, at most ${formatSize(limits.keepAtMost)} a host; nobody gets a bounce. Back: mailctl queue restore ${run}`,
      });
      break;
    case 'restore':
      notes.push({ word: 'then', text: 'each message is where it was, byte for byte' });
      break;
  }
  const keptBack = [...new Set(going.flatMap(({ value }) => value.listing?.keptBack ?? []))];
  if (act === 'flush' && keptBack.length > 0)
    notes.push({
      word: '!',
      isBad: true,
      text: `the server's own configuration keeps back ${keptBack.join(', ')} (defer_transports), and this overrides it`,
    });
  const malformed = going.reduce((sum, { value }) => sum + (value.listing?.malformed.lines ?? 0), 0);
  if (malformed > 0)
    notes.push({
      word: '!',
      isBad: true,
      text: `${malformed} ${malformed === 1 ? 'line of the listing was no message and is' : 'lines of the listing were no message and are'} left alone`,
    });
  return notes;
}

/** Records that this was to end, and of which nothing is left. */
async function dropRecords({ context, request }: ChangeScene, queues: readonly Queue[]): Promise<void> {
  const [key] = request.ends;
  if (key === undefined) return;
  const desk = await deskOf(context, false);
  for (const queue of queues)
    await desk.end(
      deskPlace(queue),
      key,
      { complete: false, drop: request.ends },
      context.interruption.abort,
    );
  const names = new Set(queues.map(({ name }) => name));
  await changeHolds(await context.stateDir(), (holds) =>
    holds.filter((one) => one.record.key !== key || !names.has(one.queue)),
  );
}

async function reportNothing(
  scene: ChangeScene,
  totals: ChangeTotals,
  report: ReportChange,
): Promise<number> {
  const { context, request, failures, missing } = scene;
  const isPartial = failures.length > 0 || missing.length > 0;
  const why =
    totals.already > 0
      ? [`${totals.already} messages were asked for: ${whyLeft(request.act)}`]
      : ['no message is meant'];
  return report(context, {
    ...emptyEnd(scene),
    outcome: isPartial ? 'partial' : 'nothing',
    exit: isPartial ? EXIT.partial : EXIT.done,
    totals,
    notes: why,
  });
}

/** An end at which nothing was begun. */
function emptyEnd({
  context,
  request,
  failures,
  missing,
  startedAt,
}: ChangeScene): Omit<ChangeEnd, 'outcome' | 'exit' | 'totals'> {
  return {
    act: request.act,
    run: null,
    dryRun: request.dryRun,
    rows: [],
    failed: [],
    failures,
    missing,
    tookMs: context.clock.monotonic() - startedAt,
    domains: [],
    sample: [],
    until: null,
    reason: request.reason ?? null,
    next: [],
    notes: [],
  };
}

async function reportDryRun(
  scene: ChangeScene,
  { plan, facts }: { readonly plan: Plan; readonly facts: ChangeFacts },
  going: readonly QueueAnswer<Found>[],
  totals: ChangeTotals,
  screen: readonly Line[],
): Promise<number> {
  const { context, failures, missing } = scene;
  // Parts of the size that they would have; nothing is written.
  const planned = planChange(
    plan,
    facts,
    going.map((one) =>
      plannedQueue(
        one,
        one.value.keys
          .parts()
          .map(({ bytes, count }) => ({ offset: 0, bytes: bytes.length, count, digest: '' })),
      ),
    ),
  );
  const queues = new Map(going.map(({ queue }) => [queue.name, queue]));
  const parts = changeParts(
    {
      plan: planned,
      facts,
      files: new RunFiles(await context.stateDir(), facts.key),
      desk: await deskOf(context, true),
      clock: context.clock,
      operator: plan.operator,
      bastion: plan.bastion,
      queueNamed: (name) => queues.get(name) as Queue,
      isDead: async () => false,
    },
    new ChangeResults(),
  );
  const steps = describeLines(describePlan(planned, changeActions(planned, parts), () => undefined));
  const isPartial = failures.length > 0 || missing.length > 0;
  return printPlanned(context, {
    ...emptyEnd(scene),
    outcome: 'planned',
    exit: isPartial ? EXIT.partial : EXIT.done,
    totals,
    rows: going.map(({ queue, value }) => ({
      queue: queue.name,
      host: queue.host,
      outcome: 'planned',
      messages: value.totals.messages,
      done: null,
      counted: null,
      gone: null,
      failed: null,
      left: null,
      reason: null,
    })),
    domains: topDomains(
      going.map(({ value }) => value.domains),
      TOP_DOMAINS,
    ),
    sample: mergeSamples(going.map(({ value }) => value.sample)),
    until: facts.until,
    screen: [...screen, '', ...steps],
  });
}

/** The confirmed plan: its parts are written beside the journal, then it is run. */
async function begin(
  scene: ChangeScene,
  { plan, facts }: { readonly plan: Plan; readonly facts: ChangeFacts },
  going: readonly QueueAnswer<Found>[],
  totals: ChangeTotals,
): Promise<ChangeEnd> {
  const { context, request, failures, missing } = scene;
  const startedAt = context.clock.monotonic();
  const stateDir = await context.stateDir();
  const files = new RunFiles(stateDir, facts.key);
  await pruneRunFiles(stateDir, context.clock);
  const parts = going.map(({ value }) => value.keys.parts());
  const places = await files.writeParts(parts.flat());
  let at = 0;
  const queues = going.map((one, index) => {
    const count = parts[index]?.length ?? 0;
    at += count;
    return plannedQueue(one, places.slice(at - count, at));
  });
  const { readBootId } = await import('../../journal/boot-id.js');
  const created = await createRun({
    stateDir,
    plan: planChange(plan, facts, queues),
    mailctl: version,
    operator: plan.operator,
    host: plan.bastion,
    bootId: await readBootId(),
    clock: context.clock,
  }).catch(async (error: unknown) => {
    await files.remove().catch(() => {});
    throw error;
  });
  const byName = new Map(going.map(({ queue }) => [queue.name, queue]));
  await rememberHold(stateDir, created.plan, facts);
  const end = await runChange(
    context,
    { plan: created.plan, facts, journal: created.journal, files, queueNamed: (name) => byName.get(name) },
    { how: 'run' },
  );
  await forgetHolds(stateDir, facts, end.rows);
  const isWhole = failures.length === 0 && missing.length === 0;
  const isPartial = end.outcome === 'done' && !isWhole;
  return {
    ...end,
    notes: [...end.notes, ...standingNote(facts, end.outcome, context.clock.now())],
    outcome: isPartial ? 'partial' : end.outcome,
    exit: isPartial ? EXIT.partial : end.exit,
    dryRun: false,
    totals,
    failures,
    missing,
    tookMs: context.clock.monotonic() - startedAt,
    domains: topDomains(
      going.map(({ value }) => value.domains),
      TOP_DOMAINS,
    ),
    sample: mergeSamples(going.map(({ value }) => value.sample)),
    reason: request.reason ?? null,
  };
}
