// The file format as JSON Schema, for editors and site tests. Rules that a pattern cannot say (placeholders,
// cross references) are only in `config check`.
import * as z from 'zod/mini';
import { fileSchema } from './schema.js';

/** JSON Schema draft 2020-12 of mailctl.yaml. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(fileSchema, { io: 'input', target: 'draft-2020-12' });
  return { ...schema, title: 'mailctl.yaml' };
}
