// The file format as zod schemas, which say all that is wrong at once and where, and become the JSON schema. Built
// from format.ts. Heavy (zod): loaded when there is a fault to explain.
import * as z from 'zod/mini';
import { sections } from './format.js';
import type { Format, Meta, WholeRule } from './format-kinds.js';

/** Every section with its schema. */
export const sectionSchemas: Readonly<Record<string, z.ZodMiniType>> = Object.fromEntries(
  Object.entries(sections).map(([section, format]) => [section, z.optional(schemaOf(format))]),
);

/** The whole file. */
export const fileSchema = z.strictObject(sectionSchemas);

function schemaOf(format: Format): z.ZodMiniType {
  const schema = withoutMeta(format);
  return hasMeta(format.meta) ? schema.check(z.meta(format.meta as z.core.GlobalMeta)) : schema;
}

function withoutMeta(format: Format): z.ZodMiniType {
  switch (format.kind) {
    case 'nullable':
      return z.nullable(schemaOf(format.of));
    case 'text':
      return z.string(format.otherKind).check(
        z.check<string>((context) => {
          const message = format.rule(context.value);
          if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
        }),
      );
    case 'flag':
      return z.boolean();
    case 'whole-number':
      return z.number().check(z.int(), z.minimum(format.min), z.maximum(format.max));
    case 'word':
      return z.enum([...format.words]);
    case 'either':
      return z.union(format.options.map(schemaOf) as [z.ZodMiniType, z.ZodMiniType], { error: format.error });
    case 'list': {
      const items = z
        .array(schemaOf(format.item))
        .check(...format.rules.map((rule) => wholeCheck<unknown[]>(rule)));
      return format.min > 0 ? items.check(z.minLength(format.min)) : items;
    }
    case 'names':
      return z.record(
        schemaOf(nameText(format.rule)) as z.ZodMiniType<string, string>,
        schemaOf(format.value),
      );
    case 'map': {
      const keys = Object.entries(format.keys).map(([key, value]) => {
        const schema = schemaOf(value);
        return [key, value.isOptional ? z.optional(schema) : schema];
      });
      return z
        .strictObject(Object.fromEntries(keys))
        .check(...format.rules.map((rule) => wholeCheck<Record<string, unknown>>(rule)));
    }
  }
}

function wholeCheck<T>(rule: WholeRule<never>) {
  return z.check<T>((context) => {
    for (const { path, message } of rule(context.value as never)) {
      context.issues.push({ code: 'custom', message, input: context.value, path: [...path] });
    }
  });
}

function nameText(rule: (text: string) => string | undefined): Format<string> {
  return { kind: 'text', rule, otherKind: undefined, meta: {}, isOptional: false };
}

function hasMeta(meta: Meta): boolean {
  return Object.keys(meta).length > 0;
}
