import { type Effects, type Problem, problem } from '../base/index.ts';
import { type Element, type OpenCase, recordProblems } from '../case/index.ts';
import { type ColumnSpec, sql } from '../engine/index.ts';
import { type ColumnSample, type Meaning, meaningOfTable, profileColumn } from './columns/index.ts';
import { maskValue } from './columns/mask.ts';

const sampleRows = 2000;

export const columnElementColumns: readonly ColumnSpec[] = [
  { name: 'dataset_id', type: 'VARCHAR' },
  { name: 'column_no', type: 'INTEGER' },
  { name: 'element', type: 'VARCHAR' },
  { name: 'confidence', type: 'DOUBLE' },
  { name: 'basis', type: 'VARCHAR' },
];

/**
 * Decide what each column of each dataset means and write `column_element`. The case file's own word wins; a column we could not
 * tell is `none` with confidence below 0.5 and a problem.
 */
export async function classifyColumns(kase: OpenCase, effects: Effects): Promise<{ columns: number; undecided: number }> {
  const columns = await kase.engine.rows<{ dataset_id: string; table_name: string; column_no: number; name: string; rows: number }>(
    'persons.dataset-columns',
    sql`
    select d.dataset_id, d.table_name, c.column_no, c.name, d.rows from dataset d join dataset_column c using (dataset_id) order by d.dataset_id, c.column_no`,
  );
  const problems: Problem[] = [];
  const out: unknown[][] = [];
  for (const id of [...new Set(columns.map(c => c.dataset_id))]) {
    const own = columns.filter(c => c.dataset_id === id);
    const spec = kase.file.datasets.find(d => d.id === id);
    const samples = await sampleTable(
      kase,
      `data_${id}`,
      own.map(c => c.name),
      Number(own[0]!.rows),
    );
    const meanings = meaningOfTable(samples);
    own.forEach((c, i) => {
      const meaning = override(meanings[i]!, spec?.columns[c.name]);
      if (meaning.confidence < 0.5 && samples[i]!.profile.filled > 0)
        problems.push(problem('persons.column-undecided', 'info', { ref: `${id}.${c.name}` }, { column: c.name }));
      out.push([id, c.column_no, meaning.element, meaning.confidence, JSON.stringify(basisOf(meaning, samples[i]!))]);
    });
    effects.progress({ stage: 'persons', done: out.length, total: columns.length, unit: 'columns' });
  }
  await kase.engine.load('column_element', columnElementColumns, out);
  await recordProblems(kase.engine, 'persons.columns', problems);
  return { columns: out.length, undecided: problems.length };
}

function override(meaning: Meaning, word: string | null | undefined): Meaning {
  if (word === undefined) return meaning;
  const element = (word ?? 'none') as Element;
  return { element, confidence: 1, reasons: [{ from: 'user', code: 'case-file', element, score: 1 }, ...meaning.reasons] };
}

/** Rows spread evenly over the table, so that a sorted file does not mislead. */
async function sampleTable(kase: OpenCase, table: string, names: readonly string[], rows: number): Promise<ColumnSample[]> {
  const step = Math.max(1, Math.floor(rows / sampleRows));
  const cells: (string | null)[][] = names.map(() => []);
  const list = sql.join(names.map((n, i) => sql`${sql.id(n)} as ${sql.id(`c${i}`)}`));
  for await (const batch of kase.engine.stream<Record<string, string | null>>(
    'persons.sample',
    sql`
    select ${list} from ${sql.id(table)} where row_no % ${step} = 0 order by row_no limit ${sampleRows}`,
  )) {
    for (const row of batch) for (let i = 0; i < names.length; i++) cells[i]!.push(row[`c${i}`] ?? null);
  }
  return names.map((name, i) => ({ name, profile: profileColumn(cells[i]!) }));
}

/** The reasons of a decision as they are stored and shown: masked samples, never a full value. */
export function basisOf(meaning: Meaning, sample: ColumnSample): Record<string, unknown> {
  const p = sample.profile;
  return {
    reasons: meaning.reasons.slice(0, 8).map(r => ({ from: r.from, code: r.code, element: r.element, score: r.score })),
    samples: [...new Set(p.values.slice(0, 40).map(maskValue))].slice(0, 3),
    filled: p.filled,
    rows: p.rows,
    distinct: p.distinct,
    shape: p.shape.slice(0, 40),
    could_not_tell: meaning.confidence < 0.5,
  };
}
