// Postfix in the table of mail servers with queues.
import type { QueueSoftware } from '../../queue/driver.js';
import { glanceReader, postfixQueue } from './queue.js';

/** Postfix, 3.1 and later. */
export const postfixSoftware: QueueSoftware = {
  name: 'postfix',
  open: postfixQueue,
  glance: glanceReader,
};
