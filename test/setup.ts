import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Every test writes below one folder, which goes with the run: what a test leaves behind, or a broken off run of it, stays nowhere. */
export function setup(): () => void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-test-run-'));
  process.env['TMPDIR'] = folder;
  return () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
