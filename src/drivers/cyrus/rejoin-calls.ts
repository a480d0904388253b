// The calls of a rejoin on the old master's host: what is left of its time as master is read, set aside, sent to the
// new one, and ended. Their scripts are act-rejoin.ts and leftovers-script.ts.
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type { Grip, StoreDriver } from '../../slot/driver.js';
import type { Instance } from '../../slot/slot.js';
import type { Transport } from '../../transport/transport.js';
import { Batch, type Record_ } from './batch.js';
import { parseLeftovers } from './leftovers.js';
import { LEFTOVERS_SCRIPT } from './leftovers-script.js';
import type { InstancePaths } from './paths.js';

/** What the calls are made of; the store's own pieces. */
export interface RejoinParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly pathsOf: (instance: Instance) => InstancePaths;
  readonly namesOf: (paths: InstancePaths) => string[];
  readonly masterImapd: (paths: InstancePaths) => string;
  readonly doAct: (
    host: Host,
    instance: Instance,
    grip: Grip,
    verb: string,
    fields: readonly string[],
    deadlineMs: number,
  ) => Promise<readonly Record_[]>;
  readonly admin:
    | (() => Promise<{ readonly user: string; readonly password: string } | undefined>)
    | undefined;
}

const READ_MS = 60_000;
/** Millions of lines may be left; each is printed once. */
const READ_BYTES = 512 * 1024 * 1024;
const MOVE_MS = 20_000;
/** Names in one act: what fails among them is tried one by one, and between two acts the run may be stopped. */
const NAMES_AT_ONCE = 400;

type RejoinCalls = Pick<StoreDriver, 'leftovers' | 'setLeftoversAside' | 'replay' | 'endLeftovers'>;

/** The driver's methods. */
export function rejoinCalls(parts: RejoinParts): RejoinCalls {
  const { pathsOf, doAct } = parts;
  const reads = new Batch(parts.transport, parts.clock, {
    command: {
      name: 'cyrus.leftovers',
      script: LEFTOVERS_SCRIPT,
      readOnly: true,
      privileged: true,
      maxBytes: READ_BYTES,
    },
    pace: { soon: 1, most: 3, pauseMs: 100 },
    isLast: (record) => record[0] === 'end',
  });
  const syncOf = (instance: Instance) => `${pathsOf(instance).configDir}/sync`;
  return {
    async leftovers(host, instance) {
      return parseLeftovers(await reads.call(host, [syncOf(instance)], READ_MS));
    },
    async setLeftoversAside(host, instance, grip) {
      const paths = pathsOf(instance);
      const words = [syncOf(instance), paths.pidFile, ...parts.namesOf(paths)];
      await doAct(host, instance, grip, 'collect', words, MOVE_MS);
    },
    async replay(host, instance, grip, to, what, seconds) {
      const paths = pathsOf(instance);
      const login = await parts.admin?.();
      const failed: { name: string; said: string }[] = [];
      const send = async (kind: string, units: readonly (readonly string[])[]) => {
        for (const chunk of chunksOf(units)) {
          const words = [
            String(seconds),
            parts.masterImapd(paths),
            syncOf(instance),
            to.address,
            String(to.port),
            to.channel === '' ? '.' : to.channel,
            kind,
            login?.user ?? '-',
            login?.password ?? '-',
            ...chunk.flatMap((unit) => unit.map((name, index) => `${index === 0 ? '=' : '+'}${name}`)),
          ];
          const records = await doAct(host, instance, grip, 'replay', words, (seconds + 10) * 1000);
          for (const [said, name = '', why = ''] of records)
            if (said === 'bad') failed.push({ name, said: why.trim() });
        }
      };
      await send('mailboxes', what.mailboxes);
      await send(
        'users',
        what.users.map((user) => [user]),
      );
      await send(
        'lines',
        what.lines.map((line) => [line]),
      );
      return failed;
    },
    async endLeftovers(host, instance, grip, keep) {
      const words = [syncOf(instance), keep ? 'keep' : 'drop'];
      await doAct(host, instance, grip, 'rejoin-end', words, MOVE_MS);
      return `${syncOf(instance)}/rejoin/kept`;
    },
  };
}

/** Units of at most so many names together; none: nothing. */
function chunksOf(units: readonly (readonly string[])[]): readonly (readonly (readonly string[])[])[] {
  const chunks: (readonly string[])[][] = [];
  let names = Number.POSITIVE_INFINITY;
  for (const unit of units) {
    if (names + unit.length > NAMES_AT_ONCE) {
      chunks.push([]);
      names = 0;
    }
    chunks.at(-1)?.push(unit);
    names += unit.length;
  }
  return chunks;
}
