import { Worker } from 'node:worker_threads';
import { workerFile } from '../base/index.ts';
import { type IngestAnswer, IngestDesk, type IngestTask } from './ingest-worker.ts';

type Waiting = { readonly resolve: (a: IngestAnswer) => void; readonly reject: (e: Error) => void };

/** Threads that parse. Started when the first big piece comes; small work is done here, in the thread that asks. */
export class IngestPool {
  readonly size: number;
  private readonly workers: Worker[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private readonly desk = new IngestDesk();
  private nextId = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** Run in this thread. */
  here(task: IngestTask): IngestAnswer {
    return this.desk.run(task);
  }

  /** Run on thread `slot`; the bytes of the piece are moved there. */
  on(slot: number, task: IngestTask): Promise<IngestAnswer> {
    while (this.workers.length < this.size) this.start();
    const id = this.nextId++;
    const { piece } = task;
    const bytes = 'chunk' in piece ? piece.chunk.bytes : 'block' in piece ? piece.block : null;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.workers[slot % this.size]!.postMessage({ id, task }, bytes ? [bytes.buffer as ArrayBuffer] : []);
    });
  }

  private start(): void {
    const worker = new Worker(workerFile('events/ingest-worker'), { resourceLimits: { maxOldGenerationSizeMb: 512 } });
    worker.on('message', (m: { id: number; answer?: IngestAnswer; error?: string; code?: string }) => {
      const w = this.waiting.get(m.id)!;
      this.waiting.delete(m.id);
      if (m.answer) w.resolve(m.answer);
      else w.reject(Object.assign(new Error(m.error), m.code ? { code: m.code } : {}));
    });
    worker.on('error', error => {
      for (const w of this.waiting.values()) w.reject(error instanceof Error ? error : new Error(String(error)));
      this.waiting.clear();
    });
    this.workers.push(worker);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map(w => w.terminate()));
    this.workers.length = 0;
  }
}
