// Message ids as Exim makes them: arrival second, process, fraction, in base 62; 16 characters, and 23 from 4.97 on.
// An id is never given to another message. Pure.

/** What can be an id; everything else is left out before a host sees it, and there again. */
export const MESSAGE_ID = /^[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})$/;

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** When the message came in, epoch seconds; null: it is no id. */
export function arrivalOfId(id: string): number | null {
  if (!MESSAGE_ID.test(id)) return null;
  let seconds = 0;
  for (const char of id.slice(0, 6)) seconds = seconds * 62 + DIGITS.indexOf(char);
  return seconds;
}
