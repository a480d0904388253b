// What a file format is built from, as data: text that keeps a rule, lists, maps with known keys. One description
// serves three readers: accept.ts (is it right? at every start), schema.ts (what is wrong?) and the JSON schema.
import type { WordRule } from './words.js';

/** For the JSON schema; the first example stands in messages about a missing key, too. */
export interface Meta {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly pattern?: string;
}

/** A fault that only the whole list or map shows; `path` leads from there to its place. */
export interface WholeFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Looks at a whole list or map whose parts are right; empty: nothing is wrong. */
export type WholeRule<T> = (value: T) => readonly WholeFault[];

/** One kind of value; `T` is what it is in TypeScript. */
export type Format<T = unknown> = (
  | { readonly kind: 'text'; readonly rule: WordRule; readonly otherKind: string | undefined }
  | { readonly kind: 'flag' }
  | { readonly kind: 'whole-number'; readonly min: number; readonly max: number }
  | { readonly kind: 'word'; readonly words: readonly [string, ...string[]] }
  | {
      readonly kind: 'list';
      readonly item: Format;
      readonly min: number;
      readonly rules: readonly WholeRule<never>[];
    }
  | {
      readonly kind: 'map';
      readonly keys: Readonly<Record<string, Format>>;
      readonly rules: readonly WholeRule<never>[];
    }
  | { readonly kind: 'names'; readonly rule: WordRule; readonly value: Format }
  | { readonly kind: 'either'; readonly options: readonly [Format, Format]; readonly error: string }
  | { readonly kind: 'nullable'; readonly of: Format }
) & {
  readonly meta: Meta;
  /** Only as a key of a map. */
  readonly isOptional: boolean;
  /** Only in the type. */
  readonly type?: T;
};

/** The TypeScript type of a format. */
export type TypeOf<F> = F extends Format<infer T> ? T : never;

type Optional = { readonly isOptional: true };
type Keys = Readonly<Record<string, Format>>;
type MapOf<K extends Keys> = {
  readonly [P in keyof K as K[P] extends Optional ? never : P]: TypeOf<K[P]>;
} & { readonly [P in keyof K as K[P] extends Optional ? P : never]?: TypeOf<K[P]> | undefined };

const required = { meta: {}, isOptional: false } as const;

/** Text that keeps a rule; `otherKind` says what a value that is no text should be. */
export function text(rule: WordRule, meta: Meta = {}, otherKind?: string): Format<string> {
  return { ...required, kind: 'text', rule, otherKind, meta };
}

/** true or false. */
export function flag(): Format<boolean> {
  return { ...required, kind: 'flag' };
}

/** A whole number within limits. */
export function wholeNumber(min: number, max: number, meta: Meta = {}): Format<number> {
  return { ...required, kind: 'whole-number', min, max, meta };
}

/** One of a few words. */
export function oneOf<const W extends readonly [string, ...string[]]>(...words: W): Format<W[number]> {
  return { ...required, kind: 'word', words };
}

/** A list of at least `min`. */
export function list<T>(
  item: Format<T>,
  {
    min = 0,
    rules = [],
    meta = {},
  }: { min?: number; rules?: readonly WholeRule<readonly T[]>[]; meta?: Meta } = {},
): Format<readonly T[]> {
  return { ...required, kind: 'list', item, min, rules, meta };
}

/** A map of known keys and no others. */
export function map<const K extends Keys>(
  keys: K,
  ...rules: readonly WholeRule<MapOf<K>>[]
): Format<MapOf<K>> {
  return { ...required, kind: 'map', keys, rules };
}

/** A map of names that the operator gives. */
export function names<T>(rule: WordRule, value: Format<T>): Format<Readonly<Record<string, T>>> {
  return { ...required, kind: 'names', rule, value };
}

/** One of two formats; `error` says what would be right for a value that is of neither kind. */
export function either<A, B>(
  one: Format<A>,
  other: Format<B>,
  error: string,
  meta: Meta = {},
): Format<A | B> {
  return { ...required, kind: 'either', options: [one, other], error, meta };
}

/** The same, or nothing at all. */
export function nullable<T>(of: Format<T>): Format<T | null> {
  return { ...required, kind: 'nullable', of };
}

/** A key that may be absent. */
export function optional<F extends Format>(format: F): F & Optional {
  return { ...format, isOptional: true };
}
