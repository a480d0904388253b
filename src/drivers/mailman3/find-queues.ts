// Whether a machine has a Mailman 3: by its spool or its configuration where they usually are, without a process, since
// every look at an unknown host asks this. Where the queues really lie is read when they are listed.

const PLACES = [
  '/var/lib/mailman3/queue/out',
  '/opt/mailman/var/queue/out',
  '/opt/mailman/mm/var/queue/out',
  '/etc/mailman3/mailman.cfg',
  '/etc/mailman.cfg',
];

/** False where there is none. */
export const NEEDS_MAILMAN = PLACES.map((place) => `[ -e ${place} ]`).join(' || ');

/** Prints `mailman3`, or nothing. */
export const FIND_MAILMAN = `
{ ${NEEDS_MAILMAN}; } && echo mailman3
`;
