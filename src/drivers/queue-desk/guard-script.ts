// What stands in front of an acting script on a host: it waits until no earlier act works on the queue (one whose
// bastion was killed goes on there until its own deadline), and then makes sure that the lease is still that of its
// run. Between the two looks nobody else can begin. The lock is a file descriptor that lives as long as the act does.
import { GUARD_FD, GUARD_WORDS } from '../../queue/act-words.js';

/** Seconds that an act waits for the one before it; its own deadline is longer. */
const WAIT_S = 45;

/** Shell text for the queue of this name and the run of this key; both are checked by whoever gives them. */
export function guardScript(name: string, key: string): string {
  if (!/^[A-Za-z0-9_][\w.-]*$/.test(name) || !/^[0-9a-f]{4,16}$/.test(key))
    throw new TypeError('no name of a queue, or no key of a run');
  return `if [ "$(id -u)" = 0 ]; then guard=/var/lib/mailctl; else guard=$HOME/.local/state/mailctl; fi
guard=$guard/queues/${name}
exec ${GUARD_FD}>> "$guard/acting" || exit 73
flock -w ${WAIT_S} ${GUARD_FD} || { echo '${GUARD_WORDS.works}' >&2; exit 75; }
guard_key= guard_expires=0
while IFS=' ' read -r word value; do
  case $word in key) guard_key=$value ;; expires) guard_expires=$value ;; esac
done < "$guard/lease"
case $guard_expires in ''|*[!0-9]*|????????????????*) guard_expires=0 ;; esac
[ "$guard_key" = ${key} ] && [ "$guard_expires" -ge "$(date +%s)" ] || { echo '${GUARD_WORDS.lost}' >&2; exit 75; }
`;
}
