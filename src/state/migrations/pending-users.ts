// Whose changes waited in a master's log when it was looked at last: one row a slot and replica.

/** Statements in order; one transaction holds them all. */
export const pendingUsers: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS pending_users (
     slot TEXT NOT NULL,
     replica TEXT NOT NULL,
     host TEXT NOT NULL,
     at BIGINT NOT NULL,
     seen_at BIGINT NOT NULL,
     events INTEGER NOT NULL,
     oldest_birth BIGINT NULL,
     users TEXT NOT NULL,
     more_users INTEGER NOT NULL,
     nameless INTEGER NOT NULL,
     PRIMARY KEY (slot, replica)
   )`,
];
