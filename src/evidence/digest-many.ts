import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { workerFile } from '../base/index.ts';
import { type Digest, type DigestFailure, digestFile } from './digest.ts';
import type { DigestJob } from './digest-worker.ts';

export type DigestRequest = { readonly file: string; readonly content: boolean; readonly blockBytes?: number };
type Result = Digest | DigestFailure;

/** Less than this is hashed at once on this thread: starting a worker costs more. */
const WORTH_A_WORKER = 16 * 1024 * 1024;

/** Digest many files on worker threads; results in the order asked for, whatever the number of threads. */
export async function digestMany(requests: readonly DigestRequest[], threads: number, onBytes: (bytes: number) => void = () => {}): Promise<Result[]> {
  const results: Result[] = [];
  const queue: number[] = [];
  const entry = workerFile('evidence/digest-worker');
  const canWork = fs.existsSync(fileURLToPath(entry));
  for (const [i, r] of requests.entries()) {
    if (canWork && (fs.statSync(r.file, { throwIfNoEntry: false })?.size ?? 0) >= WORTH_A_WORKER) queue.push(i);
    else results[i] = await digestFile(r.file, { ...r, onBytes });
  }
  const lanes = Math.min(threads, queue.length);
  await Promise.all(Array.from({ length: lanes }, () => lane(entry, requests, queue, results, onBytes)));
  return results;
}

function lane(entry: URL, requests: readonly DigestRequest[], queue: number[], results: Result[], onBytes: (n: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry);
    const next = (): void => {
      const index = queue.shift();
      if (index === undefined) {
        void worker.terminate().then(() => resolve());
        return;
      }
      const job: DigestJob = { index, ...requests[index]! };
      worker.postMessage(job);
    };
    worker.on('error', reject);
    worker.on('message', (message: { bytes: number; index?: number; result?: Result }) => {
      onBytes(message.bytes);
      if (message.index === undefined) return;
      results[message.index] = message.result!;
      next();
    });
    next();
  });
}
