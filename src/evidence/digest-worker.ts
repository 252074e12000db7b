import { parentPort } from 'node:worker_threads';
import { digestFile } from './digest.ts';

/** Worker entry: hashes the files it is told, so that hashing overlaps with everything else. */
export type DigestJob = {
  readonly index: number;
  readonly file: string;
  readonly content: boolean;
  readonly blockBytes?: number;
};

const port = parentPort;
port?.on('message', async (job: DigestJob) => {
  let pending = 0;
  const onBytes = (n: number): void => {
    pending += n;
    if (pending < 32 * 1024 * 1024) return;
    port.postMessage({ bytes: pending });
    pending = 0;
  };
  const result = await digestFile(job.file, {
    content: job.content,
    onBytes,
    ...(job.blockBytes !== undefined && { blockBytes: job.blockBytes }),
  });
  port.postMessage({ bytes: pending, index: job.index, result });
});
