// Finds the configuration file and decides whether to trust it: what loading and checking have in common. Parses
// nothing but, where the file's group is in question, root's own file.
import { homedir, hostname } from 'node:os';
import { isAbsolute } from 'node:path';
import type { Surroundings } from './normalize.js';
import { candidates, readConfigSource, readSource, SYSTEM_CONFIG_FILE } from './source.js';
import { groupNumber, mustBeTrusted } from './trust.js';

/** Where to look and for whom. What is left out is this process's own. */
export interface ConfigRequest {
  /** `--config`. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid?: number | undefined;
  /** Name of this machine, which is the only host when none is configured. */
  readonly thisHost?: string | undefined;
  /** /etc/mailctl/mailctl.yaml, save in tests. */
  readonly systemFile?: string | undefined;
  /** /etc/group, save in tests. */
  readonly groupFile?: string | undefined;
}

/** A file that is trusted, and its text; undefined: no configuration was found. */
export interface OpenedConfig {
  readonly around: Surroundings;
  readonly text: string | undefined;
  /** The files that were looked for, in order. */
  readonly searched: readonly string[];
  /** The words that name the same file in a command line: ` --config FILE`, or nothing. */
  readonly flag: string;
  readonly uid: number;
  /** The number of a group by its name or number; undefined: unknown. */
  readonly groupNumber: (group: string) => number | undefined;
}

/** @throws ConfigError when the file is missing, unreadable or not to be trusted; not for what it holds. */
export async function openConfig(request: ConfigRequest): Promise<OpenedConfig> {
  const env = request.env;
  const home = env.HOME !== undefined && isAbsolute(env.HOME) ? env.HOME : homedir();
  const thisHost = request.thisHost ?? hostname();
  const systemFile = request.systemFile ?? SYSTEM_CONFIG_FILE;
  const uid = request.uid ?? process.geteuid?.() ?? 0;
  const search = { file: request.file, env, home, systemFile };
  const numberOf = (group: string) => groupNumber(group, request.groupFile ?? '/etc/group');

  const source = readConfigSource(search);
  if (source !== undefined) {
    await mustBeTrusted(source.file, source.stats, {
      uid,
      systemFile,
      trustedGid: () => trustedGroup(systemFile, thisHost, numberOf),
    });
  }
  return {
    around: { file: source?.file, home, thisHost },
    text: source?.text,
    searched: candidates(search).map((candidate) => candidate.file),
    flag: request.file === undefined || source === undefined ? '' : ` --config ${source.file}`,
    uid,
    groupNumber: numberOf,
  };
}

/** The group that root's own file trusts. That file may be writable by this group, and by no other. */
async function trustedGroup(
  systemFile: string,
  thisHost: string,
  numberOf: (group: string) => number | undefined,
): Promise<number | undefined> {
  const source = readSource(systemFile);
  if (source === undefined || source.stats.uid !== 0 || (source.stats.mode & 0o002) !== 0) return undefined;
  const { parseConfigText } = await import('./parse.js');
  const group = (await parseConfigText(source.text, thisHost)).raw.config_group;
  if (group === undefined || group === null) return undefined;
  const gid = numberOf(String(group));
  const isOthers = (source.stats.mode & 0o020) !== 0 && source.stats.gid !== gid;
  return isOthers ? undefined : gid;
}
