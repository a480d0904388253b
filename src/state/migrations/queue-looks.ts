// The looks at queues: one row a queue each time, `at` in ms by the observer's clock, `oldest_at` in seconds.

/** Statements in order; one transaction holds them all. */
export const queueLooks: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS queue_looks (
     id INTEGER PRIMARY KEY,
     queue TEXT NOT NULL,
     host TEXT NOT NULL,
     at BIGINT NOT NULL,
     messages BIGINT NOT NULL,
     recipients BIGINT NOT NULL,
     size_bytes BIGINT NOT NULL,
     oldest_at BIGINT NULL,
     held BIGINT NOT NULL,
     domains TEXT NOT NULL,
     is_whole INTEGER NOT NULL
   )`,
  'CREATE INDEX IF NOT EXISTS queue_looks_by_time ON queue_looks (at)',
  'CREATE INDEX IF NOT EXISTS queue_looks_by_queue ON queue_looks (host, queue, id)',
];
