import type { OpenCase } from '../../case/index.ts';
import { sql } from '../../engine/index.ts';
import { describesPersons, type LinkFields } from './fields.ts';

/** A column whose values are keys of another data set: its rows are about that record's person. */
export type Reference = { readonly from: string; readonly column: string; readonly to: string; readonly target: string };

const stem = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[_\s-]?(?:id|no|number|key|code|cd|番号|コード)$/i, '')
    .replace(/[_\s-]/g, '')
    .replace(/ies$/, 'y')
    .replace(/s$/, '');

/**
 * References of data sets that do not themselves say who their records are about. A column refers when its name says so (customer_id →
 * customers, or the same name as the other's key) and nearly all of its values exist there exactly once.
 */
export async function findReferences(kase: OpenCase, fields: readonly LinkFields[]): Promise<Reference[]> {
  const { engine } = kase;
  const columns = await engine.rows<{ dataset_id: string; name: string; element: string }>(
    'link.ref_columns',
    sql`select c.dataset_id, c.name, e.element from dataset_column c
    join column_element e using (dataset_id, column_no) order by c.dataset_id, c.column_no`,
  );
  const datasets = await engine.rows<{ dataset_id: string; table_name: string; key_columns: string[] | null }>(
    'link.ref_datasets',
    sql`select dataset_id, table_name, key_columns from dataset order by dataset_id`,
  );
  const out: Reference[] = [];
  const people = fields.filter(describesPersons);
  for (const f of fields.filter(x => !describesPersons(x) && x.rows > 0)) {
    const own = datasets.find(d => d.dataset_id === f.dataset_id)!;
    const found: Reference[] = [];
    for (const c of columns.filter(x => x.dataset_id === f.dataset_id && !(own.key_columns?.length === 1 && own.key_columns[0] === x.name))) {
      for (const p of people) {
        const target = datasets.find(d => d.dataset_id === p.dataset_id)!;
        const keys = target.key_columns ?? [];
        const names = [stem(target.dataset_id), stem(target.table_name)];
        const key =
          keys.length === 1 && (names.includes(stem(c.name)) || (c.name.toLowerCase() === keys[0]!.toLowerCase() && stem(c.name) !== '')) ? keys[0]! : null;
        if (key === null) continue;
        const r = await engine.row(
          'link.ref_check',
          sql`with v as (select distinct ${sql.id(c.name)} as v from ${sql.id(`data_${f.dataset_id}`)} where ${sql.id(c.name)} is not null),
            t as (select ${sql.id(key)} as v, count(*) as n from ${sql.id(`data_${p.dataset_id}`)} where ${sql.id(key)} is not null group by 1)
          select count(*) as asked, count(*) filter (where t.n = 1) as once from v left join t using (v)`,
        );
        if (Number(r['asked']) > 0 && Number(r['once']) >= 0.95 * Number(r['asked']))
          found.push({ from: f.dataset_id, column: c.name, to: p.dataset_id, target: key });
      }
    }
    if (found.length > 0) out.push(found[0]!);
  }
  return out;
}
