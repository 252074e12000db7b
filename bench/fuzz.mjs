// npm run bench -- fuzz [COUNT]: mutations of real samples through every source; 1,000,000 inputs unless told otherwise.
import { spawnSync } from 'node:child_process';

export function bench([count = '1000000']) {
  const before = process.hrtime.bigint();
  const run = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/events/fuzz.test.ts', '--testTimeout=3600000'], {
    stdio: 'inherit',
    env: { ...process.env, TADASU_FUZZ: count },
  });
  console.log(`${count} inputs in ${Number((process.hrtime.bigint() - before) / 1_000_000n) / 1000} s`);
  process.exitCode = run.status ?? 1;
}
