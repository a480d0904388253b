// The screen of one message: what is held says how it is released, in a command that can be pasted.
import { expect, it } from 'vitest';
import { queueShowScreen } from '../../../../src/output/screens/queue-show.js';

it('a held message comes with the command that releases it', () => {
  const detail = {
    message: {
      queue: 'lists1:out',
      host: 'lists1',
      id: "out/it's",
      state: 'hold',
      arrivedAt: null,
      sizeBytes: 0,
      sender: null,
      submitter: null,
      recipients: [],
    },
    headers: [],
    nextTryAt: null,
    log: [],
    facts: [],
  };
  const lines = queueShowScreen(detail, 0, { width: 80, color: false, table: () => [] });
  expect(lines).toContain(String.raw`        mailctl queue release -H lists1 --id 'out/it'\''s'`);
});
