// The Cyrus mail-store driver (Cyrus IMAP 3.x; verified on 3.6.1, Debian 12). It knows how to look at instances
// and how to change one by one act; order and safety are the domain's. Every path and command is the site's own.
import type { CyrusConfig } from '../../config/config.js';
import { CommandError, EXIT, MailctlError, ParseError, TransportError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type {
  Grip,
  InstanceState,
  Lease,
  LeaseAnswer,
  Mailbox,
  PortSight,
  ReplicaFiles,
  Role,
  Service,
  Serving,
  StoreDriver,
} from '../../slot/driver.js';
import type { Instance } from '../../slot/slot.js';
import type { Transport } from '../../transport/transport.js';
import { ACT_SCRIPT } from './act-script.js';
import { Batch, frame, type Record_ } from './batch.js';
import { cleanCanaries, findCanaries, sendCanaries } from './canary.js';
import { capabilitiesOf } from './capabilities.js';
import { ContentAnswers, contentCommands, isAskable } from './content.js';
import { CONTENT_SCRIPT } from './content-script.js';
import { FILES_SCRIPT, MAILBOXES_SCRIPT } from './files-script.js';
import { FIND_SCRIPT, findPattern, parseFound } from './find.js';
import { type Confs, parseConfs, parseHostFacts, parseInstance, type Records } from './observe.js';
import { FIELD, OBSERVE_SCRIPT } from './observe-script.js';
import { fillWords, type InstancePaths, instancePaths } from './paths.js';
import { cyrusQuarantine } from './quarantine.js';
import { parseReadable, READABLE_SCRIPT } from './readable-script.js';
import { RECENT_SCRIPT } from './recent-script.js';
import { rejoinCalls } from './rejoin-calls.js';
import { parseHostLog, parseReplication } from './replication.js';
import { REPLICATION_SCRIPT } from './replication-script.js';
import { PORTS_SCRIPT, SERVE_SCRIPT } from './serve-script.js';
import { SIZE_SCRIPT } from './size-script.js';
import { Turns } from './turns.js';

/** What the driver is given. */
export interface CyrusStoreOptions {
  readonly config: CyrusConfig;
  readonly transport: Transport;
  readonly clock: Clock;
  /** The login that is tried at the end of a failover; called when it is needed. */
  readonly testAccount?:
    | (() => Promise<{ readonly user: string; readonly password: string } | undefined>)
    | undefined;
  /** An administrator of the stores, for a replay whose own configuration names no login. */
  readonly admin?:
    | (() => Promise<{ readonly user: string; readonly password: string } | undefined>)
    | undefined;
}

interface Look {
  readonly instance: Instance;
  readonly resolve: (state: InstanceState) => void;
  readonly reject: (error: unknown) => void;
}

/** Seconds that a lease lasts when nothing moves it on (failover.md). */
const LEASE_S = 60;
/** Where LMTP listens by default (RFC 2033 names 24; 2003 is the usual one beside it). */
const USUAL_LMTP_PORTS = [24, 2003];
const OBSERVE_MS = 30_000;
/** ms after it was asked for in which a look may stand for one more: a new one would take about as long. */
const REUSE_MS = 250;
/** Most that a look at the replication of a host's instances may print. */
const REPLICATION_BYTES = 64 * 1024 * 1024;
const START_MS = 40_000;
const SET_ROLE_MS = 30_000;
/** ms for the content of an instance, and for each owner beside. */
const CONTENT_MS = 20_000;
const CONTENT_OWNER_MS = 500;
/** Seconds for the walk over a replica's directories. */
const WALK_S = 8;
/** Message files whose heads are read on an instance, the newest first. */
const MOST_RECENT = 3000;

/** Opens the driver. It holds no connection of its own. */
export function cyrusStore({ config, transport, clock, testAccount, admin }: CyrusStoreOptions): StoreDriver {
  const confs = new Map<string, Confs>();
  const versions = new Map<string, string>();
  /** Each instance as it was seen last, by this process's clock; forgotten with each act on it. */
  const seen = new Map<string, { readonly state: InstanceState; readonly askedAt: number; isNew: boolean }>();
  /** Acts on each instance that were begun or ended: a look that was under way meanwhile is not kept. */
  const acts = new Map<string, number>();
  async function acting<T>(instance: Instance, act: () => Promise<T>): Promise<T> {
    const key = keyOf(instance);
    const count = () => {
      acts.set(key, (acts.get(key) ?? 0) + 1);
      seen.delete(key);
    };
    count();
    try {
      return await act();
    } finally {
      count();
    }
  }
  const pathsOf = (instance: Instance) => instancePaths(config, instance);
  const keyOf = (instance: { readonly host: string; readonly slot: string }) =>
    `${instance.host}\n${instance.slot}`;
  const stopMs = (planned: boolean) => (planned ? config.plannedStopTimeoutMs : config.stopTimeoutMs);

  const act = new Batch(transport, clock, {
    command: { name: 'cyrus.act', script: ACT_SCRIPT, readOnly: false, privileged: true },
    pace: { soon: 1, most: 5, pauseMs: 60 },
    isLast: (record) => record[0] !== 'bad',
  });
  // Beside the others: sending takes long, and must not hold up what users wait for.
  const sends = new Batch(transport, clock, {
    command: { name: 'cyrus.send', script: ACT_SCRIPT, readOnly: false, privileged: true },
    pace: { soon: 1, most: 2, pauseMs: 100 },
    isLast: (record) => record[0] !== 'bad',
  });
  const sizes = new Batch(transport, clock, {
    command: { name: 'cyrus.size', script: SIZE_SCRIPT, readOnly: true, privileged: true },
    pace: { soon: 1, most: 1, pauseMs: 0 },
    isLast: () => true,
  });
  const files = new Batch(transport, clock, {
    command: { name: 'cyrus.files', script: FILES_SCRIPT, readOnly: true, privileged: true },
    pace: { soon: 1, most: 1, pauseMs: 0 },
    isLast: () => true,
  });
  const recent = new Batch(transport, clock, {
    command: { name: 'cyrus.recent', script: RECENT_SCRIPT, readOnly: true, privileged: true },
    pace: { soon: 1, most: 1, pauseMs: 0 },
    isLast: (record) => record[0] === 'end',
  });
  const lists = new Batch(transport, clock, {
    command: {
      name: 'cyrus.mailboxes',
      script: MAILBOXES_SCRIPT,
      readOnly: true,
      privileged: true,
      maxBytes: 512 * 1024 * 1024,
    },
    pace: { soon: 1, most: 3, pauseMs: 100 },
    isLast: (record) => record[0] === 'end',
  });
  const testLogin = async () => {
    const { user = '', password = '' } = (await testAccount?.()) ?? {};
    const plain = user === '' ? '' : Buffer.from(`\0${user}\0${password}`).toString('base64');
    return `${user}\n${password}\n${plain}\n`;
  };
  const serve = new Batch(transport, clock, {
    command: { name: 'cyrus.serving', script: SERVE_SCRIPT, readOnly: true, privileged: false },
    pace: { soon: 1, most: 2, pauseMs: 400 },
    isLast: (record) => record[0] === 'end',
    preamble: testLogin,
  });
  const reading = new Batch(transport, clock, {
    command: { name: 'cyrus.readable', script: READABLE_SCRIPT, readOnly: true, privileged: false },
    pace: { soon: 1, most: 2, pauseMs: 400 },
    isLast: (record) => record[0] === 'end',
    preamble: testLogin,
  });

  async function see(host: Host, instances: readonly Instance[], flags: string, signal?: AbortSignal) {
    const askedAt = clock.monotonic();
    const before = instances.map((instance) => acts.get(keyOf(instance)));
    const result = await transport.run(
      host,
      {
        name: 'cyrus.observe',
        script: OBSERVE_SCRIPT,
        args: [],
        stdin: instances.map((instance, index) => `${observeLine(index, instance, flags)}\n`).join(''),
        readOnly: true,
        privileged: true,
        timeoutMs: OBSERVE_MS,
      },
      { signal },
    );
    const records = splitRecords(result.stdout);
    const told = parseHostFacts(records.get('-') ?? []);
    if (told.version !== null) versions.set(host.name, told.version);
    const facts = { ...told, version: versions.get(host.name) ?? null };
    return instances.map((instance, index): InstanceState => {
      const own = records.get(String(index)) ?? [];
      const paths = pathsOf(instance);
      if (own.at(-1)?.[0] !== 'end' && own.at(-1)?.[0] !== 'nodir') {
        throw new ParseError(host.name, `what was seen of ${instance.slot} is cut off`, {
          detail: result.stderr.slice(0, 400) || undefined,
        });
      }
      if (flags.includes('c')) confs.set(keyOf(instance), parseConfs(own, paths, facts));
      const known = confs.get(keyOf(instance));
      if (known === undefined)
        throw new Error(`no configuration read yet of ${instance.slot} on ${host.name}`);
      const state = parseInstance(instance, paths, own, facts, known);
      if (before[index] === acts.get(keyOf(instance))) {
        seen.set(keyOf(instance), { state, askedAt, isNew: true });
      }
      return state;
    });
  }

  function observeLine(index: number, instance: Instance, flags: string): string {
    const paths = pathsOf(instance);
    const pair = (role: Role) => [paths.byRole[role]?.imapd ?? '', paths.byRole[role]?.cyrus ?? ''];
    const get = config.role.kind === 'command' ? fillWords(config.role.get, instance, '') : [];
    return frame([
      String(index),
      flags,
      paths.pidFile,
      paths.configDir,
      ...(paths.byRole.master === undefined ? [paths.current.imapd, paths.current.cyrus] : ['', '']),
      ...pair('master'),
      ...pair('replica'),
      ...pair('readonly'),
      paths.link?.path ?? '',
      ...get,
    ]);
  }

  // The files are read again only when they are not known yet, or may change with the role.
  const looks = new Turns<Look>(clock, { soon: 1, most: 2, pauseMs: 400 }, async (host, calls) => {
    const instances = [...new Map(calls.map(({ instance }) => [keyOf(instance), instance])).values()];
    const fresh = config.role.kind !== 'link' || instances.some((instance) => !confs.has(keyOf(instance)));
    try {
      const states = new Map(
        (await see(host, instances, fresh ? 'cl' : 'l')).map((state) => [keyOf(state), state]),
      );
      for (const { instance, resolve } of calls) resolve(states.get(keyOf(instance)) as InstanceState);
    } catch (error) {
      for (const { reject } of calls) reject(error);
    }
  });
  function look(host: Host, instance: Instance): Promise<InstanceState> {
    const known = seen.get(keyOf(instance));
    // A step's last look is the next step's first one. What was seen before an act of ours is never seen after it.
    if (known?.isNew && clock.monotonic() - known.askedAt < REUSE_MS) {
      known.isNew = false;
      return Promise.resolve(known.state);
    }
    return new Promise((resolve, reject) => looks.add(host, { instance, resolve, reject }));
  }

  async function doAct(
    host: Host,
    instance: Instance,
    grip: Grip,
    verb: string,
    fields: readonly string[],
    deadlineMs: number,
    by = act,
  ) {
    const paths = pathsOf(instance);
    const hold = Math.max(LEASE_S, Math.ceil(deadlineMs / 1000) + 10);
    const words = [verb, paths.configDir, String(grip.token), grip.run, grip.phase, String(hold)];
    const records = await acting(instance, () =>
      by.call(host, [...words, grip.record ?? '-', ...fields], deadlineMs + 25_000),
    );
    return settle(host, instance, verb, records);
  }

  const namesOf = (paths: InstancePaths): string[] =>
    [paths.current, paths.byRole.master, paths.byRole.replica, paths.byRole.readonly]
      .flatMap((pair) => (pair === undefined ? [] : [pair.imapd, pair.cyrus]))
      .concat(paths.configDir);

  const masterImapd = (paths: InstancePaths) => (paths.byRole.master ?? paths.current).imapd;
  const channelWord = (channel: string) => (channel === '' ? '.' : channel);

  return {
    software: 'cyrus',
    quarantine: cyrusQuarantine({
      transport,
      configDir: (instance) => pathsOf(instance).configDir,
      masterConf: (instance) => masterImapd(pathsOf(instance)),
      currentConf: (instance) => pathsOf(instance).current.imapd,
      act: doAct,
    }),
    limits: { stopMs: (planned) => stopMs(planned) + 10_000, startMs: START_MS, setRoleMs: SET_ROLE_MS },

    async observe(host, instances, signal) {
      return instances.length === 0 ? [] : see(host, instances, 'cld', signal);
    },
    look,

    async findInstances(host, signal) {
      const command = {
        name: 'cyrus.find',
        script: FIND_SCRIPT,
        args: [findPattern(config, host.name)],
        readOnly: true,
        privileged: true,
        timeoutMs: 20_000,
      };
      const { status, stdout, stderr } = await transport.run(host, command, { signal });
      if (status !== 0) throw new CommandError(host.name, 'looking for instances', status, stderr);
      return parseFound(config, host.name, stdout);
    },

    async tryPorts(from, ports, seconds, signal) {
      if (ports.length === 0) return [];
      const result = await transport.run(
        from,
        {
          name: 'cyrus.try-ports',
          script: PORTS_SCRIPT,
          args: [],
          stdin: ports
            .map(({ address, port }) => `${frame([address, String(port), String(seconds)])}\n`)
            .join(''),
          readOnly: true,
          privileged: false,
          timeoutMs: (seconds + 5) * 1000,
        },
        { signal },
      );
      if (result.status !== 0)
        throw new CommandError(from.name, 'trying ports', result.status, result.stderr);
      return result.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line): PortSight => {
          const [address = '', port, seen] = line.split(FIELD);
          return { address, port: Number(port), seen: seen as PortSight['seen'] };
        });
    },

    async replicaFiles(host, instances) {
      return Promise.all(
        instances.map(async (instance): Promise<ReplicaFiles> => {
          const paths = pathsOf(instance);
          const conf = (paths.byRole.replica ?? paths.current).imapd;
          const [record] = await files.call(host, [conf, String(WALK_S)], (2 * WALK_S + 5) * 1000);
          const [kind, applied, arrival, complete] = record ?? [];
          if (kind !== 'files')
            return { slot: instance.slot, newestApplied: null, newestArrival: null, complete: true };
          return {
            slot: instance.slot,
            newestApplied: Number(applied),
            newestArrival: Number(arrival) || null,
            complete: complete === 'yes',
          };
        }),
      );
    },

    async recentMessages(host, instance, since) {
      const paths = pathsOf(instance);
      const conf = (paths.byRole.replica ?? paths.current).imapd;
      const words = [conf, String(Math.floor(since)), String(WALK_S), String(MOST_RECENT)];
      const records = await recent.call(host, words, (2 * WALK_S + 5) * 1000);
      return {
        slot: instance.slot,
        messages: records.flatMap(([kind, at = '', messageId = '']) =>
          kind === 'm' && /^\d{1,12}$/.test(at) && messageId !== ''
            ? [{ messageId, arrivedAt: Number(at) }]
            : [],
        ),
        complete: records.at(-1)?.[1] === 'yes',
      };
    },

    async mailboxes(host, instance, role) {
      const paths = pathsOf(instance);
      const conf = (paths.byRole[role] ?? paths.current).imapd;
      const records = await lists.call(host, [conf], 65_000);
      const status = Number(records.find((record) => record[0] === 'status')?.[1] ?? 1);
      if (status !== 0)
        throw new CommandError(
          host.name,
          `ctl_mboxlist of ${instance.slot}`,
          status,
          records.at(-1)?.[1] ?? '',
        );
      const text = records
        .filter(([kind]) => kind === 'm' || kind === '+')
        .map(([kind, ...line]) => line.join(FIELD) + (kind === 'm' ? '\n' : ''))
        .join('');
      return parseMailboxes(text, `${host.name}: ctl_mboxlist of ${instance.slot}`);
    },

    async replication(host, instances, signal) {
      if (instances.length === 0) return [];
      const result = await transport.run(
        host,
        {
          name: 'cyrus.replication',
          script: REPLICATION_SCRIPT,
          args: [],
          stdin: instances
            .map((instance, index) => {
              const paths = pathsOf(instance);
              return `${frame([String(index), paths.pidFile, paths.configDir, ...namesOf(paths)])}\n`;
            })
            .join(''),
          readOnly: true,
          privileged: true,
          timeoutMs: OBSERVE_MS,
          maxBytes: REPLICATION_BYTES,
        },
        { signal },
      );
      const records = splitRecords(result.stdout);
      const ofHost = records.get('-') ?? [];
      const { at } = parseHostFacts(ofHost);
      const log = parseHostLog(ofHost);
      return instances.map((instance, index) =>
        parseReplication(instance, pathsOf(instance), records.get(String(index)) ?? [], at, log),
      );
    },
    sendCanaries: (host, masters, user) => sendCanaries(transport, host, masters, user),
    findCanaries: (host, instances, user) =>
      findCanaries(
        transport,
        host,
        instances.map((instance) => {
          const paths = pathsOf(instance);
          // Where mail lies is the same in every role.
          return { slot: instance.slot, imapdConf: (paths.byRole.replica ?? paths.current).imapd };
        }),
        user,
      ),
    async cleanCanaries(host, masters, user) {
      const account = await testAccount?.();
      if (account === undefined || account.user !== user)
        return new Map(masters.map(({ state }) => [state.slot, `stores.test_account is not ${user}`]));
      const plain = Buffer.from(`\0${account.user}\0${account.password}`).toString('base64');
      return cleanCanaries(transport, host, masters, plain);
    },
    capabilities: (state) => capabilitiesOf(state.version ?? versions.get(state.host) ?? null),
    async content(host, instance, role, owners, signal) {
      const paths = pathsOf(instance);
      const conf = (paths.byRole[role] ?? paths.current).imapd;
      const asked = owners.filter(isAskable);
      const answers = new ContentAnswers(asked);
      const result = await transport.run(
        host,
        {
          name: 'cyrus.content',
          script: CONTENT_SCRIPT,
          args: [conf, config.admin?.user ?? ''],
          stdin: contentCommands(asked),
          readOnly: true,
          privileged: true,
          timeoutMs: CONTENT_MS + asked.length * CONTENT_OWNER_MS,
        },
        { signal, onLine: (line) => answers.push(line) },
      );
      const why = answers.said || result.stderr.trim().slice(0, 300) || 'it gave no answer';
      if (result.status !== 0 && !answers.isAny)
        throw new CommandError(host.name, `the content of ${instance.slot}`, result.status, why);
      const found = answers.answers(why);
      return owners.map(
        (owner) => found[asked.indexOf(owner)] ?? { ok: false, reason: 'its name cannot be asked for' },
      );
    },

    async serving(host, instance) {
      // Where to knock was seen by the look before, mostly a moment ago; that it is served there is seen by knocking.
      const known = seen.get(keyOf(instance))?.state;
      const isUp = known?.running === true && known.role !== null;
      const state = isUp ? known : await look(host, instance);
      const find = (kind: 'imap' | 'lmtp') =>
        state.services.find(
          (one) => one.kind === kind && one.port !== undefined && !one.address.startsWith('127.'),
        );
      const imap = wordsTo(find('imap'), instance);
      const lmtp = wordsTo(find('lmtp'), instance);
      const served = parseServing(await serve.call(host, [...imap.at, ...lmtp.at, imap.tls], 25_000));
      if (served.imap !== 'ok' || served.lmtp === 'failed') seen.delete(keyOf(instance));
      return served;
    },

    async readable(host, instance) {
      const state = await look(host, instance);
      const port = state.services.find(
        (one) => one.kind === 'imap' && one.listening && !one.address.startsWith('127.'),
      );
      if (port === undefined)
        return { imap: 'none', login: 'not-tried', refusesChanges: 'not-tried', detail: '' };
      const { at, tls } = wordsTo(port, instance);
      return parseReadable(await reading.call(host, [...at, tls], 25_000));
    },

    async takeLease(host, instance, wish): Promise<LeaseAnswer> {
      const paths = pathsOf(instance);
      const { run, operator, bastion, from, to, phase, record: line, takeOver } = wish;
      const words = [run, operator, bastion, from, to, phase, String(LEASE_S), line, ...takeOver];
      const [record] = await acting(instance, () =>
        act.call(host, ['take', paths.configDir, ...words], 45_000),
      );
      if (record?.[0] === 'granted') return { granted: true, token: Number(record[1]) };
      if (record?.[0] === 'held') {
        const { lease, now } = heldLease(record);
        return { granted: false, held: lease, secondsLeft: Math.max(0, lease.expires - now) };
      }
      throw saidNo(host, `taking the lease of ${instance.slot}`, record?.[1] ?? '');
    },
    async renewLease(host, instance, grip) {
      await doAct(host, instance, grip, 'renew', [], 5_000);
    },
    async giveLeaseBack(host, instance, grip, laneLines) {
      await doAct(host, instance, grip, 'back', laneLines, 10_000);
    },
    async recordLane(host, instance, grip) {
      await doAct(host, instance, grip, 'record', [], 10_000);
    },

    async stop(host, instance, grip, planned) {
      const paths = pathsOf(instance);
      const seconds = String(Math.ceil(stopMs(planned) / 1000));
      if (config.stop === 'builtin') {
        await doAct(
          host,
          instance,
          grip,
          'stop-builtin',
          [seconds, paths.pidFile, ...namesOf(paths)],
          stopMs(planned) + 10_000,
        );
      } else {
        await doAct(
          host,
          instance,
          grip,
          'run',
          [seconds, ...fillWords(config.stop, instance, '')],
          stopMs(planned) + 5_000,
        );
      }
    },
    async start(host, instance, grip, role) {
      const paths = pathsOf(instance);
      if (config.start === 'builtin') {
        const conf = paths.link === undefined ? (paths.byRole[role] ?? paths.current) : paths.current;
        const services = confs.get(keyOf(instance))?.roles[role]?.services ?? [];
        const ports = services.flatMap(({ port }) =>
          Number.isInteger(port) ? [(port as number).toString(16).toUpperCase().padStart(4, '0')] : [],
        );
        const words = [conf.imapd, conf.cyrus, paths.pidFile, ...new Set(ports)];
        await doAct(host, instance, grip, 'start-builtin', words, START_MS);
      } else {
        await doAct(
          host,
          instance,
          grip,
          'run',
          ['30', ...fillWords(config.start, instance, role)],
          START_MS,
        );
      }
    },
    async setRole(host, instance, grip, role) {
      const paths = pathsOf(instance);
      if (config.role.kind === 'link') {
        const target = paths.link?.targets[role];
        if (target === undefined) throw new Error(`no ${role} role is configured`);
        await doAct(
          host,
          instance,
          grip,
          'set-link',
          [paths.link?.path ?? '', target, paths.pidFile, ...namesOf(paths)],
          SET_ROLE_MS,
        );
      } else {
        await doAct(
          host,
          instance,
          grip,
          'run',
          ['20', ...fillWords(config.role.set, instance, role)],
          SET_ROLE_MS,
        );
      }
    },
    async drain(host, instance, grip, channels, seconds) {
      const paths = pathsOf(instance);
      const words = channels.map(channelWord);
      let said = '';
      try {
        await doAct(
          host,
          instance,
          grip,
          'drain',
          [String(seconds), masterImapd(paths), `${paths.configDir}/sync`, ...words],
          (seconds + 5) * 1000,
        );
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        said = error.stderr;
      }
      const state = await look(host, instance);
      return { left: state.channels.filter((one) => channels.includes(one.channel) && one.pending), said };
    },
    async restartReplication(host, instance, grip) {
      const paths = pathsOf(instance);
      await doAct(host, instance, grip, 'kick', [paths.pidFile, ...namesOf(paths)], 10_000);
    },
    async sendUsers(host, instance, grip, channel, users, seconds) {
      const paths = pathsOf(instance);
      const records = await doAct(
        host,
        instance,
        grip,
        'send-users',
        [String(seconds), masterImapd(paths), channelWord(channel), ...users],
        (seconds + 5) * 1000,
      );
      return records.filter((record) => record[0] === 'bad').map((record) => record[1] ?? '');
    },
    async sizeOf(host, instance, role, seconds) {
      const paths = pathsOf(instance);
      const conf = (paths.byRole[role] ?? paths.current).imapd;
      const [record] = await sizes.call(host, [conf, String(seconds)], (seconds + 5) * 1000);
      return record?.[0] === 'size' && /^\d+$/.test(record[1] ?? '') ? Number(record[1]) * 1024 : null;
    },
    async sendMany(host, instance, grip, channel, kind, names, seconds, atOnce = 1) {
      const words = [String(seconds), masterImapd(pathsOf(instance)), channelWord(channel)];
      const records = await doAct(
        host,
        instance,
        grip,
        'send-many',
        [...words, kind === 'users' ? 'u' : 'm', String(atOnce), ...names],
        (seconds + 5) * 1000,
        sends,
      );
      const bad = records.filter((record) => record[0] === 'bad');
      const nameOf = (record: readonly string[]) => names[Number(record[2])] ?? '';
      return {
        failed: bad
          .filter((record) => record[1] === 'failed')
          .map((record) => ({ name: nameOf(record), said: record[3] ?? '' })),
        left: bad.filter((record) => record[1] === 'left').map(nameOf),
      };
    },

    ...rejoinCalls({ transport, clock, pathsOf, namesOf, masterImapd, doAct, admin }),

    preview(kind, instance, role) {
      const paths = pathsOf(instance);
      const pair = paths.link === undefined ? (paths.byRole[role] ?? paths.current) : paths.current;
      const lines: { [act in typeof kind]: () => readonly string[] } = {
        stop: () =>
          config.stop === 'builtin'
            ? [
                `kill -QUIT $(cat ${paths.pidFile}), SIGKILL to its group after ${config.plannedStopTimeoutMs / 1000} s (${config.stopTimeoutMs / 1000} s when the master is dead)`,
              ]
            : [fillWords(config.stop, instance, role).join(' ')],
        start: () =>
          config.start === 'builtin'
            ? [`cyrmaster -C ${pair.imapd} -M ${pair.cyrus} -p ${paths.pidFile} -d`]
            : [fillWords(config.start, instance, role).join(' ')],
        'set-role': () =>
          config.role.kind === 'link'
            ? [`ln -sfn ${paths.link?.targets[role] ?? ''} ${paths.link?.path ?? ''}`]
            : [fillWords(config.role.set, instance, role).join(' ')],
        drain: () => [
          `sync_client -C ${masterImapd(paths)} -R -1   until ${paths.configDir}/sync/**/log and log-run are gone`,
        ],
        lease: () => [`write ${paths.lease}`],
        'give-back': () => [`clear ${paths.lease}`],
        'set-aside': () => [
          `mv ${paths.configDir}/sync/**/log and log-run to ${paths.configDir}/sync/rejoin/`,
        ],
        replay: () => [
          `sync_client -C ${paths.configDir}/sync/rejoin/replay.conf -m -f LIST   to the master's IMAP port`,
        ],
        'send-users': () => [`sync_client -C ${masterImapd(paths)} -u USER...`],
        'end-leftovers': () => [`rm ${paths.configDir}/sync/rejoin/*`],
        serving: () => ['IMAP greeting and login, LMTP greeting, as tried on the host itself'],
      };
      return lines[kind]();
    },

    masterPorts(state) {
      const roles = confs.get(`${state.host}\n${state.slot}`)?.roles;
      const isPort = (service: { readonly kind: string; readonly port: number | undefined }) =>
        (service.kind === 'imap' || service.kind === 'lmtp') && Number.isInteger(service.port);
      const toPort = (service: {
        readonly kind: string;
        readonly port: number | undefined;
        readonly address: string;
      }) => ({
        address: service.address,
        port: service.port as number,
        kind: service.kind as 'imap' | 'lmtp',
      });
      const own = (roles?.master?.services ?? state.services)
        .filter(isPort)
        .filter((service) => !service.address.startsWith('127.') && service.address !== '::1');
      if (own.length > 0) return own.map(toPort);
      // The site's files do not tell what a master listens on: the replica's own IMAP port (for checks) is most
      // likely the same number, and a living kernel answers on any port, if only to refuse.
      const imap = Object.values(roles ?? {}).flatMap((conf) =>
        conf.services.filter((service) => service.kind === 'imap' && isPort(service)),
      );
      const guessed =
        imap.length > 0 ? imap.map(toPort) : [{ address: '', port: 143, kind: 'imap' as const }];
      return [...guessed, ...USUAL_LMTP_PORTS.map((port) => ({ address: '', port, kind: 'lmtp' as const }))];
    },
  };

  function settle(
    host: Host,
    instance: Instance,
    verb: string,
    records: readonly Record_[],
  ): readonly Record_[] {
    const last = records.at(-1);
    if (last?.[0] === 'ok') return records;
    if (last?.[0] === 'held') {
      const { lease } = heldLease(last);
      throw new MailctlError(
        `${host.name}: the lease of ${instance.slot} is no longer ours: run ${lease.run ?? '-'} of ${lease.operator} on ${lease.bastion} has it`,
        {
          code: 'slot.lease-lost',
          exitCode: 6,
        },
      );
    }
    if (last?.[0] === 'no') throw saidNo(host, `${verb} of ${instance.slot}`, last[1] ?? '');
    throw new TransportError(host.name, 'lost', `${host.name}: no answer to ${verb} of ${instance.slot}`);
  }
}

/** How the scripts that knock are told of a service: its address and port, and whether it speaks TLS from the first byte. */
function wordsTo(
  service: Service | undefined,
  { address = '127.0.0.1' }: Instance,
): { readonly at: readonly [string, string]; readonly tls: string } {
  if (service === undefined) return { at: ['', ''], tls: '' };
  const at = [service.address || address, String(service.port)] as const;
  return { at, tls: service.wrapped === true ? 'tls' : '' };
}

/** An act that was refused: where its own files cannot be written, that is the whole of it. */
function saidNo(host: Host, what: string, said: string): MailctlError {
  if (!/^cannot write \S.*\/mailctl\.(lease|lane)(: |$)/.test(said))
    return new CommandError(host.name, what, 1, said);
  return new MailctlError(`${host.name}: ${said}`, { code: 'slot.cannot-write', exitCode: EXIT.partial });
}

function heldLease(record: readonly string[]): { lease: Lease; now: number } {
  const [, token, run = '-', operator = '-', bastion = '-', from = '-', to = '-', phase = '-', expires, now] =
    record;
  const lease = {
    token: Number(token),
    run: run === '-' ? undefined : run,
    operator,
    bastion,
    from,
    to,
    phase,
    expires: Number(expires) || 0,
  };
  return { lease, now: Number(now) || 0 };
}

function splitRecords(stdout: string): Map<string, (readonly string[])[]> {
  const records = new Map<string, (readonly string[])[]>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [number = '', ...fields] = line.split(FIELD);
    const own = records.get(number) ?? [];
    records.set(number, own);
    own.push(fields);
  }
  return records;
}

/** What the serve script said of one instance. */
export function parseServing(records: Records): Serving {
  const find = (what: string) => records.find((record) => record[0] === what);
  const result = (what: string, absent: 'none' | 'not-tried') => {
    const record = find(what);
    if (record === undefined || record[1] === 'unverified') return absent;
    return record[1] === 'ok' ? 'ok' : 'failed';
  };
  const unverified = records.find((record) => record[1] === 'unverified');
  return {
    imap: result('imap', 'none') as Serving['imap'],
    lmtp: result('lmtp', 'none') as Serving['lmtp'],
    login: result('login', 'not-tried') as Serving['login'],
    detail: records
      .filter((record) => record[1] === 'failed')
      .map((record) => `${record[0]}: ${record[2] ?? ''}`)
      .join('; '),
    ...(unverified === undefined ? {} : { unverified: unverified[2] ?? '' }),
  };
}

/** The JSON of ctl_mboxlist -d: an object of mailboxes by name (3.6), or an array of them. */
export function parseMailboxes(text: string, where: string): readonly Mailbox[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.trim() === '' ? '{}' : text);
  } catch (error) {
    throw new ParseError(where, `is no JSON: ${(error as Error).message.slice(0, 100)}`);
  }
  if (parsed === null || typeof parsed !== 'object') throw new ParseError(where, 'is no list of mailboxes');
  const entries = Array.isArray(parsed)
    ? parsed.map((entry) => [String((entry as { name?: unknown } | null)?.name ?? ''), entry] as const)
    : Object.entries(parsed);
  return entries.map(([name, entry]) => {
    const { mbtype = '', uniqueid = '' } = (entry ?? {}) as { mbtype?: unknown; uniqueid?: unknown };
    return {
      name,
      uniqueId: String(uniqueid),
      deleted: String(mbtype).includes('d') || name.startsWith('DELETED.'),
    };
  });
}
