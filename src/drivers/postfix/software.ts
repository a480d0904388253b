// Postfix in the table of mail servers with queues.
import type { QueueSoftware } from '../../queue/driver.js';
import { FIND_POSTFIX } from './find-queues.js';
import { postfixFormats } from './formats.js';
import { glanceReader, postfixQueue } from './queue.js';

/** Postfix, 3.1 and later. */
export const postfixSoftware: QueueSoftware = {
  name: 'postfix',
  find: FIND_POSTFIX,
  open: postfixQueue,
  glance: glanceReader,
  formats: postfixFormats,
};
