import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { type Effects, quietEffects } from '../../src/base/index.ts';
import type { EvidenceSpec, OpenCase } from '../../src/case/index.ts';
import { Engine, sql } from '../../src/engine/index.ts';
import { readEvents } from '../../src/events/index.ts';
import { sourceFileColumns } from '../../src/evidence/index.ts';

export type GivenLog = {
  readonly name: string;
  readonly bytes: Uint8Array | string;
  readonly format?: string;
  readonly kind?: EvidenceSpec['kind'];
  readonly timezone?: string;
};

export type IngestedCase = { readonly kase: OpenCase; readonly dir: string; close(): void };

/** A case over the given logs, with `source_file` as the evidence stage writes it, read by `readEvents`. */
export async function ingestCase(
  logs: readonly GivenLog[],
  effects: Partial<Effects> = {},
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tadasu-events-')),
  oneEvidence = false,
): Promise<IngestedCase> {
  fs.mkdirSync(path.join(dir, 'out'), { recursive: true });
  const engine = await Engine.open({ file: ':memory:', threads: 2 });
  const rows = logs.map((log, i) => {
    const bytes = typeof log.bytes === 'string' ? Buffer.from(log.bytes) : log.bytes;
    fs.writeFileSync(path.join(dir, log.name), bytes);
    const content = log.name.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes;
    const hash = (b: Uint8Array): string => createHash('sha256').update(b).digest('hex');
    return [
      i + 1,
      oneEvidence ? 'e1' : `e${i + 1}`,
      'sys',
      log.kind ?? 'web-access',
      log.name,
      hash(bytes),
      bytes.length,
      hash(content),
      content.length,
      log.name.endsWith('.gz') ? 'gzip' : 'none',
      'evidence',
      1_795_000_000_000_000,
    ];
  });
  await engine.load('source_file', sourceFileColumns, rows);
  const evidence = logs.map(
    (log, i): EvidenceSpec => ({
      id: `e${i + 1}`,
      system: 'sys',
      kind: log.kind ?? 'web-access',
      files: [log.name],
      format: log.format ?? 'auto',
      fields: null,
      encoding: 'auto',
      timezone: log.timezone ?? 'Asia/Tokyo',
      clockOffsetUs: null,
    }),
  );
  const kase = {
    file: { evidence, datasets: [] },
    casePath: path.join(dir, 'case.yaml'),
    caseDir: dir,
    outDir: path.join(dir, 'out'),
    engine,
    store: null,
  } as unknown as OpenCase;
  await readEvents(kase, { ...quietEffects, ...effects });
  return {
    kase,
    dir,
    close: () => {
      engine.close();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Events of a case in order, all columns. */
export async function eventsOf(c: IngestedCase): Promise<Record<string, unknown>[]> {
  return c.kase.engine.rows('test.events', sql`select * from event order by event_id`);
}
