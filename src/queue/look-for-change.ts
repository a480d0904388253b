// Lists queues and folds what an act would touch. A queue that cannot be asked, or whose server cannot do it, costs
// its own row.
import { MailctlError } from '../errors.js';
import { ChangeFold, type Selection } from './change.js';
import type { Queue, QueueAct, QueueListing } from './driver.js';

/** What one queue gave. */
export type ChangeLook =
  | { readonly queue: Queue; readonly ok: true; readonly fold: ChangeFold; readonly listing: QueueListing }
  | { readonly queue: Queue; readonly ok: false; readonly error: MailctlError };

/** Looks at all of them, so many at once; results in the order of `queues`. */
export async function lookForChange(
  queues: readonly Queue[],
  act: QueueAct,
  selection: Selection,
  options: {
    readonly concurrency: number;
    readonly submitter: boolean;
    readonly signal: AbortSignal;
    readonly onLook?: ((look: ChangeLook) => void) | undefined;
  },
): Promise<readonly ChangeLook[]> {
  const looks: ChangeLook[] = new Array(queues.length);
  let next = 0;
  const worker = async () => {
    while (next < queues.length) {
      const index = next;
      next += 1;
      const look = await lookAtOne(queues[index] as Queue, act, selection, options);
      looks[index] = look;
      options.onLook?.(look);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, queues.length) }, worker));
  return looks;
}

async function lookAtOne(
  queue: Queue,
  act: QueueAct,
  selection: Selection,
  { submitter, signal }: { readonly submitter: boolean; readonly signal: AbortSignal },
): Promise<ChangeLook> {
  try {
    const why = queue.driver.cannot(act);
    const { act: does } = queue.driver;
    if (why !== null || does === undefined) {
      throw new MailctlError(`${queue.name}: ${why ?? `its ${queue.driver.software} can do nothing to messages`}`, {
        code: 'queue.cannot',
        exitCode: 3,
      });
    }
    const fold = new ChangeFold(act, selection);
    const listing = await queue.driver.list((message) => fold.add(message), { submitter, signal });
    fold.end();
    return { queue, ok: true, fold, listing };
  } catch (error) {
    if (!(error instanceof MailctlError)) throw error;
    return { queue, ok: false, error };
  }
}
