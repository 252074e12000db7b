import { parentPort } from 'node:worker_threads';
import type { PartMeta } from './ingest-meta.ts';
import { type IngestPlan, type LineChunk, RecordIngest } from './ingest-records.ts';
import { type ResolvedFormat, sourceOf } from './sources/index.ts';

/** Work for one thread. `keep`: the file is read in order by one parser, which stays for the next piece of the same job. */
export type IngestTask = {
  readonly job: number;
  readonly plan: IngestPlan;
  readonly resolved: ResolvedFormat;
  readonly keep: boolean;
  readonly piece: { readonly chunk: LineChunk } | { readonly block: Uint8Array; readonly atEnd: boolean } | { readonly finish: true };
};

export type IngestAnswer = {
  readonly parts: readonly PartMeta[];
  readonly facts: Readonly<Record<string, string | number>> | null;
  readonly memory?: ArrayBuffer | null;
};

/** Runs tasks; one such object a thread. */
export class IngestDesk {
  private readonly open = new Map<number, RecordIngest>();

  run(task: IngestTask): IngestAnswer {
    const ingest = this.open.get(task.job) ?? new RecordIngest(task.plan, sourceOf(task.resolved));
    if (task.keep) this.open.set(task.job, ingest);
    const { piece } = task;
    if ('chunk' in piece) return { parts: [ingest.lineChunk(piece.chunk)], facts: null };
    if ('block' in piece) return { parts: ingest.block(piece.block, piece.atEnd), facts: null };
    this.open.delete(task.job);
    return { parts: [], facts: ingest.finish() };
  }
}

if (parentPort) {
  const port = parentPort;
  const desk = new IngestDesk();
  port.on('message', (message: { id: number; task: IngestTask }) => {
    try {
      const answer = desk.run(message.task);
      const { piece } = message.task;
      const memory = 'chunk' in piece ? (piece.chunk.bytes.buffer as ArrayBuffer) : null;
      port.postMessage({ id: message.id, answer: { ...answer, memory } }, memory ? [memory] : []);
    } catch (error) {
      port.postMessage({
        id: message.id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        code: (error as NodeJS.ErrnoException).code,
      });
    }
  });
}
