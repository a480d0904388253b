// Exim in the table of mail servers with queues.
import type { QueueSoftware } from '../../queue/driver.js';
import { eximQueue } from './queue.js';

/** Exim 4. */
export const eximSoftware: QueueSoftware = {
  name: 'exim',
  open: eximQueue,
};
