// The commands of Postfix's acts as a person would type them, for plans and dry runs.
import type { QueueAct } from '../../queue/driver.js';
import { SAVED_FOLDER } from '../../queue/saved-folder.js';

/** The commands of an act. */
export function previewOf(act: QueueAct | 'retry'): readonly string[] {
  switch (act) {
    case 'hold':
      return ['postsuper -h - < IDS'];
    case 'release':
      return ['postsuper -H - < IDS'];
    case 'requeue':
      return ['postsuper -r - < IDS', 'postkick public pickup W'];
    case 'flush':
    case 'retry':
      return ['postqueue -i QUEUE-ID'];
    case 'delete':
      return [
        `mv QUEUE-DIRECTORY/{deferred,hold}/ID QUEUE-DIRECTORY/${SAVED_FOLDER}/RUN/  (what is on its way: postsuper -h - < IDS before)`,
      ];
    case 'restore':
      return [`mv QUEUE-DIRECTORY/${SAVED_FOLDER}/RUN/ID QUEUE-DIRECTORY/hold/`, 'postsuper -H - < IDS'];
  }
}
