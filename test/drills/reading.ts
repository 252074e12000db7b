import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Independent of the simulator: how these tests read what it wrote. */

export function freshFolder(name: string): string {
  return path.join(fs.mkdtempSync(path.join(os.tmpdir(), `drill-${name}-`)), 'out');
}

/** RFC 4180 with raw newlines; '' unquoted and '' quoted are both ''. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  for (let i = 0; i < text.length; ) {
    if (text[i] === '"') {
      for (i++; i < text.length; i++) {
        if (text[i] !== '"') cell += text[i];
        else if (text[i + 1] === '"') cell += text[i++];
        else break;
      }
      i++;
    } else if (text[i] === ',') {
      row.push(cell);
      cell = '';
      i++;
    } else if (text[i] === '\n') {
      row.push(cell);
      rows.push(row);
      row = [];
      cell = '';
      i++;
    } else cell += text[i++];
  }
  return rows;
}

export type Record_ = Record<string, string>;

export function readTable(dir: string, name: string): { columns: string[]; rows: Record_[] } {
  const [columns, ...rows] = parseCsv(fs.readFileSync(path.join(dir, 'data', `${name}.csv`), 'utf8'));
  return { columns: columns!, rows: rows.map(r => Object.fromEntries(columns!.map((c, i) => [c, r[i]!]))) };
}

/** All lines of the files of one log, in the order of their names, the current one last. */
export function readLog(dir: string, name: string): string[] {
  const files = fs
    .readdirSync(path.join(dir, 'evidence'))
    .filter(f => f.startsWith(`${name}.log`))
    .sort((a, b) => (a === `${name}.log` ? 1 : b === `${name}.log` ? -1 : a < b ? -1 : 1));
  return files.flatMap(f => {
    const bytes = fs.readFileSync(path.join(dir, 'evidence', f));
    return (f.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n').slice(0, -1);
  });
}

export type TraceLine = { ts: string; ip: string; ep: string; user?: string; table: string; ids: number[]; cols: string[]; intruder: boolean };
export const readTrace = (dir: string): TraceLine[] =>
  fs
    .readFileSync(path.join(dir, 'truth/trace.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(l => JSON.parse(l) as TraceLine);

export type TruthFile = {
  phases: { name: string; ips: string[]; from: string; to: string; requests: number; success?: boolean; account?: string }[];
  cells: number;
  dialect: string;
  tamper: string;
  logs: { web: { lines: number; lost: number; files: string[]; droppedFile: string | null; droppedLines: number }; database: { lines: number; lost: number } };
  persons: Record<string, Record<string, number>>;
  figures?: Record<string, number>;
  style: { encoding: string; searchParameter: string };
};
export const readTruth = (dir: string): TruthFile => JSON.parse(fs.readFileSync(path.join(dir, 'truth/truth.json'), 'utf8')) as TruthFile;

/** One statement of a PostgreSQL csvlog: audited or failed. */
export type Logged = { at: string; sql: string; params: (string | null)[]; error: string | null; session: string };

export function readPostgres(dir: string): Logged[] {
  const list: Logged[] = [];
  for (const r of parseCsv(`${readLog(dir, 'database').join('\n')}\n`)) {
    const [at, , , , , session] = r as [string, string, string, string, string, string];
    const message = r[13]!;
    if (message.startsWith('AUDIT: ')) {
      const a = parseCsv(`${message.slice(7)}\n`)[0]!;
      const parameters = a[8] === '<none>' ? [] : parseCsv(`${a[8]}\n`)[0]!.map(p => (p === '' ? null : p));
      list.push({ at, sql: a[7]!, params: parameters, error: null, session });
    } else if (r[11] === 'ERROR') {
      const last = list.findLast(l => l.session === session && l.sql === r[19]);
      if (last) last.error = r[12]!;
      else list.push({ at, sql: r[19]!, params: [], error: r[12]!, session });
    }
  }
  return list;
}
