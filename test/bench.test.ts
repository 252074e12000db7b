import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Not how fast they are, only that they still run: on the smallest scale, with nothing asked of the figures they print. */
test.each([
  ['exposure 0.001', 'explanation of a figure'],
  ['ingest 2000 1', '2000 rows'],
  ['link --records 2000', '"holds":true'],
])('npm run bench %s runs to its end', async (command, told) => {
  const { stdout } = await promisify(execFile)('node', ['scripts/bench.mjs', ...command.split(' ')]);
  expect(stdout).toContain(told);
});
