// The effective configuration as a file would say it: every default filled in, paths absolute, passwords of
// urls masked. Loading what it prints gives the same configuration, save for what is masked. Loads yaml.
import { stringify } from 'yaml';
import { formatExactDuration } from '../lib/duration.js';
import { formatRate } from '../lib/rate.js';
import { maskUrlPasswords } from '../lib/redact.js';
import type {
  Account,
  Config,
  CyrusConfig,
  DatabaseConfig,
  DirectoryConfig,
  MovesConfig,
  RoomConfig,
} from './config.js';

/** A configuration as plain data with the keys of the file; for `-o json` and for YAML. */
export function effectiveConfig(config: Config): object {
  return withoutAbsent({
    defaults: {
      ssh: {
        config: config.defaults.ssh.config,
        connect_timeout: formatExactDuration(config.defaults.ssh.connectTimeoutMs),
        control_persist: formatExactDuration(config.defaults.ssh.controlPersistMs),
      },
      sudo: config.defaults.sudo,
    },
    hosts: mapped(config.hosts, (host) => ({
      groups: host.groups,
      location: host.location,
      address: host.address,
      transport: host.transport,
      queues: host.queues.map(({ driver, instance, within, commands }) => ({
        driver,
        instance,
        within,
        ...commands,
      })),
      sudo: host.sudo,
      preference: host.preference,
      max_slots: host.maxSlots,
      fence:
        host.fence === undefined
          ? undefined
          : { ...host.fence, timeoutMs: undefined, timeout: formatExactDuration(host.fence.timeoutMs) },
    })),
    stores: {
      max_lag: formatExactDuration(config.stores.maxLagMs),
      drain_timeout: formatExactDuration(config.stores.drainTimeoutMs),
      test_account: account(config.stores.testAccount),
      canary:
        config.stores.canary === undefined
          ? undefined
          : {
              user: config.stores.canary.user,
              every: formatExactDuration(config.stores.canary.everyMs),
            },
      quarantine: {
        auto: config.stores.quarantine.auto,
        retry: formatExactDuration(config.stores.quarantine.retryMs),
        owner: config.stores.quarantine.owner,
      },
      min_free: config.stores.minFree === undefined ? undefined : room(config.stores.minFree),
      recipient: config.stores.recipient,
      release_rate: formatRate(config.stores.releasePerSecond),
      release_timeout: formatExactDuration(config.stores.releaseTimeoutMs),
      road: config.stores.road,
      cyrus: config.stores.cyrus === undefined ? undefined : cyrus(config.stores.cyrus),
    },
    directory: directory(config.directory),
    state: database(config.state),
    destinations: mapped(config.destinations, (destination) => ({
      domains: destination.domains,
      mx: destination.mx,
      connections: destination.connections,
      rate: destination.ratePerSecond === undefined ? undefined : formatRate(destination.ratePerSecond),
    })),
    uplinks: mapped(config.uplinks, ({ sources, ...uplink }) => ({
      host: uplink.host,
      source: sources.length > 1 ? sources : sources[0],
      interface: uplink.interface,
      drop: uplink.drop,
    })),
    probe: { domains: config.probe.domains, blocklists: config.probe.blockLists },
    deliveries: mapped(config.deliveries, ({ imap, timeoutMs, ...delivery }) => ({
      ...delivery,
      imap: { server: imap.server, user: imap.user, password_file: imap.passwordFile, from: imap.from },
      timeout: formatExactDuration(timeoutMs),
    })),
    queue: {
      confirm_above: config.queue.confirmAbove,
      keep_deleted: formatExactDuration(config.queue.keepDeletedMs),
      keep_at_most: String(config.queue.keepAtMost),
      drain_first: config.queue.drainFirst,
      drain_last: config.queue.drainLast,
    },
    config_group: config.configGroup,
  });
}

/** The same as YAML, with a first line that names the file it came from. */
export function formatConfigYaml(config: Config): string {
  const from =
    config.file === undefined ? 'no file: the built-in defaults' : JSON.stringify(config.file).slice(1, -1);
  return `# effective configuration, from ${from}\n${stringify(effectiveConfig(config), { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

function cyrus(config: CyrusConfig): object {
  const { role } = config;
  return {
    user: config.user,
    config_dir: config.configDir,
    imapd_conf: config.imapdConf,
    cyrus_conf: config.cyrusConf,
    pid_file: config.pidFile,
    role:
      role.kind === 'link'
        ? { link: role.link, master: role.master, replica: role.replica, readonly: role.readonly }
        : { set: role.set, get: role.get },
    start: config.start,
    stop: config.stop,
    stop_timeout: formatExactDuration(config.stopTimeoutMs),
    planned_stop_timeout: formatExactDuration(config.plannedStopTimeoutMs),
    admin: account(config.admin),
  };
}

function directory(config: DirectoryConfig): object {
  const source =
    config.kind === 'commands' ? { list: config.list, get: config.get, set: config.set } : database(config);
  const hooks = config.hooks.map((hook) => ({
    host: hook.host,
    run: hook.run,
    per: hook.per,
    timeout: formatExactDuration(hook.timeoutMs),
  }));
  return { ...source, users: config.users, moves: moves(config.moves), hooks };
}

function moves(config: MovesConfig | undefined): object | undefined {
  if (config === undefined) return undefined;
  const { kind, ...source } = config;
  return source;
}

function room({ bytes, percent }: RoomConfig): string {
  return percent > 0 ? `${percent}%` : String(bytes);
}

function database({ url, passwordFile }: DatabaseConfig): object {
  return { url: url === undefined ? undefined : maskUrlPasswords(url), password_file: passwordFile };
}

function account(config: Account | undefined): object | undefined {
  return config === undefined ? undefined : { user: config.user, password_file: config.passwordFile };
}

function mapped<T>(entries: ReadonlyMap<string, T>, show: (value: T) => object): object {
  return Object.fromEntries([...entries].map(([name, value]) => [name, show(value)]));
}

/** JSON leaves undefined out, YAML would print null. */
function withoutAbsent(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
