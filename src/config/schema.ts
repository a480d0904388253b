// The format of mailctl.yaml, design 2.3: one strict schema per section. Says what a file may hold, not what a
// missing key means (normalize.ts) and not how faults read (issues.ts). Heavy (zod): reached only through
// parse.ts and json-schema.ts, which are loaded when a file is read.
import * as z from 'zod/mini';
import * as words from './words.js';

const SECOND = 1000;
const DAY = 86_400_000;

/**
 * Text that keeps a rule. `meta` goes into the JSON schema, its first example into messages; `otherKind` says what
 * a value that is no text should be.
 */
function text(
  rule: words.WordRule,
  meta: { description?: string; examples?: string[]; pattern?: string } = {},
  otherKind?: string,
) {
  return z.string(otherKind).check(
    z.check<string>((context) => {
      const fault = rule(context.value);
      if (fault !== undefined) context.issues.push({ code: 'custom', message: fault, input: context.value });
    }),
    z.meta(meta),
  );
}

function duration(description: string, limits: { min?: number; max?: number } = {}) {
  const rule = words.duration(limits.min ?? SECOND, limits.max ?? DAY);
  return text(
    rule,
    { description, examples: ['5m'], pattern: '^([0-9]+(d|h|m|s|ms))+$' },
    'must be a duration with its unit: 90s, 5m, 2h',
  );
}

/** A command: words, never a shell line. */
function argv(known: readonly string[], description: string, example: string[]) {
  return z.array(text(words.commandWord(known))).check(
    z.minLength(1),
    z.check<string[]>((context) => {
      const fault = words.commandName(context.value[0] ?? '');
      if (fault !== undefined && context.value.length > 0) {
        context.issues.push({ code: 'custom', message: fault, input: context.value, path: [0] });
      }
    }),
    z.meta({ description, examples: [example] }),
  );
}

const sudo = z
  .union([z.boolean(), text(words.sudoUser)], { error: 'must be true, false or a user name' })
  .check(z.meta({ description: 'true (root), false, or the user that privileged scripts run as' }));

const account = z.strictObject({
  user: text(words.userName, { examples: ['probe'] }),
  password_file: text(words.localPath, {
    description: 'file with the password alone, readable by its owner only',
    examples: ['/etc/mailctl/probe.pw'],
  }),
});

const defaults = z.strictObject({
  ssh: z.optional(
    z.strictObject({
      config: z.optional(
        text(words.localPath, { description: "ssh's configuration file, if not its own default" }),
      ),
      connect_timeout: z.optional(
        duration('how long a connection may take before the host counts as silent'),
      ),
      control_persist: z.optional(duration('how long a shared connection stays open when nobody uses it')),
    }),
  ),
  sudo: z.optional(sudo),
});

const QUEUE_DRIVERS = ['postfix', 'exim', 'mailman3', 'exec'] as const;

const queue = z.union(
  [
    z.enum(QUEUE_DRIVERS),
    z.strictObject({
      driver: z.enum(QUEUE_DRIVERS),
      within: z.optional(
        argv([], 'words put before every command: a container', ['docker', 'exec', '-i', 'core']),
      ),
    }),
  ],
  { error: 'must be a driver, or { driver: NAME, within: [docker, exec, -i, CONTAINER] }' },
);

const host = z.nullable(
  z.strictObject({
    groups: z.optional(z.array(text(words.name))),
    location: z.optional(
      text(words.plainText, { description: 'rack or row: hosts that fail together share one' }),
    ),
    address: z.optional(text(words.address, { description: 'adds HostName to what ssh is told' })),
    transport: z.optional(z.enum(['ssh', 'local'])),
    queues: z.optional(z.array(queue)),
    sudo: z.optional(sudo),
  }),
);

const hosts = z.record(text(words.name), host);

// Where a slot's data and its lease lie, and whether it runs, must not depend on the role that is being changed.
const roleless = words.STORE_PLACEHOLDERS.filter((word) => word !== 'role');
const storePath = (
  description: string,
  example: string,
  known: readonly string[] = words.STORE_PLACEHOLDERS,
) => text(words.sitePath(known), { description, examples: [example] });

const roleByLink = z
  .strictObject({
    link: storePath('the symbolic link whose target is the role', '/srv/{slot}/role', roleless),
    master: text(words.commandWord(roleless), { examples: ['role.master'] }),
    replica: text(words.commandWord(roleless), { examples: ['role.replica'] }),
    readonly: z.optional(text(words.commandWord(roleless), { examples: ['role.readonly'] })),
  })
  .check(
    z.check<{ master: string; replica: string; readonly?: string | undefined }>((context) => {
      const seen = new Set<string>();
      for (const key of ['master', 'replica', 'readonly'] as const) {
        const target = context.value[key];
        if (target === undefined) continue;
        const message =
          target === ''
            ? 'must not be empty'
            : seen.has(target)
              ? 'is the target of another role, too: nobody could tell them apart'
              : undefined;
        if (message !== undefined)
          context.issues.push({ code: 'custom', message, input: target, path: [key] });
        seen.add(target);
      }
    }),
  );

const roleByCommand = z
  .strictObject({
    set: argv(words.STORE_PLACEHOLDERS, 'sets the role of an instance', ['set-role', '{instance}', '{role}']),
    get: argv(roleless, 'prints the role of an instance', ['get-role', '{instance}']),
  })
  .check(mustBeTold('set', ['role']));

const builtinOr = (description: string, example: string[]) =>
  z.union([z.literal('builtin'), argv(words.STORE_PLACEHOLDERS, description, example)], {
    error: `must be builtin, or a command as a list of words: [${example.join(', ')}]`,
  });

const cyrus = z.strictObject({
  user: z.optional(text(words.userName)),
  config_dir: storePath("a slot's configdirectory on its host", '/srv/{slot}/conf', roleless),
  imapd_conf: storePath("a slot's imapd.conf", '/srv/{slot}/role/imapd.conf'),
  cyrus_conf: storePath("a slot's cyrus.conf", '/srv/{slot}/role/cyrus.conf'),
  pid_file: storePath("the pid file of a slot's master process", '/run/cyrus/{slot}.pid', roleless),
  role: z.union([roleByLink, roleByCommand], {
    error: 'must be { link, master, replica } or { set: [...], get: [...] }',
  }),
  start: z.optional(builtinOr('starts an instance', ['systemctl', 'start', '"cyrus@{instance}"'])),
  stop: z.optional(builtinOr('stops an instance', ['systemctl', 'stop', '"cyrus@{instance}"'])),
  stop_timeout: z.optional(duration('how long a stop may take before SIGKILL when the master is dead')),
  planned_stop_timeout: z.optional(duration('the same for planned work')),
  admin: z.optional(account),
});

const stores = z.strictObject({
  max_lag: z.optional(
    duration('a replica further behind is stale and is not made master without --accept-loss', {
      max: 365 * DAY,
    }),
  ),
  drain_timeout: z.optional(duration('how long the last events of a stopped master may take to its replica')),
  test_account: z.optional(account),
  cyrus: z.optional(cyrus),
});

/** Placeholders of `directory`'s commands and hooks. */
const SLOT_ONLY = ['slot'];
const SET_WORDS = ['slot', 'from', 'to', 'state'];
const HOOK_WORDS = ['slot', 'from', 'to', 'run'];

const hook = z
  .strictObject({
    host: z.optional(text(words.name, { description: 'host that it runs on; without it: this machine' })),
    run: argv(HOOK_WORDS, 'told after the directory has changed', ['reload-frontends', '{slot}']),
    per: z.optional(z.enum(['slot', 'run'])),
    timeout: z.optional(duration('how long it may take')),
  })
  .check(
    z.check<{ run: string[]; per?: 'slot' | 'run' | undefined }>((context) => {
      if (context.value.per !== 'run') return;
      const index = context.value.run.findIndex((word) => /\{(?:slot|from|to)\}/.test(word));
      if (index < 0) return;
      context.issues.push({
        code: 'custom',
        message:
          'a hook that runs once per run has no slot of its own: only {run} is filled in, or write per: slot',
        input: context.value.run[index],
        path: ['run', index],
      });
    }),
  );

const directory = z
  .strictObject({
    url: z.optional(text(words.databaseUrl, { examples: ['sqlite:/var/lib/mailctl/mailctl.db'] })),
    list: z.optional(argv([], 'prints all slots', ['slot-list'])),
    get: z.optional(argv(SLOT_ONLY, 'prints one slot', ['slot-get', '{slot}'])),
    set: z.optional(
      argv(SET_WORDS, 'compare-and-set of the master; exits 3 when it was not {from}', [
        'slot-set',
        '{slot}',
        '{from}',
        '{to}',
        '{state}',
      ]),
    ),
    hooks: z.optional(z.array(hook)),
  })
  .check(
    z.check<{ url?: string | undefined; list?: unknown; get?: unknown; set?: unknown }>((context) => {
      const commands = (['list', 'get', 'set'] as const).filter((key) => context.value[key] !== undefined);
      const fault = (message: string, ...path: string[]) =>
        context.issues.push({ code: 'custom', message, input: context.value, path });
      if (context.value.url !== undefined && commands.length > 0) {
        fault('stands beside list, get and set; keep one of the two', 'url');
      } else if (commands.length > 0 && commands.length < 3) {
        const missing = (['list', 'get', 'set'] as const).filter((key) => !commands.includes(key));
        fault(
          `needs all three commands; ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`,
        );
      }
    }),
    mustBeTold('get', ['slot']),
    mustBeTold('set', ['slot', 'from', 'to']),
  );

const state = z.strictObject({
  url: z.optional(text(words.databaseUrl, { examples: ['sqlite:/var/lib/mailctl/mailctl.db'] })),
});

const destination = z.strictObject({
  domains: z.array(text(words.domainName)).check(z.minLength(1), z.meta({ examples: [['gmail.com']] })),
  mx: z.optional(z.array(text(words.hostGlob))),
  connections: z.optional(
    z
      .number()
      .check(
        z.int(),
        z.minimum(1),
        z.maximum(1_000_000),
        z.meta({ description: 'connections at once', examples: [20] }),
      ),
  ),
  rate: z.optional(
    text(
      words.rate,
      { description: 'messages per time', examples: ['100/s'], pattern: '^[0-9]+/[smh]$' },
      'must be a rate with its unit: 50/s or 3000/m',
    ),
  ),
});

const uplink = z.strictObject({
  host: text(words.name, { description: 'host to look from', examples: ['mx1'] }),
  source: z.optional(
    z.union([z.ipv4(), z.ipv6()], { error: 'must be an IPv4 or IPv6 address, e.g. 192.0.2.10' }),
  ),
  interface: z.optional(text(words.interfaceName, { examples: ['eth1'] })),
});

const configGroup = z.union([text(words.userName), z.number().check(z.int(), z.minimum(0))], {
  error: 'must be the name or the number of a group',
});

/** Every section with its schema, in the order of the manual. */
export const sectionSchemas = {
  defaults: z.nullish(defaults),
  hosts: z.nullish(hosts),
  stores: z.nullish(stores),
  directory: z.nullish(directory),
  state: z.nullish(state),
  destinations: z.nullish(z.record(text(words.name), destination)),
  uplinks: z.nullish(z.record(text(words.name), uplink)),
  config_group: z.nullish(configGroup),
} as const;

/** The whole file. */
export const fileSchema = z.strictObject(sectionSchemas);

/** A file as it is written: every key optional that has a default, no paths expanded, units as text. */
export type RawFile = z.infer<typeof fileSchema>;

/** A command that changes something must be told what: else it would always change the same. */
function mustBeTold(key: string, needed: readonly string[]) {
  return z.check<Record<string, unknown>>((context) => {
    const command = context.value[key];
    if (!Array.isArray(command)) return;
    const missing = needed.filter((word) => !command.some((part) => String(part).includes(`{${word}}`)));
    if (missing.length === 0) return;
    context.issues.push({
      code: 'custom',
      message: `is not told ${missing.map((word) => `"{${word}}"`).join(' and ')}`,
      input: command,
      path: [key],
    });
  });
}
