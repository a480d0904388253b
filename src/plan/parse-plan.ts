// A plan as it stands in a journal -> Plan, checked: phases in order, one commit at most, ids unique. A plan
// of our own making is checked the same way before it is run.
import { ParseError } from '../errors.js';
import type { Lane, Plan } from './plan.js';
import type { Phase, Step } from './step.js';

const phases: readonly Phase[] = ['prepare', 'commit', 'settle'];

type Fields = { readonly [key: string]: unknown };

/**
 * Checks a plan.
 * @param where the journal, for the error
 * @throws ParseError naming what is wrong and where in the plan
 */
export function parsePlan(value: unknown, where: string): Plan {
  const fail = (path: string, what: string): never => {
    throw new ParseError(where, `plan${path}: ${what}`);
  };
  const object = (part: unknown, path: string): Fields => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) fail(path, 'not an object');
    return part as Fields;
  };
  const list = (part: unknown, path: string): readonly unknown[] => {
    if (!Array.isArray(part)) fail(path, 'not a list');
    return part as readonly unknown[];
  };
  const text = (fields: Fields, key: string, path: string): string => {
    if (typeof fields[key] !== 'string') fail(`${path}.${key}`, 'not a text');
    return fields[key] as string;
  };
  const flags = ['mayBeOwed', 'undoMayBeOwed', 'undoLast', 'retryAfterCommit', 'inherited'] as const;

  const step = (part: unknown, path: string): Step => {
    const fields = object(part, path);
    for (const key of ['id', 'action', 'title'])
      if (text(fields, key, path) === '') fail(`${path}.${key}`, 'empty');
    text(fields, 'host', path);
    if (!phases.includes(fields.phase as Phase)) fail(`${path}.phase`, 'not prepare, commit or settle');
    object(fields.params, `${path}.params`);
    for (const flag of flags) {
      const given = fields[flag];
      if (given !== undefined && typeof given !== 'boolean')
        fail(`${path}.${flag}`, 'neither true nor false');
    }
    // The lane cannot go on without knowing whether the point of no return is behind it.
    if (fields.phase === 'commit' && fields.mayBeOwed === true) fail(path, 'a commit cannot be owed');
    return part as Step;
  };

  const steps = (part: unknown, path: string): readonly Step[] => {
    const parsed = list(part, path).map((each, index) => step(each, `${path}[${index}]`));
    const ids = new Set<string>();
    let reached = 0;
    for (const { id, phase } of parsed) {
      if (ids.has(id)) fail(path, `two steps ${id}`);
      ids.add(id);
      const at = phases.indexOf(phase);
      if (at < reached) fail(path, `${id} (${phase}) stands after ${phases[reached]}`);
      reached = at;
    }
    if (parsed.filter(({ phase }) => phase === 'commit').length > 1) fail(path, 'more than one commit');
    return parsed;
  };

  const lane = (part: unknown, path: string): Lane => {
    const fields = object(part, path);
    if (text(fields, 'id', path) === '') fail(`${path}.id`, 'empty');
    steps(fields.steps, `${path}.steps`);
    return part as Lane;
  };

  const plan = object(value, '');
  if (plan.version !== 1) fail('.version', `${JSON.stringify(plan.version)} where this mailctl knows 1`);
  for (const key of ['id', 'kind', 'target', 'operator', 'bastion', 'createdAt']) text(plan, key, '');
  const ids = list(plan.lanes, '.lanes').map((each, index) => lane(each, `.lanes[${index}]`).id);
  if (new Set(ids).size !== ids.length) fail('.lanes', 'two lanes of one name');
  for (const { id, phase } of steps(plan.after, '.after')) {
    if (phase !== 'settle') fail('.after', `${id} is not of the settle phase`);
  }
  return value as Plan;
}
