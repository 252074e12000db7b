import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { CaseFile } from '../../src/case/index.ts';
import { type Engine, sql } from '../../src/engine/index.ts';
import { assessCells, openInMemory } from '../fixtures/play-drill.ts';
import { temporaryFolder } from '../fixtures/run.ts';

/** The recorded range (a real application, real tools): with its database log, without it, and with every hundredth line gone. */

const range = path.resolve(import.meta.dirname, '../../../shared/data/range-01');
const present = fs.existsSync(path.join(range, 'truth', 'trace.jsonl'));
const root = temporaryFolder('range');
const said: string[] = [];

type Record = Readonly<{ [column: string]: string }>;

function readCsv(file: string): Record[] {
  const rows: string[][] = [];
  for (const m of fs
    .readFileSync(file, 'utf8')
    .trimEnd()
    .matchAll(/(?:^|(,)|\r?\n)(?:"((?:[^"]|"")*)"|([^",\r\n]*))/g)) {
    if (m[1] === undefined) rows.push([]);
    rows.at(-1)!.push(m[2]?.replaceAll('""', '"') ?? m[3] ?? '');
  }
  const [header, ...records] = rows;
  return records.map(r => Object.fromEntries(header!.map((h, i) => [h, r[i] ?? ''])));
}

/** What the application really returned to the intruder, and what the tools wrote down: `dataset|key|column`. */
function trueCells(): Set<string> {
  const { phases } = JSON.parse(fs.readFileSync(path.join(range, 'truth', 'truth.json'), 'utf8')) as { phases: { ips: string[] }[] };
  const intruders = new Set(phases.flatMap(p => p.ips));
  const files = fs.readdirSync(path.join(range, 'data')).filter(f => f.endsWith('.csv'));
  const tables = new Map(files.map(f => [f.slice(0, -4), readCsv(path.join(range, 'data', f))]));
  const keys = new Map([...tables].map(([t, rows]) => [t, new Set(rows.map(r => r['id']))]));
  const cells = new Set<string>();
  for (const line of fs
    .readFileSync(path.join(range, 'truth', 'trace.jsonl'), 'utf8')
    .trim()
    .split('\n')) {
    const r = JSON.parse(line) as { ip: string; table: string; ids: (number | null)[]; cols: string[] };
    if (!intruders.has(r.ip.split(',')[0]!.trim())) continue;
    for (const id of r.ids) if (id !== null && keys.get(r.table)?.has(String(id))) for (const c of r.cols) cells.add(`${r.table}|${id}|${c}`);
  }
  for (const f of fs.readdirSync(path.join(range, 'truth', 'extracted'))) {
    const table = f.replace('.csv', '').split('-')[1]!;
    const taken = readCsv(path.join(range, 'truth', 'extracted', f));
    const columns = Object.keys(taken[0]!).filter(c => taken.some(r => r[c] !== '<blank>'));
    for (const row of taken)
      for (const m of tables.get(table)!.filter(x => columns.every(c => (x[c] ?? '') === row[c] || (row[c] === 'NULL' && !x[c]))))
        for (const c of columns) cells.add(`${table}|${m['id']}|${c}`);
  }
  return cells;
}

/** Every hundredth line of every log is gone (not a header). */
function loseLines(dir: string): void {
  for (const f of fs.readdirSync(dir)) {
    const file = path.join(dir, f);
    const zipped = f.endsWith('.gz');
    const raw = fs.readFileSync(file);
    const lines = (zipped ? gunzipSync(raw) : raw).toString('utf8').split('\n');
    fs.rmSync(file);
    fs.writeFileSync(zipped ? file.slice(0, -3) : file, lines.filter((_, i) => (i * 61) % 100 !== 37).join('\n'));
  }
}

async function cellsOf(engine: Engine): Promise<{ lower: Set<string>; upper: Set<string> }> {
  const lower = new Set<string>();
  const upper = new Set<string>();
  for (const { id } of await engine.rows<{ id: string }>('range.datasets', sql`select dataset_id as id from dataset order by id`))
    for await (const rows of engine.stream<{ cell: string; low: boolean }>(
      'range.cells',
      sql`select ${id} || '|' || d.key || '|' || c.name as cell, t.tier_lower >= 3 as low from cell_tier t join ${sql.id(`data_${id}`)} d using (row_no)
        join dataset_column c using (dataset_id, column_no) where t.dataset_id = ${id} and t.tier_upper >= 2`,
    ))
      for (const r of rows) {
        upper.add(r.cell);
        if (r.low) lower.add(r.cell);
      }
  return { lower, upper };
}

describe.skipIf(!present)('the recorded range (shared data set range-01)', () => {
  const truth = present ? trueCells() : new Set<string>();
  const withoutDatabase = (file: CaseFile): CaseFile => ({ ...file, evidence: file.evidence.filter(e => e.kind !== 'sql-audit') });
  test.each([
    { name: 'with its database log', lose: false, change: (file: CaseFile): CaseFile => file, least: { lower: 0.98, upper: 0.98 } },
    // Values of one length (dates, zip codes) leave no trace in sizes: those columns stay possible only.
    { name: 'without a database log', lose: false, change: withoutDatabase, least: { lower: 0.53, upper: 0.75 } },
    { name: 'with every hundredth line gone', lose: true, change: (file: CaseFile): CaseFile => file, least: { lower: 0.9, upper: 0.9 } },
  ])('$name: lower ⊆ truth ⊆ upper', async ({ name, lose, change, least }) => {
    const dir = path.join(root, name.replaceAll(' ', '-'));
    for (const part of ['case.yaml', 'data', 'evidence']) fs.cpSync(path.join(range, part), path.join(dir, part), { recursive: true });
    if (lose) {
      loseLines(path.join(dir, 'evidence'));
      const text = fs.readFileSync(path.join(dir, 'case.yaml'), 'utf8');
      fs.writeFileSync(path.join(dir, 'case.yaml'), text.replaceAll('.gz', ''));
    }
    const kase = await openInMemory(path.join(dir, 'case.yaml'), path.join(dir, 'out'), 2);
    try {
      const changed = { ...kase, file: change(kase.file) };
      await assessCells(changed, 2);
      const { lower, upper } = await cellsOf(kase.engine);
      said.push(`range-01 ${name}: lower/truth ${(lower.size / truth.size).toFixed(3)}  truth/upper ${(truth.size / upper.size).toFixed(3)}`);
      expect({ over: [...lower].filter(c => !truth.has(c)).slice(0, 5), under: [...truth].filter(c => !upper.has(c)).slice(0, 5) }).toEqual({
        over: [],
        under: [],
      });
      expect(lower.size / truth.size).toBeGreaterThanOrEqual(least.lower);
      expect(truth.size / upper.size).toBeGreaterThanOrEqual(least.upper);
    } finally {
      kase.close();
    }
  });
});

afterAll(() => {
  for (const line of said) process.stdout.write(`${line}\n`);
  fs.rmSync(root, { recursive: true, force: true });
});
