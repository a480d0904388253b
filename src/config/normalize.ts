// From the sections of a file to the configuration that the program uses: defaults filled in, durations in ms,
// paths expanded. Pure and light; takes only sections that schema.ts has passed. Local paths: `~/` is the home
// directory, a relative one starts at the folder of the configuration file.
import { isAbsolute, join, resolve } from 'node:path';
import { isPostgresUrl, sqlitePath } from '../lib/database-url.js';
import { parseDuration } from '../lib/duration.js';
import { parseRate } from '../lib/rate.js';
import { parseSize } from '../lib/size.js';
import type {
  Account,
  Config,
  CyrusConfig,
  DatabaseConfig,
  Defaults,
  DeliveryConfig,
  DestinationConfig,
  DirectoryConfig,
  FenceConfig,
  HostConfig,
  MovesConfig,
  QueueConfig,
  RoadConfig,
  RoleConfig,
  RoomConfig,
  StoresConfig,
  UplinkConfig,
} from './config.js';
import type { RawFile } from './format.js';

/** What a configuration depends on besides its text. */
export interface Surroundings {
  /** Absolute path of the file; undefined: there is none. */
  readonly file: string | undefined;
  readonly home: string;
  /** Name of this machine, which stands for it when no hosts are configured. */
  readonly thisHost: string;
}

type Present<T> = NonNullable<T>;

/** The effective configuration. */
export function normalizeConfig(raw: RawFile, around: Surroundings): Config {
  const defaults = defaultsOf(raw, around);
  return {
    file: around.file,
    defaults,
    hosts: hostsOf(raw, defaults, around),
    stores: storesOf(raw, around),
    directory: directoryOf(raw, around),
    state: databaseOf(raw.state, around),
    destinations: destinationsOf(raw),
    uplinks: uplinksOf(raw),
    probe: {
      domains: (raw.probe?.domains ?? []).map((domain) => domain.toLowerCase()),
      blockLists: (raw.probe?.blocklists ?? []).map((zone) => zone.toLowerCase()),
    },
    deliveries: deliveriesOf(raw, around),
    queue: {
      confirmAbove: raw.queue?.confirm_above ?? 1000,
      keepDeletedMs: ms(raw.queue?.keep_deleted, 604_800_000),
      keepAtMost: parseSize(raw.queue?.keep_at_most ?? '1G') ?? 1024 ** 3,
      drainFirst: raw.queue?.drain_first ?? [],
      drainLast: raw.queue?.drain_last ?? [],
    },
    configGroup: raw.config_group == null ? undefined : String(raw.config_group),
  };
}

/** A path on this machine, absolute. */
export function expandPath(path: string, around: Surroundings): string {
  if (path === '~') return around.home;
  if (path.startsWith('~/')) return join(around.home, path.slice(2));
  if (isAbsolute(path)) return resolve(path);
  return resolve(around.file === undefined ? around.home : join(around.file, '..'), path);
}

function defaultsOf(raw: RawFile, around: Surroundings): Defaults {
  const ssh = raw.defaults?.ssh;
  return {
    ssh: {
      config: ssh?.config === undefined ? undefined : expandPath(ssh.config, around),
      connectTimeoutMs: ms(ssh?.connect_timeout, 5_000),
      controlPersistMs: ms(ssh?.control_persist, 60_000),
    },
    sudo: sudoUser(raw.defaults?.sudo) ?? false,
  };
}

function hostsOf(raw: RawFile, defaults: Defaults, around: Surroundings): ReadonlyMap<string, HostConfig> {
  const entries = Object.entries(raw.hosts ?? {});
  if (entries.length === 0) entries.push([around.thisHost, { transport: 'local' }]);
  return new Map(
    entries.map(([name, host]) => [
      name,
      {
        groups: [...new Set(host?.groups ?? [])],
        location: host?.location,
        address: host?.address,
        transport: host?.transport ?? 'ssh',
        queues: (host?.queues ?? []).map(queueOf),
        sudo: sudoUser(host?.sudo) ?? defaults.sudo,
        preference: host?.preference ?? 0,
        maxSlots: host?.max_slots,
        fence: fenceOf(host?.fence),
      },
    ]),
  );
}

function fenceOf(
  fence: Present<Present<Present<RawFile['hosts']>[string]>['fence']> | undefined,
): FenceConfig | undefined {
  if (fence === undefined) return undefined;
  return { run: fence.run, verify: fence.verify, on: fence.on, timeoutMs: ms(fence.timeout, 30_000) };
}

function queueOf(queue: Present<Present<Present<RawFile['hosts']>[string]>['queues']>[number]): QueueConfig {
  if (typeof queue === 'string')
    return { driver: queue, instance: undefined, within: undefined, commands: undefined };
  const { driver, instance, within, process: name, list, ...acts } = queue;
  const commands = list === undefined ? undefined : { list, ...acts };
  return { driver, instance, within, commands, ...(name === undefined ? {} : { process: name }) };
}

function storesOf(raw: RawFile, around: Surroundings): StoresConfig {
  const stores = raw.stores;
  return {
    maxLagMs: ms(stores?.max_lag, 300_000),
    drainTimeoutMs: ms(stores?.drain_timeout, 60_000),
    testAccount: accountOf(stores?.test_account, around),
    canary:
      stores?.canary === undefined
        ? undefined
        : { user: stores.canary.user, everyMs: ms(stores.canary.every, 60_000) },
    quarantine: {
      auto: stores?.quarantine?.auto ?? false,
      retryMs: ms(stores?.quarantine?.retry, 600_000),
      owner: stores?.quarantine?.owner,
    },
    minFree: roomOf(stores?.min_free),
    recipient: stores?.recipient,
    releasePerSecond: (stores?.release_rate === undefined ? undefined : parseRate(stores.release_rate)) ?? 20,
    releaseTimeoutMs: ms(stores?.release_timeout, 600_000),
    road: roadOf(stores?.road),
    cyrus: stores?.cyrus === undefined ? undefined : cyrusOf(stores.cyrus, around),
  };
}

function roomOf(text: string | undefined): RoomConfig | undefined {
  if (text === undefined) return undefined;
  return text.endsWith('%')
    ? { bytes: 0, percent: Number(text.slice(0, -1)) }
    : { bytes: parseSize(text) ?? 0, percent: 0 };
}

function roadOf(road: Present<RawFile['stores']>['road']): RoadConfig {
  const { imap, lmtp } = road ?? {};
  return {
    imap:
      imap === undefined
        ? undefined
        : { host: imap.host, port: imap.port ?? 143, user: imap.user ?? '{user}', from: imap.from },
    lmtp: lmtp === undefined ? undefined : { host: lmtp.host },
  };
}

function cyrusOf(cyrus: Present<Present<RawFile['stores']>['cyrus']>, around: Surroundings): CyrusConfig {
  return {
    user: cyrus.user ?? 'cyrus',
    configDir: cyrus.config_dir,
    imapdConf: cyrus.imapd_conf,
    cyrusConf: cyrus.cyrus_conf,
    pidFile: cyrus.pid_file,
    role: roleOf(cyrus.role),
    start: cyrus.start ?? 'builtin',
    stop: cyrus.stop ?? 'builtin',
    stopTimeoutMs: ms(cyrus.stop_timeout, 15_000),
    plannedStopTimeoutMs: ms(cyrus.planned_stop_timeout, 120_000),
    admin: accountOf(cyrus.admin, around),
  };
}

function roleOf(role: Present<Present<RawFile['stores']>['cyrus']>['role']): RoleConfig {
  return 'link' in role
    ? { kind: 'link', link: role.link, master: role.master, replica: role.replica, readonly: role.readonly }
    : { kind: 'command', set: role.set, get: role.get };
}

function accountOf(
  account: { readonly user: string; readonly password_file: string } | undefined,
  around: Surroundings,
): Account | undefined {
  if (account === undefined) return undefined;
  return { user: account.user, passwordFile: expandPath(account.password_file, around) };
}

function directoryOf(raw: RawFile, around: Surroundings): DirectoryConfig {
  const directory = raw.directory;
  const hooks = (directory?.hooks ?? []).map((hook) => ({
    host: hook.host,
    run: hook.run,
    per: hook.per ?? 'slot',
    timeoutMs: ms(hook.timeout, 30_000),
  }));
  const common = { users: directory?.users, moves: movesOf(directory?.moves, around), hooks };
  if (directory?.list !== undefined && directory.get !== undefined && directory.set !== undefined) {
    return { kind: 'commands', list: directory.list, get: directory.get, set: directory.set, ...common };
  }
  return { kind: 'database', ...databaseOf(directory, around), ...common };
}

function movesOf(
  moves: Present<RawFile['directory']>['moves'],
  around: Surroundings,
): MovesConfig | undefined {
  if (moves?.command !== undefined) return { kind: 'command', command: moves.command };
  if (moves?.file !== undefined) return { kind: 'file', file: expandPath(moves.file, around) };
  return moves?.table === undefined ? undefined : { kind: 'table', table: moves.table };
}

function destinationsOf(raw: RawFile): ReadonlyMap<string, DestinationConfig> {
  return new Map(
    Object.entries(raw.destinations ?? {}).map(([name, destination]) => [
      name,
      {
        domains: destination.domains.map((domain) => domain.toLowerCase()),
        mx: (destination.mx ?? []).map((pattern) => pattern.toLowerCase()),
        connections: destination.connections,
        ratePerSecond: destination.rate === undefined ? undefined : parseRate(destination.rate),
      },
    ]),
  );
}

function uplinksOf(raw: RawFile): ReadonlyMap<string, UplinkConfig> {
  return new Map(
    Object.entries(raw.uplinks ?? {}).map(([name, uplink]) => [
      name,
      {
        host: uplink.host,
        sources: [uplink.source ?? []].flat().map((source) => source.toLowerCase()),
        interface: uplink.interface,
        drop: uplink.drop,
      },
    ]),
  );
}

function deliveriesOf(raw: RawFile, around: Surroundings): ReadonlyMap<string, DeliveryConfig> {
  return new Map(
    Object.entries(raw.deliveries ?? {}).map(([name, { imap, ...delivery }]) => [
      name,
      {
        to: delivery.to,
        from: delivery.from,
        host: delivery.host,
        server: delivery.server ?? '127.0.0.1:25',
        imap: {
          server: imap.server,
          user: imap.user,
          passwordFile: expandPath(imap.password_file, around),
          from: imap.from,
        },
        timeoutMs: ms(delivery.timeout, 60_000),
      },
    ]),
  );
}

function databaseOf(
  database:
    | { readonly url?: string | undefined; readonly password_file?: string | undefined }
    | null
    | undefined,
  around: Surroundings,
): DatabaseConfig {
  const file = database?.password_file;
  return {
    url: databaseUrl(database?.url, around),
    passwordFile: file === undefined ? undefined : expandPath(file, around),
  };
}

function databaseUrl(url: string | undefined, around: Surroundings): string | undefined {
  if (url === undefined || isPostgresUrl(url)) return url;
  return `sqlite:${expandPath(sqlitePath(url) ?? '', around)}`;
}

function sudoUser(sudo: boolean | string | undefined): string | false | undefined {
  return sudo === true ? 'root' : sudo;
}

function ms(text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : (parseDuration(text) ?? fallback);
}
