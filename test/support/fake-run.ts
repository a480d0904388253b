// A plan of steps that do what a test says, on the real journal with its disk in memory. By default a step is to
// be done, its act does it, its undo takes it back.
import { Journal, type JournalStorage } from '../../src/journal/journal.js';
import { parseRecord } from '../../src/journal/parse-record.js';
import type { JournalRecord } from '../../src/journal/record.js';
import type { Action, CheckResult } from '../../src/plan/action.js';
import type { Json, Plan } from '../../src/plan/plan.js';
import { type RunnerOptions, type RunResult, resumePlan, runPlan, undoRun } from '../../src/plan/runner.js';
import type { RunEvent } from '../../src/plan/session.js';
import type { Phase, Step } from '../../src/plan/step.js';
import { type FakeClock, fakeClock } from './fake-clock.js';

/** How a step of a test differs from the default. */
export interface Behaviour {
  check?: (isDone: boolean) => CheckResult;
  /** Before the step is done; a throw leaves it not done. */
  act?: () => void | Promise<void>;
  /** After the step is done. */
  afterAct?: () => void;
  undo?: (() => void) | 'none';
  checkUndone?: (isDone: boolean) => CheckResult;
  lapses?: boolean;
  deadlineMs?: number;
}

/** A run of a test: what it is made of, what happened, and ways to execute it. */
export interface FakeRun {
  readonly clock: FakeClock;
  readonly plan: Plan;
  readonly steps: { [step: string]: Behaviour };
  /** Steps that are done, as `lane/step`. */
  readonly done: Set<string>;
  /** `act store1/stop`, `undo ...`, `check ...`, in order. */
  readonly calls: string[];
  readonly events: RunEvent[];
  readonly disk: { text: string; full: boolean };
  finish: AbortController;
  abort: AbortController;
  run(more?: Partial<RunnerOptions>): Promise<RunResult>;
  resume(more?: Partial<Parameters<typeof resumePlan>[0]>): Promise<RunResult>;
  undo(): Promise<RunResult>;
  records(): JournalRecord[];
  /** The journal as `kind step`, without the first record; lanes other than store1 are named. */
  story(): string[];
  acts(): string[];
}

/** `name`, `name?` (may be owed), `name!` (its undo may be owed), `name+` (tried after the commit). */
function makeStep(lane: string, word: string, phase: Phase): Step {
  const id = word.replace(/[?!+]/g, '');
  return {
    id,
    action: id,
    host: `host-${id}`,
    phase,
    title: `${id} of ${lane === '' ? 'the run' : lane}`,
    params: { lane },
    ...(word.includes('?') ? { mayBeOwed: true } : {}),
    ...(word.includes('!') ? { undoMayBeOwed: true } : {}),
    ...(word.includes('+') ? { retryAfterCommit: true } : {}),
  };
}

/** Steps of a lane from words: `lease stop? | start | hook`, phases parted by bars. */
export function makeSteps(lane: string, words: string): Step[] {
  const phases: readonly Phase[] = ['prepare', 'commit', 'settle'];
  return words.split('|').flatMap((part, index) =>
    part
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => makeStep(lane, word, phases[index] ?? 'settle')),
  );
}

export function makePlan(lanes: readonly string[], words: string, after = ''): Plan {
  return {
    version: 1,
    id: '7f3a',
    kind: 'failover',
    target: 'imap21',
    operator: 'ann',
    bastion: 'bastion1',
    createdAt: '2026-03-12T04:28:00Z',
    facts: null,
    lanes: lanes.map((id) => ({ id, steps: makeSteps(id, words), facts: null })),
    after: makeSteps('', `||${after}`),
  };
}

/** Makes a run that has not begun. */
export function fakeRun(words: string, lanes: readonly string[] = ['store1'], after = ''): FakeRun {
  const plan = makePlan(lanes, words, after);
  const clock = fakeClock({ auto: true });
  const disk = { text: '', full: false };
  const storage: JournalStorage = {
    async append(text) {
      if (disk.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      disk.text += text;
    },
    async close() {},
  };
  const records = (): JournalRecord[] =>
    disk.text
      .split('\n')
      .slice(0, -1)
      .map((line, index) => parseRecord(line, `disk:${index + 1}`, index + 1));
  const by = { operator: 'bob', host: 'bastion2', bootId: 'c' };
  const execution = async (more: Partial<RunnerOptions> = {}) => {
    const journal = new Journal('/state/runs/7f3a.ndjson', storage, records(), clock);
    if (journal.records.length === 0) {
      const facts = { operator: 'ann', host: 'bastion1', bootId: 'b' };
      const json = JSON.parse(JSON.stringify(plan)) as Json;
      await journal.append({ kind: 'opened', format: 1, mailctl: '0.1.0', ...facts, plan: json });
    }
    return {
      journal,
      actions: fakeActions(run),
      clock,
      signals: { finish: run.finish.signal, abort: run.abort.signal },
      onEvent: (event: RunEvent) => run.events.push(event),
      ...more,
    };
  };
  const run: FakeRun = {
    clock,
    plan,
    steps: {},
    done: new Set(),
    calls: [],
    events: [],
    disk,
    finish: new AbortController(),
    abort: new AbortController(),
    run: async (more) => runPlan(await execution(more)),
    resume: async (more) => resumePlan({ ...(await execution(more)), by, ...more }),
    undo: async () => undoRun({ ...(await execution()), by }),
    records,
    story: () =>
      records()
        .slice(1)
        .map((record) => {
          const lane =
            'lane' in record && record.lane !== 'store1'
              ? `${record.lane === '' ? 'run' : record.lane}/`
              : '';
          const step =
            'step' in record ? ` ${lane}${record.step}` : 'to' in record ? ` to ${lane}${record.to}` : '';
          const state =
            'state' in record ? ` ${record.kind === 'lane-closed' ? lane : ''}${record.state}` : '';
          return `${record.kind}${step}${state}`;
        }),
    acts: () => run.calls.filter((call) => !call.startsWith('check')),
  };
  return run;
}

function fakeActions(run: FakeRun): Map<string, Action> {
  const ids = new Set(
    [...run.plan.lanes.flatMap(({ steps }) => steps), ...run.plan.after].map(({ id }) => id),
  );
  return new Map([...ids].map((id) => [id, fakeAction(run, id)]));
}

function fakeAction(run: FakeRun, id: string): Action {
  // By lane and step first, then by step: `steps['store2/stop']`.
  const key = (step: Step): string => `${step.params.lane}/${step.id}`;
  const of = (step: Step): Behaviour => run.steps[key(step)] ?? run.steps[id] ?? {};
  const general = run.steps[id] ?? {};
  return {
    name: id,
    preview: (step) => [`do ${step.id}`],
    deadlineMs: (step) => of(step).deadlineMs ?? 10_000,
    async check(step) {
      run.calls.push(`check ${key(step)}`);
      const isDone = run.done.has(key(step));
      return of(step).check?.(isDone) ?? { state: isDone ? 'done' : 'todo' };
    },
    async act(step) {
      run.calls.push(`act ${key(step)}`);
      await of(step).act?.();
      run.done.add(key(step));
      of(step).afterAct?.();
    },
    ...(general.undo === 'none'
      ? {}
      : {
          async undo(step: Step) {
            run.calls.push(`undo ${key(step)}`);
            const { undo } = of(step);
            if (typeof undo === 'function') undo();
            run.done.delete(key(step));
          },
        }),
    ...(general.checkUndone === undefined
      ? {}
      : {
          async checkUndone(step: Step) {
            run.calls.push(`check-undone ${key(step)}`);
            return of(step).checkUndone?.(run.done.has(key(step))) ?? { state: 'todo' as const };
          },
        }),
    ...(general.lapses === undefined ? {} : { lapses: general.lapses }),
  };
}
