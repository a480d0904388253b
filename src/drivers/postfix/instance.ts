// Which of several Postfix instances on a host a script works on (`postmulti`, 2.6 and later). Every Postfix command
// takes the instance's folder from MAIL_CONFIG, so that a script names it once.
import { MailctlError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Transport } from '../../transport/transport.js';

/** Where a queue is, for what is loaded only when it is wanted. */
export interface PostfixPlace {
  readonly transport: Transport;
  readonly host: Host;
  readonly within?: readonly string[] | undefined;
  /** As instanceArgument gives it. */
  readonly instance: string;
}

/** What the first, and mostly the only, instance of a host is called, whatever its own name is. */
export const FIRST_INSTANCE = 'postfix';

/** Takes the instance's name off the arguments (`$1`; empty: the first one). Exits 69 where there is none. */
export const CHOOSE_INSTANCE = String.raw`
command -v postqueue > /dev/null || { echo 'there is no postqueue' >&2; exit 69; }
if [ -n "$1" ]; then
  MAIL_CONFIG=$(postmulti -l 2> /dev/null | instance=$1 awk '
    NR > 1 { name = $1; if (name == "-") { name = $NF; sub(/.*\//, "", name) } if (name == ENVIRON["instance"]) { print $NF; exit } }')
  [ -n "$MAIL_CONFIG" ] || { printf 'there is no Postfix instance %s\n' "$1" >&2; exit 69; }
  export MAIL_CONFIG
fi
shift
`;

/** The instance's name as CHOOSE_INSTANCE takes it. @throws MailctlError for what no instance can be called */
export function instanceArgument(instance: string | undefined, host: string): string {
  if (instance === undefined || instance === FIRST_INSTANCE) return '';
  if (/^[\w.+][\w.+-]{0,99}$/.test(instance)) return instance;
  throw new MailctlError(`${host}: no Postfix instance can be called ${JSON.stringify(instance)}`, {
    code: 'queue.no-instance',
    exitCode: 2,
    hint: 'postmulti -l names those of a host',
  });
}
