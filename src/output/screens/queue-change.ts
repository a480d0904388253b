// The screens of acts on messages: the plan before the question, and what it came to. Senders, recipients, ids and
// reasons are hostile: they are lines' text and escaped when they are rendered.

import { formatIso } from '../../lib/clock.js';
import { formatCommand } from '../../lib/command-text.js';
import { countedGrouped, grouped } from '../../lib/count-text.js';
import { formatDuration, formatElapsed } from '../../lib/duration.js';
import { formatSize } from '../../lib/size.js';
import type { ChangeTotals } from '../../queue/change.js';
import type { QueueAct } from '../../queue/driver.js';
import type { QueueMessage } from '../../queue/message.js';
import { type ChangeOutcome, type ChangeRow, changeColumns } from '../columns/queue-change.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

const UNDER = '        ';
const MOST_QUEUES = 8;
const MOST_FAILED = 10;

/** What is shown of a plan. */
export interface ChangePlanScreen {
  readonly act: QueueAct;
  readonly run: string;
  /** Null: what is saved is brought back, and only its number is known. */
  readonly total: ChangeTotals;
  /** Their recipients and sizes are known. */
  readonly isListed: boolean;
  readonly queues: readonly { readonly queue: string; readonly messages: number }[];
  readonly domains: readonly { readonly domain: string; readonly messages: number }[];
  readonly moreDomains: number;
  readonly sample: readonly QueueMessage[];
  readonly whyLeft: string;
  /** Sentences about what will happen, each under a word. */
  readonly notes: readonly { readonly word: string; readonly text: string; readonly isBad?: boolean }[];
  /** Epoch ms. */
  readonly now: number;
}

const VERBS: { readonly [act in QueueAct]: string } = {
  hold: 'HOLD',
  release: 'RELEASE',
  requeue: 'REQUEUE',
  flush: 'TRY NOW',
  delete: 'DELETE',
  restore: 'RESTORE',
};

const DONE: { readonly [act in QueueAct]: string } = {
  hold: 'held',
  release: 'released',
  requeue: 'requeued',
  flush: 'given to the queue manager',
  delete: 'saved and deleted',
  restore: 'restored',
};

/** The plan. */
export function changePlanScreen(plan: ChangePlanScreen): readonly Line[] {
  const { act, total, queues, now } = plan;
  const figures = plan.isListed
    ? `  ${countedGrouped(total.recipients, 'recipient')}  ${formatSize(total.sizeBytes)}${
        total.oldestAt === null ? '' : `  oldest ${ageOf(total.oldestAt, now)}`
      }`
    : '';
  const lines: Line[] = [
    [
      { text: VERBS[act], tone: act === 'delete' ? 'bad' : 'strong' },
      ` ${countedGrouped(total.messages, 'message')}${figures}    plan ${plan.run}  ${formatIso(now).slice(11)}`,
    ],
  ];
  const shown = queues.slice(0, MOST_QUEUES).map(({ queue, messages }) => `${queue} ${grouped(messages)}`);
  const rest = queues.length > MOST_QUEUES ? `  + ${queues.length - MOST_QUEUES} queues` : '';
  lines.push(...folded(['queues  '], `${shown.join('  ')}${rest}`, UNDER));
  if (plan.domains.length > 0) {
    const tops = plan.domains.map(
      ({ domain, messages }) => `${domain || '(no domain)'} ${grouped(messages)}`,
    );
    const more = plan.moreDomains > 0 ? `  + ${countedGrouped(plan.moreDomains, 'domain')}` : '';
    lines.push(...folded(['to      '], `${tops.join('  ')}${more}`, UNDER));
  }
  for (const [index, message] of plan.sample.entries())
    lines.push([index === 0 ? 'such as ' : UNDER, sampleText(message, now)]);
  if (total.already > 0)
    lines.push(`left    ${countedGrouped(total.already, 'message')} that were asked for: ${plan.whyLeft}`);
  for (const { word, text, isBad } of plan.notes)
    lines.push(...folded([{ text: word.padEnd(8), tone: isBad === true ? 'bad' : undefined }], text, UNDER));
  return lines;
}

function sampleText(message: QueueMessage, now: number): string {
  const age = message.arrivedAt === null ? '?' : ageOf(message.arrivedAt, now);
  const [first] = message.recipients;
  const more = message.recipients.length > 1 ? ` +${message.recipients.length - 1}` : '';
  const from = message.sender === null ? '?' : message.sender === '' ? '<>' : cut(message.sender);
  return `${message.queue}/${message.id}  ${age}  ${formatSize(message.sizeBytes)}  ${from} -> ${cut(first?.address ?? '?')}${more}`;
}

/** What is wrong with ids that were named: `2 ids are in no queue that was seen`. */
export function unknownIds(act: QueueAct, ids: number): string {
  const where = act === 'restore' ? 'not among what that run has saved' : 'in no queue that was seen';
  return `${ids} ${ids === 1 ? 'id is' : 'ids are'} ${where}`;
}

/** What is shown of an end. */
export interface ChangeEndScreen {
  readonly act: QueueAct;
  /** Null: nothing was begun. */
  readonly run: string | null;
  readonly outcome: ChangeOutcome;
  readonly rows: readonly ChangeRow[];
  readonly failed: readonly { readonly queue: string; readonly id: string; readonly why: string }[];
  readonly silent: readonly { readonly host: string; readonly message: string }[];
  readonly missing: readonly string[];
  readonly tookMs: number;
  readonly exit: number;
  readonly next: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** The end. */
export function changeEndScreen(end: ChangeEndScreen, canvas: Canvas): readonly Line[] {
  const { act, run, outcome, rows, exit } = end;
  const done = rows.reduce((sum, row) => sum + (row.done ?? 0), 0);
  const asked = rows.reduce((sum, row) => sum + row.messages, 0);
  const isGood = outcome === 'done' || outcome === 'nothing';
  const took = end.tookMs > 0 ? `  in ${formatElapsed(end.tookMs)}` : '';
  const what =
    run === null ? 'nothing was changed' : `${grouped(done)} of ${grouped(asked)} messages ${DONE[act]}`;
  const lines: Line[] = [
    [
      { text: outcome.toUpperCase(), tone: isGood ? 'good' : 'bad' },
      `  ${what}${took}${run === null ? '' : `  run ${run}`}  exit ${exit}`,
    ],
  ];
  const isPlain = rows.every(
    (row) => row.outcome === 'done' && row.done === row.messages && row.reason === null,
  );
  if (!isPlain && rows.length > 0) lines.push(...canvas.table(rows, changeColumns));
  for (const { queue, id, why } of end.failed.slice(0, MOST_FAILED))
    lines.push(...folded([{ text: 'failed  ', tone: 'bad' }], `${queue}/${id}: ${why.slice(0, 200)}`, UNDER));
  if (end.failed.length > MOST_FAILED)
    lines.push(` + ${end.failed.length - MOST_FAILED} failed more (-o json has all)`);
  if (end.missing.length > 0) {
    const some = end.missing.slice(0, 6).join(' ');
    const more = end.missing.length > 6 ? ` and ${end.missing.length - 6} more` : '';
    lines.push(
      ...folded(
        [{ text: 'unknown ', tone: 'warn' }],
        `${unknownIds(act, end.missing.length)}: ${some}${more}`,
        UNDER,
      ),
    );
  }
  for (const { host, message } of end.silent)
    lines.push([{ text: 'not seen', tone: 'warn' }, `  ${host}: ${message}`]);
  for (const note of end.notes) lines.push(...folded(['note    '], note, UNDER));
  for (const words of end.next) lines.push(`next    ${formatCommand(words)}`);
  return lines;
}

function ageOf(at: number, now: number): string {
  return formatDuration(Math.max(0, now - at * 1000));
}

function cut(address: string): string {
  return address.length > 60 ? `${address.slice(0, 57)}...` : address;
}
