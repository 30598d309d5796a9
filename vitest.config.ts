import { defineConfig } from 'vitest/config';
import { retries } from './test/retries.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // A machine that others use, too, may fail a test that starts many processes; the report names what needed a retry.
    retry: process.env.CI ? 1 : 0,
    reporters: ['default', retries],
    // Two cores: more files at once would only make the tests that run real builds slower.
    maxWorkers: 2,
  },
});
