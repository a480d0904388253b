// One call of `mailctl replication seed` from the look to the report, and the taking up of one that was cut off.
// Loaded when the command runs.
import { EXIT, MailctlError, UsageError } from '../../errors.js';
import { pickRunId } from '../../journal/store.js';
import type { Line } from '../../output/line.js';
import { type SeedRow, seedColumns, seedEnd, seedPlan } from '../../output/screens/seed.js';
import type { Plan } from '../../plan/plan.js';
import type { RunProgress } from '../../plan/progress.js';
import type { RunResult } from '../../plan/runner.js';
import type { Directory } from '../../slot/directory.js';
import { lookAtSlots, type Surroundings } from '../../slot/look-around.js';
import { judgeSeed, planSeed, type SeedFacts, type SeedWishes } from '../../slot/seed.js';
import { type FleetSight, stateOf } from '../../slot/sight.js';
import { type Instance, instanceOn, type Slot } from '../../slot/slot.js';
import type { Context } from '../context.js';
import { worstExit } from '../report.js';
import { askTakeUp, beginRun, planHead, reopenRun } from '../runs/open-run.js';
import { describeSteps, NO_PROMISE } from '../slots/plan-shown.js';
import { exitAfter, runSlots, stderrCanvas } from '../slots/run-slots.js';
import { namedSlots } from '../slots/show.js';
import { sightErrors } from '../slots/sight-errors.js';
import { surroundingsOf } from '../slots/surroundings.js';
import { runsToTakeOver } from '../take-over.js';
import { SEED_SCHEMA, type SeedRequest } from './seed.js';

/** Seconds for the measuring of one instance; a larger one is judged by its file system. */
const MEASURE_S = 60;

/** From the look to the report. */
export class SeedSession {
  private constructor(
    readonly context: Context,
    readonly request: SeedRequest,
    readonly around: Surroundings,
    readonly directory: Directory,
    readonly slots: readonly Slot[],
    readonly sight: FleetSight,
    readonly takeOver: readonly string[],
    readonly rows: readonly SeedRow[],
    readonly plan: Plan,
    readonly startedAt: number,
  ) {}

  /** Looks, measures, judges and plans. @throws UsageError for unknown names */
  static async prepare(request: SeedRequest, context: Context): Promise<SeedSession> {
    const startedAt = context.clock.monotonic();
    const readOnly = { readOnly: request.dryRun };
    const directory = await context.directory(readOnly);
    const all = await directory.list();
    const slots = namedSlots(request.slots, all);
    const around = await surroundingsOf(context, readOnly);
    for (const name of [request.to, ...(request.replace === undefined ? [] : [request.replace])])
      knownHost(name, around);
    checkWords(request);
    const config = await context.config();
    const progress = await context.progress();
    progress.line(`looking at ${request.slots.join(', ')} and ${request.to}`);
    const wanted = slots.map((slot) => instanceFor(slot, request));
    const sight = await lookAtSlots(
      slots.map((slot, index) => ({
        ...slot,
        instances: [...slot.instances.filter((one) => one.host !== request.to), wanted[index] as Instance],
      })),
      around,
    );
    const stateDir = await context.stateDir();
    const takeOver = [...request.takeOver, ...(await runsToTakeOver(stateDir, context.clock))];
    const judged = await Promise.all(
      slots.map(async (slot, index) => {
        const instance = wanted[index] as Instance;
        const wishes: SeedWishes = {
          instance,
          replace: request.replace,
          acceptLoss: request.acceptLoss.includes(slot.slot),
          fenced: request.fenced,
          overrideDisk: request.overrides.includes(`disk:${slot.slot}`),
          perSecond: request.rate,
          takeOver: new Set(takeOver),
        };
        const facts: SeedFacts = {
          sight,
          sizeBytes: await sizeOf(slot, slot.master, 'master', sight, around),
          thereBytes: await sizeOf({ ...slot, instances: [instance] }, request.to, 'replica', sight, around),
          minFree: around.minFree,
          canMap: config.directory.kind === 'database',
        };
        const gate = replaceFault(slot, request) ?? judgeSeed(slot, wishes, facts);
        const row: SeedRow = {
          slot: slot.slot,
          from: slot.master,
          to: request.to,
          outcome: gate === null ? 'planned' : 'refused',
          gate: gate?.gate ?? null,
          reason: gate?.reason ?? null,
          next: gate?.next ?? [],
          sizeBytes: facts.sizeBytes,
          freeBytes: stateOf(sight, slot.slot, request.to)?.freeBytes ?? null,
        };
        return { row, lane: gate === null ? planSeed(slot, wishes, facts) : undefined };
      }),
    );
    const plan: Plan = {
      ...planHead(context, request.reason),
      id: await pickRunId(stateDir),
      kind: 'seed',
      target: `${request.slots.join(' ')} on ${request.to}`,
      facts: {
        to: request.to,
        replace: request.replace ?? null,
        acceptLoss: [...request.acceptLoss],
        fenced: request.fenced ?? null,
        takeOver,
      },
      lanes: judged.flatMap(({ lane }) => (lane === undefined ? [] : [lane])),
      after: [],
    };
    return new SeedSession(
      context,
      request,
      around,
      directory,
      slots,
      sight,
      takeOver,
      judged.map(({ row }) => row),
      plan,
      startedAt,
    );
  }

  get anyMayGo(): boolean {
    return this.plan.lanes.length > 0;
  }

  /** Every step with its commands; changes nothing. */
  async reportDryRun(): Promise<number> {
    const isShown = this.context.output.format === 'table' && this.anyMayGo;
    const steps = isShown ? ['', ...(await describeSteps(this.context, this.plan, this))] : [];
    return printSeed(this.context, this.#end(this.rows, null), [
      ...seedPlan(this.#screen()),
      ...steps,
      '',
      NO_PROMISE,
    ]);
  }

  /** All refused: says why, and what would open it. */
  reportRefused(): Promise<number> {
    const word: Line = [{ text: 'REFUSED', tone: 'bad' }, '  nothing was changed'];
    return printSeed(this.context, this.#end(this.rows, null), [...seedPlan(this.#screen()), word]);
  }

  /** Shows the plan and asks for the host's name. */
  async confirm(): Promise<boolean> {
    (await this.context.progress()).end();
    for (const line of seedPlan(this.#screen())) this.context.note(line);
    if (this.request.yes) return true;
    const prompt = await this.context.prompt();
    const count = this.plan.lanes.length;
    return prompt.typed({
      word: this.request.to,
      purpose: `to fill ${count} ${count === 1 ? 'slot' : 'slots'} there`,
    });
  }

  /** The run, and its report. */
  async run(): Promise<number> {
    const { context } = this;
    const { journal } = await beginRun(context, this.plan);
    try {
      const result = await runSlots(
        context,
        {
          plan: this.plan,
          journal,
          around: this.around,
          directory: this.directory,
          waiting: undefined,
          takeOver: this.takeOver,
          slots: this.slots,
          sight: this.sight,
          targets: [this.plan.target],
          refused: this.rows.length - this.plan.lanes.length,
        },
        { how: 'run' },
      );
      return await printSeed(context, this.#end(rowsAfter(this.rows, result), result), undefined);
    } finally {
      await journal.close().catch(() => {});
    }
  }

  #screen() {
    return {
      to: this.request.to,
      run: this.plan.id,
      rows: this.rows,
      now: this.context.clock.now(),
      replace: this.request.replace,
    };
  }

  #end(rows: readonly SeedRow[], result: RunResult | null): EndedSeed {
    return { rows, result, sight: this.sight, tookMs: this.context.clock.monotonic() - this.startedAt };
  }
}

interface EndedSeed {
  readonly rows: readonly SeedRow[];
  readonly result: RunResult | null;
  readonly sight: FleetSight;
  readonly tookMs: number;
}

/** Goes on with a seed that was cut off; an undo only gives back what was not begun. */
export async function resumeSeed(
  taken: {
    readonly run: string;
    readonly file: string;
    readonly before: RunProgress;
    readonly yes: boolean;
    readonly how: 'resume' | 'undo';
  },
  context: Context,
): Promise<number> {
  const { run, before } = taken;
  const startedAt = context.clock.monotonic();
  const refused = await askTakeUp(context, taken, `leave run ${run} as it stands?`);
  if (refused !== null) return refused;
  const directory = await context.directory();
  const around = await surroundingsOf(context);
  const slots = (await directory.list()).filter((slot) =>
    before.lanes.some((lane) => lane.lane === slot.slot),
  );
  const sight = await lookAtSlots(slots, around);
  const { journal, by } = await reopenRun(context, taken.file);
  try {
    const { takeOver } = before.plan.facts as { readonly takeOver?: readonly string[] };
    const result = await runSlots(
      context,
      {
        plan: before.plan,
        journal,
        around,
        directory,
        waiting: undefined,
        takeOver: [...(takeOver ?? []), run],
        slots,
        sight,
        targets: [before.plan.target],
        refused: 0,
      },
      { how: taken.how, by, refused: new Map() },
    );
    const rows = before.plan.lanes.map((lane): SeedRow => {
      const { from, to } = lane.facts as { readonly from?: string; readonly to?: string };
      return {
        slot: lane.id,
        from: from ?? '',
        to: to ?? '',
        outcome: 'planned',
        gate: null,
        reason: null,
        next: [],
        sizeBytes: null,
        freeBytes: null,
      };
    });
    const tookMs = context.clock.monotonic() - startedAt;
    return await printSeed(context, { rows: rowsAfter(rows, result), result, sight, tookMs }, undefined);
  } finally {
    await journal.close().catch(() => {});
  }
}

function rowsAfter(rows: readonly SeedRow[], result: RunResult): readonly SeedRow[] {
  return rows.map((row): SeedRow => {
    const lane = result.lanes.find((one) => one.lane === row.slot);
    if (lane === undefined) return row;
    const isOwed = lane.owed.length > 0;
    if (lane.state === 'done' && !isOwed) return { ...row, outcome: 'done', reason: null };
    const outcome = lane.state === 'incomplete' || isOwed ? 'incomplete' : 'failed';
    return {
      ...row,
      outcome,
      reason: lane.failure?.reason ?? (isOwed ? `owed: ${lane.owed.join(', ')}` : null),
    };
  });
}

async function printSeed(
  context: Context,
  { rows, result, sight, tookMs }: EndedSeed,
  shown: readonly Line[] | undefined,
): Promise<number> {
  const count = (outcome: SeedRow['outcome']) => rows.filter((row) => row.outcome === outcome).length;
  const outcome =
    count('incomplete') > 0 || result?.stopped !== undefined
      ? 'incomplete'
      : count('refused') === rows.length
        ? 'refused'
        : count('planned') + count('done') === rows.length
          ? count('planned') > 0
            ? 'planned'
            : 'done'
          : count('failed') === rows.length
            ? 'failed'
            : 'partial';
  const exits = {
    incomplete: EXIT.incomplete,
    refused: rows.every((row) => row.gate === 'busy') ? EXIT.busy : EXIT.refused,
    planned: EXIT.done,
    done: EXIT.done,
    failed: EXIT.failed,
    partial: EXIT.partial,
  } as const;
  const exit = result === null ? exits[outcome] : exitAfter(context, worstExit(exits[outcome]));
  (await context.progress()).end();
  await stderrCanvas(context);
  await context.output.print({
    schema: SEED_SCHEMA,
    document: () => ({
      run: result?.run ?? null,
      outcome,
      took_ms: Math.round(tookMs),
      slots: rows.map((row) => ({
        slot: row.slot,
        from: row.from,
        to: row.to,
        outcome: row.outcome,
        gate: row.gate,
        reason: row.reason,
        next: row.next,
        size_bytes: row.sizeBytes,
        free_bytes: row.freeBytes,
      })),
      errors: sightErrors(sight),
    }),
    rows,
    columns: seedColumns,
    screen: () => shown ?? seedEnd({ rows, run: result?.run ?? null, outcome, tookMs, exit }),
  });
  return exit;
}

async function sizeOf(
  slot: Slot,
  on: string,
  role: 'master' | 'replica',
  sight: FleetSight,
  around: Surroundings,
): Promise<number | null> {
  const instance = instanceOn(slot, on);
  const host = around.hosts.get(on);
  if (instance === undefined || host === undefined || stateOf(sight, slot.slot, on) === undefined)
    return null;
  try {
    return await around.driver.sizeOf(host, instance, role, MEASURE_S);
  } catch (error) {
    // What cannot be measured is judged by its file system.
    if (!(error instanceof MailctlError)) throw error;
    return null;
  }
}

function instanceFor(slot: Slot, request: SeedRequest): Instance {
  const known = instanceOn(slot, request.to);
  return {
    slot: slot.slot,
    host: request.to,
    instance: request.instance ?? known?.instance ?? slot.slot,
    address: request.address ?? known?.address,
  };
}

function replaceFault(slot: Slot, { replace, to }: SeedRequest) {
  if (replace === undefined) return null;
  const no = (reason: string) => ({ gate: 'directory-disagrees' as const, reason, next: [] });
  if (replace === to) return no(`${to} cannot replace itself: leave --replace out`);
  if (replace === slot.master) return no(`${replace} is the master of ${slot.slot}`);
  return instanceOn(slot, replace) === undefined ? no(`${replace} has no replica of ${slot.slot}`) : null;
}

function knownHost(name: string, around: Surroundings): void {
  if (around.hosts.has(name)) return;
  throw new UsageError(`the configuration knows no host ${JSON.stringify(name)}`, {
    hint: `add ${name} under hosts: in the configuration`,
  });
}

function checkWords({ slots, acceptLoss, overrides }: SeedRequest): void {
  const of = [...acceptLoss, ...overrides.map((word) => word.slice(word.indexOf(':') + 1))];
  const unknown = of.find((slot) => !slots.includes(slot));
  if (unknown !== undefined)
    throw new UsageError(
      `a word names ${JSON.stringify(unknown)}, which is not among the slots of this seed`,
    );
}
