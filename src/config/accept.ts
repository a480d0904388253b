// Is a value of a format? Yes or no, as fast as it can be said: every start of mailctl asks. What is wrong with
// what is not, schema.ts and issues.ts say; they are built from the same description and must agree.
import type { Format } from './format-kinds.js';

/** True: the value is right in every part. */
export function isOfFormat(format: Format, value: unknown): boolean {
  switch (format.kind) {
    case 'nullable':
      return value === null || isOfFormat(format.of, value);
    case 'text':
      return typeof value === 'string' && format.rule(value) === undefined;
    case 'flag':
      return typeof value === 'boolean';
    case 'whole-number':
      return (
        typeof value === 'number' && Number.isInteger(value) && value >= format.min && value <= format.max
      );
    case 'word':
      return typeof value === 'string' && format.words.includes(value);
    case 'either':
      return format.options.some((option) => isOfFormat(option, value));
    case 'list':
      return (
        Array.isArray(value) &&
        value.length >= format.min &&
        value.every((item) => isOfFormat(format.item, item)) &&
        format.rules.every((rule) => rule(value as never).length === 0)
      );
    case 'names':
      return (
        isPlainMap(value) &&
        Object.keys(value).every(
          (name) => format.rule(name) === undefined && isOfFormat(format.value, value[name]),
        )
      );
    case 'map':
      return (
        isPlainMap(value) &&
        Object.keys(value).every((key) => Object.hasOwn(format.keys, key)) &&
        Object.entries(format.keys).every(([key, known]) =>
          Object.hasOwn(value, key) ? isOfFormat(known, value[key]) : known.isOptional,
        ) &&
        format.rules.every((rule) => rule(value as never).length === 0)
      );
  }
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}
