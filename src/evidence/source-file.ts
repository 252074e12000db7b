import type { OpenCase } from '../case/index.ts';
import { sql } from '../engine/index.ts';
import type { Compression } from './decompress.ts';

/** One row of table `source_file`: a file that could be read. Files are numbered from 1 by rank. */
export type SourceFile = {
  readonly file_no: number;
  readonly evidence_id: string;
  readonly system_id: string | null;
  readonly kind: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly content_sha256: string;
  readonly content_bytes: number;
  readonly compression: Compression;
  readonly role: 'evidence' | 'dataset';
  /** As found, UTC micros; bounds years that a log leaves out. Never part of a result. */
  readonly modified_us: number;
};

export const sourceFileColumns = [
  { name: 'file_no', type: 'INTEGER' },
  { name: 'evidence_id', type: 'VARCHAR' },
  { name: 'system_id', type: 'VARCHAR' },
  { name: 'kind', type: 'VARCHAR' },
  { name: 'path', type: 'VARCHAR' },
  { name: 'sha256', type: 'VARCHAR' },
  { name: 'bytes', type: 'BIGINT' },
  { name: 'content_sha256', type: 'VARCHAR' },
  { name: 'content_bytes', type: 'BIGINT' },
  { name: 'compression', type: 'VARCHAR' },
  { name: 'role', type: 'VARCHAR' },
  { name: 'modified_us', type: 'BIGINT' },
] as const;

/** Table `source_file` in order of `file_no`. */
export async function readSourceFiles(kase: Pick<OpenCase, 'engine'>): Promise<SourceFile[]> {
  return kase.engine.rows<SourceFile>('source_file.read', sql`select * from source_file order by file_no`);
}
