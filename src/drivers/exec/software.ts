// A site's own sender as one of the kinds of mail server: it is never found by itself, the configuration names it.
import type { QueueSoftware } from '../../queue/driver.js';
import { execQueue } from './queue.js';

/** A site's own sender. */
export const execSender: QueueSoftware = {
  name: 'exec',
  open: execQueue,
};
