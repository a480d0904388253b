// From what zod found wrong with one section to faults in the operator's words. Of a union, the branch that was
// meant is the one with the least wrong.
import * as z from 'zod/mini';
import { nearest } from '../lib/nearest.js';
import { showValue } from './faults.js';
import type { KeyPath } from './position.js';

/** A fault without its place: that is found by `path` and `at`. */
export interface Finding {
  readonly path: KeyPath;
  /** Point at the key (unknown, missing) or at the value. */
  readonly at: 'key' | 'value';
  readonly what: string;
  readonly right: string | undefined;
}

type Issue = z.core.$ZodIssue;

/** What zod says where the schema has no words of its own. */
const UNSAID = 'Invalid input';

/** All findings of one section; `path` begins with the section's name. */
export function findIssues(section: string, schema: z.ZodMiniType, value: unknown): readonly Finding[] {
  const result = schema.safeParse(value);
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => fromIssue(issue, { section, schema, value }, []));
}

interface Scope {
  readonly section: string;
  readonly schema: z.ZodMiniType;
  readonly value: unknown;
}

function fromIssue(issue: Issue, scope: Scope, above: KeyPath): readonly Finding[] {
  const inner = [...above, ...issue.path.map((key) => (typeof key === 'number' ? key : String(key)))];
  const path = [scope.section, ...inner];
  const found = valueAt(scope.value, inner);
  const one = (what: string, right?: string, at: 'key' | 'value' = 'value'): readonly Finding[] => [
    { path, at, what, right },
  ];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        at: 'key',
        ...unknownKey(key, keysAt(scope.schema, inner)),
      }));
    case 'invalid_union': {
      if (found.missing) return missing(path, scope, inner);
      const branch = meantBranch(issue.errors);
      if (branch !== undefined) return branch.flatMap((nested) => fromIssue(nested, scope, inner));
      const words = issue.errors
        .flat()
        .flatMap((nested) => (nested.code === 'invalid_value' ? nested.values : []));
      return one(`is ${describe(found.value)}`, meantWord(found.value, words) ?? issue.message);
    }
    case 'invalid_type': {
      if (found.missing) return missing(path, scope, inner);
      const right =
        issue.message === UNSAID
          ? `must be ${expected(issue.expected)}${quoteHint(issue.expected, found.value)}`
          : issue.message;
      return one(`is ${describe(found.value)}`, right);
    }
    case 'invalid_value':
      if (found.missing) return missing(path, scope, inner);
      return one(
        `is ${describe(found.value)}`,
        meantWord(found.value, issue.values) ?? `must be ${issue.values.map(String).join(' or ')}`,
      );
    case 'invalid_key':
      return issue.issues.flatMap((nested) => [
        { path, at: 'key' as const, what: `the name ${nested.message}`, right: undefined },
      ]);
    case 'too_small':
      return one(
        Array.isArray(found.value) ? 'is an empty list' : `is ${describe(found.value)}`,
        `must be at least ${issue.minimum}${Array.isArray(found.value) ? ' word' : ''}`,
      );
    case 'too_big':
      return one(
        `is ${describe(found.value)}`,
        issue.code === 'too_big' ? `must be at most ${issue.maximum}` : undefined,
      );
    default:
      return one(issue.message);
  }
}

/** An unknown key and what was meant. */
export function unknownKey(
  key: string,
  known: readonly string[],
): { what: string; right: string | undefined } {
  const [near] = nearest(key, known, 1);
  const what = `unknown key ${showValue(key)}`;
  if (key === '<<') return { what, right: 'merge keys are not supported, write the keys out' };
  if (near !== undefined) return { what, right: `did you mean ${near}?` };
  return { what, right: known.length === 0 ? undefined : `known here: ${known.join(', ')}` };
}

function missing(path: KeyPath, scope: Scope, inner: KeyPath): readonly Finding[] {
  const key = String(path.at(-1));
  const example = exampleAt(scope.schema, inner);
  return [
    {
      path: path.slice(0, -1),
      at: 'key',
      what: `${key} is missing`,
      right: example === undefined ? undefined : `e.g. ${key}: ${example}`,
    },
  ];
}

function meantWord(value: unknown, words: readonly unknown[]): string | undefined {
  const [near] = typeof value === 'string' ? nearest(value, words.map(String), 1) : [];
  return near === undefined ? undefined : `did you mean ${near}?`;
}

/** The branch with the fewest faults; undefined when the value is of no branch's kind at all. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const isOfKind = (issues: readonly Issue[]) =>
    !issues.some(
      (issue) =>
        issue.path.length === 0 &&
        ['invalid_type', 'invalid_value', 'invalid_union', 'invalid_format'].includes(issue.code),
    );
  const count = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  return branches.filter(isOfKind).sort((a, b) => count(a) - count(b))[0];
}

/** What a value is, in the operator's words. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return showValue(value);
  if (typeof value === 'number') return `the number ${value}`;
  return showValue(value);
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of names',
};

function expected(kind: string): string {
  return EXPECTED[kind] ?? kind;
}

/** YAML reads `[sleep, 5]` as a number and `[x, {slot}]` as a map; people mean the text. */
function quoteHint(kind: string, value: unknown): string {
  if (kind !== 'string') return '';
  if (typeof value === 'number' || typeof value === 'boolean') return `: write "${value}" in quotes`;
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    const [key, ...others] = Object.keys(value);
    if (key !== undefined && others.length === 0 && /^\w+$/.test(key)) return `: write "{${key}}" in quotes`;
  }
  return '';
}

function valueAt(value: unknown, path: KeyPath): { readonly missing: boolean; readonly value: unknown } {
  let current = value;
  for (const key of path) {
    if (current === null || typeof current !== 'object' || !Object.hasOwn(current, key)) {
      return { missing: true, value: undefined };
    }
    current = (current as Record<string | number, unknown>)[key];
  }
  return { missing: current === undefined, value: current };
}

/** The schemas that may stand at a path: several where a union is on the way. */
function schemasAt(schema: z.core.$ZodType, path: KeyPath): readonly z.core.$ZodType[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'optional' || def.type === 'nullable') return schemasAt(def.innerType, path);
  if (def.type === 'union') return def.options.flatMap((option) => schemasAt(option, path));
  const [key, ...rest] = path;
  if (key === undefined) return [schema];
  if (def.type === 'object') {
    const next = Object.hasOwn(def.shape, key) ? def.shape[key] : undefined;
    return next === undefined ? [] : schemasAt(next, rest);
  }
  if (def.type === 'record') return schemasAt(def.valueType, rest);
  if (def.type === 'array') return schemasAt(def.element, rest);
  return [];
}

/** The keys that are known at a path. */
export function keysAt(schema: z.core.$ZodType, path: KeyPath): readonly string[] {
  return schemasAt(schema, path).flatMap((found) => {
    const { def } = (found as z.core.$ZodTypes)._zod;
    return def.type === 'object' ? Object.keys(def.shape) : [];
  });
}

function exampleAt(schema: z.core.$ZodType, path: KeyPath): string | undefined {
  for (const found of schemasAt(schema, path)) {
    const { def } = (found as z.core.$ZodTypes)._zod;
    if (def.type === 'enum') return String(Object.values(def.entries)[0]);
    const example = (z.globalRegistry.get(found) as { examples?: unknown[] } | undefined)?.examples?.[0];
    if (Array.isArray(example))
      return `[${example.map((word) => (/[{}]/.test(word) ? JSON.stringify(word) : word)).join(', ')}]`;
    if (example !== undefined) return String(example);
  }
  return undefined;
}
