// The screens of `runs list`, `runs show` and `runs attach`: what is not finished comes first and in full, what is
// done is a line each or a number.
import { formatIso } from '../../lib/clock.js';
import { formatDuration } from '../../lib/duration.js';
import type { Column } from '../columns/column.js';
import type { RecordRow, RunRow, RunStateWord, StepView } from '../columns/runs.js';
import type { Line, Span, Tone } from '../line.js';
import type { Canvas } from '../output.js';
import { shortTime, wrapped } from './slot-show.js';
import { joinNames } from './slots.js';

const TONES: { readonly [state in RunStateWord]: Tone } = {
  running: 'warn',
  done: 'good',
  reverted: 'warn',
  failed: 'bad',
  incomplete: 'bad',
};

/** In the order in which they matter. */
const STATES: readonly RunStateWord[] = ['incomplete', 'running', 'failed', 'reverted', 'done'];

/** What has ended, shown without --all. */
const ENDED_ROWS = 12;

/** What `runs list` shows. */
export interface RunsScreen {
  /** Newest first. */
  readonly runs: readonly RunRow[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly all: boolean;
}

/** The screen of `runs list`. */
export function runsScreen({ runs, now, all }: RunsScreen, canvas: Canvas): readonly Line[] {
  if (runs.length === 0) {
    return [
      `RUNS none   ${formatIso(now).slice(11)}`,
      'nothing was begun from this state directory',
      'next  mailctl slots list',
    ];
  }
  const isOpen = (run: RunRow) => run.state === 'incomplete' || run.state === 'running';
  const open = [...runs].filter(isOpen).sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
  const ended = runs.filter((run) => !isOpen(run));
  const shown = all ? ended : ended.slice(0, ENDED_ROWS);
  const lines: Line[] = [
    [...counts('RUNS', runs), `   ${formatIso(now).slice(11)}`],
    ...canvas.table([...open, ...shown], listColumns(now)),
  ];
  if (ended.length > shown.length) lines.push(` + ${ended.length - shown.length} older, ended (--all)`);
  for (const run of open) {
    if (run.damage !== null && run.state === 'incomplete') {
      lines.push([{ text: run.run, tone: 'bad' }, `  its journal cannot be read: ${run.damage}`]);
    }
  }
  const next = open.map(nextOfRow);
  for (const line of next.slice(0, 5)) lines.push(`next  ${line}`);
  if (next.length === 0) lines.push(`next  mailctl runs show ${shown[0]?.run ?? 'RUN'}`);
  return lines;
}

/** What goes on with a run of the list. */
function nextOfRow(run: RunRow): string {
  if (run.state === 'running') return `mailctl runs attach ${run.run}`;
  return run.damage === null ? `mailctl runs resume ${run.run}` : `mailctl runs show ${run.run}`;
}

function listColumns(now: number): readonly Column<RunRow>[] {
  return [
    { key: 'run', header: 'RUN', value: (run) => run.run },
    { key: 'what', header: 'WHAT', value: (run) => `${run.kind} ${run.target}`.trim() || '?', mayCut: true },
    { key: 'state', header: 'STATE', value: (run) => run.state, tone: (run) => TONES[run.state] },
    { key: 'age', header: 'AGE', value: (run) => ageOf(run.startedAt, now), align: 'right' },
    { key: 'took', header: 'TOOK', value: (run) => between(run.startedAt, run.endedAt), align: 'right' },
    {
      key: 'started',
      header: 'STARTED',
      value: (run) => (run.startedAt === null ? '?' : shortTime(Date.parse(run.startedAt), now)),
    },
    {
      key: 'who',
      header: 'WHO',
      value: (run) => (run.operator === '' ? '?' : `${run.operator}@${run.host}`),
      mayCut: true,
    },
  ];
}

/** `RUNS 5: 1 incomplete  4 done`. */
function counts(word: string, items: readonly { readonly state: RunStateWord }[]): (string | Span)[] {
  const parts = STATES.map((state) => ({ state, count: items.filter((item) => item.state === state).length }))
    .filter(({ count }) => count > 0)
    .flatMap(({ state, count }, index) => [
      index === 0 ? ' ' : '  ',
      { text: `${count} ${state}`, tone: TONES[state] },
    ]);
  return [`${word} ${items.length}:`, ...parts];
}

/** One lane of a run. */
export interface LaneView {
  /** A slot; empty: the steps of the whole run. */
  readonly lane: string;
  readonly state: RunStateWord;
  /** Nothing of it was begun. */
  readonly untouched: boolean;
  /** Its point of no return is passed. */
  readonly committed: boolean;
  /** Why it goes back; null: it does not. */
  readonly reverting: string | null;
  readonly from: string | null;
  readonly to: string | null;
  /** Seconds; null: not known, or nothing can be lost. */
  readonly possibleLossS: number | null;
  /** The run whose open lane this one finishes. */
  readonly finishes: string | null;
  readonly evidence: readonly { readonly kind: string; readonly at: string; readonly value: string }[];
  /** Gates passed by the operator's word. */
  readonly words: readonly { readonly gate: string; readonly word: string; readonly reason: string }[];
  readonly failure: { readonly step: string; readonly reason: string; readonly code: string | null } | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly steps: readonly StepView[];
}

/** A run with all that its journal tells. */
export interface RunView {
  readonly run: string;
  readonly kind: string;
  readonly target: string;
  readonly reason: string | null;
  readonly state: RunStateWord;
  readonly operator: string;
  readonly host: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Time of the last record. */
  readonly lastAt: string;
  readonly resumes: number;
  /** Who executes it now. */
  readonly holder: { readonly operator: string; readonly pid: number } | 'unknown' | null;
  readonly lanes: readonly LaneView[];
  /** The steps of the whole run; null: it has none. */
  readonly after: LaneView | null;
  /** Slots that a gate kept out of the run. */
  readonly refused: readonly { readonly slot: string; readonly gate: string; readonly reason: string }[];
  readonly notes: readonly { readonly at: string; readonly lane: string; readonly text: string }[];
  readonly next: { readonly command: string; readonly purpose: string };
}

/** Lanes shown step by step without being named. */
const MOST_LANES_IN_FULL = 3;
/** Lanes that are done, shown as a row without --all. */
const DONE_ROWS = 6;

/** What `runs show` shows of a run. */
export interface RunScreen {
  readonly view: RunView;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What is shown step by step: the lanes that are not done, every lane, no lane, or those of these names. */
  readonly detail: 'open' | 'all' | 'none' | readonly string[];
}

/** The screen of `runs show`; also where a run stands that `attach` finds ended. */
export function runScreen({ view, now, detail }: RunScreen, canvas: Canvas): readonly Line[] {
  const everything = [...view.lanes, ...(view.after === null ? [] : [view.after])];
  const order = (lane: LaneView) => STATES.indexOf(lane.state);
  const sorted = [...everything].sort((a, b) => order(a) - order(b));
  const open = sorted.filter((lane) => lane.state !== 'done');
  const done = sorted.filter((lane) => lane.state === 'done');
  const named =
    typeof detail === 'string' ? undefined : everything.filter((lane) => detail.includes(lane.lane));
  const inFull =
    named ??
    (detail === 'all'
      ? everything
      : detail === 'open'
        ? open.filter((lane) => !lane.untouched).slice(0, MOST_LANES_IN_FULL)
        : []);
  const shownDone = detail === 'all' ? done : done.slice(0, DONE_ROWS);
  const listed = named ?? [...open, ...shownDone];
  const lines: Line[] = [
    ...runHeading(view, now, canvas.width),
    ...canvas.table(listed, laneColumns(now), { below: failureLine }),
  ];
  if (named === undefined && done.length > shownDone.length) {
    lines.push(` + ${done.length - shownDone.length} done (--all)`);
  }
  for (const { slot, gate, reason } of view.refused) {
    lines.push([`${slot}  `, { text: 'refused', tone: 'bad' }, `: ${gate}: ${reason}`]);
  }
  lines.push(...owedLines(everything, canvas.width));
  for (const lane of inFull) lines.push(...laneInFull(lane, now, canvas));
  for (const note of view.notes.slice(-5))
    lines.push(
      `${shortTime(Date.parse(note.at), now)}  ${note.lane === '' ? '' : `${note.lane}  `}${note.text}`,
    );
  lines.push(`next  ${view.next.command}${view.next.purpose === '' ? '' : `   ${view.next.purpose}`}`);
  return lines;
}

function runHeading(view: RunView, now: number, width: number): readonly Line[] {
  const head: Line = [
    `RUN ${view.run}  ${`${view.kind} ${view.target}`.trim()}  `,
    { text: view.state === 'done' ? 'done' : view.state.toUpperCase(), tone: TONES[view.state] },
    `   ${formatIso(now).slice(11)}`,
  ];
  const words = [
    `begun ${shortTime(Date.parse(view.startedAt), now)} (${ageOf(view.startedAt, now)} ago) by ${view.operator} on ${view.host}`,
    ...(view.resumes > 0 ? [`taken up again ${view.resumes === 1 ? 'once' : `${view.resumes} times`}`] : []),
    view.endedAt === null
      ? `last word ${shortTime(Date.parse(view.lastAt), now)}`
      : `ended after ${between(view.startedAt, view.endedAt)}`,
    ...(view.holder === null
      ? []
      : [
          view.holder === 'unknown'
            ? 'held by a process of this machine'
            : `held by ${view.holder.operator}, process ${view.holder.pid}`,
        ]),
  ];
  const lanes = view.lanes.length === 0 ? [] : [counts('LANES', view.lanes)];
  return [
    head,
    ...wrapped(['', words], ', ', width),
    ...(view.reason === null ? [] : wrapped(['why   ', view.reason.split(' ')], ' ', width)),
    // Beside a single lane its own row says all.
    ...(view.lanes.length > 1 ? lanes : []),
  ];
}

function laneColumns(now: number): readonly Column<LaneView>[] {
  return [
    { key: 'lane', header: 'LANE', value: (lane) => (lane.lane === '' ? 'whole run' : lane.lane) },
    { key: 'from', header: 'FROM', value: (lane) => lane.from ?? '-' },
    { key: 'to', header: 'TO', value: (lane) => lane.to ?? '-' },
    {
      key: 'loss',
      header: 'LOSS<=',
      value: (lane) => (lane.possibleLossS === null ? '-' : formatDuration(lane.possibleLossS * 1000, 'up')),
      align: 'right',
    },
    {
      key: 'state',
      header: 'STATE',
      value: laneWord,
      tone: (lane) => (lane.untouched && lane.state !== 'done' ? 'dim' : TONES[lane.state]),
    },
    { key: 'steps', header: 'STEPS', value: stepCount, align: 'right' },
    {
      key: 'at',
      header: 'SINCE',
      value: (lane) => (lane.endedAt === null ? '-' : shortTime(Date.parse(lane.endedAt), now)),
    },
    {
      key: 'now',
      header: 'STEP',
      value: (lane) => (lane.state === 'done' ? '' : (currentStep(lane)?.title ?? '')),
      mayCut: true,
    },
  ];
}

function laneWord(lane: LaneView): string {
  if (lane.state !== 'incomplete' && lane.state !== 'running') return lane.state;
  if (lane.reverting !== null) return 'going back';
  if (lane.untouched) return 'not begun';
  return lane.state === 'running' ? 'working' : 'incomplete';
}

/** `9/12`: steps that are behind it. */
function stepCount(lane: LaneView): string {
  const behind = lane.steps.filter(
    ({ state }) => state === 'did' || state === 'skipped' || state === 'owed',
  ).length;
  return `${behind}/${lane.steps.length}`;
}

/** The step that a lane is at. */
function currentStep(lane: LaneView): StepView | undefined {
  const failed = lane.failure?.step;
  return (
    lane.steps.find(({ id }) => id === failed) ??
    lane.steps.find(({ state }) => state === 'began') ??
    lane.steps.find(({ state }) => state === 'todo' || state === 'failed' || state === 'undone')
  );
}

function failureLine(lane: LaneView): readonly Line[] {
  const why = lane.failure?.reason ?? lane.reverting;
  return why === null || why === undefined || lane.state === 'done' ? [] : [`  ${why}`];
}

/** What waits for a host to return. */
function owedLines(lanes: readonly LaneView[], width: number): readonly Line[] {
  // Fifteen slots of one dead host owe the same: one line for all of them, without their names in it.
  const same = new Map<string, string[]>();
  for (const lane of lanes) {
    const owed = lane.steps.filter(({ state, undoOwed }) => state === 'owed' || undoOwed);
    if (owed.length === 0) continue;
    const titles = owed.map(({ title, undoOwed }) => {
      const named = title.replace(` of ${lane.lane}`, '').replace(` ${lane.lane}`, '');
      return undoOwed ? `take back: ${named}` : named;
    });
    const key = [...new Set(titles)].join('\n');
    same.set(key, [...(same.get(key) ?? []), lane.lane]);
  }
  return [...same].flatMap(([titles, slots]) => {
    const names = slots.filter((slot) => slot !== '');
    const head = names.length === 0 ? 'owed  ' : `owed  ${joinNames(names, 6)}: `;
    return wrapped([head, titles.split('\n')], ', ', width);
  });
}

const STEP_WORDS: { readonly [state in StepView['state']]: string } = {
  todo: 'to do',
  began: 'begun',
  did: 'done',
  skipped: 'was so',
  owed: 'owed',
  failed: 'FAILED',
  undone: 'taken back',
};

const STEP_TONES: { readonly [state in StepView['state']]?: Tone } = {
  began: 'warn',
  owed: 'warn',
  failed: 'bad',
  todo: 'dim',
};

function laneInFull(lane: LaneView, now: number, canvas: Canvas): readonly Line[] {
  const columns: readonly Column<StepView>[] = [
    { key: 'at', header: 'AT', value: ({ endedAt, startedAt }) => timeOr(endedAt ?? startedAt, now) },
    {
      key: 'took',
      header: 'TOOK',
      value: (step) => (step.state === 'did' ? between(step.startedAt, step.endedAt) : '-'),
      align: 'right',
    },
    {
      key: 'state',
      header: 'STATE',
      value: ({ state, undoOwed }) => (undoOwed ? 'undo owed' : STEP_WORDS[state]),
      tone: ({ state }) => STEP_TONES[state],
    },
    {
      key: 'title',
      header: `STEP OF ${lane.lane === '' ? 'THE WHOLE RUN' : lane.lane}`,
      value: ({ title, phase }) => (phase === 'commit' ? `${title} (no way back)` : title),
      mayCut: true,
    },
  ];
  const below = (step: StepView): readonly Line[] => [
    ...(step.reason === null ? [] : wrapped(['      ', step.reason.split(' ')], ' ', canvas.width)),
    ...step.commands.map((command) => `      ${command}`),
  ];
  return [...canvas.table(lane.steps, columns, { below }), ...factLines(lane, canvas.width)];
}

/** What was judged before the lane began. */
function factLines(lane: LaneView, width: number): readonly Line[] {
  return [
    ...(lane.finishes === null ? [] : [`fact  it finishes what run ${lane.finishes} began`]),
    ...lane.evidence.flatMap(({ kind, at, value }) =>
      wrapped([`fact  ${kind} ${at}  `, value.split(' ')], ' ', width),
    ),
    ...lane.words.flatMap(({ gate, word, reason }) =>
      wrapped([`word  ${gate} passed by ${word}: `, reason.split(' ')], ' ', width),
    ),
  ];
}

/** A record as a line: time, lane, sentence. */
export function recordLine(row: RecordRow, laneWidth: number): Line {
  const tone: Tone | undefined =
    row.kind === 'failed' ? 'bad' : row.kind === 'owed' || row.kind === 'reverting' ? 'warn' : undefined;
  return [
    `${row.at.slice(11, 19)}Z  ${row.lane.padEnd(laneWidth)}${laneWidth === 0 ? '' : '  '}`,
    { text: row.what, tone },
  ];
}

function timeOr(at: string | null, now: number): string {
  return at === null ? '-' : shortTime(Date.parse(at), now);
}

function ageOf(startedAt: string | null, now: number): string {
  return startedAt === null ? '?' : formatDuration(Math.max(0, now - Date.parse(startedAt)));
}

/** `16s`, `0.4s`; `-` while it has not ended. */
function between(startedAt: string | null, endedAt: string | null): string {
  if (startedAt === null || endedAt === null) return '-';
  const ms = Math.max(0, Date.parse(endedAt) - Date.parse(startedAt));
  return ms < 99_950 ? `${(ms / 1000).toFixed(1)}s` : formatDuration(ms);
}
