// Where deleted messages are kept. A file of its own, since plans name it that load none of the scripts.

/** Folder beside a queue, on its own file system; mail servers look at those only that they know. */
export const SAVED_FOLDER = 'mailctl-saved';
