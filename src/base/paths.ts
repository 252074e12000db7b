import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json, rules/, law/, locales/, templates/ and examples/. */
export const packageRoot: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * The compiled file of a worker entry. Workers need JavaScript, so from the sources (tests) the built twin in dist/ is used.
 * `entry` is relative to src/, without extension: `events/ingest-worker`.
 */
export function workerFile(entry: string): URL {
  return new URL(`file://${path.join(packageRoot, 'dist', `${entry}.js`)}`);
}
