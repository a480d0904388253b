// How a host is asked whether it has Exim. Text only, since it is loaded wherever queues are looked for.

/** One line where Exim is installed, under either of its names. */
export const FIND_EXIM = `command -v exim > /dev/null || command -v exim4 > /dev/null || exit 0
echo exim`;
