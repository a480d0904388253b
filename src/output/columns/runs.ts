// Columns of `runs list` and of `runs show`: a row a run, and a row a step.
import type { Column } from './column.js';

/** Where a run, or one of its lanes, stands. */
export type RunStateWord = 'running' | 'done' | 'reverted' | 'failed' | 'incomplete';

/** One run of the list. Texts are as they stand in the journal. */
export interface RunRow {
  readonly run: string;
  readonly kind: string;
  readonly target: string;
  readonly state: RunStateWord;
  /** ISO 8601 UTC; null: its journal does not tell. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly operator: string;
  /** The machine that it was started on. */
  readonly host: string;
  /** Why its journal cannot be read; null: it can. */
  readonly damage: string | null;
}

/** For tsv and ndjson of the list. */
export const runColumns: readonly Column<RunRow>[] = [
  { key: 'run', header: 'RUN', value: (row) => row.run },
  { key: 'kind', header: 'KIND', value: (row) => row.kind },
  { key: 'target', header: 'TARGET', value: (row) => row.target },
  { key: 'state', header: 'STATE', value: (row) => row.state },
  { key: 'started_at', header: 'STARTED', value: (row) => row.startedAt },
  { key: 'ended_at', header: 'ENDED', value: (row) => row.endedAt },
  { key: 'operator', header: 'OPERATOR', value: (row) => row.operator },
  { key: 'host', header: 'HOST', value: (row) => row.host },
  { key: 'damage', header: 'DAMAGE', value: (row) => row.damage },
];

/** One step of a run. */
export interface StepRow {
  readonly run: string;
  readonly lane: string;
  readonly laneState: RunStateWord;
  readonly step: StepView;
}

/** A step and where it stands. */
export interface StepView {
  readonly id: string;
  readonly phase: 'prepare' | 'commit' | 'settle';
  /** Empty: about no host. */
  readonly host: string;
  readonly title: string;
  readonly state: 'todo' | 'began' | 'did' | 'skipped' | 'owed' | 'failed' | 'undone';
  /** Its undo met a host that is away. */
  readonly undoOwed: boolean;
  /** Where it stands, in words. */
  readonly standing: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** A note, or why it failed or is owed. */
  readonly reason: string | null;
  readonly code: string | null;
  /** What it would run; empty unless they were asked for. */
  readonly commands: readonly string[];
}

/** For tsv and ndjson of one run. */
export const stepColumns: readonly Column<StepRow>[] = [
  { key: 'run', header: 'RUN', value: ({ run }) => run },
  { key: 'lane', header: 'LANE', value: ({ lane }) => lane },
  { key: 'lane_state', header: 'LANE STATE', value: ({ laneState }) => laneState },
  { key: 'step', header: 'STEP', value: ({ step }) => step.id },
  { key: 'phase', header: 'PHASE', value: ({ step }) => step.phase },
  { key: 'host', header: 'HOST', value: ({ step }) => step.host },
  { key: 'state', header: 'STATE', value: ({ step }) => step.state },
  { key: 'started_at', header: 'STARTED', value: ({ step }) => step.startedAt },
  { key: 'ended_at', header: 'ENDED', value: ({ step }) => step.endedAt },
  { key: 'title', header: 'WHAT', value: ({ step }) => step.title },
  { key: 'reason', header: 'REASON', value: ({ step }) => step.reason },
];

/** One record of a journal, for people. */
export interface RecordRow {
  /** ISO 8601 UTC with milliseconds. */
  readonly at: string;
  readonly seq: number;
  /** Empty: about the whole run. */
  readonly lane: string;
  readonly kind: string;
  /** Null: about no step. */
  readonly step: string | null;
  /** A short sentence. */
  readonly what: string;
}

/** For tsv of a run that is followed. */
export const recordColumns: readonly Column<RecordRow>[] = [
  { key: 'at', header: 'AT', value: (row) => row.at },
  { key: 'seq', header: 'SEQ', value: (row) => row.seq },
  { key: 'lane', header: 'LANE', value: (row) => row.lane },
  { key: 'kind', header: 'KIND', value: (row) => row.kind },
  { key: 'step', header: 'STEP', value: (row) => row.step },
  { key: 'what', header: 'WHAT', value: (row) => row.what },
];
