import type { Problem } from '../base/index.ts';
import { type Engine, sql } from '../engine/index.ts';
import type { CaseFile } from './case-file.ts';
import type { CaseStore } from './store.ts';

/** One case while a command works on it. Exactly one process opens a case at a time. */
export type OpenCase = {
  readonly file: CaseFile;
  /** Absolute path of the case file, and its folder: evidence paths are relative to the folder. */
  readonly casePath: string;
  readonly caseDir: string;
  /** Absolute path of DIR of contract §5; derived working data lives in `<outDir>/work`. */
  readonly outDir: string;
  readonly engine: Engine;
  readonly store: CaseStore;
};

const problemColumns = [
  { name: 'stage', type: 'VARCHAR' },
  { name: 'code', type: 'VARCHAR' },
  { name: 'severity', type: 'VARCHAR' },
  { name: 'file', type: 'VARCHAR' },
  { name: 'line', type: 'BIGINT' },
  { name: 'byte', type: 'BIGINT' },
  { name: 'ref', type: 'VARCHAR' },
  { name: 'params', type: 'VARCHAR' },
  { name: 'count', type: 'BIGINT' },
] as const;

/** Replace the problems of one stage. */
export async function recordProblems(engine: Engine, stage: string, problems: readonly Problem[]): Promise<void> {
  await engine.run(
    'problem.table',
    sql`create table if not exists problem (stage varchar, code varchar, severity varchar, file varchar,
    line bigint, byte bigint, ref varchar, params varchar, count bigint)`,
  );
  await engine.run('problem.clear', sql`delete from problem where stage = ${stage}`);
  await engine.append(
    'problem',
    problemColumns,
    problems.map(p => [
      stage,
      p.code,
      p.severity,
      p.where.file ?? null,
      p.where.line ?? null,
      p.where.byte ?? null,
      p.where.ref ?? null,
      JSON.stringify(p.params),
      p.count,
    ]),
  );
}

/** All problems in a stable order: by stage, code, file, line, params. */
export async function readProblems(engine: Engine): Promise<Problem[]> {
  const rows = await engine.rows<{
    code: string;
    severity: Problem['severity'];
    file: string | null;
    line: number | null;
    byte: number | null;
    ref: string | null;
    params: string;
    count: number;
  }>(
    'problem.read',
    sql`select * exclude (stage) from problem
    order by code, file nulls first, line nulls first, byte nulls first, ref nulls first, params, stage`,
  );
  return rows.map(r => ({
    code: r.code,
    severity: r.severity,
    params: JSON.parse(r.params),
    count: r.count,
    where: {
      ...(r.file !== null && { file: r.file }),
      ...(r.line !== null && { line: r.line }),
      ...(r.byte !== null && { byte: r.byte }),
      ...(r.ref !== null && { ref: r.ref }),
    },
  }));
}
