// Schema version 1: the slot map and the samples. `IF NOT EXISTS`, so that tables which a site made itself by
// the documented names are taken as they are.

/** Statements in order; one transaction holds them all. */
export const slotsAndSamples: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS slots (
     slot TEXT PRIMARY KEY,
     master TEXT NOT NULL,
     state TEXT NOT NULL DEFAULT 'normal',
     version INTEGER NOT NULL
   )`,
  `CREATE TABLE IF NOT EXISTS instances (
     slot TEXT NOT NULL,
     host TEXT NOT NULL,
     instance TEXT NULL,
     address TEXT NULL,
     position INTEGER NOT NULL,
     PRIMARY KEY (slot, host)
   )`,
  `CREATE TABLE IF NOT EXISTS samples (
     id INTEGER PRIMARY KEY,
     slot TEXT NOT NULL,
     host TEXT NOT NULL,
     role TEXT NULL,
     channel TEXT NOT NULL DEFAULT '',
     at INTEGER NOT NULL,
     seen_at INTEGER NOT NULL,
     pending_events INTEGER NULL,
     oldest_birth INTEGER NULL,
     quarantined INTEGER NULL,
     running INTEGER NULL,
     replicating INTEGER NULL,
     problem TEXT NULL
   )`,
  'CREATE INDEX IF NOT EXISTS samples_by_channel ON samples (slot, channel, at)',
  'CREATE INDEX IF NOT EXISTS samples_by_series ON samples (slot, host, channel, id)',
];
