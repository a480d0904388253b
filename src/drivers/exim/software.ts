// Exim in the table of mail servers with queues.
import type { QueueSoftware } from '../../queue/driver.js';
import { FIND_EXIM } from './find-queues.js';
import { eximBp } from './parse-bp.js';
import { eximQueue } from './queue.js';

/** Exim 4. */
export const eximSoftware: QueueSoftware = {
  name: 'exim',
  find: FIND_EXIM,
  open: eximQueue,
  formats: [eximBp],
};
