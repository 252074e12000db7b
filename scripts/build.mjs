/** Compiles src/ to dist/ and bundles the browser client to dist/client/. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

function run(bin, args) {
  const result = spawnSync(process.execPath, [bin, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

run('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json']);
if (fs.existsSync('src/web/client/vite.config.ts')) {
  run('node_modules/typescript/bin/tsc', ['-p', 'src/web/client/tsconfig.json', '--noEmit']);
  run('node_modules/vite/bin/vite.js', ['build', '--config', 'src/web/client/vite.config.ts', '--logLevel', 'error']);
}
