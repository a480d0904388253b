// Queue ids as Postfix makes them: short ones (upper-case hex, used again) and long ones (2.9 and later). Pure.

/** What can be an id; everything else is left out before a host sees it, and there again. */
export const QUEUE_ID = /^[A-Za-z0-9]{5,64}$/;
