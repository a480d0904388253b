// How a host is asked whether it has Exim. Text only, since it is loaded wherever queues are looked for.

/** Under either of its names. */
export const NEEDS_EXIM = 'command -v exim || command -v exim4';

/** One line where Exim is installed. */
export const FIND_EXIM = `{ ${NEEDS_EXIM}; } > /dev/null || exit 0
echo exim`;
