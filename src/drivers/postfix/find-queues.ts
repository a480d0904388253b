// How a host is asked whether it has Postfix, and which of its instances have queues. Text only, since it is loaded
// wherever queues are looked for.

/** One line an instance, by Postfix's own name; `-` is the first. */
export const FIND_POSTFIX = `command -v postqueue > /dev/null || exit 0
echo postfix`;
