// One line of a journal -> a record, or a ParseError that names file and line. Strict about what it knows;
// fields that it does not know are kept (fields are only ever added), kinds that it does not know stop us:
// to go on from a journal half understood is worse than to stop.
import { ParseError } from '../errors.js';
import type { JournalRecord } from './record.js';

/** Fields that a kind must have, besides seq, at and kind. */
const requiredText: { readonly [K in JournalRecord['kind']]: readonly string[] } = {
  opened: ['mailctl', 'operator', 'host', 'bootId'],
  began: ['lane', 'step'],
  did: ['lane', 'step'],
  skipped: ['lane', 'step'],
  owed: ['lane', 'step', 'reason'],
  failed: ['lane', 'step', 'reason'],
  reverting: ['lane', 'reason'],
  undone: ['lane', 'step'],
  'lane-closed': ['lane', 'state'],
  resumed: ['operator', 'host', 'bootId', 'how'],
  note: ['lane', 'text'],
  closed: ['state'],
};

const optionalText = ['note', 'code', 'to'];
const closedStates = ['done', 'reverted', 'failed'];

/**
 * Parses a line.
 * @param where file:line, for the error
 * @param seq the number that this record must have
 * @throws ParseError
 */
export function parseRecord(line: string, where: string, seq: number): JournalRecord {
  const fail = (what: string): never => {
    throw new ParseError(where, what, {
      hint: 'the journal is not trusted beyond this line; look at it, and at the hosts, before anything else',
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    fail('not a line of JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail('not a JSON object');
  const record = value as { readonly [key: string]: unknown };
  const kind = record.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(requiredText, kind)) {
    fail(`a record of a kind that this mailctl does not know: ${show(kind)}`);
  }
  if (record.seq !== seq) fail(`record number ${show(record.seq)} where ${seq} must stand`);
  if (typeof record.at !== 'string' || Number.isNaN(Date.parse(record.at))) {
    fail(`the time ${show(record.at)} is none`);
  }
  for (const key of requiredText[kind as JournalRecord['kind']]) {
    if (typeof record[key] !== 'string') fail(`${kind} without ${key}`);
  }
  for (const key of optionalText) {
    if (record[key] !== undefined && typeof record[key] !== 'string') fail(`${key} of ${kind} is no text`);
  }
  if ((kind === 'closed' || kind === 'lane-closed') && !closedStates.includes(record.state as string)) {
    fail(`closed as ${show(record.state)}, which is no state`);
  }
  if (kind === 'resumed' && record.how !== 'resume' && record.how !== 'undo') {
    fail(`resumed by ${show(record.how)}`);
  }
  if ((kind === 'opened') !== (seq === 1)) fail('the first record, and no other, must be `opened`');
  if (kind === 'opened') {
    if (record.format !== 1) {
      fail(
        `journal format ${show(record.format)}; this mailctl reads format 1 (written by ${show(record.mailctl)})`,
      );
    }
    if (typeof record.plan !== 'object' || record.plan === null) fail('opened without a plan');
  }
  return record as unknown as JournalRecord;
}

/** A short, harmless rendering of what stands there. */
function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}
