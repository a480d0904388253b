// The site's own directory, as three commands that run on this machine: list, get and set. Placeholders are
// filled in word by word, never through a shell. `set` must compare-and-set: exit 0 means set (and is believed
// only after `get` says so), exit 3 means that the master was not {from}. `get` that exits 0 and prints nothing
// means that there is no such slot; any other exit is a directory that is away. No version is kept.
import { CommandError, ConfigError, EXIT, MailctlError, ParseError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import { fillPlaceholders, placeholdersIn } from '../../lib/placeholders.js';
import type { Directory } from '../../slot/directory.js';
import type { Slot } from '../../slot/slot.js';
import { isServing, type SlotMapEntry } from '../../slot/slot-map.js';
import { hostNameFault, quoteName, slotNameFault } from '../../slot/slot-name.js';
import type { Command, Transport } from '../../transport/transport.js';
import { parseDirectoryGet, parseDirectoryList } from './parse.js';

/** The three commands, as `directory:` of the configuration has them. */
export interface DirectoryCommands {
  readonly list: readonly string[];
  /** {slot} */
  readonly get: readonly string[];
  /** {slot} {from} {to} {state} */
  readonly set: readonly string[];
}

/** Exit status by which `set` says that the master was not {from}. */
const SET_CONFLICT = 3;
const READ_TIMEOUT_MS = 10_000;
/** A set may wait for a lock of the site's database. */
const SET_TIMEOUT_MS = 20_000;
const MOST_LIST_BYTES = 16 * 1024 * 1024;
const MOST_GET_BYTES = 64 * 1024;

/**
 * The directory behind `commands`.
 * @throws ConfigError when a command lacks a placeholder without which it cannot do its work.
 */
export function commandDirectory(options: {
  readonly commands: DirectoryCommands;
  readonly transport: Transport;
  /** This machine. */
  readonly host: Host;
  /** Default 10 s for list and get, 20 s for set. */
  readonly timeoutMs?: number | undefined;
}): Directory {
  const { commands, transport, host, timeoutMs } = options;
  checkCommands(commands);
  const program = commands.list[0] ?? '';

  const ask = async (
    name: 'list' | 'get',
    values: Record<string, string>,
    maxBytes: number,
  ): Promise<string> => {
    const argv = commands[name].map((word) => fillPlaceholders(word, values));
    const command = toCommand(`directory.${name}`, argv, {
      readOnly: true,
      timeoutMs: timeoutMs ?? READ_TIMEOUT_MS,
    });
    const { status, stdout, stderr } = await transport.run(host, { ...command, maxBytes });
    if (status !== 0) throw commandFailed(host, name, argv, status, stderr);
    return stdout;
  };

  // Lanes that ask at the same moment share one answer; nothing is kept after it.
  let listing: Promise<readonly Slot[]> | undefined;
  const list = (): Promise<readonly Slot[]> => {
    listing ??= ask('list', {}, MOST_LIST_BYTES)
      .then((output) => parseDirectoryList(output, where(commands.list)))
      .then((entries) => entries.map((entry) => toSlot(entry, entry.master, entry.state ?? 'normal')))
      .finally(() => {
        listing = undefined;
      });
    return listing;
  };

  const getAnswer = async (slot: string) => {
    const output = await ask('get', { slot }, MOST_GET_BYTES);
    return parseDirectoryGet(output, slot, where(commands.get));
  };

  /** Runs `set`, and asks `get` what came of it: exit 0 alone is not believed. */
  const change = async (slot: string, from: string, to: string, state: string) => {
    const wrong = slotNameFault(slot) ?? hostNameFault(from) ?? hostNameFault(to);
    if (wrong !== undefined) throw new ParseError(program, `a name for ${quoteName(slot)} ${wrong}`);
    const argv = commands.set.map((word) => fillPlaceholders(word, { slot, from, to, state }));
    const command = toCommand('directory.set', argv, {
      readOnly: false,
      timeoutMs: timeoutMs ?? SET_TIMEOUT_MS,
    });
    const { status, stderr } = await transport.run(host, { ...command, maxBytes: MOST_GET_BYTES });
    if (status !== 0 && status !== SET_CONFLICT) throw commandFailed(host, 'set', argv, status, stderr);
    const found = await getAnswer(slot);
    if (found === undefined)
      throw unexpected(program, slot, 'it does not know this slot', 'mailctl slots list');
    return { isSet: status === 0, found };
  };

  return {
    name: program,
    stateFault: commands.set.flatMap(placeholdersIn).includes('state')
      ? null
      : 'directory.set in the configuration has no {state}, so that the site could not be told that a slot is only readable',
    list,
    async get(slot) {
      // A name that could be read as an option or a path is no slot, and is not given to a command.
      if (slotNameFault(slot) !== undefined) return undefined;
      const answer = await getAnswer(slot);
      if (answer === undefined) return undefined;
      const entry = answer.entry ?? (await list()).find((listed) => listed.slot === slot);
      return toSlot(entry ?? { slot, instances: [] }, answer.master, answer.state);
    },
    async setMaster({ slot, from, to }) {
      // A slot that was served read-only is served normally by its new master.
      const { isSet, found } = await change(slot, from, to, 'normal');
      if (isSet) {
        if (found.master === to) return { outcome: 'set', version: undefined };
        throw unexpected(
          program,
          slot,
          `set said that ${to} is the master now, get says ${found.master}`,
          checkHint(commands),
        );
      }
      if (found.master === from) {
        throw unexpected(
          program,
          slot,
          `set said that ${from} is not the master, get says that it is`,
          checkHint(commands),
        );
      }
      return { outcome: 'conflict', master: found.master, version: undefined };
    },
    async setState({ slot, master, from, to }) {
      if (!isServing(to)) throw new ParseError(program, `${quoteName(to)} is no state of a slot`);
      // Its set compares the master only, so that what the state was is looked at before.
      const before = await getAnswer(slot);
      if (before === undefined)
        throw unexpected(program, slot, 'it does not know this slot', 'mailctl slots list');
      if (before.master !== master || before.state !== from)
        return { outcome: 'conflict', master: before.master, state: before.state, version: undefined };
      const { isSet, found } = await change(slot, master, master, to);
      if (isSet && found.master === master && found.state === to)
        return { outcome: 'set', version: undefined };
      if (isSet && found.master === master) {
        throw unexpected(
          program,
          slot,
          `set said that its state is ${to} now, get says ${found.state}`,
          'get must print the state as well (mailctl(1), DIRECTORY)',
        );
      }
      return { outcome: 'conflict', master: found.master, state: found.state, version: undefined };
    },
    async raiseVersion() {
      return undefined;
    },
  };
}

/** `exec`, so that the words name a program and never something built into the shell. */
function toCommand(
  name: string,
  argv: readonly string[],
  limits: { readonly readOnly: boolean; readonly timeoutMs: number },
): Command {
  return { name, script: 'exec "$@"', args: argv, privileged: false, ...limits };
}

function toSlot(entry: Pick<SlotMapEntry, 'slot' | 'instances'>, master: string, state: string): Slot {
  const { slot, instances } = entry;
  const own = instances.find((instance) => instance.host === master) ?? {
    slot,
    host: master,
    instance: slot,
    address: undefined,
  };
  return {
    slot,
    master,
    state,
    version: undefined,
    instances: [own, ...instances.filter((instance) => instance.host !== master)],
  };
}

function checkCommands(commands: DirectoryCommands): void {
  const needed = { list: [], get: ['slot'], set: ['slot', 'from', 'to'] } as const;
  const known = { list: [], get: ['slot'], set: ['slot', 'from', 'to', 'state'] } as const;
  for (const name of ['list', 'get', 'set'] as const) {
    const words = commands[name];
    if ((words[0] ?? '') === '')
      throw new ConfigError(`directory.${name}: the command is empty`, { code: 'config.directory' });
    const used = words.flatMap(placeholdersIn);
    const missing = needed[name].find((word) => !used.includes(word));
    if (missing !== undefined) {
      throw new ConfigError(`directory.${name}: the placeholder {${missing}} is missing`, {
        code: 'config.directory',
      });
    }
    const unknown = used.find((word) => !(known[name] as readonly string[]).includes(word));
    if (unknown !== undefined) {
      throw new ConfigError(`directory.${name}: unknown placeholder {${unknown}}`, {
        code: 'config.directory',
      });
    }
  }
}

function commandFailed(
  host: Host,
  name: string,
  argv: readonly string[],
  status: number,
  stderr: string,
): CommandError {
  return new CommandError(host.name, `the directory's ${name} (${argv[0]})`, status, stderr, {
    hint:
      status === 126 || status === 127
        ? `directory.${name} in the configuration names a command that cannot be run`
        : undefined,
    // CommandError's own detail is not bounded by lines; one screen of a site's stderr is enough.
    detail: stderr.trim().split('\n').slice(0, 10).join('\n').slice(0, 2000) || undefined,
  });
}

function unexpected(program: string, slot: string, what: string, hint: string): MailctlError {
  return new MailctlError(`${program}: slot ${quoteName(slot)}: ${what}`, {
    code: 'directory.disagrees-with-itself',
    exitCode: EXIT.failed,
    hint,
  });
}

function checkHint(commands: DirectoryCommands): string {
  return `set must compare and set, and exit ${SET_CONFLICT} when the master is not {from}: ${commands.set.join(' ')}`;
}

function where(argv: readonly string[]): string {
  return `output of ${argv[0]}`;
}
