/**
 * `npm test`: installs what the machine lacks where it may (Debian packages for the browser, PDF and server tests), then runs every test.
 * Without those packages the tests that need them are skipped by name.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';

const wanted = [
  ['chromium', '/usr/bin/chromium'],
  ['poppler-utils', '/usr/bin/pdftotext'],
  ['qpdf', '/usr/bin/qpdf'],
];
const missing = wanted.filter(([, file]) => !fs.existsSync(file)).map(([name]) => name);
if (missing.length > 0 && process.getuid?.() === 0 && fs.existsSync('/usr/bin/apt-get')) {
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  console.error(`installing ${missing.join(', ')} …`);
  spawnSync('apt-get', ['update', '-qq'], quiet);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], quiet);
}

const result = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)], { stdio: ['ignore', 'inherit', 'inherit'] });
process.exit(result.status ?? 1);
