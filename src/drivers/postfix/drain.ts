// How a backlog of Postfix is drained: parked by `postsuper -h`, released by the pump of drain-script.ts, which keeps
// the windows full on the host, and given back by `postsuper -H` at the server's own pace. Held mail costs the queue
// manager nothing and does not expire. Verified on 3.7.11.
import { CommandError } from '../../errors.js';
import { keyLine } from '../../queue/act-words.js';
import type { DrainOrder, DrainWay } from '../../queue/drain-way.js';
import { creditLine, parseLook } from '../../queue/pump-words.js';
import { actOn } from './act.js';
import { ACT_SCRIPT } from './act-script.js';
import { LIFETIME_SCRIPT, PUMP_SCRIPT } from './drain-script.js';
import { CHOOSE_INSTANCE, type PostfixPlace } from './instance.js';
import { comparableSender } from './queue-files.js';
import { QUEUE_ID } from './queue-id.js';

/** Above the time that it is told to pump. */
const LOOK_MS = 30_000;

const LOCATE = `${CHOOSE_INSTANCE}
spool=$(postconf -hx queue_directory 2> /dev/null)
main=$(tr -cd '0-9' 2> /dev/null < "$spool/pid/master.pid")
`;

/** The way of one queue. */
export function postfixDrain(place: PostfixPlace): DrainWay {
  const { transport, host, within, instance } = place;
  return {
    oneConnectionEach: true,
    countsConnections: true,
    side: {
      args: [instance],
      within,
      locate: LOCATE,
      giveBack: `set -- "$1" release\n${ACT_SCRIPT}`,
      line: (key) => keyLine(key, comparableSender),
    },
    async lifetime(signal) {
      const { status, stdout } = await transport.run(
        host,
        {
          name: 'postfix.lifetime',
          script: LIFETIME_SCRIPT,
          args: [instance],
          readOnly: true,
          privileged: true,
          within,
          timeoutMs: LOOK_MS,
        },
        { signal },
      );
      return status === 0 ? parseTime(stdout) : null;
    },
    park: (keys, signal) => actOn(place, 'hold', keys, { signal }),
    unpark: (keys, signal) => actOn(place, 'release', keys, { signal }),
    async tick(order, signal) {
      const { status, stdout, stderr } = await transport.run(
        host,
        {
          name: 'postfix.pump',
          script: PUMP_SCRIPT,
          args: [instance, String(Math.max(0, Math.floor(order.forMs)))],
          stdin: orderText(order),
          readOnly: false,
          privileged: true,
          within,
          timeoutMs: LOOK_MS + order.forMs,
        },
        { signal },
      );
      if (status !== 0) throw new CommandError(host.name, 'postfix pump', status, stderr);
      return parseLook(host.name, stdout);
    },
    preview: (part) =>
      ({
        park: ['postsuper -h - < IDS'],
        release: [
          'touch QUEUE-DIRECTORY/hold/ID && mv QUEUE-DIRECTORY/hold/ID QUEUE-DIRECTORY/incoming/ID',
          'postkick public qmgr I',
        ],
        unpark: ['postsuper -H - < IDS'],
      })[part],
  };
}

/** The order as the pump reads it; an id that Postfix could not have made is left out. */
export function orderText({ lots }: DrainOrder): string {
  const lines: string[] = [];
  for (const lot of lots) {
    const { window, connections = null, peers = [], perSecond, yields = 0, release, watch, watchHops } = lot;
    const rate = perSecond === null ? '-' : Math.max(0, perSecond).toFixed(3);
    const places = connections === null ? '-' : String(Math.max(1, Math.floor(connections)));
    lines.push(
      `lot ${Math.max(0, Math.floor(window))} ${rate} ${places} ${Math.max(0, Math.floor(yields))}\n`,
      creditLine(lot.credit),
      lot.reuses === undefined ? '' : `reuses ${Math.max(-9999, Math.min(9999, Math.floor(lot.reuses)))}\n`,
    );
    for (const peer of peers) {
      const bytes = addressBytes(peer);
      if (bytes !== null) lines.push(`peer ${bytes}\n`);
    }
    const numbers = new Map<string, number>();
    let last: number | undefined;
    let wide = 1;
    const turnTo = (hop: string) => {
      const number = numbers.get(hop) ?? numbers.size;
      numbers.set(hop, number);
      if (number !== last) lines.push(`hop ${number}\n`);
      last = number;
    };
    for (const [index, id] of watch.entries()) {
      if (!QUEUE_ID.test(id)) continue;
      turnTo(watchHops?.[index] ?? '');
      lines.push(`watch ${id}\n`);
    }
    for (const key of release) {
      if (!QUEUE_ID.test(key.id)) continue;
      turnTo(key.hop ?? '');
      const makes = Math.max(1, Math.min(9999, Math.floor(key.connections ?? 1)));
      if (makes !== wide) lines.push(`wide ${makes}\n`);
      wide = makes;
      lines.push(keyLine(key, comparableSender));
    }
  }
  return lines.join('');
}

/** An address as the kernel has it, hexadecimal; null: it is none. */
export function addressBytes(address: string): string | null {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  const hex = (value: number, width: number) => value.toString(16).padStart(width, '0');
  if (four !== undefined)
    return four.every((part) => part < 256) ? four.map((part) => hex(part, 2)).join('') : null;
  const [head = '', tail, ...more] = address.toLowerCase().split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const missing = 8 - left.length - right.length;
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1)) return null;
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  return all.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? all.map((group) => group.padStart(4, '0')).join('')
    : null;
}

/** A time as Postfix writes it, `5d`, in seconds; null: none. */
export function parseTime(text: string): number | null {
  const [, number, unit = 'd'] = /^\s*(\d{1,6})\s*([smhdw]?)\s*$/.exec(text) ?? [];
  if (number === undefined) return null;
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit === '' ? 'd' : unit];
  return seconds === undefined ? null : Number(number) * seconds;
}
