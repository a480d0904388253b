import { defineConfig } from 'vitest/config';

// Two projects: everything that runs anywhere, and the lab, which needs root on Debian and real servers.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Many of them wait: for a host that is silent, for a process to end. One worker a core would idle.
          maxWorkers: 3,
          // For a test that hangs; what is slow on a busy machine has not failed.
          testTimeout: 30_000,
          hookTimeout: 60_000,
          include: ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/crash/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
