// The strict look at a configuration: every fault of every section, and whether the files that it names are
// there and safe. Asks no host. Runs only for `config check`.
import { accessSync, constants, statSync } from 'node:fs';
import { MailctlError } from '../errors.js';
import { isPostgresUrl } from '../lib/database-url.js';
import { parsePostgresUrl } from '../lib/postgres-url.js';
import type { Account, Section } from './config.js';
import { diagnose, type LocatedFile } from './diagnose.js';
import { type Fault, formatPath, showValue, sortFaults } from './faults.js';
import type { RawFile } from './format.js';
import { expandPath, type Surroundings } from './normalize.js';
import { type ConfigRequest, type OpenedConfig, openConfig } from './open.js';
import type { KeyPath } from './position.js';
import { knownHosts } from './references.js';
import { readPassword } from './secret.js';

/** A fault, and whether it must be mended (`error`) or only looked at. */
export interface CheckedFault extends Fault {
  readonly level: 'error' | 'warning';
}

/** What a check found. */
export interface CheckReport {
  /** The file that was checked; undefined: none of `searched` exists. */
  readonly file: string | undefined;
  readonly searched: readonly string[];
  /** In the order of the file. */
  readonly faults: readonly CheckedFault[];
}

interface Observation {
  readonly path: KeyPath;
  readonly what: string;
  readonly right?: string | undefined;
  readonly level?: 'warning';
}

/** Checks a file. @throws ConfigError when it is missing, unreadable or not to be trusted. */
export async function checkConfig(request: ConfigRequest): Promise<CheckReport> {
  const opened = await openConfig(request);
  if (opened.text === undefined) return { file: undefined, searched: opened.searched, faults: [] };
  const parsed = diagnose(opened.text, opened.around.thisHost);
  const seen = parsed.isBroken ? [] : observations(parsed.raw, opened);
  const faults = [...parsed.faults.map(asError), ...seen.map((observation) => placed(parsed, observation))];
  return {
    file: opened.around.file,
    searched: opened.searched,
    faults: sortFaults(faults) as readonly CheckedFault[],
  };
}

function asError(fault: Fault): CheckedFault {
  return { ...fault, level: 'error' };
}

function placed(parsed: LocatedFile, { path, what, right, level }: Observation): CheckedFault {
  return {
    section: path[0] as Section,
    ...parsed.locate(path),
    path: formatPath(path),
    what,
    right,
    level: level ?? 'error',
  };
}

function observations(raw: RawFile, opened: OpenedConfig): readonly Observation[] {
  return [
    ...sshConfig(raw, opened.around),
    ...passwordFiles(raw, opened),
    ...databases(raw),
    ...sharedPaths(raw),
    ...fences(raw, opened.around.thisHost),
    ...configGroup(raw, opened),
  ];
}

function sshConfig(raw: RawFile, around: Surroundings): readonly Observation[] {
  const named = raw.defaults?.ssh?.config;
  if (named === undefined) return [];
  const path = ['defaults', 'ssh', 'config'];
  const file = expandPath(named, around);
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFile() ? [] : [{ path, what: `${file} is not a file` }];
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return [
      {
        path,
        what: isMissing ? `${file} does not exist` : `${file} cannot be read`,
        right: "remove the key to use ssh's own default",
      },
    ];
  }
}

function passwordFiles(raw: RawFile, opened: OpenedConfig): readonly Observation[] {
  const accounts = [
    [['stores', 'test_account', 'password_file'], raw.stores?.test_account],
    [['stores', 'cyrus', 'admin', 'password_file'], raw.stores?.cyrus?.admin],
    [['directory', 'password_file'], { user: 'the database', password_file: raw.directory?.password_file }],
    ...Object.entries(raw.deliveries ?? {}).map(
      ([name, { imap }]) => [['deliveries', name, 'imap', 'password_file'], imap] as const,
    ),
    [['state', 'password_file'], { user: 'the database', password_file: raw.state?.password_file }],
  ] as const;
  return accounts.flatMap(([path, account]) => {
    if (account?.password_file === undefined) return [];
    const wanted: Account = {
      user: account.user,
      passwordFile: expandPath(account.password_file, opened.around),
    };
    try {
      readPassword(wanted, opened.uid);
      return [];
    } catch (error) {
      if (!(error instanceof MailctlError)) throw error;
      return [{ path, what: error.message, right: error.hint }];
    }
  });
}

function databases(raw: RawFile): readonly Observation[] {
  const urls = [
    [['directory', 'url'], raw.directory?.url],
    [['state', 'url'], raw.state?.url],
  ] as const;
  return urls.flatMap(([path, url]) =>
    url !== undefined && isPostgresUrl(url) && hasPassword(url)
      ? [
          {
            path,
            what: 'has its password in it',
            right: 'put it into a file of its own: password_file, or ~/.pgpass',
            level: 'warning' as const,
          },
        ]
      : [],
  );
}

function hasPassword(url: string): boolean {
  const parsed = parsePostgresUrl(url);
  return typeof parsed !== 'string' && parsed.password !== undefined;
}

/** Two slots on one host must not share a directory, and nobody can know yet that a host carries one only. */
function sharedPaths(raw: RawFile): readonly Observation[] {
  const cyrus = raw.stores?.cyrus;
  if (cyrus === undefined) return [];
  return (['config_dir', 'imapd_conf', 'cyrus_conf', 'pid_file'] as const)
    .filter((key) => !/\{(?:slot|instance|address)\}/.test(cyrus[key]))
    .map((key) => ({
      path: ['stores', 'cyrus', key],
      what: 'is the same for all slots of a host',
      right: 'put {slot} or {instance} into it, unless no host ever carries two',
      level: 'warning' as const,
    }));
}

/** Only looked at here: a word that is wrong in one host's fence must not keep a failover of others from its hosts. */
function fences(raw: RawFile, thisHost: string): readonly Observation[] {
  const known = knownHosts(raw, thisHost);
  return Object.entries(raw.hosts ?? {}).flatMap(([name, host]) => {
    const on = host?.fence?.on;
    const path = ['hosts', name, 'fence', 'on'];
    if (on === undefined) return [];
    if (on === name) {
      const right = 'name another host, or remove the key: then it is this machine';
      return [{ path, what: 'is the host itself, which cannot cut itself off', right }];
    }
    return known.has(on) ? [] : [{ path, what: `no host ${showValue(on)} under hosts` }];
  });
}

function configGroup(raw: RawFile, opened: OpenedConfig): readonly Observation[] {
  const group = raw.config_group;
  if (group === undefined || group === null) return [];
  const path = ['config_group'];
  if (opened.groupNumber(String(group)) === undefined) {
    return [
      { path, what: `there is no group ${group} in the group file`, right: "write the group's number" },
    ];
  }
  return [];
}
