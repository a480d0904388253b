// Tries the road to slots by the test account: IMAP through the site's frontend, LMTP from its MX. A frontend may
// remember for some seconds where a slot was: what fails is tried again before it counts.
import type { RoadConfig } from '../../config/config.js';
import { MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import { fillPlaceholders } from '../../lib/placeholders.js';
import type { RoadAnswer, RoadSight, TryRoads } from '../../slot/road.js';
import type { Transport } from '../../transport/transport.js';
import { ROAD_SCRIPT } from './road-script.js';

const FIELD = '\x1f';
/** Tries of a way that fails, and the time between them. */
const TRIES = 4;
const BETWEEN_MS = 2000;

/** What it is given. */
export interface RoadOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly road: RoadConfig;
  /** How addresses of a slot read; undefined: the user alone. */
  readonly recipient: string | undefined;
  readonly hostNamed: (name: string | undefined) => Host;
  readonly account: () => Promise<{ readonly user: string; readonly password: string }>;
}

interface Try {
  readonly slot: string;
  readonly kind: 'imap' | 'lmtp';
  readonly via: string;
  readonly from: Host;
  readonly words: readonly string[];
}

/** A way to try the roads that the configuration names. */
export function roadTester(options: RoadOptions): TryRoads {
  const { road, clock } = options;
  return async (questions, signal) => {
    const account = await options.account();
    const tries = questions.flatMap(({ slot, lmtp }): readonly Try[] => {
      const fill = (form: string) => fillPlaceholders(form, { user: account.user, slot });
      const imap = road.imap === undefined ? [] : [imapTry(slot, road.imap, fill(road.imap.user))];
      if (road.lmtp === undefined || lmtp === null) return imap;
      const to = options.recipient === undefined ? account.user : fill(options.recipient);
      const words = ['lmtp', lmtp.address, String(lmtp.port), to.replaceAll(/[<>]/g, ''), ''];
      const from = options.hostNamed(road.lmtp.host);
      return [...imap, { slot, kind: 'lmtp', via: road.lmtp.host, from, words }];
    });
    const answers = new Map<Try, RoadAnswer>();
    for (let left = tries, count = 0; left.length > 0 && count < TRIES; count++) {
      if (count > 0) await clock.sleep(BETWEEN_MS, signal);
      for (const [one, answer] of await ask(options.transport, left, signal)) answers.set(one, answer);
      left = left.filter((one) => answers.get(one)?.ok !== true);
    }
    return questions.map(({ slot }): RoadSight => {
      const of = (kind: 'imap' | 'lmtp') => {
        const one = tries.find((each) => each.slot === slot && each.kind === kind);
        return one === undefined ? null : (answers.get(one) ?? null);
      };
      return { slot, imap: of('imap'), lmtp: of('lmtp') };
    });

    function imapTry(slot: string, imap: NonNullable<RoadConfig['imap']>, user: string): Try {
      const plain = Buffer.from(`\0${user}\0${account.password}`).toString('base64');
      const login = [user, account.password].map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(' ');
      const words = ['imap', imap.host, String(imap.port), plain, login];
      return { slot, kind: 'imap', via: imap.host, from: options.hostNamed(imap.from), words };
    }
  };
}

/** Asks each host once; one that cannot be asked is a failure of all that was to be tried from there. */
async function ask(
  transport: Transport,
  tries: readonly Try[],
  signal: AbortSignal | undefined,
): Promise<readonly (readonly [Try, RoadAnswer])[]> {
  const byHost = new Map<string, Try[]>();
  for (const one of tries) byHost.set(one.from.name, [...(byHost.get(one.from.name) ?? []), one]);
  const answers = await Promise.all(
    [...byHost.values()].map(async (list): Promise<readonly (readonly [Try, RoadAnswer])[]> => {
      const stdin = list
        .map(({ words }, index) => `${[index, ...words].join(FIELD).replaceAll(/[\r\n]/g, ' ')}\n`)
        .join('');
      let problem = 'it gave no answer';
      let stdout = '';
      try {
        const result = await transport.run(
          (list[0] as Try).from,
          {
            name: 'road',
            script: ROAD_SCRIPT,
            args: [],
            stdin,
            readOnly: true,
            privileged: false,
            timeoutMs: 25_000,
          },
          { signal },
        );
        stdout = result.stdout;
        if (result.stderr.trim() !== '') problem = result.stderr.trim().slice(0, 200);
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        problem = error.message;
      }
      const said = new Map(stdout.split('\n').map((line) => [line.split(FIELD)[0] ?? '', line.split(FIELD)]));
      return list.map((one, index) => {
        const [, state, detail] = said.get(String(index)) ?? [];
        return [one, { ok: state === 'ok', via: one.via, detail: detail ?? problem }] as const;
      });
    }),
  );
  return answers.flat();
}
