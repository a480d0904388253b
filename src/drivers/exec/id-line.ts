// Ids of a site's own sender go over stdin, a line each: one that is more than a line would be two messages. Pure.

/** Can it be told to the sender's commands? */
export const isLine = (id: string): boolean => id !== '' && id.length <= 4096 && !/[\p{Cc}\p{Cs}]/u.test(id);
