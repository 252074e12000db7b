import type { Effects } from '../base/index.ts';
import { contentId } from '../base/index.ts';
import type { OpenCase } from '../case/index.ts';
import { type ColumnSpec, sql } from '../engine/index.ts';
import { isLegalPersonName, nameKey, normaliseDate } from './normal/index.ts';

export const personRecordColumns: readonly ColumnSpec[] = [
  { name: 'dataset_id', type: 'VARCHAR' }, { name: 'row_no', type: 'BIGINT' }, { name: 'key', type: 'VARCHAR' },
  { name: 'person_strict', type: 'VARCHAR' }, { name: 'person_best', type: 'VARCHAR' }, { name: 'person_wide', type: 'VARCHAR' },
  { name: 'legal_person', type: 'BOOLEAN' }, { name: 'identified', type: 'BOOLEAN' },
];

/** Provisional: one person = one normalised name and birth date. */
export async function identifyPersons(kase: OpenCase, _effects: Effects): Promise<{ records: number; persons: number }> {
  const datasets = await kase.engine.rows<{ dataset_id: string }>('persons.datasets', sql`select dataset_id from dataset order by dataset_id`);
  const out: unknown[][] = [];
  for (const d of datasets) {
    const columns = await kase.engine.rows<{ name: string; element: string }>('persons.columns', sql`select c.name, e.element from dataset_column c
      join column_element e using (dataset_id, column_no) where dataset_id = ${d.dataset_id} order by column_no`);
    const of = (element: string) => columns.filter(c => c.element === element).map(c => sql`${sql.id(c.name)}`);
    const joined = (parts: ReturnType<typeof of>) => (parts.length === 0 ? sql`null` : sql`concat_ws(' ', ${sql.join(parts)})`);
    for await (const batch of kase.engine.stream<{ row_no: number; key: string; name: string | null; birth: string | null }>('persons.names', sql`
      select row_no, key, ${joined(of('person.name'))} as name, ${of('person.birth_date')[0] ?? sql`null`} as birth
      from ${sql.id(`data_${d.dataset_id}`)} order by row_no`)) {
      for (const r of batch) {
        const name = nameKey(r.name ?? '');
        const birth = normaliseDate(r.birth ?? '');
        const person = contentId('person', name === '' ? [d.dataset_id, r.row_no] : birth === null ? [name, d.dataset_id, r.row_no] : [name, birth]);
        out.push([d.dataset_id, r.row_no, r.key, person, person, person, isLegalPersonName(r.name ?? ''), name !== '']);
      }
    }
  }
  await kase.engine.load('person_record', personRecordColumns, out);
  return { records: out.length, persons: new Set(out.map(r => r[4])).size };
}
