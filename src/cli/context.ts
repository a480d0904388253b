// What commands need, each thing built on first use and closed at the end. A command copies the two or three
// things that it uses and hands them down; no domain function ever sees the context.
import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Config, DatabaseConfig, Section } from '../config/config.js';
import { ConfigError, MailctlError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Inventory } from '../fleet/inventory.js';
import { type Clock, formatIso } from '../lib/clock.js';
import type { OutputFormat } from '../output/choose.js';
import { type Line, renderLine } from '../output/line.js';
import { createOutput, type Output } from '../output/output.js';
import type { Progress } from '../output/progress.js';
import type { LookStore } from '../queue/queue-look.js';
import type { CanaryStore } from '../slot/canary.js';
import type { ComparisonStore } from '../slot/comparisons.js';
import type { Directory } from '../slot/directory.js';
import type { DirectoryCopy } from '../slot/directory-copy.js';
import type { StoreDriver } from '../slot/driver.js';
import type { PendingStore } from '../slot/pending-users.js';
import type { SampleStore } from '../slot/samples.js';
import type { SlotMapStore } from '../slot/slot-map.js';
import type { UserSources } from '../slot/users.js';
import type { StateDatabase } from '../state/database.js';
import type { Transport } from '../transport/transport.js';
import type { Prompt } from './confirm.js';
import type { Keys } from './keys.js';
import { type Interruption, watchSignals } from './signals.js';
import { type Env, type Streams, type Terminal, terminalOf } from './streams.js';
import type { Writer } from './writer.js';

/** The options that every command has, as given. */
export interface Globals {
  readonly config: string | undefined;
  readonly stateDir: string | undefined;
  readonly output: string | undefined;
  readonly noColor: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  /** Deadline of one remote command; undefined: each command's own. */
  readonly timeoutMs: number | undefined;
  readonly concurrency: number;
}

/** Who runs this: the name behind sudo where there is one, and the machine. */
export interface Operator {
  readonly name: string;
  readonly bastion: string;
}

/** For dry runs, and for commands that only read. */
export interface ReadOnly {
  readonly readOnly?: boolean | undefined;
}

/** Built by main for one program run. */
export interface Context {
  readonly clock: Clock;
  readonly env: Env;
  readonly globals: Globals;
  readonly terminal: Terminal;
  readonly output: Output;
  readonly interruption: Interruption;
  readonly operator: Operator;
  /** The words to run this program again with, as they were given: `mailctl failover imap21 --yes`. */
  readonly commandLine: readonly string[];
  /** A note on stderr: `warning: ...`; not with --quiet. */
  warn(text: string, hint?: string): void;
  /** A line on stderr; not with --quiet. */
  note(line: Line): void;
  /** Live rows or timestamped lines on stderr; loaded on use. */
  progress(): Promise<Progress>;
  /** Questions to the operator; loaded on use. */
  prompt(): Promise<Prompt>;
  /** Keys as they are pressed, until they are ended; undefined: nobody sits in front of a screen of ours. Loaded on use. */
  keys(onKey: (key: string) => void): Promise<Keys | undefined>;
  /** The configuration, its needed sections checked; faults of the others are warnings. @throws ConfigError */
  config(): Promise<Config>;
  /** All configured hosts and groups. */
  inventory(): Promise<Inventory>;
  /** This machine, reached locally, whether it is configured or not. */
  thisHost(): Host;
  /** The way to the hosts; `readOnly` refuses every command that changes something (dry runs). */
  transport(options?: ReadOnly): Promise<Transport>;
  /** The driver of the mail stores over that transport. @throws ConfigError when `stores.cyrus` is missing */
  storeDriver(options?: ReadOnly): Promise<StoreDriver>;
  /**
   * The directory that the configuration names. `readOnly` opens a database that cannot be written, and makes none.
   * What it lists is kept as a copy for when it is away; by `readOnly` only with `keepsCopy`, since a dry run
   * stores nothing.
   * @throws MailctlError state.* or directory.* when it is away
   */
  directory(options?: ReadOnly & { readonly keepsCopy?: boolean | undefined }): Promise<Directory>;
  /** The directory as it was when a command of this machine last listed it; undefined: nobody has. */
  directoryCopy(): Promise<DirectoryCopy | undefined>;
  /** The directory where slots can be imported. @throws ConfigError when it is the site's own commands */
  slotMap(): Promise<Directory & SlotMapStore>;
  /** The site's lists of users and moves; what is not configured answers null. @throws MailctlError when asked */
  userSources(options?: ReadOnly): Promise<UserSources>;
  /** Stored samples. A database that is away is a warning, given once: nothing is stored and nothing is known. */
  samples(options?: ReadOnly): Promise<SampleStore>;
  /** Stored canaries; a database that is away is a warning. */
  canaries(): Promise<CanaryStore>;
  /**
   * Makes the state database, or brings it up to date: for the timer, never for a command that acts. One that is away
   * is a warning.
   */
  migrateState(): Promise<void>;
  /** Stored content comparisons; a database that is away is a warning, given once. */
  comparisons(options?: ReadOnly): Promise<ComparisonStore>;
  /** Whose changes waited when a master was looked at last; a database that is away knows nothing. */
  pendingUsers(options?: ReadOnly): Promise<PendingStore>;
  /** Kept looks at queues; a database that is away is a warning. */
  queueLooks(): Promise<LookStore>;
  /** The state directory, made if it is not there (0700). @throws ConfigError */
  stateDir(): Promise<string>;
  /** Where it is, or would be: nothing is made or checked. */
  stateDirPath(): Promise<string>;
  /** Closes what was opened. Never throws. */
  close(): Promise<void>;
}

/** What main knows before there is a context. */
export interface ContextParts {
  readonly env: Env;
  readonly streams: Streams;
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly clock: Clock;
  readonly globals: Globals;
  readonly format: OutputFormat;
  readonly sections: readonly Section[];
  readonly argv: readonly string[];
}

/** The name that the journal gives the operator: SUDO_USER, else the login name. */
export function whoAmI(env: Env): Operator {
  let login = env.USER ?? env.LOGNAME ?? 'unknown';
  try {
    login = userInfo().username;
  } catch {
    // A uid without a passwd entry, as in containers: the environment's word has to do.
  }
  return { name: env.SUDO_USER || login, bastion: hostname().split('.')[0] || 'localhost' };
}

/** A database that has been found. */
type Located = DatabaseConfig & { readonly url: string };

/** Calls `make` once, and again only if it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** The context of one program run. */
export function createContext(parts: ContextParts): Context {
  const { env, streams, stdout, stderr, clock, globals, format } = parts;
  const terminal = terminalOf(streams, env, globals.noColor);
  const interruption = watchSignals(process);
  const isTalkative = globals.verbose || globals.debug;
  const closers: (() => Promise<void> | void)[] = [() => interruption.dispose()];

  let live: Progress | undefined;
  // Looked up on use: who a user is may be a directory service's to say.
  let operator: Operator | undefined;

  const note = (line: Line) => {
    if (globals.quiet) return;
    if (live?.isLive === true) live.line(line);
    else stderr.writeNow(`${renderLine(line, terminal.stderrColor)}\n`);
  };
  const warn = (text: string, hint?: string) => {
    note([{ text: 'warning: ', tone: 'warn' }, text]);
    if (hint !== undefined) note(`hint: ${hint}`);
  };
  const thisHost = (): Host => ({ name: hostname(), transport: 'local', groups: [] });

  const config = once(async () => {
    const { loadConfig } = await import('../config/load.js');
    const loaded = await loadConfig({ file: globals.config, env, sections: parts.sections });
    for (const warning of loaded.warnings) warn(warning);
    return loaded.config;
  });
  const placeOfState = async () => {
    const { stateDirPath } = await import('../journal/state-dir.js');
    const uid = process.geteuid?.() ?? -1;
    return stateDirPath({ option: globals.stateDir, env, uid, home: env.HOME || homedir() });
  };
  const stateDir = once(async () => {
    const [path, { ensureStateDir }] = [await placeOfState(), await import('../journal/state-dir.js')];
    await ensureStateDir(path, process.geteuid?.() ?? -1);
    return path;
  });
  const openedTransport = once(async () => {
    const { openTransport } = await import('../transport/route.js');
    const { defaults, hosts } = await config();
    const transport = openTransport({
      defaults,
      sudoFor: (host) => hosts.get(host.name)?.sudo ?? defaults.sudo,
      clock,
      env,
      onCommand: isTalkative
        ? ({ host, command, tookMs, outcome }) =>
            note(`${formatIso(clock.now())} ${host} ${command} ${Math.round(tookMs)} ms: ${outcome}`)
        : undefined,
    });
    closers.push(() => transport.close());
    return withTimeout(transport, globals.timeoutMs);
  });
  const transport = async (options?: ReadOnly) => {
    const opened = await openedTransport();
    if (options?.readOnly !== true) return opened;
    const { readOnlyTransport } = await import('../transport/read-only.js');
    return readOnlyTransport(opened);
  };
  const databases = new Map<string, Promise<StateDatabase>>();
  const database = (
    { url, passwordFile }: Located,
    options?: ReadOnly & { readonly migrate?: boolean },
  ): Promise<StateDatabase> => {
    const mode = options?.readOnly === true ? 'read' : 'write';
    const migrate = options?.migrate === true;
    const key = `${mode} ${migrate} ${url}`;
    const known = databases.get(key);
    if (known !== undefined) return known;
    const opening = Promise.all([import('../state/open.js'), import('../config/secret.js')]).then(
      ([{ openState }, { readPassword }]) => {
        const account = passwordFile === undefined ? undefined : { user: 'the database', passwordFile };
        // Read now: a run must not depend on a file that is replaced under it.
        const password = account === undefined ? undefined : readPassword(account);
        return openState(url, {
          mode,
          clock,
          migrate,
          password: password === undefined ? undefined : () => password,
        });
      },
    );
    databases.set(key, opening);
    // A server that was away may be asked again.
    opening.catch(() => databases.delete(key));
    closers.push(() => opening.then((opened) => opened.close()));
    return opening;
  };
  /** One file for both, unless the configuration names two. */
  const locations = async () => {
    const { directory, state } = await config();
    const located = ({ url, passwordFile }: DatabaseConfig): Located | undefined =>
      url === undefined ? undefined : { url, passwordFile };
    const ofDirectory = directory.kind === 'database' ? located(directory) : undefined;
    const ofState = located(state);
    const fallback = async (): Promise<Located> => ({
      url: `sqlite:${join(await stateDir(), 'mailctl.db')}`,
      passwordFile: undefined,
    });
    return {
      directory: ofDirectory ?? ofState ?? (await fallback()),
      state: ofState ?? ofDirectory ?? (await fallback()),
    };
  };

  const openedDirectory = async (options?: ReadOnly): Promise<Directory> => {
    const { directory } = await config();
    if (directory.kind === 'commands') {
      const { commandDirectory } = await import('../drivers/directory-commands/directory.js');
      return commandDirectory({
        commands: directory,
        transport: await transport(options),
        host: thisHost(),
      });
    }
    const { databaseDirectory } = await import('../state/directory.js');
    return databaseDirectory(await database((await locations()).directory, options));
  };
  const copyPlace = async () => {
    const [{ sourceOf }, { directory, state }] = await Promise.all([import('./directory-copy.js'), config()]);
    return { stateDir: await stateDir(), source: sourceOf(directory, state.url) };
  };

  return {
    clock,
    env,
    globals,
    terminal,
    interruption,
    get operator() {
      operator ??= whoAmI(env);
      return operator;
    },
    commandLine: ['mailctl', ...parts.argv],
    output: createOutput({
      format,
      color: terminal.stdoutColor,
      columns: terminal.columns,
      write: stdout.write,
      isClosed: stdout.isClosed,
    }),
    warn,
    note,
    progress: once(async () => {
      const { createProgress } = await import('../output/progress.js');
      const progress = createProgress({
        write: stderr.writeNow,
        isTty: terminal.stderrIsTty && env.TERM !== 'dumb',
        color: terminal.stderrColor,
        columns: terminal.columns,
        rows: terminal.rows,
        quiet: globals.quiet,
        clock,
      });
      closers.push(() => progress.end());
      live = progress;
      return progress;
    }),
    prompt: once(async () => {
      const { createPrompt } = await import('./confirm.js');
      return createPrompt({
        streams,
        stderr,
        terminal,
        abort: interruption.abort,
        commandLine: ['mailctl', ...parts.argv],
      });
    }),
    keys: async (onKey) => {
      if (globals.quiet || !terminal.stderrIsTty || !terminal.stdinIsTty || env.TERM === 'dumb')
        return undefined;
      const { readKeys } = await import('./keys.js');
      const keys = readKeys({
        stdin: streams.stdin,
        onKey,
        interrupt: (signal) => process.kill(process.pid, signal),
      });
      if (keys !== undefined) closers.push(() => keys.end());
      return keys;
    },
    config,
    stateDir,
    stateDirPath: placeOfState,
    thisHost,
    transport,
    inventory: once(async () => {
      const { inventoryOf } = await import('../fleet/inventory.js');
      return inventoryOf((await config()).hosts);
    }),
    storeDriver: async (options) => {
      const { stores } = await config();
      if (stores.cyrus === undefined) {
        throw new ConfigError('the configuration does not say where the mail stores are', {
          code: 'config.stores',
          detail: 'stores.cyrus is missing',
          hint: 'mailctl config init shows a whole configuration',
        });
      }
      const { cyrusStore } = await import('../drivers/cyrus/store.js');
      const account = stores.testAccount;
      const { admin } = stores.cyrus;
      // Loaded now: a run must not depend on files that an upgrade may replace under it.
      const { readPassword } = await import('../config/secret.js');
      return cyrusStore({
        config: stores.cyrus,
        transport: await transport(options),
        clock,
        testAccount:
          account === undefined
            ? undefined
            : async () => ({ user: account.user, password: readPassword(account) }),
        admin:
          admin === undefined ? undefined : async () => ({ user: admin.user, password: readPassword(admin) }),
      });
    },
    directory: async (options) => {
      const opened = await openedDirectory(options);
      if (options?.readOnly === true && options.keepsCopy !== true) return opened;
      const { keepingCopy } = await import('./directory-copy.js');
      return keepingCopy(opened, await copyPlace(), () => clock.now());
    },
    directoryCopy: async () => {
      const { readCopy } = await import('./directory-copy.js');
      return readCopy(await copyPlace());
    },
    slotMap: async () => {
      const { directory, file } = await config();
      if (directory.kind === 'commands') {
        throw new ConfigError("slots are imported into a database, and the directory is the site's own", {
          code: 'config.directory',
          detail: `directory in ${file ?? 'the configuration'} names commands`,
          hint: "put the slots into the site's own directory",
        });
      }
      const { databaseDirectory } = await import('../state/directory.js');
      return databaseDirectory(await database((await locations()).directory));
    },
    userSources: async (options) => {
      const [{ directory }, { userSources }] = await Promise.all([config(), import('./user-sources.js')]);
      return userSources(directory, {
        here: async () => ({ transport: await transport(options), host: thisHost() }),
        database: async () => database((await locations()).directory, { readOnly: true }),
      });
    },
    samples: async (options) => {
      const [{ tolerantSamples }, { databaseSamples }] = await Promise.all([
        import('./tolerant-samples.js'),
        import('../state/samples.js'),
      ]);
      const { state } = await locations();
      const open = async (mode: ReadOnly) => databaseSamples(await database(state, mode), clock);
      return tolerantSamples({
        toWrite: () => open(options ?? {}),
        toRead: () => open({ readOnly: true }),
        mayWrite: options?.readOnly !== true,
        warn,
      });
    },
    canaries: async () => {
      const [{ tolerantCanaries }, { databaseCanaries }] = await Promise.all([
        import('./tolerant-canaries.js'),
        import('../state/canaries.js'),
      ]);
      const { state } = await locations();
      return tolerantCanaries({
        toWrite: async () => databaseCanaries(await database(state, { migrate: true })),
        toRead: async () => databaseCanaries(await database(state, { readOnly: true })),
        warn,
      });
    },
    queueLooks: async () => {
      const [{ tolerantLooks }, { databaseLooks }] = await Promise.all([
        import('./tolerant-looks.js'),
        import('../state/queue-looks.js'),
      ]);
      const { state } = await locations();
      return tolerantLooks({
        // Its table came later than the first ones: whoever stores in it brings the schema up to date.
        toWrite: async () => databaseLooks(await database(state, { migrate: true }), clock),
        toRead: async () => databaseLooks(await database(state, { readOnly: true }), clock),
        warn,
      });
    },
    migrateState: async () => {
      try {
        await database((await locations()).state, { migrate: true });
      } catch (error) {
        if (!(error instanceof MailctlError)) throw error;
        warn(`nothing can be stored: ${error.message}`, error.hint);
      }
    },
    pendingUsers: async (options) => {
      const [{ tolerantPending }, { databasePendingUsers }] = await Promise.all([
        import('./tolerant-pending.js'),
        import('../state/pending-users.js'),
      ]);
      const { state } = await locations();
      return tolerantPending({
        // Its table came later than the first ones: whoever stores in it brings the schema up to date.
        toWrite: async () => databasePendingUsers(await database(state, { migrate: true })),
        toRead: async () => databasePendingUsers(await database(state, { readOnly: true })),
        mayWrite: options?.readOnly !== true,
      });
    },
    comparisons: async (options) => {
      const [{ tolerantComparisons }, { databaseComparisons }] = await Promise.all([
        import('./tolerant-comparisons.js'),
        import('../state/comparisons.js'),
      ]);
      const { state } = await locations();
      return tolerantComparisons({
        // Its tables came later than the first ones: whoever stores in them brings the schema up to date.
        toWrite: async () => databaseComparisons(await database(state, { migrate: true })),
        toRead: async () => databaseComparisons(await database(state, { readOnly: true })),
        mayWrite: options?.readOnly !== true,
        warn,
      });
    },
    async close() {
      for (const closer of closers.reverse()) {
        try {
          await closer();
        } catch {
          // What fails to close is gone anyway; the command's own result must still be told.
        }
      }
    },
  };
}

/** `--timeout` is the deadline of every question. What acts keeps its own: cut short, it would leave a doubt. */
function withTimeout(transport: Transport, timeoutMs: number | undefined): Transport {
  if (timeoutMs === undefined) return transport;
  return {
    run: (host, command, options) =>
      transport.run(host, command.readOnly ? { ...command, timeoutMs } : command, options),
    close: () => transport.close(),
  };
}
