// Mailman 3 as one of the kinds of mail server: how a machine that has it is found, and how its queues are opened.
import type { QueueSoftware } from '../../queue/driver.js';
import { mailman3Queue } from './queue.js';

/** Mailman 3. */
export const mailman3: QueueSoftware = {
  name: 'mailman3',
  open: mailman3Queue,
};
