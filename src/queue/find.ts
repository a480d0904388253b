// Which queues a host has, where the configuration does not say: one read-only script asks for every mail server
// that we know. A server answers with the names of its instances; what it prints is a host's word and is checked.
import { CommandError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Transport } from '../transport/transport.js';
import type { SiteCommands } from './driver.js';

/** A queue on a host, not opened yet. */
export interface QueueSpec {
  /** Name of the QueueSoftware. */
  readonly software: string;
  /** As `find` printed it; undefined: the server's first. */
  readonly instance?: string | undefined;
  readonly within?: readonly string[] | undefined;
  /** A site's own sender. */
  readonly commands?: SiteCommands | undefined;
  readonly process?: string | undefined;
}

/** A mail server that may be found. */
export interface Findable {
  readonly name: string;
  readonly find: string | undefined;
  /** Shell text of builtins: false where `find` would print nothing. To ask it costs no process, as `find` does. */
  readonly needs?: string | undefined;
  /** Shell text that lists its first queue, for a host that has no other. Its exit status is that of the listing. */
  readonly listAlone?: string | undefined;
}

const FIND_MS = 20_000;
/** A cold spool of 900,000 messages takes minutes to list. */
const FIND_AND_LIST_MS = 300_000;
/** More instances than anybody has on a host: the rest is somebody's joke. */
const MOST = 200;

// Keeps $2 line by line behind $1. Without a pipe or a shell of its own: to start one is what takes its time here.
const TELL = `found=
tell() {
  set -f; IFS='
'
  for i in $2; do found="$found$1\t$i
"; done
  unset IFS; set +f
}`;

/** Each `find` in a shell of its own; no fault of one hides another. Leaves a line for each queue in `found`. */
function finding(software: readonly Findable[]): string {
  const finds = software.flatMap(({ name, find, needs }) => {
    if (find === undefined) return [];
    const told = `tell ${name} "$({\n${find}\n} 2> /dev/null < /dev/null)"`;
    return [needs === undefined ? told : `if { ${needs}; } > /dev/null 2>&1; then ${told}; fi`];
  });
  return [TELL, ...finds].join('\n');
}

/** Prints what is found. */
export function findScript(software: readonly Findable[]): string {
  return `${finding(software)}\nprintf '%s' "$found"\nexit 0`;
}

/**
 * The finds, an empty line, and where there is one queue only, of a server that can do so, its listing in the same go:
 * to start a shell costs more than to list a small queue.
 */
function findAndListScript(software: readonly Findable[]): string {
  const alone = software.flatMap(({ name, listAlone }) =>
    listAlone === undefined ? [] : [`"${name}\t"*) set --\n${listAlone}\nexit ;;`],
  );
  return `${finding(software)}
printf '%s\\n' "$found"
case $found in
*'
'?*) ;;
${alone.join('\n')}
esac
exit 0`;
}

/** Reads the script's answer; lines that are none are skipped. */
export function parseFound(stdout: string, software: readonly Findable[]): readonly QueueSpec[] {
  const known = new Set(software.map(({ name }) => name));
  const seen = new Set<string>();
  return stdout
    .split('\n')
    .flatMap((line): readonly QueueSpec[] => {
      const [name = '', instance = '', ...rest] = line.split('\t');
      if (!known.has(name) || rest.length > 0 || !/^[\w.+@-]{1,100}$/.test(instance) || seen.has(line))
        return [];
      seen.add(line);
      return [{ software: name, instance }];
    })
    .slice(0, MOST);
}

/** Asks a host. @throws TransportError, CommandError */
export async function findQueues(
  transport: Transport,
  host: Host,
  software: readonly Findable[],
  signal?: AbortSignal,
): Promise<readonly QueueSpec[]> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'queue.find',
      script: findScript(software),
      args: [],
      readOnly: true,
      privileged: true,
      timeoutMs: FIND_MS,
    },
    { signal },
  );
  if (status !== 0) throw new CommandError(host.name, 'looking for mail servers', status, stderr);
  return parseFound(stdout, software);
}

/** What reads a listing line by line. */
export interface ListingReader<T> {
  line(line: string): void;
  end(stderr: string): T;
}

/**
 * Asks a host, and lists its queue where it has one only. `readerOf` is called for that queue before its first line, and
 * says whether it can read it. @throws TransportError, CommandError
 */
export async function findAndList<T>(
  transport: Transport,
  host: Host,
  software: readonly Findable[],
  readerOf: (spec: QueueSpec) => ListingReader<T> | undefined,
  signal?: AbortSignal,
): Promise<{ readonly specs: readonly QueueSpec[]; readonly listing: T | undefined }> {
  const found: string[] = [];
  let specs: readonly QueueSpec[] | undefined;
  let reader: ListingReader<T> | undefined;
  const onLine = (line: string) => {
    if (specs !== undefined) return reader?.line(line);
    if (line !== '') {
      found.push(line);
      return;
    }
    specs = parseFound(found.join('\n'), software);
    const [alone] = specs;
    const lists = software.find(({ name }) => name === alone?.software)?.listAlone !== undefined;
    if (specs.length === 1 && found.length === 1 && alone !== undefined && lists) reader = readerOf(alone);
  };
  const { status, stderr } = await transport.run(
    host,
    {
      name: 'queue.find',
      script: findAndListScript(software),
      args: [],
      readOnly: true,
      privileged: true,
      timeoutMs: FIND_AND_LIST_MS,
    },
    { signal, onLine },
  );
  const doing = reader === undefined ? 'looking for mail servers' : 'listing its queue';
  if (status !== 0) throw new CommandError(host.name, doing, status, stderr);
  return { specs: specs ?? [], listing: reader?.end(stderr) };
}

/**
 * Names of a host's queues, in their order: the host's own where there is one, else with the instance behind it
 * (`mx1:postfix-out`), else with the server (`mx1:exim`); a number tells twins apart.
 */
export function queueNames(host: string, specs: readonly QueueSpec[]): readonly string[] {
  if (specs.length === 1) return [host];
  const used = new Map<string, number>();
  return specs.map(({ software, instance }) => {
    const name = `${host}:${instance ?? software}`;
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return count === 1 ? name : `${name}-${count}`;
  });
}
