// Gives parked messages back to their server, which tries them at its own pace. What could not be given back is still
// held: whoever is told less than all would leave it so.
import { EXIT, MailctlError } from '../errors.js';
import type { DrainWay } from '../queue/drain-way.js';
import type { MessageKey } from '../queue/message.js';

const AT_ONCE = 10_000;

/**
 * Does it; how many the server says it has given back. @throws MailctlError `drain.not-given-back` at the end when some
 * stay held, with the first reason
 */
export async function giveBackAll(
  queue: string,
  way: Pick<DrainWay, 'unpark'>,
  keys: readonly MessageKey[],
  abort: AbortSignal,
  onGiven: (ids: readonly string[]) => Promise<void> = async () => {},
): Promise<number> {
  let changed = 0;
  const failed: { readonly id: string; readonly why: string }[] = [];
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const some = keys.slice(at, at + AT_ONCE);
    const answer = await way.unpark(some, abort);
    changed += answer.changed ?? 0;
    failed.push(...answer.failed);
    const stay = new Set(answer.failed.map(({ id }) => id));
    await onGiven(some.flatMap(({ id }) => (stay.has(id) ? [] : [id])));
  }
  const [first] = failed;
  if (first === undefined) return changed;
  throw new MailctlError(`${queue}: ${failed.length} messages could not be given back and stay held`, {
    code: 'drain.not-given-back',
    exitCode: EXIT.incomplete,
    detail: `${first.id}: ${first.why}`,
    hint: 'mailctl drain status   names the command that tries it again',
  });
}
