// The format of mailctl.yaml, design 2.3: one strict description per section. Says what a file may hold, not what a
// missing key means (normalize.ts) and not how faults read (issues.ts).

import { isPostgresUrl } from '../lib/database-url.js';
import {
  either,
  type Format,
  flag,
  list,
  map,
  names,
  nullable,
  oneOf,
  optional,
  type TypeOf,
  text,
  type WholeRule,
  wholeNumber,
} from './format-kinds.js';
import * as words from './words.js';

const SECOND = 1000;
const DAY = 86_400_000;

function duration(description: string, limits: { min?: number; max?: number } = {}): Format<string> {
  return text(
    words.duration(limits.min ?? SECOND, limits.max ?? DAY),
    { description, examples: ['5m'], pattern: '^([0-9]+(d|h|m|s|ms))+$' },
    'must be a duration with its unit: 90s, 5m, 2h',
  );
}

/** A command: words, never a shell line. */
function argv(
  known: readonly string[],
  description: string,
  example: readonly string[],
): Format<readonly string[]> {
  const firstWord: WholeRule<readonly string[]> = (command) => {
    const message = command.length === 0 ? undefined : words.commandName(command[0] ?? '');
    return message === undefined ? [] : [{ path: [0], message }];
  };
  return list(text(words.commandWord(known)), {
    min: 1,
    rules: [firstWord],
    meta: { description, examples: [example] },
  });
}

const sudo = either(flag(), text(words.sudoUser), 'must be true, false or a user name', {
  description: 'true (root), false, or the user that privileged scripts run as',
});

const account = map({
  user: text(words.userName, { examples: ['probe'] }),
  password_file: text(words.localPath, {
    description: 'file with the password alone, readable by its owner only',
    examples: ['/etc/mailctl/probe.pw'],
  }),
});

const defaults = map({
  ssh: optional(
    map({
      config: optional(
        text(words.localPath, { description: "ssh's configuration file, if not its own default" }),
      ),
      connect_timeout: optional(duration('how long a connection may take before the host counts as silent')),
      control_persist: optional(duration('how long a shared connection stays open when nobody uses it')),
    }),
  ),
  sudo: optional(sudo),
});

const queueDriver = oneOf('postfix', 'exim', 'mailman3', 'exec');

const SAVING = ['run', 'expires', 'max_bytes'];
const queueCommands = {
  list: optional(argv([], 'exec: prints the queue, a JSON object a line', ['sender', 'list', '--json'])),
  hold: optional(argv([], 'exec: holds the messages whose ids come on stdin', ['sender', 'hold'])),
  release: optional(argv([], 'exec: releases them', ['sender', 'release'])),
  requeue: optional(argv([], 'exec: has them queued anew', ['sender', 'requeue'])),
  flush: optional(argv([], 'exec: has them tried now', ['sender', 'flush'])),
  delete: optional(
    argv(SAVING, 'exec: saves them under {run}, then removes them', ['sender', 'delete', '{run}']),
  ),
  restore: optional(
    argv(['run'], 'exec: brings back what {run} has deleted', ['sender', 'restore', '{run}']),
  ),
};

const queue = either(
  queueDriver,
  map(
    {
      driver: queueDriver,
      instance: optional(
        text(words.instanceName, {
          description: "which of several on the host, by the mail server's own name",
          examples: ['postfix-out'],
        }),
      ),
      within: optional(
        argv([], 'words put before every command: a container', ['docker', 'exec', '-i', 'mailman-core']),
      ),
      process: optional(
        text(words.processName, {
          description:
            'exec: what the processes of the sender are called, for the guards of a drain, which also sees by them that it runs',
          examples: ['sender'],
        }),
      ),
      ...queueCommands,
    },
    (given) => {
      const isExec = given.driver === 'exec';
      if (!isExec && given.process !== undefined)
        return [{ path: ['process'], message: 'is for driver: exec only' }];
      if (isExec && given.list === undefined)
        return [{ path: [], message: 'list is missing; e.g. list: [sender, list, --json]' }];
      const keys = Object.keys(queueCommands) as (keyof typeof queueCommands)[];
      const foreign = isExec ? undefined : keys.find((key) => given[key] !== undefined);
      if (foreign !== undefined) return [{ path: [foreign], message: 'is for driver: exec only' }];
      const saves = given.delete?.some((word) => word.includes('{run}')) ?? true;
      return saves ? [] : [{ path: ['delete'], message: 'does not hold {run}, under which it saves first' }];
    },
  ),
  'must be a driver, or { driver: NAME, within: [docker, exec, -i, CONTAINER] }',
);

const fence = map({
  run: argv(['host', 'address'], 'cuts a host off for good: power, management console, switch port', [
    'power-off',
    '{host}',
  ]),
  verify: optional(argv(['host', 'address'], 'exits 0 when the host is off', ['power-is-off', '{host}'])),
  on: optional(text(words.name, { description: 'host that both run on; without it: this machine' })),
  timeout: optional(duration('how long each of the two may take')),
});

const host = map({
  groups: optional(list(text(words.name))),
  location: optional(
    text(words.plainText, { description: 'rack or row: hosts that fail together share one' }),
  ),
  address: optional(text(words.address, { description: 'adds HostName to what ssh is told' })),
  transport: optional(oneOf('ssh', 'local')),
  queues: optional(list(queue)),
  sudo: optional(sudo),
  preference: optional(
    wholeNumber(0, 1000, { description: 'of several replicas, higher becomes master first', examples: [10] }),
  ),
  max_slots: optional(
    wholeNumber(0, 100_000, { description: 'slots that it can be the master of at once', examples: [15] }),
  ),
  fence: optional(fence),
});

// Where a slot's data and its lease lie, and whether it runs, must not depend on the role that is being changed.
const ROLELESS = words.STORE_PLACEHOLDERS.filter((word) => word !== 'role');

function storePath(
  description: string,
  example: string,
  known: readonly string[] = words.STORE_PLACEHOLDERS,
) {
  return text(words.sitePath(known), { description, examples: [example] });
}

const roleByLink = map(
  {
    link: storePath('the symbolic link whose target is the role', '/srv/{slot}/role', ROLELESS),
    master: text(words.commandWord(ROLELESS), { examples: ['role.master'] }),
    replica: text(words.commandWord(ROLELESS), { examples: ['role.replica'] }),
    readonly: optional(text(words.commandWord(ROLELESS), { examples: ['role.readonly'] })),
  },
  (role) => {
    const seen = new Set<string>();
    return (['master', 'replica', 'readonly'] as const).flatMap((key) => {
      const target = role[key];
      if (target === undefined) return [];
      if (target === '') return [{ path: [key], message: 'must not be empty' }];
      const message = 'is the target of another role, too: nobody could tell them apart';
      const faults = seen.has(target) ? [{ path: [key], message }] : [];
      seen.add(target);
      return faults;
    });
  },
);

const roleByCommand = map(
  {
    set: argv(words.STORE_PLACEHOLDERS, 'sets the role of an instance', ['set-role', '{instance}', '{role}']),
    get: argv(ROLELESS, 'prints the role of an instance', ['get-role', '{instance}']),
  },
  mustBeTold('set', ['role']),
);

function builtinOr(description: string, example: readonly string[]) {
  return either(
    oneOf('builtin'),
    argv(words.STORE_PLACEHOLDERS, description, example),
    `must be builtin, or a command as a list of words: [${example.join(', ')}]`,
  );
}

const cyrus = map({
  user: optional(text(words.userName)),
  config_dir: storePath("a slot's configdirectory on its host", '/srv/{slot}/conf', ROLELESS),
  imapd_conf: storePath("a slot's imapd.conf", '/srv/{slot}/role/imapd.conf'),
  cyrus_conf: storePath("a slot's cyrus.conf", '/srv/{slot}/role/cyrus.conf'),
  pid_file: storePath("the pid file of a slot's master process", '/run/cyrus/{slot}.pid', ROLELESS),
  role: either(roleByLink, roleByCommand, 'must be { link, master, replica } or { set: [...], get: [...] }'),
  start: optional(builtinOr('starts an instance', ['systemctl', 'start', '"cyrus@{instance}"'])),
  stop: optional(builtinOr('stops an instance', ['systemctl', 'stop', '"cyrus@{instance}"'])),
  stop_timeout: optional(duration('how long a stop may take before SIGKILL when the master is dead')),
  planned_stop_timeout: optional(duration('the same for planned work')),
  admin: optional(account),
});

const road = map({
  imap: optional(
    map({
      host: text(words.address, {
        description: 'the frontend that people log in at',
        examples: ['imap.example.net'],
      }),
      port: optional(wholeNumber(1, 65_535, { description: 'its IMAP port; 143' })),
      user: optional(
        text(words.formOf(['user', 'slot'], []), {
          description: 'the name that the test account of a slot logs in with there; {user}',
          examples: ['{user}@{slot}.example.net'],
        }),
      ),
      from: optional(text(words.name, { description: 'host to log in from; without it: this machine' })),
    }),
  ),
  lmtp: optional(
    map({ host: text(words.name, { description: 'the MX that hands mail over', examples: ['mx1'] }) }),
  ),
});

const canary = map({
  user: text(words.userName, { description: 'a mailbox that every slot has', examples: ['probe'] }),
  every: optional(duration('how often one is sent; 1m')),
});

const stores = map({
  max_lag: optional(
    duration('a replica further behind is stale and is not made master without --accept-loss', {
      max: 365 * DAY,
    }),
  ),
  drain_timeout: optional(duration('how long the last events of a stopped master may take to its replica')),
  test_account: optional(account),
  canary: optional(canary),
  quarantine: optional(
    map({
      auto: optional(flag()),
      retry: optional(duration('when replication watch sends what is set aside again')),
      owner: optional(text(words.plainText, { description: 'who looks after what is set aside' })),
    }),
  ),
  min_free: optional(
    text(
      words.sizeOrPercent,
      { description: 'room that the disk of a new master must have', examples: ['1G'] },
      'must be a size or a share of the disk: 1G, 5%',
    ),
  ),
  recipient: optional(
    text(words.formOf(['user', 'slot'], ['slot']), {
      description: 'how addresses of a slot read, to tell whose mail waits on an MX',
      examples: ['{user}@{slot}.example.net'],
    }),
  ),
  release_rate: optional(
    text(
      words.rate,
      {
        description: 'waiting mail that is released on each MX after a failover; 20/s',
        examples: ['20/s'],
        pattern: '^[0-9]+/[smh]$',
      },
      'must be a rate with its unit: 20/s or 600/m',
    ),
  ),
  release_timeout: optional(
    duration('how long a failover goes on releasing before it leaves the rest to a later command; 10m'),
  ),
  road: optional(road),
  cyrus: optional(cyrus),
});

const hook = map(
  {
    host: optional(text(words.name, { description: 'host that it runs on; without it: this machine' })),
    run: argv(['slot', 'from', 'to', 'run'], 'told after the directory has changed', [
      'reload-frontends',
      '{slot}',
    ]),
    per: optional(oneOf('slot', 'run')),
    timeout: optional(duration('how long it may take')),
  },
  ({ per, run }) => {
    const index = per === 'run' ? run.findIndex((word) => /\{(?:slot|from|to)\}/.test(word)) : -1;
    const message =
      'a hook that runs once per run has no slot of its own: only {run} is filled in, or write per: slot';
    return index < 0 ? [] : [{ path: ['run', index], message }];
  },
);

const databaseUrl = text(words.databaseUrl, {
  examples: ['sqlite:/var/lib/mailctl/mailctl.db', 'postgres://mailctl@db1/mailctl'],
});
const databasePassword = text(words.localPath, {
  description: "file with the server's password alone, readable by its owner only",
  examples: ['/etc/mailctl/db.pw'],
});

const moves = map(
  {
    command: optional(argv([], 'prints the moves of users between slots', ['list-moves'])),
    file: optional(
      text(words.localPath, {
        description: 'a file with the moves, replaced as a whole',
        examples: ['/var/lib/site/moves.tsv'],
      }),
    ),
    table: optional(
      text(words.tableName, {
        description: "a table in the directory's database: user_name, from_slot, to_slot, state, at",
        examples: ['user_moves'],
      }),
    ),
  },
  (value) =>
    Object.values(value).filter((one) => one !== undefined).length === 1
      ? []
      : [{ path: [], message: 'needs one of command, file and table' }],
);

const directory = map(
  {
    url: optional(databaseUrl),
    password_file: optional(databasePassword),
    list: optional(argv([], 'prints all slots', ['slot-list'])),
    get: optional(argv(['slot'], 'prints one slot', ['slot-get', '{slot}'])),
    set: optional(
      argv(['slot', 'from', 'to', 'state'], 'compare-and-set of the master; exits 3 when it was not {from}', [
        'slot-set',
        '{slot}',
        '{from}',
        '{to}',
        '{state}',
      ]),
    ),
    users: optional(argv(['slot'], 'prints the users of a slot', ['list-users', '{slot}'])),
    moves: optional(moves),
    hooks: optional(list(hook)),
  },
  (value) =>
    value.list !== undefined && value.moves?.table !== undefined
      ? [
          {
            path: ['moves', 'table'],
            message:
              'is looked for in a database, and the directory is three commands; give a command or a file',
          },
        ]
      : [],
  (value) => {
    const missing = (['list', 'get', 'set'] as const).filter((key) => value[key] === undefined);
    if (missing.length === 3) return [];
    if (value.url !== undefined) {
      return [{ path: ['url'], message: 'stands beside list, get and set; keep one of the two' }];
    }
    if (missing.length === 0) return [];
    const verb = missing.length > 1 ? 'are' : 'is';
    return [{ path: [], message: `needs all three commands; ${missing.join(' and ')} ${verb} missing` }];
  },
  onlyForServers,
  mustBeTold('get', ['slot']),
  mustBeTold('set', ['slot', 'from', 'to']),
);

const state = map({ url: optional(databaseUrl), password_file: optional(databasePassword) }, onlyForServers);

const destination = map({
  domains: list(text(words.domainName), { min: 1, meta: { examples: [['gmail.com']] } }),
  mx: optional(list(text(words.hostGlob))),
  connections: optional(wholeNumber(1, 1_000_000, { description: 'connections at once', examples: [20] })),
  rate: optional(
    text(
      words.rate,
      { description: 'messages per time', examples: ['100/s'], pattern: '^[0-9]+/[smh]$' },
      'must be a rate with its unit: 50/s or 3000/m',
    ),
  ),
});

const queueActs = map({
  confirm_above: optional(
    wholeNumber(0, 1_000_000_000, {
      description: 'acts on more messages than this ask for their number to be typed; 1000',
      examples: [1000],
    }),
  ),
  keep_deleted: optional(
    duration('how long deleted messages are kept on their host; 7d', { max: 365 * DAY }),
  ),
  keep_at_most: optional(
    text(
      words.wholeSize,
      { description: 'bytes that deleted messages may take on a host; 1G', examples: ['1G'] },
      'must be a size: 500M, 2G',
    ),
  ),
  drain_first: optional(
    list(text(words.plainText), {
      meta: {
        description:
          'envelope senders whose mail a drain lets go before other mail of its destination; globs, "<>" is the null sender',
        examples: [['*@alerts.example.net']],
      },
    }),
  ),
  drain_last: optional(
    list(text(words.plainText), {
      meta: { description: 'those whose mail it lets go last', examples: [['news@*']] },
    }),
  ),
});

const sourceAddress = text(words.ipAddress, { examples: ['192.0.2.10'] });

const uplink = map({
  host: text(words.name, { description: 'host to look from', examples: ['mx1'] }),
  source: optional(
    either(
      sourceAddress,
      list(sourceAddress, {
        min: 1,
        rules: [
          (sources) =>
            sources.length <= 2 && new Set(sources.map((one) => one.includes(':'))).size === sources.length
              ? []
              : [{ path: [], message: 'holds two addresses of one family: make two uplinks of them' }],
        ],
      }),
      'must be an address, or a list of an IPv4 and an IPv6 address',
      { description: "its address there: IPv4, IPv6, or one of each; the mail server's own source" },
    ),
  ),
  interface: optional(text(words.interfaceName, { examples: ['eth1'] })),
  drop: optional(
    argv(['uplink', 'host', 'source'], 'takes the uplink out of use; printed by probe, never run by it', [
      'drop-uplink',
      '{uplink}',
    ]),
  ),
});

const probe = map({
  domains: optional(
    list(text(words.domainName), {
      meta: { description: 'domains that we send from, for probe dns', examples: [['example.net']] },
    }),
  ),
  blocklists: optional(
    list(text(words.domainName), {
      meta: { description: 'block lists to ask for our addresses', examples: [['zen.spamhaus.org']] },
    }),
  ),
});

const serverName = (description: string, example: string) =>
  text(words.serverName, { description, examples: [example] });

const delivery = map({
  to: text(words.mailAddress, { description: 'the mailbox', examples: ['probe@example.com'] }),
  from: text(words.mailAddress, { description: 'envelope sender and From', examples: ['probe@example.net'] }),
  host: optional(
    text(words.name, {
      description: 'host that hands the message over; without it: this machine',
      examples: ['mx1'],
    }),
  ),
  server: optional(serverName('the mail server, as that host sees it; 127.0.0.1:25', '127.0.0.1:25')),
  imap: map({
    server: serverName(
      'where the mailbox is; TLS always, but for a server on the host itself',
      'imap.example.com:993',
    ),
    user: text(words.loginName, { examples: ['probe@example.com'] }),
    password_file: text(words.localPath, {
      description: 'file with the password alone, readable by its owner only',
      examples: ['/etc/mailctl/probe.pw'],
    }),
    from: optional(text(words.name, { description: 'host to look from; without it: this machine' })),
  }),
  timeout: optional(duration('how long the message may take; 60s')),
});

/** Every section, in the order of the manual. A section without content is as good as absent. */
export const sections = {
  defaults: nullable(defaults),
  hosts: nullable(names(words.name, nullable(host))),
  stores: nullable(stores),
  directory: nullable(directory),
  state: nullable(state),
  destinations: nullable(names(words.name, destination)),
  uplinks: nullable(names(words.name, uplink)),
  probe: nullable(probe),
  deliveries: nullable(names(words.name, delivery)),
  queue: nullable(queueActs),
  config_group: nullable(
    either(text(words.userName), wholeNumber(0, 2 ** 32 - 1), 'must be the name or the number of a group'),
  ),
} as const;

/** A file as it is written: every key optional that has a default, no paths expanded, units as text. */
export type RawFile = { readonly [K in keyof typeof sections]?: TypeOf<(typeof sections)[K]> | undefined };

/** A file of ours has no password. */
function onlyForServers(value: {
  readonly url?: string | undefined;
  readonly password_file?: string | undefined;
}): readonly { readonly path: readonly string[]; readonly message: string }[] {
  if (value.password_file === undefined || (value.url !== undefined && isPostgresUrl(value.url))) return [];
  return [
    {
      path: ['password_file'],
      message: 'means something beside the url of a server only: postgres://user@host/db',
    },
  ];
}

/** A command that changes something must be told what: else it would always change the same. */
function mustBeTold(key: string, needed: readonly string[]): WholeRule<Readonly<Record<string, unknown>>> {
  return (value) => {
    const command = value[key];
    if (!Array.isArray(command)) return [];
    const missing = needed.filter((word) => !command.some((part) => String(part).includes(`{${word}}`)));
    if (missing.length === 0) return [];
    return [{ path: [key], message: `is not told ${missing.map((word) => `"{${word}}"`).join(' and ')}` }];
  };
}
