// `mailctl runs show RUN`: what a run was to do, on what facts, and where each of its steps stands.
import { EXIT, UsageError } from '../../errors.js';
import { nearest } from '../../lib/nearest.js';
import { stepColumns } from '../../output/columns/runs.js';
import type { LaneView, RunView } from '../../output/screens/runs.js';
import type { ActionTable } from '../../plan/action.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { arg, flag, optionalArgs } from '../options.js';
import type { ReadRun } from './run-view.js';

const SCHEMA = 'mailctl/run-show/v1';

/** The command. */
export const runsShowCommand = defineCommand({
  name: 'runs show',
  summary: 'The plan of a run, and where each step stands',
  description:
    'Reads the journal; asks no host. Lanes that are not done are shown step by step, others when they are named ' +
    'or with --all. RUN may be the beginning of its id.',
  args: {
    run: arg('RUN', 'a run, as runs list names it'),
    lanes: optionalArgs('SLOT', 'only these lanes, step by step'),
  },
  options: {
    all: flag('--all', 'every lane step by step'),
    commands: flag(
      '--commands',
      'below each step the commands that it runs, by the configuration as it is now',
    ),
  },
  examples: [
    ['mailctl runs show 7f3a', 'how it stands'],
    ['mailctl runs show 7f3a store9 --commands', 'one lane with its commands'],
    ['mailctl runs show 7f3a -o json', 'all of it, for a script'],
  ],
  sections: [],
  json: { schema: SCHEMA, empty: () => ({ run: null, state: null, lanes: [] }) },
  async run(options, context) {
    const { readRun, runJson, runView } = await import('./run-view.js');
    const read = await readRun(await context.stateDir(), options.run, context.clock);
    const actions = options.commands ? await actionsOf(read, context) : undefined;
    const view = runView(read, actions);
    const lanes = namedLanes(options.lanes, view);
    const detail = lanes?.map(({ lane }) => lane) ?? (options.all ? 'all' : 'open');
    const { runScreen } = await import('../../output/screens/runs.js');
    await context.output.print({
      schema: SCHEMA,
      document: () => ({ ...runJson({ ...view, lanes: lanes ?? view.lanes }), errors: [] }),
      rows: (lanes ?? allLanes(view)).flatMap((lane) =>
        lane.steps.map((step) => ({ run: view.run, lane: lane.lane, laneState: lane.state, step })),
      ),
      columns: stepColumns,
      screen: (canvas) => runScreen({ view, now: context.clock.now(), detail }, canvas),
    });
    return EXIT.done;
  },
});

/** What previews the steps of this run. */
async function actionsOf({ records, file }: ReadRun, context: Context): Promise<ActionTable> {
  const { foldJournal } = await import('../../plan/progress.js');
  const { plan } = foldJournal(records, file);
  const { CHANGE_KINDS } = await import('../../queue/plan-change.js');
  if (!CHANGE_KINDS.has(plan.kind)) return (await import('./preview-actions.js')).previewActions(context);
  const { previewChange } = await import('./preview-change.js');
  return previewChange(plan);
}

function allLanes(view: RunView): readonly LaneView[] {
  return [...view.lanes, ...(view.after === null ? [] : [view.after])];
}

/** The lanes of these names; undefined: none was named. @throws UsageError */
export function namedLanes(names: readonly string[], view: RunView): readonly LaneView[] | undefined {
  if (names.length === 0) return undefined;
  return [...new Set(names)].map((name) => {
    const lane = view.lanes.find((one) => one.lane === name);
    if (lane !== undefined) return lane;
    const known = view.lanes.map((one) => one.lane);
    const [near] = nearest(name, known, 1);
    throw new UsageError(`run ${view.run} has no lane ${JSON.stringify(name)}`, {
      code: 'runs.lane',
      detail: `it has ${known.slice(0, 8).join(', ')}${known.length > 8 ? ` and ${known.length - 8} more` : ''}`,
      hint: near === undefined ? `mailctl runs show ${view.run}` : `mailctl runs show ${view.run} ${near}`,
    });
  });
}
