// Calls to one host that are made together go in one script (sshd allows ten sessions, and lanes of fifteen slots
// step together). What comes while a script is at work waits for its end, and then goes together as well: under
// load the scripts get fuller, not more. One that takes long does not hold up the others: after a while the next is
// sent beside it, up to a number, so that a host's sessions are never used up in a moment.
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';

/** How many scripts of one kind are sent to one host. All kinds together stay below the 8 sessions of a host. */
export interface Pace {
  /** At work at once, without waiting. */
  readonly soon: number;
  /** At work at once, when those before take long. */
  readonly most: number;
  /** What long is: ms after the last one was sent, and more for each that is at work (4, 9, 16 times that). */
  readonly pauseMs: number;
}

/** Calls are gathered for this long before a script is sent. */
const GATHER_MS = 5;

interface Queue<C> {
  waiting: C[];
  running: number;
  sentAt: number;
  /** Cancels the timer that sends; undefined: none runs. */
  cancel: (() => void) | undefined;
}

/** Gathers calls by host. `send` is given all that wait, settles them itself, and never rejects. */
export class Turns<C> {
  readonly #queues = new Map<string, Queue<C>>();

  constructor(
    readonly clock: Clock,
    readonly pace: Pace,
    readonly send: (host: Host, calls: readonly C[]) => Promise<void>,
  ) {}

  /** Lets a call wait for its turn. It is never served by a script that was sent before. */
  add(host: Host, call: C): void {
    let queue = this.#queues.get(host.name);
    if (queue === undefined) {
      queue = { waiting: [], running: 0, sentAt: Number.NEGATIVE_INFINITY, cancel: undefined };
      this.#queues.set(host.name, queue);
    }
    queue.waiting.push(call);
    if (queue.cancel === undefined) this.#arm(host, queue);
  }

  #arm(host: Host, queue: Queue<C>): void {
    const { soon, most, pauseMs } = this.pace;
    if (queue.waiting.length === 0 || queue.running >= most) return;
    const over = Math.max(0, queue.running - soon + 1);
    const due = over === 0 ? 0 : queue.sentAt + pauseMs * over ** 2 - this.clock.monotonic();
    queue.cancel = this.clock.timer(Math.max(GATHER_MS, due), () => void this.#go(host, queue));
  }

  async #go(host: Host, queue: Queue<C>): Promise<void> {
    queue.cancel = undefined;
    const calls = queue.waiting.splice(0);
    queue.running += 1;
    queue.sentAt = this.clock.monotonic();
    await this.send(host, calls);
    queue.running -= 1;
    // A place is free: what waits for the pause to pass goes now.
    disarm(queue);
    this.#arm(host, queue);
  }
}

function disarm(queue: { cancel: (() => void) | undefined }): void {
  queue.cancel?.();
  queue.cancel = undefined;
}
