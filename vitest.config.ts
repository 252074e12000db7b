import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 900_000,
    hookTimeout: 900_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', './scripts/closing-line.mjs'],
    globalSetup: './test/setup.ts',
    setupFiles: ['./test/fixed-seed.ts'],
    env: { TZ: 'America/St_Johns' },
  },
});
