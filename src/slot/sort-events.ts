// Sends what can be sent of a quarantined file and keeps the rest with its cause: groups of events are sent together
// and halved when one of them fails, so that a few bad ones among thousands are found in few tries. What was sent is
// taken out at the end, by the content that was read: a kill in between repeats what is harmless to repeat.

import type { Host } from '../fleet/host.js';
import type { Clock } from '../lib/clock.js';
import { ownersOf } from './content.js';
import type { Grip, Mailbox } from './driver.js';
import { type EventGroup, eventGroups, type KeptBack, MOST_KEPT, type QuarantineNote } from './quarantine.js';
import type { QuarantineDriver, SendAnswer } from './quarantine-driver.js';
import type { Instance } from './slot.js';

/** What sorting needs. */
export interface SortParts {
  readonly quarantine: QuarantineDriver;
  readonly clock: Clock;
  readonly host: Host;
  readonly instance: Instance;
  readonly grip: () => Promise<Grip>;
  /** The instance's list of mailboxes, for whom a torn line may be about. */
  readonly mailboxes: () => Promise<readonly Mailbox[]>;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface Sorted {
  /** Groups that were sent. */
  readonly sent: number;
  readonly kept: readonly KeptBack[];
  /** Groups that were not tried: the time was over, or the replica away. */
  readonly untried: number;
}

/** Groups in the first batches. */
const BATCH = 64;
/** Seconds of one try: the sender never gives up by itself when its replica is away. */
const SEND_S = 60;
const BATCH_S = 180;
/** ms after which no more batches are begun. */
const WITHIN_MS = 15 * 60_000;
/** Users that a torn line may be about, sent whole. */
const MOST_GUESSES = 50;

/** Sorts one file; undefined: it is gone. */
export async function sortFile(
  file: string,
  blank: Omit<QuarantineNote, 'kept' | 'more' | 'tries' | 'triedAt'>,
  parts: SortParts,
): Promise<Sorted | undefined> {
  const { quarantine, host, instance } = parts;
  const content = await quarantine.read(host, instance, file);
  if (content === undefined) return undefined;
  const note = content.note ?? { ...blank, tries: 0, triedAt: null, kept: [], more: 0 };
  const groups = eventGroups(content.lines);
  const end = parts.clock.monotonic() + WITHIN_MS;
  const kept: KeptBack[] = [];
  const left: number[] = [];
  let [sent, untried, isAway, away] = [0, 0, false, ''];

  const attempt = async (wish: { lines: readonly number[]; users?: readonly string[] }, seconds: number) =>
    quarantine.send(host, instance, await parts.grip(), { channel: note.channel, file, ...wish, seconds });
  const sendBatch = async (batch: readonly EventGroup[]): Promise<void> => {
    if (isAway || parts.signal.aborted || parts.clock.monotonic() >= end) {
      untried += batch.length;
      left.push(...batch.flatMap(({ lines }) => lines));
      return;
    }
    const answer: SendAnswer = await attempt(
      { lines: batch.flatMap(({ lines }) => lines) },
      batch.length > 1 ? BATCH_S : SEND_S,
    );
    if (answer.outcome === 'sent') {
      sent += batch.length;
      parts.note(`${sent} of ${groups.length} sent${kept.length > 0 ? `, ${kept.length} cannot be` : ''}`);
      return;
    }
    if (answer.outcome === 'away') {
      [isAway, away] = [true, answer.said];
      return sendBatch(batch);
    }
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      kept.push(quarantine.explain(instance, note.replica, only.who, only.users, answer.said));
      left.push(...only.lines);
      return;
    }
    const half = Math.ceil(batch.length / 2);
    await sendBatch(batch.slice(0, half));
    await sendBatch(batch.slice(half));
  };
  for (let index = 0; index < groups.length; index += BATCH)
    await sendBatch(groups.slice(index, index + BATCH));

  for (const line of content.lines.filter(({ torn }) => torn)) {
    const isCured = !isAway && (await sendGuesses(line.users, attempt));
    if (isCured) continue;
    kept.push({
      who:
        line.users.length > 0
          ? `a line about ${line.users.join(', ')}, cut off`
          : 'a line that cannot be read',
      kind: 'unreadable-line',
      text: line.text.slice(0, 200),
      repair: [
        `mailctl replication verify ${instance.slot} --repair   compares everybody and sends who differs; then the file can go`,
      ],
    });
    left.push(line.number);
  }
  if (isAway) {
    const text = away || 'the replica was not reached';
    kept.push({ who: `${untried} not tried`, kind: 'away', text, repair: [] });
  }
  await quarantine.keep(host, instance, await parts.grip(), {
    file,
    lines: left,
    seal: content.seal,
    note: {
      ...note,
      triedAt: content.at,
      tries: note.tries + 1,
      kept: kept.slice(0, MOST_KEPT),
      more: Math.max(0, kept.length - MOST_KEPT),
    },
  });
  return { sent, kept, untried };

  // A torn line may hold the beginning of a name: everybody whose name begins so is sent whole.
  async function sendGuesses(
    users: readonly string[],
    send: (
      wish: { lines: readonly number[]; users: readonly string[] },
      seconds: number,
    ) => Promise<SendAnswer>,
  ): Promise<boolean> {
    const [begins] = users;
    if (begins === undefined || begins === '') return false;
    const list = ownersOf(await parts.mailboxes());
    const found = list.filter(({ kind, name }) => kind === 'user' && name.startsWith(begins));
    if (found.length === 0 || found.length > MOST_GUESSES) return false;
    const answer = await send({ lines: [], users: found.map(({ name }) => name) }, BATCH_S);
    return answer.outcome === 'sent';
  }
}
