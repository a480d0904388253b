// May this program use a database with that schema? Pure. A newer schema says itself which programs still can;
// an older one is used as it is as long as the queries work with it, since a command that acts never migrates.
import type { MailctlError } from '../errors.js';
import type { SchemaTable } from './schema.js';
import { stateError } from './state-error.js';

/** The error that stands in the way; undefined: none. */
export function schemaFault(
  path: string,
  found: Pick<SchemaTable, 'version' | 'oldest_reader' | 'oldest_writer'>,
  ours: { readonly mode: 'read' | 'write'; readonly current: number; readonly oldestUsable: number },
): MailctlError | undefined {
  const needed = ours.mode === 'write' ? found.oldest_writer : found.oldest_reader;
  if (![found.version, needed].every((version) => Number.isSafeInteger(version) && version > 0)) {
    return stateError('state.corrupt', path, 'the database is damaged', {
      detail: 'its schema version is no number',
    });
  }
  if (needed > ours.current) {
    return stateError(
      'state.schema-new',
      path,
      `the database was made by a newer mailctl (schema ${found.version})`,
      {
        detail: `this one knows schema ${ours.current}, and ${needed} is needed to ${ours.mode} it`,
        hint: 'use the newer mailctl here too',
      },
    );
  }
  if (found.version >= ours.oldestUsable) return undefined;
  return stateError('state.schema-old', path, `the database has the old schema ${found.version}`, {
    detail: `schema ${ours.oldestUsable} or newer is needed; a command that acts does not migrate`,
    hint: 'mailctl slots import FILE   (it brings the schema up to date first)',
  });
}
