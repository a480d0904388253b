// Mailman 3 as one of the kinds of mail server: how a machine that has it is found, and how its queues are opened.
import type { QueueSoftware } from '../../queue/driver.js';
import { mailman3Queue } from './queue.js';
import { MAILMAN_PLACES } from './queue-dir-script.js';

/** Mailman 3. */
export const mailman3: QueueSoftware = {
  name: 'mailman3',
  find: `${MAILMAN_PLACES}
if queue_dir > /dev/null; then echo mailman3; fi
`,
  open: mailman3Queue,
  formats: [],
};
