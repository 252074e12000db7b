import fs from 'node:fs';
import path from 'node:path';
import { readContent } from '../evidence/index.ts';
import type { ContentEncoding } from './content-encoding.ts';
import { lineChunks } from './ingest-chunks.ts';
import { type FileTotals, type PartMeta, totalOf } from './ingest-meta.ts';
import type { IngestPool } from './ingest-pool.ts';
import { type IngestPlan, type IngestSizes, partName, usualSizes } from './ingest-records.ts';
import type { IngestTask } from './ingest-worker.ts';
import type { SourceContext } from './source.ts';
import { type ResolvedFormat, sourceOf } from './sources/index.ts';
import { openTranscoder, type Transcoder } from './transcode.ts';

/** Grows when parsing changes what comes out of the same bytes: parts of older versions are then not taken. */
export const parserVersion = 6;

export type IngestJob = {
  readonly file: string;
  readonly compressed: boolean;
  readonly contentBytes: number;
  readonly resolved: ResolvedFormat;
  readonly context: SourceContext;
  readonly encoding: ContentEncoding;
  /** For tests; the cut decides part files, so products of one folder must all use the usual ones. */
  readonly sizes?: IngestSizes;
  /** Where the finished parts go: `<outDir>/work/events/<content key>`. */
  readonly dir: string;
};

/** What `file.json` holds beside the parts. `broken`: why the content could not be read to its end. */
export type FileMeta = FileTotals & { readonly broken: string | null };

/** Content up to this size is parsed where the caller runs: a thread would cost more than it brings. */
const smallBytes = 8 << 20;

let jobs = 0;
/** Files being read now, by folder: the same content given twice is read once. */
const running = new Map<string, Promise<FileMeta>>();

/**
 * Parse one file into Parquet parts, unless that was done before. Work goes on in `<dir>.partial` and gets its name at the end, so that a
 * kill at any moment leaves either nothing, complete parts to go on from, or all.
 */
export function ingestFile(job: IngestJob, pool: IngestPool, progress: (bytes: number) => void): Promise<FileMeta> {
  const known = running.get(job.dir);
  if (known) {
    progress(job.contentBytes);
    return known;
  }
  const work = readFile(job, pool, progress).finally(() => running.delete(job.dir));
  running.set(job.dir, work);
  return work;
}

async function readFile(job: IngestJob, pool: IngestPool, progress: (bytes: number) => void): Promise<FileMeta> {
  const done = readMeta(job.dir);
  if (done) {
    progress(job.contentBytes);
    return done;
  }
  const dir = `${job.dir}.partial`;
  const source = sourceOf(job.resolved);
  const parallel = source.independent && source.framing === 'line' && job.encoding.from === null;
  if (!parallel) fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  const transcoder = job.encoding.from === null ? null : openTranscoder(job.encoding.from, job.encoding.bomBytes);
  for (const f of fs.readdirSync(dir)) if (f.endsWith('.tmp')) fs.rmSync(path.join(dir, f));
  const plan: IngestPlan = {
    dir,
    context: job.context,
    sizes: job.sizes ?? usualSizes,
    ...(transcoder && { originalOffset: n => transcoder.originalOffset(n) }),
  };
  const state: Reading = {
    task: { job: jobs++, plan, resolved: job.resolved, keep: !parallel },
    broken: null,
    parts: [],
    progress,
  };
  const raw = job.compressed ? readContent(job.file, why => (state.broken = why)) : readRaw(job.file, job.contentBytes);
  const content = transcoder ? transcoded(raw, transcoder) : raw;
  const local = transcoder !== null || pool.size < 2 || job.contentBytes <= smallBytes;
  let facts: FileMeta['facts'] = {};
  if (source.framing === 'line') await ingestLines(content, state, pool, local, parallel);
  else await ingestBlocks(content, state, pool, local);
  if (!parallel) facts = (await run(pool, local, state.task.job, { ...state.task, piece: { finish: true } })).facts ?? {};
  state.parts.sort((a, b) => a.part - b.part);
  const totals = totalOf(state.parts);
  const meta: FileMeta = { ...totals, facts: { ...totals.facts, ...facts }, broken: state.broken };
  fs.writeFileSync(path.join(dir, 'file.json'), JSON.stringify(meta));
  fs.rmSync(job.dir, { recursive: true, force: true });
  fs.renameSync(dir, job.dir);
  return meta;
}

/** Absolute paths of the parts of an ingested file, in order. */
export function partFiles(dir: string, meta: FileMeta): string[] {
  return meta.parts.map(p => path.join(dir, `${partName(p.part)}.parquet`));
}

type Reading = {
  readonly task: Omit<IngestTask, 'piece'>;
  broken: string | null;
  readonly parts: PartMeta[];
  readonly progress: (bytes: number) => void;
};

function run(pool: IngestPool, local: boolean, slot: number, task: IngestTask) {
  return local ? Promise.resolve(pool.here(task)) : pool.on(slot, task);
}

async function ingestLines(content: AsyncIterable<Uint8Array>, state: Reading, pool: IngestPool, local: boolean, parallel: boolean): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const slots = parallel ? pool.size : 1;
  let slot = state.task.job;
  const spare: ArrayBuffer[] = [];
  for await (const chunk of lineChunks(content, spare, state.task.plan.sizes)) {
    const size = chunk.bytes.length;
    const known = parallel ? readPart(state.task.plan.dir, chunk.part) : null;
    if (known) {
      state.parts.push(known);
      state.progress(size);
      continue;
    }
    const work: Promise<void> = run(pool, local, parallel ? slot++ : slot, { ...state.task, piece: { chunk } })
      .then(
        answer => {
          state.parts.push(...answer.parts);
          const memory = local ? (chunk.bytes.buffer as ArrayBuffer) : answer.memory;
          if (memory && spare.length < slots) spare.push(memory);
          state.progress(size);
        },
        error => void failures.push(error),
      )
      .finally(() => running.delete(work));
    running.add(work);
    if (running.size > slots) await Promise.race(running);
    if (failures.length > 0) break;
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}

const blockBytes = 4 << 20;

async function ingestBlocks(content: AsyncIterable<Uint8Array>, state: Reading, pool: IngestPool, local: boolean): Promise<void> {
  let before: Promise<void> = Promise.resolve();
  const send = async (block: Uint8Array, atEnd: boolean): Promise<void> => {
    const size = block.length;
    await before;
    before = run(pool, local, state.task.job, { ...state.task, piece: { block, atEnd } }).then(answer => {
      state.parts.push(...answer.parts);
      state.progress(size);
    });
  };
  let buffer = new Uint8Array(blockBytes);
  let length = 0;
  for await (const block of content) {
    for (let at = 0; at < block.length; ) {
      const n = Math.min(block.length - at, blockBytes - length);
      buffer.set(block.subarray(at, at + n), length);
      at += n;
      length += n;
      if (length < blockBytes) continue;
      await send(buffer, false);
      buffer = new Uint8Array(blockBytes);
      length = 0;
    }
  }
  await send(buffer.subarray(0, length), true);
  await before;
}

/** Blocks of a file as it is; each is valid until the next is asked for. */
async function* readRaw(file: string, size: number): AsyncGenerator<Uint8Array> {
  const handle = await fs.promises.open(file, 'r');
  try {
    const buffer = new Uint8Array(Math.max(4096, Math.min(1 << 20, size)));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function* transcoded(blocks: AsyncIterable<Uint8Array>, transcoder: Transcoder): AsyncGenerator<Uint8Array> {
  for await (const block of blocks) yield transcoder.push(block, false);
  yield transcoder.push(new Uint8Array(0), true);
}

function readMeta(dir: string): FileMeta | null {
  return readJson<FileMeta>(path.join(dir, 'file.json'));
}

function readPart(dir: string, part: number): PartMeta | null {
  const meta = readJson<PartMeta>(path.join(dir, `${partName(part)}.json`));
  return meta && (meta.rows === 0 || fs.existsSync(path.join(dir, `${partName(part)}.parquet`))) ? meta : null;
}

function readJson<T>(file: string): T | null {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as T;
  } catch {
    return null;
  }
}
