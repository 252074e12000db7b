/**
 * Brings a fresh clone to work: Node check, `npm ci` when the lock file changed, a build when sources changed.
 * Only node: modules, because it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Tadasu needs Node 20.19 or newer; this is ${process.versions.node}.\nNode 20.19 以上が必要です(現在 ${process.versions.node})。`);
  process.exit(2);
}

const digest = text => createHash('sha256').update(text).digest('hex');

/** One installer at a time: `npm start` and `npm test` may be called together. A lock whose process is gone is taken over. */
function withLock(body) {
  const lock = path.join(root, '.ensure.lock');
  for (let i = 0; ; i++) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch {
      if (!isAlive(Number(fs.readFileSync(lock, { encoding: 'utf8', flag: 'a+' })))) fs.rmSync(lock, { force: true });
      else if (i === 0) console.error('waiting for another start of Tadasu to finish installing …');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    }
  }
  process.on('exit', () => fs.rmSync(lock, { force: true }));
  body();
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return pid > 0;
  } catch {
    return false;
  }
}

function run(command, args, label) {
  console.error(label);
  const result = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, NODE_ENV: 'development' } });
  if (result.status !== 0) {
    console.error(`${label}: failed (${result.status ?? result.error?.message})`);
    process.exit(result.status ?? 1);
  }
}

function install() {
  const stampFile = path.join(root, 'node_modules', '.ensure');
  const stamp = digest(fs.readFileSync('package-lock.json', 'utf8') + process.versions.modules + process.platform + process.arch);
  if (fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === stamp) return;
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm && /\.[cm]?js$/.test(npm)) run(process.execPath, [npm, ...args], 'installing the pinned packages …');
  else run('npm', args, 'installing the pinned packages …');
  fs.writeFileSync(stampFile, stamp);
}

function* sources(dir) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const full = path.join(dir, entry.name);
    if (entry.isDirectory()) yield* sources(full);
    else yield full;
  }
}

function build() {
  const hash = createHash('sha256');
  for (const file of [...sources('src'), ...sources('locales'), 'package-lock.json', 'tsconfig.json', 'scripts/build.mjs'])
    hash.update(file).update(fs.readFileSync(file));
  const stamp = hash.digest('hex');
  const stampFile = path.join(root, 'dist', '.stamp');
  if (fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === stamp) return;
  run(process.execPath, ['scripts/build.mjs'], 'building …');
  fs.writeFileSync(stampFile, stamp);
}

withLock(() => {
  install();
  build();
});
