// The site's lists of users and of moves, from commands that run on this machine or from a file here. Commands get
// their words one by one, never through a shell; any exit but 0 is a list that is away, not an empty one.
import { CommandError, MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import { fillPlaceholders, placeholdersIn } from '../../lib/placeholders.js';
import { MOST_MOVES, parseMoves, tooManyMoves, type UserMove } from '../../slot/moves.js';
import { quoteName, slotNameFault } from '../../slot/slot-name.js';
import { parseUsers } from '../../slot/users.js';
import type { Transport } from '../../transport/transport.js';

const TIMEOUT_MS = 20_000;
/** A million users. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Where commands run: this machine. */
export interface Here {
  readonly transport: Transport;
  readonly host: Host;
  /** Default 20 s. */
  readonly timeoutMs?: number | undefined;
}

/** `directory.users`: told {slot}, or printing the users of all slots with theirs. */
export function commandUsers(
  argv: readonly string[],
  here: Here,
): (slot: string) => Promise<readonly string[]> {
  const isTold = argv.some((word) => placeholdersIn(word).includes('slot'));
  // Lanes that ask at the same moment share one answer of a command that prints all; nothing is kept after it.
  let all: Promise<string> | undefined;
  return async (slot) => {
    const wrong = slotNameFault(slot);
    if (wrong !== undefined) {
      throw new MailctlError(`slot ${quoteName(slot)} ${wrong}`, { code: 'usage.slot', exitCode: 2 });
    }
    const words = isTold ? argv.map((word) => fillPlaceholders(word, { slot })) : argv;
    const ask = () => outputOf('users', 'exec "$@"', words, here);
    if (!isTold)
      all ??= ask().finally(() => {
        all = undefined;
      });
    return parseUsers(await (all ?? ask()), `output of ${argv[0]}`, slot, isTold);
  };
}

/** `directory.moves.command`. */
export async function commandMoves(argv: readonly string[], here: Here): Promise<readonly UserMove[]> {
  return bounded(await outputOf('moves', 'exec "$@"', argv, here), `output of ${argv[0]}`);
}

/** `directory.moves.file`: read as it is at this moment, so it should be replaced by a rename, not written over. */
export async function fileMoves(path: string, here: Here): Promise<readonly UserMove[]> {
  return bounded(await outputOf('moves', 'exec cat -- "$1"', [path], here, path), path);
}

function bounded(output: string, where: string): readonly UserMove[] {
  const moves = parseMoves(output, where);
  if (moves.length > MOST_MOVES) throw tooManyMoves(where);
  return moves;
}

async function outputOf(
  list: 'users' | 'moves',
  script: string,
  args: readonly string[],
  { transport, host, timeoutMs = TIMEOUT_MS }: Here,
  what = args[0] ?? '',
): Promise<string> {
  const { status, stdout, stderr } = await transport.run(host, {
    name: `directory.${list}`,
    script,
    args,
    readOnly: true,
    privileged: false,
    timeoutMs,
    maxBytes: MOST_BYTES,
  });
  if (status === 0) return stdout;
  throw new CommandError(host.name, `the list of ${list} (${what})`, status, stderr, {
    hint:
      status === 126 || status === 127
        ? `directory.${list} in the configuration names a command that cannot be run`
        : undefined,
    detail: stderr.trim().split('\n').slice(0, 10).join('\n').slice(0, 2000) || undefined,
  });
}
