// How a backlog of Exim is drained: frozen, then delivered by the pump of drain-script.ts, message by message and so
// many at once, and given back by a thaw. New attempts of the daemon stop with the freeze.
import { CommandError } from '../../errors.js';
import { keyLine } from '../../queue/act-words.js';
import type { DrainWay } from '../../queue/drain-way.js';
import { orderText, parseLook } from '../../queue/pump-words.js';
import { type ActPlace, actOn } from './act.js';
import { ACT_SCRIPT } from './act-script.js';
import { PUMP_SCRIPT } from './drain-script.js';
import { MESSAGE_ID } from './message-id.js';
import { comparableSender, FIND_SPOOL } from './spool-files.js';

/** Above the time that it is told to pump. */
const LOOK_MS = 30_000;

// Deliveries are processes of their own, some of them nobody's children.
const LOCATE = `${FIND_SPOOL}
main=$(grep -lsx -e exim -e exim4 /proc/[0-9]*/comm | cut -d / -f 3 | tr '\\n' ' ')
`;

/** The way of one queue. */
export function eximDrain(place: ActPlace): DrainWay {
  const { transport, host, within } = place;
  return {
    oneConnectionEach: true,
    side: {
      args: [],
      within,
      locate: LOCATE,
      // Without a daemon its oldest process is a delivery.
      isShortLived: true,
      giveBack: `set -- release\n${ACT_SCRIPT}`,
      line: (key) => keyLine(key, comparableSender),
    },
    // Its retry rules say when it gives up, by destination and error.
    lifetime: async () => null,
    park: (keys, signal) => actOn(place, 'hold', keys, { signal }),
    unpark: (keys, signal) => actOn(place, 'release', keys, { signal }),
    async tick(order, signal) {
      const { status, stdout, stderr } = await transport.run(
        host,
        {
          name: 'exim.pump',
          script: PUMP_SCRIPT,
          args: [String(Math.max(0, Math.floor(order.forMs)))],
          stdin: orderText(
            order,
            (id) => MESSAGE_ID.test(id),
            (key) => keyLine(key, comparableSender),
          ),
          readOnly: false,
          privileged: true,
          within,
          timeoutMs: LOOK_MS + order.forMs,
        },
        { signal },
      );
      if (status !== 0) throw new CommandError(host.name, 'exim pump', status, stderr);
      return parseLook(host.name, stdout);
    },
    preview: (part) =>
      ({
        park: ['exim -Mf ID ...'],
        release: ['exim -M ID (so many at once as the window says)'],
        unpark: ['exim -Mt ID ...'],
      })[part],
  };
}
