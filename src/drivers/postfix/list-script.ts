// The plain listing of a Postfix queue as shell text, apart from the driver, since it is wanted where queues are looked
// for. The transports that the configuration keeps back come first, on a line that is no JSON, for whom it matters.
import { CHOOSE_INSTANCE } from './instance.js';

/** Of the first instance: Postfix's own, without asking which there are. */
export const LIST_FIRST = 'exec postqueue -j';

/** With what is kept back. */
export const LIST_SCRIPT = `${CHOOSE_INSTANCE}
set -f; IFS=' ,
'
set -- $(postconf -h defer_transports 2> /dev/null)
printf 'kept-back %s\\n' "$*"
unset IFS; set +f
exec postqueue -j
`;

/** For who wants the messages alone. */
export const GLANCE_SCRIPT = `${CHOOSE_INSTANCE}
exec postqueue -j
`;
