// The content comparisons: one row a slot and replica, and one an owner (a user, or a shared mailbox).

/** Statements in order; one transaction holds them all. */
export const comparisons: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS comparisons (
     slot TEXT NOT NULL,
     replica TEXT NOT NULL,
     at BIGINT NOT NULL,
     total INTEGER NOT NULL,
     compared INTEGER NOT NULL,
     differing INTEGER NOT NULL,
     oldest_at BIGINT NULL,
     PRIMARY KEY (slot, replica)
   )`,
  `CREATE TABLE IF NOT EXISTS compared_owners (
     slot TEXT NOT NULL,
     replica TEXT NOT NULL,
     owner TEXT NOT NULL,
     at BIGINT NOT NULL,
     differs INTEGER NOT NULL,
     PRIMARY KEY (slot, replica, owner)
   )`,
];
