// The Exim queue driver (4.x; verified on 4.96): the spool is read by one process on the host, changed by Exim's own
// commands. Every path comes from `exim -bP`. Ids go over stdin and are checked there again: nothing that a spool
// holds becomes a word of a shell. Named queues (`queue_name`) are not looked at.
import { CommandError } from '../../errors.js';
import type { QueueDriver, QueueListing, QueueOptions } from '../../queue/driver.js';
import { actOn, cannot, forgetExpired, previewOf, retryNow } from './act.js';
import { LIST_SCRIPT, parseListLine } from './list.js';
import { readEximLog } from './log.js';
import { showMessage } from './show.js';

/** Two files are opened for a message: a cold spool of 900,000 takes minutes. */
const LIST_MS = 600_000;

/** Opens the driver of a host's Exim. It holds no connection of its own. */
export function eximQueue({ transport, host, name, within }: QueueOptions): QueueDriver {
  const place = { transport, host, within };
  return {
    software: 'exim',
    async list(onMessage, { signal } = {}): Promise<QueueListing> {
      let lines = 0;
      let malformed = 0;
      let first: QueueListing['malformed']['first'] = null;
      const take = (line: string) => {
        lines += 1;
        const parsed = parseListLine(name, host.name, line);
        if (parsed.kind === 'message') return onMessage(parsed.message);
        malformed += 1;
        first ??= { line: lines, what: parsed.what };
      };
      const { status, stderr } = await transport.run(
        host,
        {
          name: 'exim.list',
          script: LIST_SCRIPT,
          args: [],
          readOnly: true,
          privileged: true,
          within,
          timeoutMs: LIST_MS,
        },
        { signal, onLine: take },
      );
      if (status !== 0) throw new CommandError(host.name, 'reading the Exim spool', status, stderr);
      return {
        malformed: { lines: malformed, first },
        keptBack: [],
        warning: stderr.trim().slice(0, 300) || null,
      };
    },
    show: (id, signal) => showMessage(place, name, id, signal),
    cannot,
    act: (act, keys, wishes = {}) => actOn(place, act, keys, wishes),
    forget: (wishes = {}) => forgetExpired(place, wishes),
    retry: (ids, signal) => retryNow(place, ids, signal),
    preview: previewOf,
    async drain() {
      const { eximDrain } = await import('./drain.js');
      return eximDrain(place);
    },
    async limits(signal) {
      const { readLimits } = await import('./limits.js');
      return readLimits(place, signal);
    },
    readLog: (from, onEvent, signal) => readEximLog(place, from, onEvent, signal),
  };
}
