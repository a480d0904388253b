// The canary: the last one per slot and replica. Times of a host are seconds by its clock, the observer's are ms.

/** Statements in order; one transaction holds them all. */
export const canaries: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS canaries (
     slot TEXT NOT NULL,
     replica TEXT NOT NULL,
     master TEXT NOT NULL,
     sent_at BIGINT NULL,
     found_at BIGINT NULL,
     seen_at BIGINT NOT NULL,
     PRIMARY KEY (slot, replica)
   )`,
];
